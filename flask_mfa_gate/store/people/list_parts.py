"""What a list of users is put together from: ways through indexes, and the parts of a filter that they find."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    ScalarSelect,
    Select,
    Subquery,
    false,
    func,
    literal,
    select,
    union_all,
)
from sqlalchemy.sql.visitors import replacement_traverse

from ...domain.people.user_list import Position, UserSort
from ..database.keyset import behind

Ordered = Select[Any, str]
KeyTest = Callable[[ColumnElement[str]], ColumnElement[bool]]


@dataclass(frozen=True, slots=True)
class Scan:
    """A way through an index in the order of a list.

    :param columns: what is sorted by, and the key.
    :param begins: what the index begins with before these two, and its value.
    :param within: what is asked of the column that is sorted by.
    :param is_exact: whether it meets nobody but those who are meant.
    """

    columns: tuple[Column[Any], Column[Any]]
    begins: tuple[Column[Any], Any] | None = None
    within: ColumnElement[bool] | None = None
    is_exact: bool = True

    def page(
        self, tx: Connection, *, after: Position | None = None, limit: int | None, is_descending: bool = False,
        more: Sequence[Column[Any]] = (),
    ) -> Ordered:  # fmt: skip
        """Value and key, and more columns, of those whom it meets behind a place."""
        chosen, order = select(*self.columns, *more).limit(limit), list(self.columns)
        begins: tuple[Column[Any], Any] | None = None
        if self.within is not None:
            chosen = chosen.where(self.within)
        if self.begins is not None:
            column, value = self.begins
            if tx.dialect.name == "postgresql" and self.within is None:
                # With = PostgreSQL may take an index that lacks this column, and read everybody else on the way.
                chosen, order, begins = chosen.where(column.between(value, value)), [column, *order], self.begins
            else:
                chosen = chosen.where(column == value)
        if after is not None:
            chosen = chosen.where(behind(tx, self.columns, after, begins=begins, is_descending=is_descending))
        return chosen.order_by(*(column.desc() if is_descending else column.asc() for column in order))

    def some(self, tx: Connection, limit: int | None, more: Sequence[Column[Any]] = ()) -> Ordered:
        """The same of any whom it meets."""
        met = self.page(tx, limit=limit, more=more)
        # Rather than read thousands in the order of one index MariaDB would sort all that another one leads to.
        return met.order_by(None) if tx.dialect.name in {"mysql", "mariadb"} else met


@dataclass(frozen=True, slots=True)
class Part:
    """One of the things that a filter demands.

    :param test: whether it holds for a row of ``person``.
    :param of_key: the same for a column of keys, where the test reads nothing else of the row.
    :param scans: in some orders, ways that together meet all for whom it holds, and nobody twice.
    :param keys: their keys where there is no such way; somebody may be met twice.
    :param counted: the order whose scans meet the fewest others.
    :param exact: the orders whose scans meet nobody else.
    :param told: in some orders, the columns of which the test speaks, where the index of the scans has them too.
    :param beside: columns that the index which it is read by has too.
    """

    test: ColumnElement[bool]
    scans: Mapping[UserSort, tuple[Scan, ...]] = field(default_factory=dict)
    keys: Select[tuple[str]] | None = field(default=None, repr=False)
    counted: UserSort = UserSort.NAME
    exact: frozenset[UserSort] = frozenset()
    told: Mapping[UserSort, tuple[Column[Any], ...]] = field(default_factory=dict)
    beside: frozenset[Column[Any]] = frozenset()
    of_key: KeyTest | None = None

    @property
    def own(self) -> tuple[Scan, ...]:
        """The scans that it is counted and read by."""
        return self.scans.get(self.counted, ())

    @property
    def is_exact(self) -> bool:
        """Whether :meth:`read` meets nobody else."""
        return self.keys is not None or self.counted in self.exact

    def read(self, tx: Connection, limit: int | None) -> Subquery:
        """The keys of those whom it meets, each once."""
        if self.keys is not None:
            return select(self.keys.limit(limit).subquery().c[0]).distinct().subquery()
        return self._together(tx, limit, self.own).limit(limit).subquery()

    def valued(self, tx: Connection, limit: int, column: Column[Any]) -> Ordered:
        """The same with the value of a column that stands beside them."""
        pieces = [one.some(tx, limit, [column]).subquery() for one in self.own]
        merged = union_all(*(select(one.c[2], one.c[1]) for one in pieces)).subquery()
        return select(*merged.c)

    def sizes(self, tx: Connection, bound: int) -> Iterator[ScalarSelect[int]]:
        """How many rows it has, up to a bound, and then for each of its scans whether it meets anybody."""
        met = self._together(tx, bound, self.own) if self.keys is None else self.keys
        yield _count(met.limit(bound))
        for one in self.own:
            yield _count(one.some(tx, 1))

    def certain(self, tx: Connection, limit: int) -> Select[str]:
        """Keys of those whom it means whatever the rows say, each once."""
        if self.keys is not None:
            return select(self.keys.limit(limit).subquery().c[0]).distinct()
        return self._together(tx, limit, [one for one in self.own if one.is_exact])

    def kept(self, places: Sequence[int]) -> Part:
        """With these of its scans."""
        scans = {sort: tuple(scans[place] for place in places) for sort, scans in self.scans.items()}
        return replace(self, scans=scans)

    def _together(self, tx: Connection, limit: int | None, scans: Sequence[Scan]) -> Select[str]:
        pieces = [one.some(tx, limit).subquery() for one in scans]
        if not pieces:
            return select(literal("")).where(false())
        return select(union_all(*(select(one.c[1]) for one in pieces)).subquery().c[0])


def ordered(
    tx: Connection, scans: Sequence[Scan], sort: UserSort, *, after: Position | None, limit: int,
    more: Sequence[Column[Any]] = (),
) -> Ordered:  # fmt: skip
    """Value and key, and more columns, of the next in the order of a list, each scan read from its index."""
    pages = [one.page(tx, after=after, limit=limit, is_descending=sort.is_descending, more=more) for one in scans]
    if len(pages) == 1:
        return pages[0]
    merged = union_all(*(select(*one.subquery().c) for one in pages)).subquery()
    return in_order(tx, select(*merged.c), sort, limit=limit)


def in_order(
    tx: Connection, chosen: Ordered, sort: UserSort, *, after: Position | None = None, limit: int
) -> Ordered:  # fmt: skip
    """Value and key in the order of a list, behind a place in it."""
    value, key, *_ = chosen.exported_columns.values()
    if after is not None:
        chosen = chosen.where(behind(tx, (value, key), after, is_descending=sort.is_descending))
    return chosen.order_by(*(one.desc() if sort.is_descending else one.asc() for one in (value, key))).limit(limit)


def spoken_of(test: ColumnElement[bool], places: Mapping[Any, ColumnElement[Any]]) -> ColumnElement[bool]:
    """The same test of other columns."""

    def replaced(element: Any, **_: Any) -> Any:
        return places.get(element)

    return replacement_traverse(test, {}, replaced)


def _count(chosen: Select[*tuple[Any, ...]]) -> ScalarSelect[int]:
    return select(func.count()).select_from(chosen.subquery()).scalar_subquery()

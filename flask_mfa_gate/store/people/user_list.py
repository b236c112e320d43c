"""Lists of users: pages in three orders, counts, and everybody whom a filter finds, for any number of users."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    FromClause,
    Select,
    Subquery,
    false,
    func,
    select,
    union_all,
)

from ...domain.people.person import Person
from ...domain.people.user_filter import UserFilter
from ...domain.people.user_list import COUNT_CAP, Position, UserSort
from ...domain.people.user_search import words_of_search
from ...domain.sign_in.assurance import FactorKind
from ..database.keyset import behind
from ..tables.tables import Tables
from .people import person_columns, person_of
from .user_conditions import Branch, UserConditions, among_branches


@dataclass(frozen=True, slots=True)
class Plan:
    """Where users of one filter are looked for.

    :param source: what is read first: of those who are few all, else the people themselves.
    :param is_narrow: whether ``source`` has only few people in it.
    :param group: the one that ``source`` reads the members of, if it does.
    :param branches: see :meth:`UserConditions.branches`.
    :param tests: what else has to hold.
    """

    source: FromClause
    is_narrow: bool = False
    group: str | None = None
    branches: list[Branch] | None = None
    tests: list[ColumnElement[bool]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Listed:
    """A page of keys in order, with where the last of it stands; ``count`` goes up to ``COUNT_CAP``."""

    keys: tuple[str, ...] = field(repr=False)
    last: Position | None
    count: int


class UserList:
    """Reads ``person`` and what finds people in it, and nothing else.

    A filter that finds few has them all read and sorted; one that finds many is walked in the order of the list, whose
    index leads to the page at once. Which of the two it is, the capped count says first.

    :param enabled: enabled kinds of factor.
    :param everybody_required: whether default access demands MFA of everybody.
    """

    def __init__(self, tables: Tables, *, enabled: Collection[FactorKind], everybody_required: bool) -> None:
        self._tables, self._person = tables, tables.person
        self._conditions = UserConditions(tables, enabled=enabled, everybody_required=everybody_required)

    def sorted_page(
        self, tx: Connection, users: UserFilter, sort: UserSort, *, after: Position | None, limit: int, now: datetime
    ) -> Listed:
        """The next keys behind a place in this order."""
        plan = self._plan(tx, users, now)
        column = self._sort_column(sort)
        count = tx.execute(select(func.count()).select_from(self._few(plan, column))).scalar_one()
        if count < COUNT_CAP:
            few = self._few(plan, column)
            chosen = _page(tx, select(few.c[0], few.c[1]), (few.c[0], few.c[1]), sort, after, limit + 1)
        else:
            chosen = self._walk(tx, plan, sort, after, limit + 1)
        rows = tx.execute(chosen).all()
        last = Position(*rows[limit - 1]) if len(rows) > limit else None
        return Listed(tuple(key for _value, key in rows[:limit]), last, count)

    def page(self, tx: Connection, users: UserFilter, *, after: str, limit: int, now: datetime) -> Sequence[Person]:
        """The next people behind this key, for work that takes everybody in turn while it changes them."""
        key = self._person.c.user_key
        plan = self._plan(tx, users, now)
        chosen = self._matching(select(*person_columns(self._person)), plan).where(key > after)
        return [person_of(row) for row in tx.execute(chosen.order_by(key).limit(limit)).all()]

    def count(self, tx: Connection, users: UserFilter, *, now: datetime) -> int:
        """How many they are, exactly."""
        return self._count(tx, self._plan(tx, users, now))

    def totals(self, tx: Connection) -> Mapping[str, int]:
        """How many there are of each word of :mod:`user_facets`, in one scan of an index."""
        word = self._person.c.facets
        found = tx.execute(select(word, func.count()).group_by(word)).all()
        return {each: count for each, count in found}  # noqa: C416 - a row is no tuple to the type checker

    def count_in(self, tx: Connection, totals: Mapping[str, int], users: UserFilter, *, now: datetime) -> int:
        """The same as :meth:`count`, from the totals where they tell it."""
        plan = self._plan(tx, users, now)
        if plan.source is not self._person or plan.tests:
            return self._count(tx, plan)
        if plan.branches is None:
            return sum(totals.values())
        timed = [branch for branch in plan.branches if branch.timing is not None and branch.word in totals]
        known = sum(totals.get(branch.word, 0) for branch in plan.branches if branch.timing is None)
        return known + (self._count(tx, replace(plan, branches=timed)) if timed else 0)

    def _count(self, tx: Connection, plan: Plan) -> int:
        return int(tx.execute(self._matching(select(func.count()), plan)).scalar_one())

    def _sort_column(self, sort: UserSort) -> Column[Any]:
        row = self._person.c
        columns = {
            UserSort.NAME: row.name_sort,
            UserSort.DEADLINE: row.deadline_sort,
            UserSort.LAST_SIGN_IN: row.signed_in_sort,
        }
        return columns[sort]

    def _plan(self, tx: Connection, users: UserFilter, now: datetime) -> Plan:
        conditions = self._conditions
        plan = Plan(self._person, branches=conditions.branches(users, now), tests=conditions.others(users))
        narrow, tests = self._words(tx, users)
        if users.throttled is not None:
            if users.throttled and narrow is None:
                narrow = conditions.throttled(now)
            else:
                tests.append(conditions.is_waiting(now, users))
        plan = replace(plan, tests=[*plan.tests, *tests])
        if narrow is not None:
            plan = replace(plan, source=self._joined(narrow.subquery()), is_narrow=True)
            return plan if users.group is None else replace(plan, tests=[*plan.tests, conditions.is_in(users.group)])
        return plan if users.group is None else self._by_group(plan, users.group)

    def _by_group(self, plan: Plan, group: str) -> Plan:
        member = self._tables.person_group
        joined = member.join(self._person, self._person.c.user_key == member.c.user_key)
        return replace(plan, source=joined, group=group)

    def _words(self, tx: Connection, users: UserFilter) -> tuple[Select[tuple[str]] | None, list[ColumnElement[bool]]]:
        """The keys of those with the rarest word, if it is rare, and tests for all others."""
        if not users.text:
            return None, []
        words = words_of_search(users.text)
        if not words:
            return None, [false()]
        counts = {word: self._count_word(tx, word) for word in words}
        rarest = min(words, key=counts.__getitem__)
        is_rare = counts[rarest] < COUNT_CAP
        tests = [self._conditions.has_word(word) for word in words if not is_rare or word != rarest]
        return (self._conditions.having_word(rarest) if is_rare else None), tests

    def _count_word(self, tx: Connection, word: str) -> int:
        found = self._conditions.having_word(word, limit=COUNT_CAP).subquery()
        return tx.execute(select(func.count()).select_from(found)).scalar_one()

    def _joined(self, narrow: Subquery) -> FromClause:
        return narrow.join(self._person, self._person.c.user_key == narrow.c.user_key)

    def _matching(self, chosen: Select[Any], plan: Plan) -> Select[Any]:
        chosen = chosen.select_from(plan.source).where(*plan.tests)
        if plan.group is not None:
            chosen = chosen.where(self._tables.person_group.c.name == plan.group)
        if plan.branches is None:
            return chosen
        word: ColumnElement[str] = self._person.c.facets
        # An expression that no index serves: what is narrow has to be read first.
        word = word + "" if plan.is_narrow or plan.group is not None else word
        return chosen.where(among_branches(word, plan.branches))

    def _few(self, plan: Plan, column: Column[Any]) -> Subquery:
        """All of them if they are few; their number is bounded, so that no database reads the rest for their order."""
        return self._matching(select(column, self._person.c.user_key), plan).limit(COUNT_CAP).subquery()

    def _walk(self, tx: Connection, plan: Plan, sort: UserSort, after: Position | None, limit: int) -> Select[Any]:
        if plan.group is not None and sort is UserSort.NAME:
            member = self._tables.person_group.c
            columns = (member.name_sort, member.user_key)
            return _page(tx, self._matching(select(*columns), plan), columns, sort, after, limit)
        tests = plan.tests if plan.group is None else [*plan.tests, self._conditions.is_in(plan.group)]
        columns = (self._sort_column(sort), self._person.c.user_key)
        chosen = select(*columns).where(*tests)
        if plan.branches is None:
            return _page(tx, chosen, columns, sort, after, limit)
        parts = [
            _page(tx, chosen.where(*_in_branch(self._person.c.facets, one)), columns, sort, after, limit).subquery()
            for one in plan.branches
        ]
        merged = union_all(*(select(part.c[0], part.c[1]) for part in parts)).subquery()
        return _page(tx, select(merged.c[0], merged.c[1]), (merged.c[0], merged.c[1]), sort, None, limit)


def _in_branch(facets: Column[str], branch: Branch) -> list[ColumnElement[bool]]:
    mine: ColumnElement[bool] = facets == branch.word
    return [mine] if branch.timing is None else [mine, branch.timing]


def _page(
    tx: Connection,
    chosen: Select[Any],
    columns: tuple[ColumnElement[Any], ColumnElement[Any]],
    sort: UserSort,
    after: Position | None,
    limit: int,
) -> Select[Any]:
    order = [column.desc() if sort.is_descending else column.asc() for column in columns]
    chosen = chosen.order_by(*order).limit(limit)
    return chosen if after is None else chosen.where(behind(tx, columns, after, is_descending=sort.is_descending))

"""Lists of users: pages in three orders, counts, and everybody whom a filter finds, for any number of users."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, FromClause, Row, Select, func, literal, select

from ...domain.people.person import Person
from ...domain.people.user_filter import UserFilter
from ...domain.people.user_list import COUNT_CAP, Position, UserQuery, UserSort
from ...domain.sign_in.assurance import FactorKind
from ..tables.tables import Tables
from .list_parts import Ordered, Part, Scan, in_order, ordered, spoken_of
from .list_plan import Plan, Sized, SizedPart, split_tests
from .people import person_columns, person_of
from .user_conditions import UserConditions, among_branches

# So many are read and sorted where no index has them in the order of the list.
FEW = 3000
# So many entries of an index are looked at for one page: first, and further on when that was not enough, by smaller
# steps where no count needs them. Half as many on MariaDB, which takes three to ten times as long to look one up.
BUDGETS = (500, 2500)
BUDGETS_OF_A_PAGE = (500, 1000, 1500)
MOST_SCANS = 4
_NO_FACETS: Mapping[str, Any] = dict.fromkeys(("status", "required", "factor", "holds_any", "ends_within"))


@dataclass(frozen=True, slots=True)
class Found:
    """Rows of value and key, perhaps more than a page holds.

    :param edge: how far was looked, if there may be more behind that.
    :param is_all: whether these are all there are, as far as was looked, or as far as is counted.
    """

    rows: Sequence[Row[Any, str]]
    edge: Position | None
    is_all: bool


@dataclass(frozen=True, slots=True)
class Listed:
    """A page of keys in order.

    :param keys: may be fewer than a page holds, even none, though more follow: so far the list was looked through.
    :param last: behind which place the next page begins; None on the last page.
    :param count: how many there are at least; up to ``COUNT_CAP``.
    :param is_exact: whether ``count`` is all of them.
    """

    keys: tuple[str, ...] = field(repr=False)
    last: Position | None
    count: int
    is_exact: bool


class UserList:
    """Reads ``person`` and what finds people in it, and nothing else. No page reads more than a fixed number of rows.

    Each part of a filter is counted first, up to a bound. If one of them finds few, these are read, tested and sorted.
    If all find many, an index that has the order of the list leads to the page, and those whom it meets are tested one
    by one; where that finds too little, a page ends early. Tests stand in a subquery by key, which leaves a database no
    choice of what to read first.

    :param enabled: enabled kinds of factor.
    :param everybody_required: whether default access demands MFA of everybody.
    """

    def __init__(self, tables: Tables, *, enabled: Collection[FactorKind], everybody_required: bool) -> None:
        self._person, self._facets = tables.person, tables.person.c.facets
        self._conditions = UserConditions(tables, enabled=enabled, everybody_required=everybody_required)

    def sorted_page(self, tx: Connection, query: UserQuery, *, now: datetime) -> Listed:
        """The keys of this page."""
        sort, after, limit = query.sort, query.after, query.per_page
        asked = self._sized(tx, query.users, sort, now)
        if asked is None:
            return Listed((), None, 0, is_exact=True)
        plan = self._plan(asked, sort)
        found = self._rows(tx, plan, sort, after, limit + 1)
        rows = found.rows
        if found.is_all:
            count, is_exact = min(len(rows), COUNT_CAP), found.edge is None and len(rows) < COUNT_CAP
        elif plan.is_countable:
            count, is_exact = self._capped(tx, plan, sort)
        else:
            count, is_exact = self._capped(tx, self._plan(asked, UserSort.NAME), UserSort.NAME)
        last = _place(rows[limit - 1]) if len(rows) > limit else found.edge
        return Listed(tuple(key for _, key in rows[:limit]), last, count, is_exact)

    def page(self, tx: Connection, users: UserFilter, *, after: str, limit: int, now: datetime) -> Sequence[Person]:
        """The next people behind this key, for work that takes everybody in turn while it changes them."""
        chosen = self._everyone(tx, users, now, person_columns(self._person))
        return [] if chosen is None else [person_of(row) for row in tx.execute(self._behind(chosen, after, limit))]

    def keys(self, tx: Connection, users: UserFilter, *, after: str, limit: int, now: datetime) -> Sequence[str]:
        """The same, whatever else their rows hold."""
        chosen = self._everyone(tx, users, now, [self._person.c.user_key])
        return [] if chosen is None else tx.execute(self._behind(chosen, after, limit)).scalars().all()

    def _behind(self, chosen: Select[Any], after: str, limit: int) -> Select[Any]:
        key = self._person.c.user_key
        return chosen.where(key > after).order_by(key).limit(limit)

    def count(self, tx: Connection, users: UserFilter, *, now: datetime) -> int:
        """How many they are, exactly."""
        chosen = self._everyone(tx, users, now, [func.count()])
        return 0 if chosen is None else int(tx.execute(chosen).scalar_one())

    def totals(self, tx: Connection) -> Mapping[str, int]:
        """How many there are of each word of :mod:`user_facets`, in one scan of an index."""
        found = tx.execute(select(self._facets, func.count()).group_by(self._facets)).all()
        return {each: count for each, count in found}  # noqa: C416 - a row is no tuple to the type checker

    def count_in(self, tx: Connection, totals: Mapping[str, int], users: UserFilter, *, now: datetime) -> int:
        """The same as :meth:`count`, from the totals where they tell it."""
        if any(self._asked(replace(users, **_NO_FACETS), now)):
            return self.count(tx, users, now=now)
        branches = self._conditions.branches(users, now)
        if branches is None:
            return sum(totals.values())
        timed = [branch for branch in branches if branch.timing is not None and branch.word in totals]
        known = sum(totals.get(branch.word, 0) for branch in branches if branch.timing is None)
        if not timed:
            return known
        among = among_branches(self._facets, timed)
        return known + tx.execute(select(func.count()).select_from(self._person).where(among)).scalar_one()

    def _sized(self, tx: Connection, users: UserFilter, sort: UserSort, now: datetime) -> Sized | None:
        """None if nobody is found."""
        parts, tests = self._asked(users, now)
        is_alone = len(parts) == 1 and not tests and sort in parts[0].exact
        sized = _sized(tx, parts, COUNT_CAP if is_alone else FEW + 1)
        return Sized(tuple(sized), tuple(tests)) if all(one.size for one in sized) else None

    def _plan(self, asked: Sized, sort: UserSort) -> Plan:
        sized, tests = asked.parts, asked.tests
        is_alone = len(sized) == 1 and not tests
        if is_alone and sort in sized[0].part.exact:
            return Plan(None, sized[0].part.scans[sort], (), min(sized[0].size, COUNT_CAP))
        is_many = is_alone and sized[0].part.counted in sized[0].part.exact and sized[0].size > FEW
        rarest = min(sized, key=lambda one: one.size, default=None)
        if rarest is not None and rarest.size <= FEW:
            tested = [one.part.test for one in sized if one is not rarest or not rarest.part.is_exact]
            is_counted = is_alone and rarest.part.counted in rarest.part.exact
            return Plan(rarest.part, (), (*tests, *tested), min(rarest.size, COUNT_CAP) if is_counted else None)
        led = next((one for one in sized if 0 < len(one.part.scans.get(sort, ())) <= MOST_SCANS), None)
        size, only = COUNT_CAP if is_many else None, sized[0].part if is_alone else None
        if led is None:
            whole = (Scan((self._conditions.sort_column(sort), self._person.c.user_key)),)
            of_rows, of_keys = split_tests([one.part for one in sized])
            return Plan(None, whole, (*tests, *of_rows), size, of_keys=of_keys, whole=only)
        columns = () if sort in led.part.exact else led.part.told.get(sort, ())
        others = [one.part for one in sized if one is not led or (sort not in led.part.exact and not columns)]
        told, (of_rows, of_keys) = led.part.test if columns else None, split_tests(others)
        return Plan(None, led.part.scans[sort], (*tests, *of_rows), size, told, columns, of_keys, only)

    def _asked(self, users: UserFilter, now: datetime) -> tuple[list[Part], list[ColumnElement[bool]]]:
        return list(self._conditions.parts(users, now)), list(self._conditions.tests(users, now))

    def _rows(self, tx: Connection, plan: Plan, sort: UserSort, after: Position | None, limit: int) -> Found:
        if plan.few is not None:
            # All of these are read whatever the limit is, so the first page counts them too.
            counts = after is None and plan.size is None
            few = self._few(tx, plan.few, plan.tests, sort)
            most = max(limit, COUNT_CAP) if counts else limit
            return Found(tx.execute(in_order(tx, few, sort, after=after, limit=most)).all(), None, is_all=counts)
        if plan.is_exact:
            rows = tx.execute(ordered(tx, plan.scans, sort, after=after, limit=limit)).all()
            return Found(rows, None, is_all=after is None and len(rows) < limit)
        return self._looked_for(tx, plan, sort, after, limit)

    def _looked_for(
        self, tx: Connection, plan: Plan, sort: UserSort, after: Position | None, limit: int
    ) -> Found:  # fmt: skip
        """What is met within the budgets. The last reads as many as are counted, where that is not known."""
        counts = after is None and plan.size is None and plan.whole is None
        budgets, place, rows = _budgets(tx, BUDGETS if counts else BUDGETS_OF_A_PAGE), after, list[Row[Any, str]]()
        for budget in budgets:
            most = max(limit, COUNT_CAP) if counts and budget == budgets[-1] else limit
            met = in_order(tx, self._tested(tx, plan, sort, place, budget), sort, limit=most - len(rows))
            rows += tx.execute(met).all()
            edge = None if len(rows) == most else _edge(tx, plan, sort, place, budget)
            if edge is None:
                break
            place = edge
        return Found(rows, edge, is_all=counts and (len(rows) < limit or most > limit))

    def _few(self, tx: Connection, few: Part, tests: Sequence[ColumnElement[bool]], sort: UserSort) -> Ordered:
        """Value and key of everybody in a part for whom the tests hold."""
        column = self._conditions.sort_column(sort)
        if not tests and column in few.beside:
            return few.valued(tx, FEW, column)
        keys = few.read(tx, FEW)
        chosen = select(column).where(self._person.c.user_key == keys.c[0], *tests)
        value = chosen.correlate(keys).scalar_subquery()
        # The bound keeps SQLite from asking for the value once more at each place where it is read.
        read = select(value.label("value"), keys.c[0].label("key")).limit(FEW).subquery()
        return select(read.c.value, read.c.key).where(read.c.value.is_not(None))

    def _tested(
        self, tx: Connection, plan: Plan, sort: UserSort, after: Position | None, budget: int
    ) -> Ordered:  # fmt: skip
        """Those of the next so many for whom the tests hold."""
        met = ordered(tx, plan.scans, sort, after=after, limit=budget, more=plan.columns).subquery()
        chosen = select(met.c[0], met.c[1]).where(*(test(met.c[1]) for test in plan.of_keys))
        if plan.told is not None:
            chosen = chosen.where(spoken_of(plan.told, dict(zip(plan.columns, list(met.c)[2:], strict=True))))
        if plan.tests:
            found = select(literal(1)).where(self._person.c.user_key == met.c[1], *plan.tests)
            chosen = chosen.where(found.correlate(met).scalar_subquery().is_not(None))
        return chosen

    def _capped(self, tx: Connection, plan: Plan, sort: UserSort) -> tuple[int, bool]:
        """How many there are at least, and whether that is all."""
        most = sum(_budgets(tx, BUDGETS))
        if plan.size is not None:
            return plan.size, plan.size < COUNT_CAP
        if plan.whole is not None:
            # The keys of one user may come several times.
            met = plan.whole.certain(tx, COUNT_CAP if plan.whole.keys is None else FEW)
            if _count(tx, met) == COUNT_CAP:
                return COUNT_CAP, False
        if plan.few is not None:
            counted: Select[*tuple[Any, ...]] = self._few(tx, plan.few, plan.tests, sort)
        elif not plan.is_exact:
            counted = self._tested(tx, plan, sort, None, most)
        else:
            counted = select(self._person.c.user_key)
        count = _count(tx, counted)
        is_looked_for = count < COUNT_CAP and plan.few is None and not plan.is_exact
        return count, count < COUNT_CAP and not (is_looked_for and _edge(tx, plan, sort, None, most) is not None)

    def _everyone(self, tx: Connection, users: UserFilter, now: datetime, columns: Sequence[Any]) -> Select[Any] | None:
        """All of them, however many; None if there is nobody."""
        parts, tests = self._asked(users, now)
        sized = _sized(tx, parts, FEW + 1)
        if any(not one.size for one in sized):
            return None
        tests += [one.part.test for one in sized]
        # The group comes first; its table is read in the order of keys too.
        large = sized[:1] if users.group is not None else []
        led = min(large + [one for one in sized if one.size <= FEW], key=lambda one: one.size, default=None)
        read: FromClause = self._person
        if led is not None:
            keys = led.part.read(tx, None)
            read = keys.join(self._person, self._person.c.user_key == keys.c[0])
        return select(*columns).select_from(read).where(*tests)


def _sized(tx: Connection, parts: Sequence[Part], bound: int) -> list[SizedPart]:
    """Each part with the number of its rows, in one statement."""
    columns = [column for part in parts for column in part.sizes(tx, bound)]
    found = iter(tx.execute(select(*columns)).one() if columns else ())
    return [_sized_part(part, next(found), [next(found) for _ in part.own]) for part in parts]


def _sized_part(part: Part, size: int, there: Sequence[int]) -> SizedPart:
    return SizedPart(part.kept([place for place, is_there in enumerate(there) if is_there]), size)


def _count(tx: Connection, chosen: Select[*tuple[Any, ...]]) -> int:
    """How many there are, up to ``COUNT_CAP``."""
    return tx.execute(select(func.count()).select_from(chosen.limit(COUNT_CAP).subquery())).scalar_one()


def _budgets(tx: Connection, budgets: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(each // 2 for each in budgets) if tx.dialect.name in {"mysql", "mariadb"} else budgets


def _edge(tx: Connection, plan: Plan, sort: UserSort, after: Position | None, budget: int) -> Position | None:
    """How far so many entries lead; None if there are fewer."""
    met = ordered(tx, plan.scans, sort, after=after, limit=budget).limit(1).offset(budget - 1)
    found = tx.execute(met).first()
    return None if found is None else _place(found)


def _place(row: Row[Any, str]) -> Position:
    value, key = row
    return Position(value, key)

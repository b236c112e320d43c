"""What a :class:`UserFilter` says, in the words of the database: the only SQL form of *status* and *throttled*."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import Column, ColumnElement, Select, and_, case, false, func, literal, or_, select, union_all

from ...domain.enrollment.enrollment import LATEST_END, Status
from ...domain.factors.throttle import FREE_FAILURES, LONGEST_WAIT, MEMORY, STOP_AT, wait_after
from ...domain.people.user_filter import UserFilter
from ...domain.people.user_list import UserSort
from ...domain.people.user_search import words_of_search
from ...domain.sign_in.assurance import FactorKind
from ..enrollment.states import KEY_LIFETIME
from ..tables.tables import Tables
from .list_parts import KeyTest, Part, Scan
from .user_facets import Facets, Stage, every_facets

_STATUSES = {
    Stage.NOTHING: {Status.NOT_ENROLLED},
    Stage.KEY_SHOWN: {Status.PENDING_ACTIVATION, Status.NOT_ENROLLED},
    Stage.WAITING: {Status.PRE_ENROLLMENT},
    Stage.PERIOD: {Status.IN_ENROLLMENT, Status.ENROLLMENT_EXPIRED},
    Stage.ENROLLED: {Status.ENROLLED},
}


@dataclass(frozen=True, slots=True)
class Branch:
    """Users of one word of :mod:`user_facets`, and what the time has to say beside it.

    :param is_of_deadline: whether the time is that of ``deadline_sort``, which the index of deadlines has.
    """

    word: str
    timing: ColumnElement[bool] | None = None
    is_of_deadline: bool = True


class UserConditions:
    """Conditions on a row of ``person``.

    :param enabled: enabled kinds of factor.
    :param everybody_required: whether default access demands MFA of everybody.
    """

    def __init__(self, tables: Tables, *, enabled: Collection[FactorKind], everybody_required: bool) -> None:
        self._tables, self._enabled, self._everybody_required = tables, frozenset(enabled), everybody_required
        self._counts = not FactorKind.of_status.isdisjoint(enabled)

    def sort_column(self, sort: UserSort) -> Column[Any]:
        """What is sorted by, beside the key."""
        row = self._tables.person.c
        columns = {
            UserSort.NAME: row.name_sort,
            UserSort.DEADLINE: row.deadline_sort,
            UserSort.LAST_SIGN_IN: row.signed_in_sort,
        }
        return columns[sort]

    def parts(self, users: UserFilter, now: datetime) -> Iterator[Part]:
        """What is demanded, as far as an index tells who they are; the rest is in :meth:`tests`."""
        row = self._tables.person.c
        if users.group is not None:
            yield self._group(users.group)
        if users.role is not None:
            yield self._by_name(row.role, users.role)
        if users.has_email is not None:
            # With IS in place of = MariaDB would not use the index.
            yield self._in_every_order(row.has_email, users.has_email)
        if (branches := self.branches(users, now)) is not None:
            yield self.of_facets(branches)
        for word in words_of_search(users.text or ""):
            yield self._of_key(partial(self._has_word, word), keys=self.having_word(word))
        if users.throttled:
            yield self._of_key(partial(self._is_waiting, now), keys=self.throttled(now))

    def tests(self, users: UserFilter, now: datetime) -> Iterator[ColumnElement[bool]]:
        """What only a row tells."""
        if users.throttled is False:
            yield ~self._is_waiting(now, self._tables.person.c.user_key)
        if users.text and not words_of_search(users.text):
            yield false()

    def branches(self, users: UserFilter, now: datetime) -> list[Branch] | None:
        """The words of those who may be meant; None when every word will do."""
        if all(one is None for one in (users.status, users.required, users.factor, users.holds_any, users.ends_within)):
            return None
        found = [self._branch(one, users, now) for one in every_facets() if self._may_be(one, users)]
        return [one for one in found if one is not None]

    def _group(self, name: str) -> Part:
        member = self._tables.person_group.c
        scans = {
            sort: (Scan((member[self.sort_column(sort).name], member.user_key), (member.name, name)),)
            for sort in UserSort
        }
        return self._of_key(partial(self._is_in, name), scans, exact=frozenset(UserSort))

    def _by_name(self, column: Column[Any], value: Any) -> Part:
        row = self._tables.person.c
        scan = Scan((row.name_sort, row.user_key), (column, value))
        return Part(column == value, {UserSort.NAME: (scan,)}, exact=frozenset({UserSort.NAME}))

    def _in_every_order(self, column: Column[Any], value: Any) -> Part:
        key = self._tables.person.c.user_key
        scans = {sort: (Scan((self.sort_column(sort), key), (column, value)),) for sort in UserSort}
        return Part(column == value, scans, exact=frozenset(UserSort))

    def of_facets(self, branches: list[Branch]) -> Part:
        """Everybody in one of these branches."""
        row, timed = self._tables.person.c, [one for one in branches if one.timing is not None]
        exact = set(UserSort) if not timed else {UserSort.DEADLINE} if all(one.is_of_deadline for one in timed) else ()
        return Part(
            among_branches(row.facets, branches),
            {sort: tuple(self._scan(one, sort) for one in branches) for sort in UserSort},
            counted=UserSort.DEADLINE, exact=frozenset(exact), beside=frozenset({row.name_sort, row.signed_in_sort}),
            told=dict.fromkeys(
                (UserSort.NAME, UserSort.LAST_SIGN_IN), (row.facets, row.deadline_sort, row.key_shown_at)
            ),
        )  # fmt: skip

    def _scan(self, one: Branch, sort: UserSort) -> Scan:
        row = self._tables.person.c
        within = one.timing if one.is_of_deadline and sort is UserSort.DEADLINE else None
        is_exact = one.timing is None or within is not None
        return Scan((self.sort_column(sort), row.user_key), (row.facets, one.word), within, is_exact)

    def _of_key(self, test: KeyTest, scans: Mapping[UserSort, tuple[Scan, ...]] | None = None, **told: Any) -> Part:
        """A part whose test reads no row of ``person``."""
        return Part(test(self._tables.person.c.user_key), scans or {}, of_key=test, **told)

    def _is_in(self, group: str, key: ColumnElement[str]) -> ColumnElement[bool]:
        """Whether the user is in this group."""
        member = self._tables.person_group.c
        return _one_by_one(member.user_key == key, member.name == group)

    def _has_word(self, prefix: str, key: ColumnElement[str]) -> ColumnElement[bool]:
        """Whether one of the user's words begins so."""
        word = self._tables.person_word.c
        return _one_by_one(word.user_key == key, *self._begins(prefix))

    def having_word(self, prefix: str) -> Select[tuple[str]]:
        """The keys of those one of whose words begins so, once for each such word."""
        return select(self._tables.person_word.c.user_key).where(*self._begins(prefix))

    def throttled(self, now: datetime) -> Select[tuple[str]]:
        """The keys of those whose codes are not tried now: at some address, or anywhere. Only the failures of those are
        looked at who failed lately, or often.
        """
        row, looked_at = self._tables.failure.c, self._tables.failure.alias().c
        lately = select(looked_at.user_key).where(looked_at.at > now - LONGEST_WAIT, looked_at.at <= now)
        often = select(looked_at.user_key).where(looked_at.on_record >= STOP_AT)
        recent = func.sum(case((row.at > now - MEMORY, 1), else_=0))
        last_at = func.max(case((row.at <= now, row.at)))
        waits = or_(*(and_(recent == times, last_at > now - wait) for times, wait in _waits()))
        longest = and_(recent > max(times for times, _ in _waits()), last_at > now - LONGEST_WAIT)
        keys = select(row.user_key).group_by(row.user_key)
        waiting = keys.where(row.user_key.in_(lately)).group_by(row.address).having(or_(waits, longest))
        stopped = keys.where(row.user_key.in_(often)).having(recent >= STOP_AT)
        either = union_all(waiting, stopped).subquery()
        return select(either.c.user_key).distinct()

    def _is_waiting(self, now: datetime, key: ColumnElement[str]) -> ColumnElement[bool]:
        """Whether the user's codes are not tried now."""
        return key.in_(self.throttled(now))

    def _begins(self, prefix: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
        word = self._tables.person_word.c.word
        return word >= prefix, word < prefix + "\U0010ffff"

    def _may_be(self, one: Facets, users: UserFilter) -> bool:
        required = one.required or self._everybody_required
        return all(
            (
                users.required is None or users.required == required,
                users.factor is None or users.factor in one.factors,
                users.holds_any is None or users.holds_any == bool(one.factors & self._enabled),
                users.ends_within is None or one.stage is Stage.PERIOD,
            )
        )

    def _branch(self, one: Facets, users: UserFilter, now: datetime) -> Branch | None:
        ends = None if users.ends_within is None else self._ends(now, users.ends_within)
        wanted = users.statuses
        if wanted is None or (not self._counts and Status.DISABLED in wanted):
            return Branch(one.word, ends)
        possible = _STATUSES[one.stage] & wanted if self._counts else set()
        if not possible:
            return None
        timings = [] if possible == _STATUSES[one.stage] else [self._timing(possible.pop(), one.stage, now)]
        timings += [] if ends is None else [ends]
        return Branch(one.word, and_(*timings) if timings else None, is_of_deadline=one.stage is Stage.PERIOD)

    def _timing(self, status: Status, stage: Stage, now: datetime) -> ColumnElement[bool]:
        """What tells two statuses of one stage apart."""
        row = self._tables.person.c
        if stage is Stage.PERIOD:
            return row.deadline_sort <= now if status is Status.ENROLLMENT_EXPIRED else row.deadline_sort > now
        since = now - KEY_LIFETIME
        return row.key_shown_at > since if status is Status.PENDING_ACTIVATION else row.key_shown_at <= since

    def _ends(self, now: datetime, within: timedelta) -> ColumnElement[bool]:
        row = self._tables.person.c
        try:
            latest = min(now + within, LATEST_END)
        except OverflowError:
            latest = LATEST_END
        return and_(row.deadline_sort > now, row.deadline_sort <= latest)


def _one_by_one(*tests: ColumnElement[bool]) -> ColumnElement[bool]:
    """Whether there is such a row, looked up for one person after the other in the order of the list: from EXISTS
    PostgreSQL makes a join that first gathers all the others.
    """
    return select(literal(1)).where(*tests).limit(1).scalar_subquery().is_not(None)


def _waits() -> Iterator[tuple[int, timedelta]]:
    """After so many wrong codes at one address how long, as long as one more makes it longer."""
    times = FREE_FAILURES + 1
    while (wait := wait_after(times)) < LONGEST_WAIT:
        yield times, wait
        times += 1


def among_branches(facets: ColumnElement[str], branches: list[Branch]) -> ColumnElement[bool]:
    """Whether a row is in one of these."""
    untimed = [one.word for one in branches if one.timing is None]
    timed = [and_(facets == one.word, one.timing) for one in branches if one.timing is not None]
    tests: list[ColumnElement[bool]] = [*([facets.in_(untimed)] if untimed else []), *timed]
    return or_(*tests) if tests else false()

"""What a :class:`UserFilter` says, in the words of the database: the only SQL form of *status* and *throttled*."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Select, and_, case, false, func, literal, or_, select, union_all

from ...domain.enrollment.enrollment import LATEST_END, Status
from ...domain.factors.throttle import FREE_FAILURES, LONGEST_WAIT, MEMORY, STOP_AT, wait_after
from ...domain.people.user_filter import UserFilter
from ...domain.sign_in.assurance import FactorKind
from ..enrollment.enrollments import KEY_LIFETIME
from ..tables.tables import Tables
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
    """Users of one word of :mod:`user_facets`, and what the time has to say beside it."""

    word: str
    timing: ColumnElement[bool] | None = None


class UserConditions:
    """Conditions on a row of ``person``.

    :param enabled: enabled kinds of factor.
    :param everybody_required: whether default access demands MFA of everybody.
    """

    def __init__(self, tables: Tables, *, enabled: Collection[FactorKind], everybody_required: bool) -> None:
        self._tables, self._enabled, self._everybody_required = tables, frozenset(enabled), everybody_required
        self._counts = not FactorKind.of_status.isdisjoint(enabled)

    def branches(self, users: UserFilter, now: datetime) -> list[Branch] | None:
        """The words of those who may be meant; None when every word will do."""
        if all(one is None for one in (users.status, users.required, users.factor, users.holds_any, users.ends_within)):
            return None
        found = [self._branch(one, users, now) for one in every_facets() if self._may_be(one, users)]
        return [one for one in found if one is not None]

    def others(self, users: UserFilter) -> list[ColumnElement[bool]]:
        """What the columns of the row say beside that."""
        row = self._tables.person.c
        found: list[ColumnElement[bool]] = []
        if users.role is not None:
            found.append(row.role == users.role)
        if users.has_email is not None:
            # With IS in place of = MariaDB would not use the index.
            found.append(row.has_email == users.has_email)
        return found

    def is_in(self, group: str) -> ColumnElement[bool]:
        """Whether the user is in this group."""
        member = self._tables.person_group.c
        return _one_by_one(member.user_key == self._tables.person.c.user_key, member.name == group)

    def has_word(self, prefix: str) -> ColumnElement[bool]:
        """Whether one of the user's words begins so."""
        word = self._tables.person_word.c
        return _one_by_one(word.user_key == self._tables.person.c.user_key, *self._begins(prefix))

    def having_word(self, prefix: str, *, limit: int | None = None) -> Select[tuple[str]]:
        """The keys of those one of whose words begins so, each once."""
        return select(self._tables.person_word.c.user_key).distinct().where(*self._begins(prefix)).limit(limit)

    def throttled(self, now: datetime) -> Select[tuple[str]]:
        """The keys of those whose codes are not tried now: at some address, or anywhere."""
        row = self._tables.failure.c
        recent = func.sum(case((row.at > now - MEMORY, 1), else_=0))
        last_at = func.max(case((row.at <= now, row.at)))
        waits = or_(*(and_(recent == times, last_at > now - wait) for times, wait in _waits()))
        longest = and_(recent > max(times for times, _ in _waits()), last_at > now - LONGEST_WAIT)
        waiting = select(row.user_key).group_by(row.user_key, row.address).having(or_(waits, longest))
        stopped = select(row.user_key).group_by(row.user_key).having(recent >= STOP_AT)
        either = union_all(waiting, stopped).subquery()
        return select(either.c.user_key).distinct()

    def is_waiting(self, now: datetime, users: UserFilter) -> ColumnElement[bool]:
        """Whether the user is throttled or not, as the filter wants it."""
        found = self._tables.person.c.user_key.in_(self.throttled(now))
        return found if users.throttled else ~found

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
        return Branch(one.word, and_(*timings) if timings else None)

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

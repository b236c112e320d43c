"""Reminders and lapses: what the end of a period brings by itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import cache, partial

from ...domain.enrollment.enrollment import EnrollmentState, next_due
from ...domain.enrollment.state_changes import StateChange, lapse, reminder, without_notice
from ...domain.people.roles import Actor
from ...domain.records.event_name import EventName
from ..actions.state_changes import ChangeWriter
from ..unit_of_work import TransactionRunner, UnitOfWork

SLICE = 500


class Periods:
    """Looks at the periods that are due, slice by slice. What another process looks at is left to it."""

    def __init__(self, worker: TransactionRunner, writer: ChangeWriter, *, reminders: Sequence[timedelta]) -> None:
        self._store, self._worker, self._clock = worker.store, worker, worker.clock
        self._writer, self._reminders = writer, reminders

    def run(self) -> tuple[int, int]:
        """How many users were reminded, and how many lapsed."""
        return _each_slice(lambda: self._worker.run(self._take_slice, is_bulk=True))

    def run_in(self, work: UnitOfWork) -> tuple[int, int]:
        """The same, all in one transaction."""
        return _each_slice(lambda: self._take_slice(work))

    def _take_slice(self, work: UnitOfWork) -> list[str | None]:
        now = self._clock()
        keys = self._store.enrollments.take_due(work.tx, now=now, limit=SLICE)
        enrollments = self._store.enrollments.states(work.tx, keys, now=now)
        people = self._store.people.known(work.tx, keys, now=now)
        off = {key for key, known in people.items() if not known.person.is_active}
        # One change, and one notice, for all whose period is the same.
        change = cache(partial(_change, now=now))
        changes = [(key, change(enrollments[key], is_active=key not in off)) for key in keys]
        self._writer.write(work, changes, actor=Actor.SYSTEM.name)
        self._writer.set_due(work, [(key, self._next(enrollments[key], now)) for key in keys])
        return [change.event for _, change in changes]

    def _next(self, enrollment: EnrollmentState, now: datetime) -> datetime | None:
        return next_due(enrollment.period, self._reminders, after=now) if enrollment.period else None


def _each_slice(take: Callable[[], list[str | None]]) -> tuple[int, int]:
    reminded = lapsed = 0
    while True:
        events = take()
        reminded += events.count(EventName.ENROLLMENT_REMINDED)
        lapsed += events.count(EventName.ENROLLMENT_LAPSED)
        if len(events) < SLICE:
            return reminded, lapsed


def _change(enrollment: EnrollmentState, *, now: datetime, is_active: bool) -> StateChange:
    """Disabled users can do nothing about it, and get no mail."""
    period = enrollment.period
    if period is None:
        return StateChange()
    if period.has_ended(now):
        return lapse(period) if is_active else without_notice(lapse(period))
    return reminder(period, now=now) if is_active else StateChange()

"""Puts moves of the domain into the store: set by set, whether they are about one user or a thousand."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from ..domain.enrollment import next_due
from ..domain.moves import Move, Notice, Requirement
from ..store import Store
from .work import Work

Value = TypeVar("Value")
Moved = Sequence[tuple[str, Move]]


class MoveWriter:
    """Writes what actions and upkeep decided. The caller holds the users' rows locked.

    :param reminders: how long before the end of a period its reminders are due.
    """

    def __init__(self, store: Store, *, reminders: Collection[timedelta]) -> None:
        self._store, self._reminders = store, reminders

    def write(self, work: Work, moved: Moved, *, actor: str, reason: str | None = None) -> None:
        """State, records and mail of these users, given by their keys."""
        self._write_requirements(work, moved)
        self.void(work, [key for key, move in moved if move.voids_proofs])
        if unlocked := [key for key, move in moved if move.clears_failures]:
            self._store.failures.clear_all(work.tx, unlocked)
        for key, move in moved:
            if move.event is not None:
                work.record(move.event, subject=key, actor=actor, reason=reason, **move.details)
        for notice, keys in _told(moved):
            work.tell_all(keys, notice)

    def set_due(self, work: Work, due: Iterable[tuple[str, datetime | None]]) -> None:
        """When upkeep has to look at these users next."""
        for due_at, keys in grouped(due).items():
            self._store.enrollments.set_due(work.tx, keys, due_at)

    def _write_requirements(self, work: Work, moved: Moved) -> None:
        changed = ((key, move.requirement) for key, move in moved if move.requirement is not None)
        for requirement, keys in grouped(changed).items():
            due_at = self._due_at(requirement, work.clock())
            self._store.enrollments.set_requirement(work.tx, keys, requirement, due_at=due_at)

    def _due_at(self, requirement: Requirement, now: datetime) -> datetime | None:
        period = requirement.period
        return next_due(period, self._reminders, after=now) if period else None

    def void(self, work: Work, keys: Sequence[str]) -> None:
        """Everything that proves these users is worthless from now on."""
        if not keys:
            return
        now = work.clock()
        self._store.factors.void_all(work.tx, keys, now=now)
        self._store.recovery_codes.void(work.tx, *keys)
        self._store.access_passes.void(work.tx, *keys, now=now)
        # SECURITY: whoever stole a session or waits with a half-done sign-in loses it with the key.
        self._store.sessions.end_all(work.tx, *keys)


def _told(moved: Moved) -> Iterable[tuple[Notice, list[str]]]:
    """Each notice with everybody whom it goes to; its facts can't be hashed, and moves of one case share it."""
    notices = {id(move.notice): move.notice for _, move in moved if move.notice is not None}
    groups = grouped((key, id(move.notice)) for key, move in moved if move.notice is not None)
    return [(notices[which], keys) for which, keys in groups.items()]


def grouped(pairs: Iterable[tuple[str, Value]]) -> dict[Value, list[str]]:
    """The keys that share a value, so that one statement serves them all."""
    groups: dict[Value, list[str]] = {}
    for key, value in pairs:
        groups.setdefault(value, []).append(key)
    return groups

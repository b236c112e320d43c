"""Puts changes of the domain into the store: set by set, whether they are about one user or a thousand."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from ...domain.enrollment.enrollment import next_due
from ...domain.enrollment.state_changes import Requirement, StateChange
from ...domain.enrollment.voids import Voids
from ...factors.base import WayBack
from ...store import Store
from ..sign_in.endings import revoke_all, revoke_opened
from ..unit_of_work import UnitOfWork

Value = TypeVar("Value")
Changes = Sequence[tuple[str, StateChange]]
Groups = Sequence[tuple[StateChange, list[str]]]


class ChangeWriter:
    """Writes what actions and upkeep decided. The caller holds the users' rows locked.

    :param companion: the way back in that goes with the last factor.
    :param reminders: how long before the end of a period its reminders are due.
    """

    def __init__(
        self, store: Store, ways_back: Collection[WayBack], companion: WayBack, *, reminders: Collection[timedelta]
    ) -> None:
        self._store, self._ways_back, self._companion, self._reminders = store, ways_back, companion, reminders

    def write(self, work: UnitOfWork, changes: Changes, *, actor: str, reason: str | None = None) -> None:
        """State, records and mail of these users, given by their keys."""
        groups = _by_change(changes)
        self._write_requirements(work, groups)
        self.void(work, [key for change, keys in groups if change.voids_proofs for key in keys])
        for change, keys in groups:
            if change.voids is not None:
                self._void_parts(work, keys, change.voids)
        if unlocked := [key for change, keys in groups if change.clears_failures for key in keys]:
            self._store.failures.clear_all(work.tx, unlocked)
        for change, keys in groups:
            if change.restarts_grace is not None:
                self._store.enrollments.restart_grace(work.tx, keys, change.restarts_grace, now=work.clock())
            if change.event is not None:
                work.record_all(change.event, keys, actor=actor, reason=reason, details=change.details)
            if change.notice is not None:
                work.tell_all(keys, change.notice)

    def set_due(self, work: UnitOfWork, due: Iterable[tuple[str, datetime | None]]) -> None:
        """When upkeep has to look at these users next."""
        for due_at, keys in grouped(due).items():
            self._store.enrollments.set_due(work.tx, keys, due_at)

    def _write_requirements(self, work: UnitOfWork, groups: Groups) -> None:
        changed: dict[Requirement, list[str]] = {}
        for change, keys in groups:
            if change.requirement is not None:
                changed.setdefault(change.requirement, []).extend(keys)
        for requirement, keys in changed.items():
            due_at = self._due_at(requirement, work.clock())
            self._store.enrollments.set_requirement(work.tx, keys, requirement, due_at=due_at)

    def _due_at(self, requirement: Requirement, now: datetime) -> datetime | None:
        period = requirement.period
        return next_due(period, self._reminders, after=now) if period else None

    def void(self, work: UnitOfWork, keys: Sequence[str]) -> None:
        """Everything that proves these users is worthless from now on."""
        if not keys:
            return
        now = work.clock()
        self._store.factors.void_all(work.tx, keys, now=now)
        for way in self._ways_back:
            way.withdraw(work.tx, keys, now=now)
        # SECURITY: a stolen session, or a half-done sign-in, ends with the key.
        revoke_all(work, keys)

    def _void_parts(self, work: UnitOfWork, keys: Sequence[str], voids: Voids) -> None:
        now = work.clock()
        if voids.kind is not None:
            self._store.factors.void_kind(work.tx, keys, voids.kind, now=now, only=voids.factor_id)
            holders = self._store.factors.held(work.tx, keys)
            # SECURITY: codes without a factor would be the whole of a second factor.
            self._companion.withdraw(work.tx, [key for key in keys if key not in holders], now=now)
        if voids.sessions:
            revoke_all(work, keys)
        if voids.access_passes:
            for key in keys:
                # SECURITY: a session lives no longer than the pass that opened it.
                revoke_opened(work, key, self._store.access_passes.void(work.tx, key, now=now))


def _by_change(changes: Changes) -> Groups:
    """Each change with everybody it is for: all who are in the same state share one."""
    groups: dict[int, tuple[StateChange, list[str]]] = {}
    for key, change in changes:
        groups.setdefault(id(change), (change, []))[1].append(key)
    return list(groups.values())


def grouped(pairs: Iterable[tuple[str, Value]]) -> dict[Value, list[str]]:
    """The keys that share a value, so that one statement serves them all."""
    groups: dict[Value, list[str]] = {}
    for key, value in pairs:
        groups.setdefault(value, []).append(key)
    return groups

"""What a cron job does: remind, note lapses, take people over, send mail that waits, sweep out what is dead."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache, partial

from ...clock import Clock
from ...domain.enrollment.enrollment import Standing, next_due
from ...domain.enrollment.state_changes import Move, lapse, reminder, without_notice
from ...domain.people.roles import Actor
from ...domain.records.event_name import EventName
from ...domain.sign_in.session import Lifetimes
from ...mail.delivery import Delivery
from ...store import Store
from ...store.sign_in.challenge_states import CHALLENGE
from ..actions.action_jobs import ActionJobs
from ..actions.state_changes import MoveWriter
from ..audit.chain import AuditChain
from ..audit.retention import AuditRetention
from ..client.risk import MEMORY as RISK_MEMORY
from ..observations import KEPT, OBSERVED
from ..people.daily_totals import DailyTotalsService
from ..people.users import UserService
from ..sign_in.sessions import DROPPED
from ..unit_of_work import TransactionRunner, UnitOfWork
from .digest import DigestService

SLICE = 500
_SWEEP_MARGIN = timedelta(days=1)
_OUTBOX_MEMORY = timedelta(days=30)
_REQUEST_MEMORY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Upkeep:
    """What one run did.

    :param continued: actions on many users that were left unfinished.
    """

    reminded: int
    lapsed: int
    synced: int
    mails_sent: int
    mails_failed: int
    swept: int
    continued: int


class _Undone(Exception):
    """Takes a transaction back on purpose."""


class UpkeepService:
    """Safe to run at any time and twice at once.

    :param cookie_life: how long a cookie of the host may come back.
    """

    def __init__(
        self, store: Store, worker: TransactionRunner, writer: MoveWriter, users: UserService, digest: DigestService,
        audit: AuditChain, retention: AuditRetention, delivery: Delivery, daily: DailyTotalsService, *,
        jobs: ActionJobs, clock: Clock, lifetimes: Lifetimes, reminders: Sequence[timedelta],
        cookie_life: Callable[[], timedelta],
    ) -> None:  # fmt: skip
        self._store, self._worker, self._writer = store, worker, writer
        self._users, self._digest, self._audit, self._delivery = users, digest, audit, delivery
        self._retention, self._daily, self._jobs = retention, daily, jobs
        self._clock, self._lifetimes, self._reminders, self._cookie_life = clock, lifetimes, reminders, cookie_life

    def run_due(self) -> Upkeep:
        """Do all that is due now.

        :raises HostCallbackFailed, DirectoryEmpty: when the host's users can't be taken over. All else is done then.
        """
        reminded, lapsed = self._look_at_periods()
        head = self._audit.seal()
        self._digest.post_if_due(audit_head=str(head))
        continued = self._jobs.continue_all()
        sent, failed = self._delivery.send_due()
        # Before the sweep, which takes what is counted here.
        self._daily.count_due()
        swept = self._sweep()
        # Last, because it rests on the host: a directory that fails must not keep back what everybody waits for.
        synced = self._users.sync().people if self._users.is_sync_due() else 0
        return Upkeep(
            reminded=reminded,
            lapsed=lapsed,
            synced=synced,
            mails_sent=sent,
            mails_failed=failed,
            swept=swept,
            continued=continued,
        )

    def preview(self) -> Upkeep:
        """What a run would do now: done in one transaction that is undone again. The host is asked for nobody."""
        found: list[Upkeep] = []
        left = len(self._jobs.left())

        def act(work: UnitOfWork) -> None:
            reminded, lapsed = self._each_slice(lambda: self._take_slice(work))
            mails = self._store.outbox.count_due(work.tx, now=self._clock())
            found.append(
                Upkeep(reminded, lapsed, 0, mails, 0, self._sweep_in(work) + self._retention.run_in(work), left)
            )
            raise _Undone

        with suppress(_Undone):
            self._worker.run(act, is_bulk=True)
        return found[-1]

    def _look_at_periods(self) -> tuple[int, int]:
        """Reminders and lapses, a slice in one transaction. What another process looks at is left to it."""
        return self._each_slice(lambda: self._worker.run(self._take_slice, is_bulk=True))

    def _each_slice(self, take: Callable[[], list[str | None]]) -> tuple[int, int]:
        """How many were reminded and lapsed."""
        reminded = lapsed = 0
        while True:
            events = take()
            reminded += events.count(EventName.ENROLLMENT_REMINDED)
            lapsed += events.count(EventName.ENROLLMENT_LAPSED)
            if len(events) < SLICE:
                return reminded, lapsed

    def _take_slice(self, work: UnitOfWork) -> list[str | None]:
        now = self._clock()
        keys = self._store.enrollments.take_due(work.tx, now=now, limit=SLICE)
        standings = self._store.enrollments.standings(work.tx, keys, now=now)
        people = self._store.people.known(work.tx, keys, now=now)
        off = {key for key, known in people.items() if not known.person.is_active}
        # One move, and one notice, for all whose period is the same.
        move = cache(partial(_move, now=now))
        moved = [(key, move(standings[key], is_active=key not in off)) for key in keys]
        self._writer.write(work, moved, actor=Actor.SYSTEM.name)
        self._writer.set_due(work, [(key, self._next(standings[key], now)) for key in keys])
        return [move.event for _, move in moved]

    def _next(self, standing: Standing, now: datetime) -> datetime | None:
        return next_due(standing.period, self._reminders, after=now) if standing.period else None

    def _sweep(self) -> int:
        return self._worker.run(self._sweep_in) + self._retention.run()

    def _sweep_in(self, work: UnitOfWork) -> int:
        now = self._clock()
        kept = max(self._lifetimes.max_age, self._lifetimes.pending) + _SWEEP_MARGIN
        swept = self._store.sessions.sweep(work.tx, now=now, older_than=kept, ended_before=now - self._cookie_life())
        swept += self._store.sign_ins.sweep(work.tx, now=now, older_than=RISK_MEMORY)
        swept += self._store.outbox.sweep(work.tx, now=now, older_than=_OUTBOX_MEMORY)
        swept += self._store.noted.sweep(work.tx, now=now)
        swept += self._store.factors.sweep(work.tx, now=now)
        swept += self._store.grants.sweep(work.tx, now=now)
        swept += self._store.action_requests.sweep(work.tx, before=now - _REQUEST_MEMORY)
        swept += sum(
            self._store.marks.sweep(work.tx, prefix=prefix, before=now - KEPT)
            for prefix in (OBSERVED, DROPPED, CHALLENGE)
        )
        return swept + self._store.failures.sweep(work.tx, now=now)


def _move(standing: Standing, *, now: datetime, is_active: bool) -> Move:
    """Disabled users can do nothing about it, and get no mail."""
    period = standing.period
    if period is None:
        return Move()
    if period.has_ended(now):
        return lapse(period) if is_active else without_notice(lapse(period))
    return reminder(period, now=now) if is_active else Move()

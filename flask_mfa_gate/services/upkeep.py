"""What a cron job does: note lapses, send mail that waits, sweep out what is dead."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from ..clock import Clock
from ..domain.session import Lifetimes
from ..mail.delivery import Delivery
from ..store import Store
from .work import Work, Worker

SLICE = 500
_SWEEP_MARGIN = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Upkeep:
    """What one run did."""

    lapsed: int
    mails_sent: int
    mails_failed: int
    swept: int


class UpkeepService:
    """Safe to run at any time and twice at once."""

    def __init__(self, store: Store, worker: Worker, delivery: Delivery, *, clock: Clock, lifetimes: Lifetimes) -> None:
        self._store, self._worker, self._delivery = store, worker, delivery
        self._clock, self._lifetimes = clock, lifetimes

    def run_due(self) -> Upkeep:
        """Do all that is due now."""
        lapsed = self._note_lapses()
        sent, failed = self._delivery.send_due()
        return Upkeep(lapsed=lapsed, mails_sent=sent, mails_failed=failed, swept=self._sweep())

    def _note_lapses(self) -> int:
        noted = 0
        while True:
            with self._store.database.read() as tx:
                keys = self._store.enrollments.lapsed_unnoted(tx, now=self._clock(), limit=SLICE)
            noted += sum(self._worker.run(self._noting(key)) for key in keys)
            if len(keys) < SLICE:
                return noted

    def _noting(self, key: str) -> Callable[[Work], bool]:
        def act(work: Work) -> bool:
            is_mine = self._store.enrollments.try_note_lapse(work.tx, key, now=self._clock())
            if is_mine:
                work.record("enrollment_lapsed", subject=key, actor="system")
            return is_mine

        return act

    def _sweep(self) -> int:
        kept = max(self._lifetimes.max_age, self._lifetimes.pending) + _SWEEP_MARGIN

        def act(work: Work) -> int:
            swept = self._store.sessions.sweep(work.tx, now=self._clock(), older_than=kept)
            return swept + self._store.failures.sweep(work.tx, now=self._clock())

        return self._worker.run(act)

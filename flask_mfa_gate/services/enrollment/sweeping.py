"""Deletes what is dead: sessions, unconfirmed keys, sent mail, notes of last month."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from ...domain.sign_in.impersonation import ImpersonationEnd
from ...domain.sign_in.session import Lifetimes
from ...store.sign_in.challenge_states import CHALLENGE
from ..audit.retention import AuditRetention
from ..client.risk import MEMORY as RISK_MEMORY
from ..observations import KEPT, OBSERVED
from ..sign_in.endings import try_end_impersonation
from ..sign_in.sessions import DROPPED
from ..unit_of_work import TransactionRunner, UnitOfWork

_SWEEP_MARGIN = timedelta(days=1)
_OUTBOX_MEMORY = timedelta(days=30)
_SENT_EVENTS_MEMORY = timedelta(days=7)
_REQUEST_MEMORY = timedelta(days=1)


class Sweeper:
    """Sweeps each table by its own rule.

    :param cookie_life: how long a cookie of the host may come back.
    """

    def __init__(
        self, worker: TransactionRunner, retention: AuditRetention, *, lifetimes: Lifetimes,
        cookie_life: Callable[[], timedelta],
    ) -> None:  # fmt: skip
        self._store, self._worker, self._clock = worker.store, worker, worker.clock
        self._retention, self._lifetimes, self._cookie_life = retention, lifetimes, cookie_life

    def run(self) -> int:
        """How many rows went."""
        return self._worker.run(self._sweep) + self._retention.run()

    def run_in(self, work: UnitOfWork) -> int:
        """The same, all in one transaction."""
        return self._sweep(work) + self._retention.run_in(work)

    def _end_impersonations(self, work: UnitOfWork) -> int:
        """Those of browsers that never came back."""
        unused = self._store.impersonations.unused(work.tx, since=self._clock() - self._lifetimes.idle)
        return sum(try_end_impersonation(work, begun, ImpersonationEnd.EXPIRED) for begun in unused)

    def _sweep(self, work: UnitOfWork) -> int:
        now = self._clock()
        kept = max(self._lifetimes.max_age, self._lifetimes.pending) + _SWEEP_MARGIN
        swept = self._store.sessions.sweep(work.tx, now=now, older_than=kept, ended_before=now - self._cookie_life())
        swept += self._store.sign_ins.sweep(work.tx, now=now, older_than=RISK_MEMORY)
        swept += self._store.outbox.sweep(work.tx, now=now, older_than=_OUTBOX_MEMORY)
        swept += self._store.outgoing_events.sweep(
            work.tx, sent_before=now - _SENT_EVENTS_MEMORY, given_up_before=now - _OUTBOX_MEMORY
        )
        swept += self._store.noted.sweep(work.tx, now=now)
        swept += self._store.factors.sweep(work.tx, now=now)
        swept += self._store.grants.sweep(work.tx, now=now)
        swept += self._store.api_tokens.sweep(work.tx, now=now)
        swept += self._end_impersonations(work)
        swept += self._store.action_requests.sweep(work.tx, before=now - _REQUEST_MEMORY)
        swept += self._store.oidc.sweep(work.tx, now=now)
        swept += sum(
            self._store.checkpoints.sweep(work.tx, prefix=prefix, before=now - KEPT)
            for prefix in (OBSERVED, DROPPED, CHALLENGE)
        )
        return swept + self._store.failures.sweep(work.tx, now=now)

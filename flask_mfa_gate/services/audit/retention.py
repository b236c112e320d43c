"""How long the log is kept: sealed records that are old enough leave it, the oldest first."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from itertools import takewhile

from ...crypto import Keyring
from ..unit_of_work import TransactionRunner, UnitOfWork
from .anchor import Anchors
from .chain import HEAD, SLICE
from .links import Head, Links

log = logging.getLogger("flask_mfa_gate")


class AuditRetention:
    """Removes old records from the beginning of the chain, never from its middle.

    :param keep: age at which a record may go; None keeps all for ever.
    """

    def __init__(self, worker: TransactionRunner, keyring: Keyring, *, keep: timedelta | None) -> None:
        self._store, self._worker, self._clock, self._keep = worker.store, worker, worker.clock, keep
        self._links, self._anchors = Links(keyring), Anchors(worker.store, keyring)

    def run(self) -> int:
        """Remove what is old, a slice in one transaction; how many records that were."""
        return self._each_slice(lambda act: self._worker.run(act, is_bulk=True))

    def run_in(self, work: UnitOfWork) -> int:
        """The same in one transaction."""
        return self._each_slice(lambda act: act(work))

    def _each_slice(self, run: Callable[[Callable[[UnitOfWork], int]], int]) -> int:
        if self._keep is None:
            return 0
        remove = partial(self._remove_slice, keep=self._keep)
        total = count = run(remove)
        while count == SLICE:
            count = run(remove)
            total += count
        return total

    def _remove_slice(self, work: UnitOfWork, *, keep: timedelta) -> int:
        now = self._clock()
        # Held by the sealer: of two at once each sees the beginning that the other left.
        self._store.checkpoints.lock(work.tx, HEAD, at=now)
        first = self._anchors.get(work.tx).last
        last = self._last_old(work, first, before=now - keep)
        if last != first:
            self._store.audit.remove(work.tx, up_to=last.number)
            self._anchors.put(work.tx, last, at=now)
        return last.number - first.number

    def _last_old(self, work: UnitOfWork, first: Head, *, before: datetime) -> Head:
        """The link up to which all records are old and fit."""
        page = self._store.audit.sealed(work.tx, after=first.number, limit=SLICE)
        last = first
        for record in takewhile(lambda one: one.event.at < before, page):
            link = self._links.follow(record, last)
            # SECURITY: what was forged or made older stays, and what comes after it, or removing would wipe the trace.
            if link is None:
                log.error("audit record %s does not fit; no old records are removed from there on", record.number)
                break
            last = link
        return last

"""The view at which somebody signed in last: without a named sign-in page, every worker falls back to it."""

from __future__ import annotations

from datetime import datetime, timedelta

from ...errors import MFAGateError
from ..unit_of_work import TransactionRunner

_MARK = "login-view"
_FRESH = timedelta(minutes=1)


class LastLoginView:
    """Kept in the store, and for a minute in the process.

    :ivar unneeded: login views of this app beside which it names a sign-in page, so that they need not be noted.
    """

    def __init__(self, worker: TransactionRunner) -> None:
        self._store, self._worker, self._clock = worker.store, worker, worker.clock
        self.unneeded = set[str]()
        self._known: str | None = None
        self._read_at: datetime | None = None

    def note(self, endpoint: str) -> None:
        """Somebody signed in there. Written only where it is another one than before."""
        if self.endpoint() != endpoint:
            self._worker.run(lambda work: self._store.checkpoints.put(work.tx, _MARK, at=self._clock(), value=endpoint))
            self._known = endpoint

    def endpoint(self) -> str | None:
        """Where that was; None where nobody has signed in yet, or the store does not answer."""
        now = self._clock()
        if self._read_at is None or not timedelta(0) <= now - self._read_at < _FRESH:
            self._known, self._read_at = self._read(), now
        return self._known

    def _read(self) -> str | None:
        try:
            with self._store.database.read() as tx:
                mark = self._store.checkpoints.get(tx, _MARK)
        except MFAGateError:
            return self._known
        return mark.value if mark is not None else None

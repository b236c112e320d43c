"""The audit log as it grows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Set
from datetime import datetime, timedelta
from typing import Any

from ...store import Store
from ...store.records.audit import AuditFilter, Record
from .chain import as_json

# Transactions end in another order than they take their ids in; none of ours takes longer, nor lets so many pass.
LATEST, MOST_PASSED = timedelta(seconds=30), 1000


class AuditWatch:
    """Tells of each record once, as JSON values.

    :param names: of the events to tell of; none for all.
    """

    def __init__(self, store: Store, names: Set[str], *, clock: Callable[[], datetime]) -> None:
        self._store, self._names, self._clock = store, names, clock
        with store.database.read() as tx:
            self._settled = max(0, store.audit.newest_id(tx) - MOST_PASSED)
        # Records so young that one with a lower id may still come.
        self._seen: dict[int, datetime] = {}
        self._unseen()

    def latest(self, count: int) -> Iterator[dict[str, Any]]:
        """The latest records from before, oldest first."""
        wanted = [AuditFilter(event=name) for name in self._names] or [AuditFilter()]
        with self._store.database.read() as tx:
            found = [
                record
                for one in (wanted if count else ())
                for record in self._store.audit.page(tx, one, before=None, limit=count).records
            ]
        return map(as_json, sorted(found, key=lambda record: record.id)[-count:])

    def new(self) -> Iterator[dict[str, Any]]:
        """What was put on record since the last time."""
        fresh = self._unseen()
        return (as_json(record) for record in fresh if not self._names or record.event.name in self._names)

    def _unseen(self) -> list[Record]:
        now = self._clock()
        with self._store.database.read() as tx:
            young = self._store.audit.newer(tx, after=self._settled)
        fresh = [record for record in young if record.id not in self._seen]
        self._seen |= {record.id: now for record in fresh}
        old = [number for number, at in self._seen.items() if now - at > LATEST]
        self._settled = max([self._settled, *old])
        self._seen = {number: at for number, at in self._seen.items() if number > self._settled}
        return fresh

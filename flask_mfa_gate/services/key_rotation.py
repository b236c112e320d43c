"""Secrets move to the newest key."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from ..clock import Clock
from ..crypto import Keyring
from ..store import Store
from .work import Work, Worker

SLICE = 500
_MARK = "key:"


@dataclass(frozen=True, slots=True)
class Rotated:
    """What was sealed anew.

    :param older_codes: recovery codes that were made before the newest key was in use. They are digests and can't be
        moved: the older keys have to stay until these users have made new codes.
    """

    secrets: int
    parked_sessions: int
    older_codes: int


class KeyRotation:
    """``gate.rotate_keys()``. A run that was cut short is done again: what has moved already is passed by."""

    def __init__(self, store: Store, worker: Worker, keyring: Keyring, *, clock: Clock) -> None:
        self._store, self._worker, self._keyring, self._clock = store, worker, keyring, clock

    def run(self, *, progress: Callable[[int], None] | None = None) -> Rotated:
        """Seal everything with the newest key.

        :param progress: called with the number of rows looked at since the last call.
        """
        began = self._worker.run(self._note_key)
        sealed = self._each("factor", "secret", progress)
        parked = self._each("session", "parked", progress)
        with self._store.database.read() as tx:
            older = self._store.recovery_codes.count_older(tx, began)
        return Rotated(sealed, parked, older)

    def _note_key(self, work: Work) -> datetime:
        """When the newest key came into use."""
        name = f"{_MARK}{self._keyring.newest_id}"
        known = self._store.marks.get(work.tx, name)
        if known is None:
            self._store.marks.put(work.tx, name, at=self._clock())
        return known.at if known else self._clock()

    def _each(self, table: str, column: str, progress: Callable[[int], None] | None) -> int:
        after, moved = "", 0
        while True:
            last, count, looked_at = self._worker.run(
                lambda work, after=after: self._move_slice(work, table, column, after)  # type: ignore[misc]
            )
            moved += count
            if progress is not None:
                progress(looked_at)
            if looked_at < SLICE:
                return moved
            after = last

    def _move_slice(self, work: Work, table: str, column: str, after: str) -> tuple[str, int, int]:
        rows = self._store.sealed.page(work.tx, table, after=after, limit=SLICE)
        moved = 0
        for row in rows:
            fresh = self._keyring.reseal(row.sealed, table=table, column=column, row=row.place)
            if fresh is not None:
                self._store.sealed.replace(work.tx, table, row, fresh)
                moved += 1
        return (rows[-1].id if rows else after), moved, len(rows)

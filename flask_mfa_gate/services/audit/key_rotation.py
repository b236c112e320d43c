"""What is sealed is sealed again: under the newest key, or for a user whose key has changed."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from ...crypto import Keyring, Place
from ...errors import SecretUnreadable
from ...store.every_table.sealed import SealedRow
from ..unit_of_work import TransactionRunner, UnitOfWork

SLICE = 500
_MARK = "key:"
log = logging.getLogger("flask_mfa_gate")


@dataclass(frozen=True, slots=True)
class Rotated:
    """What was sealed again.

    :param codes: sealed digests of recovery codes and access passes.
    :param older_codes: recovery codes that were made before the newest key was in use. What is sealed are digests,
        keyed by the older keys, which have to stay until these users have made new codes.
    """

    secrets: int
    parked_sessions: int
    codes: int
    older_codes: int


class KeyRotation:
    """``gate.rotate_keys()``. A run that was cut short is done again: what has moved already is passed by."""

    def __init__(self, worker: TransactionRunner, keyring: Keyring) -> None:
        self._store, self._worker, self._keyring, self._clock = worker.store, worker, keyring, worker.clock

    def run(self, *, progress: Callable[[int], None] | None = None, dry_run: bool = False) -> Rotated:
        """Seal everything with the newest key.

        :param progress: called with the number of rows looked at since the last call.
        :param dry_run: only count.
        """
        columns = self._store.sealed.columns()
        if dry_run:
            began, moved = self._clock(), {table: self._count_older(table, columns[table]) for table in columns}
        else:
            began = self._worker.run(self._note_key)
            moved = {table: self._each(table, columns[table], progress) for table in columns}
        with self._store.database.read() as tx:
            older = self._store.recovery_codes.count_older(tx, began)
        secrets = moved["factor"] + moved["oidc_signing_key"]
        codes = sum(moved.values()) - secrets - moved["session"]
        return Rotated(secrets, moved["session"], codes, older)

    def rename(self, work: UnitOfWork, old: str, new: str) -> None:
        """Seal what is one user's for the key that they will have. What can't be opened stays as it is, and shut."""
        for table, column in self._store.sealed.columns().items():
            rows = self._store.sealed.of_user(work.tx, table, old)
            moved = [(row, fresh) for row in rows if (fresh := self._for_user(table, column, row, new)) is not None]
            self._store.sealed.replace(work.tx, table, moved)

    def _for_user(self, table: str, column: str, row: SealedRow, user: str) -> bytes | None:
        place = Place(table, column, row.place, row.user)
        try:
            return self._keyring.seal(self._keyring.open(row.sealed, place), place._replace(user=user))
        except SecretUnreadable as error:
            log.warning("a sealed value in the table %s stays shut: %s", table, error)
            return None

    def count_unreadable(self) -> int:
        """How many stored values none of the keys opens."""
        return sum(
            not self._opens(Place(table, column, row.place, row.user), row.sealed)
            for table, column in self._store.sealed.columns().items()
            for row in self._stored(table)
        )

    def _count_older(self, table: str, column: str) -> int:
        places = ((row, Place(table, column, row.place, row.user)) for row in self._stored(table))
        return sum(self._keyring.reseal(row.sealed, place) is not None for row, place in places)

    def _stored(self, table: str) -> Iterator[SealedRow]:
        after = ""
        while True:
            with self._store.database.read() as tx:
                rows = self._store.sealed.page(tx, table, after=after, limit=SLICE)
            yield from rows
            if len(rows) < SLICE:
                return
            after = rows[-1].id

    def _opens(self, place: Place, sealed: bytes) -> bool:
        try:
            self._keyring.open(sealed, place)
        except SecretUnreadable:
            return False
        return True

    def _note_key(self, work: UnitOfWork) -> datetime:
        """When the newest key came into use."""
        name = f"{_MARK}{self._keyring.newest_id}"
        known = self._store.checkpoints.get(work.tx, name)
        if known is None:
            self._store.checkpoints.put(work.tx, name, at=self._clock())
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

    def _move_slice(self, work: UnitOfWork, table: str, column: str, after: str) -> tuple[str, int, int]:
        rows = self._store.sealed.page(work.tx, table, after=after, limit=SLICE)
        places = [(row, Place(table, column, row.place, row.user)) for row in rows]
        moved = [
            (row, fresh) for row, place in places if (fresh := self._keyring.reseal(row.sealed, place)) is not None
        ]
        self._store.sealed.replace(work.tx, table, moved)
        return (rows[-1].id if rows else after), len(moved), len(rows)

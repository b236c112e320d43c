"""Recovery codes, as keyed digests."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, delete, func, insert, select, update

from .sets import among
from .tables import Tables


class RecoveryCodes:
    """Rows of the recovery code table. The newest set is the only one."""

    def __init__(self, tables: Tables) -> None:
        self._table = tables.recovery_code

    def replace(self, tx: Connection, user_key: str, digests: Sequence[tuple[str, str]], *, now: datetime) -> None:
        """Void the old set and keep this one, given as pairs of row id and digest."""
        self.void(tx, user_key)
        rows = [{"id": row_id, "user_key": user_key, "digest": digest, "created_at": now} for row_id, digest in digests]
        tx.execute(insert(self._table), rows)

    def try_spend(
        self, tx: Connection, user_key: str, matches: Callable[[str], Collection[str]], *, now: datetime
    ) -> bool:
        """Spend the one code of this user whose digest is right, once.

        :param matches: for a row id, the digests that the code in hand may have there.
        """
        ids = tx.execute(select(self._table.c.id).where(self._unused(user_key))).scalars().all()
        right = [(self._table.c.id == row_id) & self._table.c.digest.in_(matches(row_id)) for row_id in ids]
        if not right:
            return False
        anyone = right[0]
        for one in right[1:]:
            anyone = anyone | one
        # SECURITY: one conditional UPDATE of the user's own rows, so that a code is spent once and only by its owner.
        spent = tx.execute(update(self._table).where(self._unused(user_key), anyone).values(used_at=now))
        return spent.rowcount == 1

    def left(self, tx: Connection, user_key: str) -> int:
        """How many codes are unused."""
        return tx.execute(select(func.count()).select_from(self._table).where(self._unused(user_key))).scalar_one()

    def count_older(self, tx: Connection, moment: datetime) -> int:
        """How many unused codes were made before then."""
        mine = (self._table.c.created_at < moment, self._table.c.used_at.is_(None))
        return tx.execute(select(func.count()).select_from(self._table).where(*mine)).scalar_one()

    def void(self, tx: Connection, *keys: str) -> None:
        """Make every code of these users worthless."""
        tx.execute(delete(self._table).where(among(tx, self._table.c.user_key, keys)))

    def _unused(self, user_key: str) -> ColumnElement[bool]:
        return (self._table.c.user_key == user_key) & self._table.c.used_at.is_(None)

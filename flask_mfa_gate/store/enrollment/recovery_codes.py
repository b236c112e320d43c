"""Recovery codes, as sealed digests."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, bindparam, delete, func, insert, select, update

from ..database.sets import among
from ..tables.tables import Tables


class RecoveryCodes:
    """Rows of the recovery code table. The newest set is the only one."""

    def __init__(self, tables: Tables) -> None:
        self._table, row = tables.recovery_code, tables.recovery_code.c
        unused = (row.user_key == bindparam("key"), row.used_at.is_(None))
        self._counting = select(func.count()).select_from(tables.recovery_code).where(*unused)

    def replace(self, tx: Connection, user_key: str, codes: Sequence[tuple[str, bytes]], *, now: datetime) -> None:
        """Void the old set and keep this one, given as pairs of row id and sealed digest."""
        self.void(tx, user_key)
        rows = [{"id": row_id, "user_key": user_key, "sealed": sealed, "created_at": now} for row_id, sealed in codes]
        tx.execute(insert(self._table), rows)

    def try_spend(self, tx: Connection, user_key: str, fits: Callable[[str, bytes], bool], *, now: datetime) -> bool:
        """Spend the one code of this user that fits, once.

        :param fits: whether the code in hand is that of a row id and a sealed digest.
        """
        unused = tx.execute(select(self._table.c.id, self._table.c.sealed).where(self._unused(user_key))).all()
        right = [row_id for row_id, sealed in unused if fits(row_id, sealed or b"")]
        if not right:
            return False
        # SECURITY: one conditional UPDATE of the user's own rows, so that a code is spent once and only by its owner.
        mine = (self._unused(user_key), self._table.c.id.in_(right))
        return tx.execute(update(self._table).where(*mine).values(used_at=now)).rowcount == 1

    def was_spent(self, tx: Connection, user_key: str, fits: Callable[[str, bytes], bool]) -> bool:
        """Whether the code in hand is one of the current set that was spent before."""
        spent = (self._table.c.user_key == user_key, self._table.c.used_at.is_not(None))
        rows = tx.execute(select(self._table.c.id, self._table.c.sealed).where(*spent))
        return any(fits(row_id, sealed or b"") for row_id, sealed in rows)

    def left(self, tx: Connection, user_key: str) -> int:
        """How many codes are unused."""
        return tx.execute(self._counting, {"key": user_key}).scalar_one()

    def count_older(self, tx: Connection, moment: datetime) -> int:
        """How many unused codes were made before then."""
        mine = (self._table.c.created_at < moment, self._table.c.used_at.is_(None))
        return tx.execute(select(func.count()).select_from(self._table).where(*mine)).scalar_one()

    def void(self, tx: Connection, *keys: str) -> None:
        """Make every code of these users worthless."""
        tx.execute(delete(self._table).where(among(tx, self._table.c.user_key, keys)))

    def _unused(self, user_key: str) -> ColumnElement[bool]:
        return (self._table.c.user_key == user_key) & self._table.c.used_at.is_(None)

"""What is kept of a user's sessions as a whole: how often they were revoked, and the password they rest on."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, func, select, update

from ..database.sets import among
from ..tables.tables import Tables


class Revocations:
    """Columns of the enrollment table, whose rows the caller holds locked."""

    def __init__(self, tables: Tables) -> None:
        self._table = tables.enrollment

    def count(self, tx: Connection, keys: Collection[str]) -> None:
        """Sessions of these users were revoked once more."""
        one_more = func.coalesce(self._table.c.revocations, 0) + 1
        tx.execute(update(self._table).where(among(tx, self._table.c.user_key, keys)).values(revocations=one_more))

    def counted(self, tx: Connection, user_key: str) -> int:
        """How often they were."""
        return tx.execute(select(self._table.c.revocations).where(self._table.c.user_key == user_key)).scalar() or 0

    def stamp(self, tx: Connection, user_key: str) -> str | None:
        """What stood for the password when it was last seen; None before that."""
        return tx.execute(select(self._table.c.stamp).where(self._table.c.user_key == user_key)).scalar()

    def note_stamp(self, tx: Connection, user_key: str, stamp: str | None) -> None:
        """What stands for it now."""
        tx.execute(update(self._table).where(self._table.c.user_key == user_key).values(stamp=stamp))

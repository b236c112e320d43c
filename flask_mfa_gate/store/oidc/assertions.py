"""What counts once: assertions by which clients proved themselves, and answers of providers that sign users in."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, delete, insert
from sqlalchemy.exc import IntegrityError

from ..tables.tables import Tables


class Assertions:
    """Rows of the assertion table."""

    def __init__(self, tables: Tables) -> None:
        self._table = tables.oidc_assertion

    def try_use(self, tx: Connection, digest: str, *, ends_at: datetime) -> bool:
        """Use an assertion up; False when it was used before."""
        try:
            with tx.begin_nested():
                # SECURITY: of two that send the same, the primary key lets only one in.
                tx.execute(insert(self._table).values(digest=digest, ends_at=ends_at))
        except IntegrityError:
            return False
        return True

    def sweep(self, tx: Connection, *, now: datetime) -> int:
        """Delete those that have ended by themselves."""
        return tx.execute(delete(self._table).where(self._table.c.ends_at < now)).rowcount

"""Leave for single acts, which a proof left to one sign-in."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, Connection, delete, select

from ..database.upsert import upsert
from ..tables.tables import Tables


class Grants:
    """One row a sign-in and act; the digest of the act says what it is for."""

    def __init__(self, tables: Tables) -> None:
        self._table = tables.grant

    def put(self, tx: Connection, lineage: str, act: str, *, expires_at: datetime) -> None:
        """A new one; one for the same act that is still there lasts until then."""
        row = {"lineage": lineage, "act": act, "expires_at": expires_at}
        upsert(tx, self._table, [row], update=["expires_at"])

    def is_there(self, tx: Connection, lineage: str, act: str, *, now: datetime) -> bool:
        """Whether this act may be looked at, such as its form."""
        return tx.execute(select(self._table.c.act).where(*self._live(lineage, act, now))).first() is not None

    def try_use(self, tx: Connection, lineage: str, act: str, *, now: datetime) -> bool:
        """Use it up; False when there is none, or a parallel request used it."""
        # SECURITY: one conditional DELETE, so that one proof lets one request through.
        return tx.execute(delete(self._table).where(*self._live(lineage, act, now))).rowcount == 1

    def drop(self, tx: Connection, lineage: str) -> None:
        """Take all of a sign-in's away."""
        tx.execute(delete(self._table).where(self._table.c.lineage == lineage))

    def sweep(self, tx: Connection, *, now: datetime) -> int:
        """Delete what has expired."""
        return tx.execute(delete(self._table).where(self._table.c.expires_at <= now)).rowcount

    def _live(self, lineage: str, act: str, now: datetime) -> tuple[ColumnElement[bool], ...]:
        row = self._table.c
        return row.lineage == lineage, row.act == act, row.expires_at > now

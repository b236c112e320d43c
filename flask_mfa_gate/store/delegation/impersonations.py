"""Impersonations that are under way."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select

from ...domain.sign_in.impersonation import Impersonation
from ..tables.tables import Tables


class Impersonations:
    """Rows of the impersonation table, at most one a session."""

    def __init__(self, tables: Tables) -> None:
        self._table = tables.impersonation

    def find(self, tx: Connection, lineage: str) -> Impersonation | None:
        """The one of this session."""
        row = tx.execute(select(self._table).where(self._table.c.lineage == lineage)).first()
        return None if row is None else Impersonation(**row._mapping)

    def add(self, tx: Connection, begun: Impersonation) -> None:
        """A new one."""
        tx.execute(insert(self._table).values(**asdict(begun)))

    def try_end(self, tx: Connection, begun: Impersonation) -> bool:
        """Delete it; False when it was over before."""
        row = self._table.c
        return tx.execute(delete(self._table).where(row.lineage == begun.lineage, row.id == begun.id)).rowcount == 1

    def sweep(self, tx: Connection, *, before: datetime) -> int:
        """Delete what no session can be in any more."""
        return tx.execute(delete(self._table).where(self._table.c.began_at < before)).rowcount

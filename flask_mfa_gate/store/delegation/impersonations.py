"""Impersonations that are under way."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, delete, exists, insert, select

from ...domain.sign_in.impersonation import Impersonation
from ..database.sets import among
from ..tables.tables import Tables


class Impersonations:
    """Rows of the impersonation table, at most one a session."""

    def __init__(self, tables: Tables) -> None:
        self._table, self._session = tables.impersonation, tables.session

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

    def in_ended(self, tx: Connection, keys: Collection[str]) -> Sequence[Impersonation]:
        """Those that these users are in with a session that was ended."""
        row, session = self._table.c, self._session.c
        ended = exists().where(session.lineage == row.lineage, session.ended_at.is_not(None))
        return self._read(tx, among(tx, row.user_key, keys), ended)

    def unused(self, tx: Connection, *, since: datetime) -> Sequence[Impersonation]:
        """Those whose session is over, or that nobody has used since then."""
        row, session = self._table.c, self._session.c
        mine = (session.lineage == row.lineage, session.ended_at.is_(None), session.seen_at > since)
        return self._read(tx, ~exists().where(*mine), row.began_at < since)

    def _read(self, tx: Connection, *those: ColumnElement[bool]) -> Sequence[Impersonation]:
        return [Impersonation(**row._mapping) for row in tx.execute(select(self._table).where(*those))]

"""Sealed values wherever they stand, to be moved to another key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Column, Connection, select, update

from .tables import Tables


@dataclass(frozen=True, slots=True)
class SealedRow:
    """One value.

    :param place: what it is bound to.
    """

    id: str
    place: str
    sealed: bytes


class SealedValues:
    """Secrets of factors, and what is parked for pending sign-ins."""

    def __init__(self, tables: Tables) -> None:
        factor, session = tables.factor.c, tables.session.c
        self._columns: dict[str, tuple[Column[str], Column[str], Column[bytes]]] = {
            "factor": (factor.id, factor.id, factor.secret),
            "session": (session.id_digest, session.lineage, session.parked),
        }

    def page(self, tx: Connection, table: str, *, after: str, limit: int) -> Sequence[SealedRow]:
        """The next values behind this id."""
        key, place, value = self._columns[table]
        chosen = select(key, place, value).where(key > after, value.is_not(None)).order_by(key).limit(limit)
        return [SealedRow(*row) for row in tx.execute(chosen)]

    def replace(self, tx: Connection, table: str, row: SealedRow, fresh: bytes) -> None:
        """Write the same value, sealed anew, unless somebody changed it meanwhile."""
        key, _place, value = self._columns[table]
        unchanged = update(key.table).where(key == row.id, value == row.sealed)
        tx.execute(unchanged.values({value.name: fresh}))

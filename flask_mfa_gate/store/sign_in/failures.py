"""Wrong codes, counted exactly."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Connection, Row, Select, bindparam, case, delete, func, insert, select

from ...domain.factors.throttle import MEMORY, Failures
from ..database.sets import among
from ..tables.tables import Tables


class FailureLog:
    """Rows of the failure table: those of the last 30 days that no later success from the same address cleared.

    An address is counted by its place (:func:`~flask_mfa_gate.domain.address.place_of`).
    """

    def __init__(self, tables: Tables) -> None:
        self._table, row = tables.failure, tables.failure.c
        self._counting, self._adding = _counting(tables), insert(tables.failure)
        here = (row.user_key == bindparam("key"), row.address == bindparam("place"))
        self._clearing = delete(tables.failure).where(*here)

    def count(self, tx: Connection, user_key: str, *, place: str, now: datetime) -> Failures:
        """What counts against this user."""
        found = self._counted(tx, user_key, now)
        here = next((entry for entry in found if entry.address == place), None)
        return Failures(
            at_address=int(here.times) if here else 0,
            last_at_address=here.last_at if here else None,
            in_total=sum(int(entry.times) for entry in found),
        )

    def count_since(self, tx: Connection, user_key: str, *, since: datetime) -> int:
        """How many there were since then, from any address."""
        mine = (self._table.c.user_key == user_key, self._table.c.at > since)
        return tx.execute(select(func.count()).select_from(self._table).where(*mine)).scalar_one()

    def add(self, tx: Connection, user_key: str, *, place: str, now: datetime) -> None:
        """A wrong code. The caller holds the user's row."""
        found = self._counted(tx, user_key, now)
        ordinal = 1 + next((entry.top for entry in found if entry.address == place), 0)
        on_record = 1 + sum(entry.on_record for entry in found)
        told = {"user_key": user_key, "address": place, "ordinal": ordinal, "at": now, "on_record": on_record}
        tx.execute(self._adding, told)

    def clear(self, tx: Connection, user_key: str, *, place: str) -> None:
        """Forget the failures of one address after a success there."""
        tx.execute(self._clearing, {"key": user_key, "place": place})

    def clear_all(self, tx: Connection, keys: Collection[str]) -> None:
        """Forget every failure of these users."""
        tx.execute(delete(self._table).where(among(tx, self._table.c.user_key, keys)))

    def sweep(self, tx: Connection, *, now: datetime) -> int:
        """Delete what is too old to count."""
        return tx.execute(delete(self._table).where(self._table.c.at <= now - MEMORY)).rowcount

    def _counted(self, tx: Connection, user_key: str, now: datetime) -> Sequence[Row[Any]]:
        return tx.execute(self._counting, {"key": user_key, "since": now - MEMORY, "now": now}).all()


@cache
def _counting(tables: Tables) -> Select[Any]:
    """One row for each address."""
    row = tables.failure.c
    now = bindparam("now", type_=row.at.type)
    return (
        select(
            row.address,
            func.sum(case((row.at > bindparam("since", type_=row.at.type), 1), else_=0)).label("times"),
            # What lies ahead was written before the clock was set back: it counts, and nobody waits for that time.
            func.max(case((row.at <= now, row.at))).label("last_at"),
            func.max(row.ordinal).label("top"),
            func.count().label("on_record"),
        )
        .where(row.user_key == bindparam("key"))
        .group_by(row.address)
    )

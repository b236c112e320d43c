"""Wrong codes, counted exactly."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Connection, case, delete, func, insert, select
from sqlalchemy.exc import IntegrityError

from ...domain.factors.throttle import MEMORY, Failures
from ..database.sets import among
from ..tables.tables import Tables


class OrdinalTaken(Exception):
    """Of two attempts that counted to the same number, the other was first."""


class FailureLog:
    """Rows of the failure table: those of the last 30 days that no later success from the same address cleared.

    An address is counted by its place (:func:`~flask_mfa_gate.domain.address.place_of`).
    """

    def __init__(self, tables: Tables) -> None:
        self._table = tables.failure

    def count(self, tx: Connection, user_key: str, *, place: str, now: datetime) -> tuple[Failures, int]:
        """What is on record for this user, and the next free ordinal at this address."""
        row = self._table.c
        is_recent = row.at > now - MEMORY
        by_address = (
            select(
                row.address,
                func.sum(case((is_recent, 1), else_=0)).label("times"),
                # What lies ahead was written before the clock was set back: it counts, and nobody waits for that time.
                func.max(case((row.at <= now, row.at))).label("last_at"),
                func.max(row.ordinal).label("top"),
            )
            .where(row.user_key == user_key)
            .group_by(row.address)
        )
        found = tx.execute(by_address).all()
        here = next((entry for entry in found if entry.address == place), None)
        failures = Failures(
            at_address=int(here.times) if here else 0,
            last_at_address=here.last_at if here else None,
            in_total=sum(int(entry.times) for entry in found),
        )
        return failures, (here.top if here else 0) + 1

    def count_since(self, tx: Connection, user_key: str, *, since: datetime) -> int:
        """How many there were since then, from any address."""
        mine = (self._table.c.user_key == user_key, self._table.c.at > since)
        return tx.execute(select(func.count()).select_from(self._table).where(*mine)).scalar_one()

    def charge(self, tx: Connection, user_key: str, *, place: str, ordinal: int, now: datetime) -> None:
        """Take one attempt before it is tried.

        :raises OrdinalTaken: when another request took this ordinal. The transaction is over with it.
        """
        try:
            tx.execute(insert(self._table).values(user_key=user_key, address=place, ordinal=ordinal, at=now))
        except IntegrityError as error:
            raise OrdinalTaken from error

    def uncharge(self, tx: Connection, user_key: str, *, place: str, ordinal: int) -> None:
        """The attempt that took this ordinal was none."""
        row = self._table.c
        mine = (row.user_key == user_key, row.address == place, row.ordinal == ordinal)
        tx.execute(delete(self._table).where(*mine))

    def clear(self, tx: Connection, user_key: str, *, place: str) -> None:
        """Forget the failures of one address after a success there."""
        tx.execute(delete(self._table).where(self._table.c.user_key == user_key, self._table.c.address == place))

    def clear_all(self, tx: Connection, keys: Collection[str]) -> None:
        """Forget every failure of these users."""
        tx.execute(delete(self._table).where(among(tx, self._table.c.user_key, keys)))

    def sweep(self, tx: Connection, *, now: datetime) -> int:
        """Delete what is too old to count."""
        return tx.execute(delete(self._table).where(self._table.c.at <= now - MEMORY)).rowcount

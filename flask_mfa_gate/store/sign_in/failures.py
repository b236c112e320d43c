"""Wrong codes, counted exactly."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Connection, Insert, Select, bindparam, case, delete, func, insert, select
from sqlalchemy.exc import IntegrityError

from ...domain.factors.throttle import FREE_FAILURES, MEMORY, Failures, most_in_total
from ..database.sets import among
from ..tables.tables import Tables


class OrdinalTaken(Exception):
    """Of two attempts that counted to the same number, the other was first."""


class FailureLog:
    """Rows of the failure table: those of the last 30 days that no later success from the same address cleared.

    An address is counted by its place (:func:`~flask_mfa_gate.domain.address.place_of`).
    """

    def __init__(self, tables: Tables) -> None:
        self._table, row = tables.failure, tables.failure.c
        self._counting, self._charging = _counting(tables), _charging(tables)
        here = (row.user_key == bindparam("key"), row.address == bindparam("place"))
        self._clearing = delete(tables.failure).where(*here)

    def count(self, tx: Connection, user_key: str, *, place: str, now: datetime) -> tuple[Failures, int]:
        """What is on record for this user, and the next free ordinal at this address."""
        found = tx.execute(self._counting, {"key": user_key, "since": now - MEMORY, "now": now}).all()
        here = next((entry for entry in found if entry.address == place), None)
        failures = Failures(
            at_address=int(here.times) if here else 0,
            last_at_address=here.last_at if here else None,
            in_total=sum(int(entry.times) for entry in found),
        )
        return failures, (here.top if here else 0) + 1

    def try_charge(self, tx: Connection, user_key: str, *, place: str, now: datetime, stoppable: bool) -> bool:
        """Count and take one attempt in one statement, where there are so few failures that nobody has to wait.

        :returns: False, and nothing is taken, where what is on record has to be looked at first.
        :raises OrdinalTaken: as of :meth:`charge`.
        """
        values = {
            "key": user_key, "place": place, "now": now, "since": now - MEMORY,
            "most_here": FREE_FAILURES, "most_in_total": most_in_total(stoppable=stoppable),
        }  # fmt: skip
        try:
            return tx.execute(self._charging, values).rowcount == 1
        except IntegrityError as error:
            raise OrdinalTaken from error

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
        tx.execute(self._clearing, {"key": user_key, "place": place})

    def clear_all(self, tx: Connection, keys: Collection[str]) -> None:
        """Forget every failure of these users."""
        tx.execute(delete(self._table).where(among(tx, self._table.c.user_key, keys)))

    def sweep(self, tx: Connection, *, now: datetime) -> int:
        """Delete what is too old to count."""
        return tx.execute(delete(self._table).where(self._table.c.at <= now - MEMORY)).rowcount


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
        )
        .where(row.user_key == bindparam("key"))
        .group_by(row.address)
    )


@cache
def _charging(tables: Tables) -> Insert:
    """The next ordinal of this address, unless there are more failures than are free here, or in total."""
    row = tables.failure.c
    place = bindparam("place", type_=row.address.type)
    is_recent, is_here = row.at > bindparam("since", type_=row.at.type), row.address == place
    counted = select(
        func.coalesce(func.max(case((is_here, row.ordinal))), 0).label("top"),
        func.coalesce(func.sum(case((is_here & is_recent, 1), else_=0)), 0).label("here"),
        func.coalesce(func.sum(case((is_recent, 1), else_=0)), 0).label("in_total"),
    ).where(row.user_key == bindparam("key")).subquery()  # fmt: skip
    taken = select(
        bindparam("key", type_=row.user_key.type), place, counted.c.top + 1, bindparam("now", type_=row.at.type)
    ).where(counted.c.here <= bindparam("most_here"), counted.c.in_total < bindparam("most_in_total"))
    inserted = insert(tables.failure).from_select(
        ["user_key", "address", "ordinal", "at"], taken, include_defaults=False
    )
    return inserted.execution_options(preserve_rowcount=True)

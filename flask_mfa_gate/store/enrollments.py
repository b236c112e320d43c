"""Requirement and period of each user."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, Select, insert, literal, select, update
from sqlalchemy.exc import IntegrityError

from ..domain.enrollment import Period, Standing
from .standing import read_standing, standing_columns
from .tables import Tables

KEY_LIFETIME = timedelta(hours=24)


class Enrollments:
    """Rows of the enrollment table. A user without a row is not required."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._table = tables.enrollment

    def standing(self, tx: Connection, user_key: str, *, now: datetime) -> Standing:
        """One user's standing, in one SELECT, also for a user without any row."""
        one = select(literal(user_key, self._table.c.user_key.type).label("user_key")).subquery()
        columns = standing_columns(self._tables, one.c.user_key, key_since=now - KEY_LIFETIME)
        joined = one.outerjoin(self._table, self._table.c.user_key == one.c.user_key)
        return read_standing(tx.execute(select(*columns).select_from(joined)).one(), user_key=user_key)

    def lock(self, tx: Connection, user_key: str) -> None:
        """Take the user's row, made when missing, until the transaction ends: changes to one user come one by one."""
        if tx.execute(self._locking(user_key)).first() is None:
            self._create(tx, user_key)
            tx.execute(self._locking(user_key))

    def _locking(self, user_key: str) -> Select[tuple[str]]:
        return select(self._table.c.user_key).where(self._is(user_key)).with_for_update()

    def _create(self, tx: Connection, user_key: str) -> None:
        try:
            with tx.begin_nested():
                tx.execute(insert(self._table).values(user_key=user_key, required=False))
        except IntegrityError:
            return

    def set_requirement(self, tx: Connection, user_key: str, *, required_by: str | None, period: Period | None) -> None:
        """Write the requirement; ``required_by`` None means: not required. Marks of an earlier period go."""
        tx.execute(
            update(self._table)
            .where(self._is(user_key))
            .values(
                required=required_by is not None,
                required_by=required_by,
                days=(period.ends_at - period.started_at).days if period else None,
                started_at=period.started_at if period else None,
                ends_at=period.ends_at if period else None,
                deferred_at=None,
                lapse_noted_at=None,
            )
        )

    def end_period(self, tx: Connection, user_key: str) -> None:
        """The user is enrolled: the requirement stays, the period is over."""
        tx.execute(update(self._table).where(self._is(user_key)).values(days=None, started_at=None, ends_at=None))

    def note_deferral(self, tx: Connection, user_key: str, *, now: datetime) -> None:
        """Remember when "Set up later" was last chosen."""
        tx.execute(update(self._table).where(self._is(user_key)).values(deferred_at=now))

    def lapsed_unnoted(self, tx: Connection, *, now: datetime, limit: int) -> Sequence[str]:
        """Keys of users whose period has ended and whose lapse is not on record yet."""
        due = select(self._table.c.user_key).where(self._table.c.ends_at <= now, self._table.c.lapse_noted_at.is_(None))
        return tx.execute(due.order_by(self._table.c.user_key).limit(limit)).scalars().all()

    def try_note_lapse(self, tx: Connection, user_key: str, *, now: datetime) -> bool:
        """Put one lapse on record; False when another process did, or the period was moved meanwhile."""
        noted = tx.execute(
            update(self._table)
            .where(self._is(user_key), self._table.c.ends_at <= now, self._table.c.lapse_noted_at.is_(None))
            .values(lapse_noted_at=now)
        )
        return noted.rowcount == 1

    def keys(self, tx: Connection) -> Sequence[str]:
        """Every user the gate has a requirement row for."""
        return tx.execute(select(self._table.c.user_key).order_by(self._table.c.user_key)).scalars().all()

    def _is(self, user_key: str) -> ColumnElement[bool]:
        return self._table.c.user_key == user_key

"""Requirement and period of each user."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, Table, bindparam, select, update

from ...domain.enrollment.enrollment import EnrollmentState
from ...domain.enrollment.state_changes import Requirement
from ..database.sets import among, prefer_indexes
from ..database.upsert import upsert
from ..people.memberships import Memberships
from ..people.user_facets import UserFacets
from ..tables.tables import Tables
from .states import STORED, read_standing, standing_columns, standing_of


@dataclass(frozen=True, slots=True)
class LockedUser:
    """What is kept of a user's sessions as a whole, as it stood when the user's row was taken.

    :param revocations: how often they were revoked.
    :param stamp: what stood for the password when it was last seen; None before that.
    """

    revocations: int = 0
    stamp: str | None = field(default=None, repr=False)


class Enrollments:
    """Rows of the enrollment table. A user without a row is not required."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._table = tables.enrollment
        self._facets, self._memberships = UserFacets(tables), Memberships(tables)
        self._of_one, self._locking_one = _standing_of_one(tables), _locking_one(tables.enrollment)

    def state(self, tx: Connection, user_key: str, *, now: datetime) -> EnrollmentState:
        """One user's enrollment state, in one SELECT, also for a user without any row."""
        found = tx.execute(self._of_one, {"user_key": user_key}).one()
        return read_standing(found, user_key=user_key, now=now)

    def states(self, tx: Connection, keys: Collection[str], *, now: datetime) -> dict[str, EnrollmentState]:
        """The enrollment state of each of these users, in two SELECTs."""
        return self._with_factors(tx, keys, self._rows(tx, self._stored(tx, keys)), now)

    def locked_states(self, tx: Connection, keys: Collection[str], *, now: datetime) -> dict[str, EnrollmentState]:
        """The same of users whose rows are taken with it, as by :meth:`lock`."""
        return self._with_factors(tx, keys, self._locked(tx, keys), now)

    def lock(self, tx: Connection, *keys: str) -> dict[str, LockedUser]:
        """Take the users' rows, made when missing, until the transaction ends: changes to one user come one by one."""
        rows = self._locked(tx, keys)
        return {key: _locked_user(rows.get(key)) for key in keys}

    def _locked(self, tx: Connection, keys: Collection[str]) -> dict[str, Row[Any]]:
        """The rows that were there. One of our own making says nothing yet, and is ours without a second SELECT."""
        if len(keys) == 1:
            found = {row[0]: row for row in tx.execute(self._locking_one, {"key": next(iter(keys))})}
        else:
            prefer_indexes(tx)
            found = self._rows(tx, self._locking(tx, keys))
        missing = [key for key in sorted(keys) if key not in found]
        made = upsert(tx, self._table, [{"user_key": key, "required": False} for key in missing])
        return found if made == len(missing) else found | self._rows(tx, self._locking(tx, missing))

    def _locking(self, tx: Connection, keys: Collection[str]) -> Select[Any]:
        """In the order of the keys, so that two who want the same users don't wait for each other."""
        row = self._table.c
        told = self._stored(tx, keys).add_columns(row.revocations, row.stamp)
        return told.order_by(row.user_key).with_for_update()

    def _stored(self, tx: Connection, keys: Collection[str]) -> Select[Any]:
        return select(*(self._table.c[name] for name in STORED)).where(among(tx, self._table.c.user_key, keys))

    def _rows(self, tx: Connection, chosen: Select[Any]) -> dict[str, Row[Any]]:
        return {row[0]: row for row in tx.execute(chosen).all()}

    def _with_factors(
        self, tx: Connection, keys: Collection[str], rows: Mapping[str, Row[Any]], now: datetime
    ) -> dict[str, EnrollmentState]:
        factor = self._tables.factor
        live = select(factor).where(among(tx, factor.c.user_key, keys), factor.c.voided_at.is_(None))
        held: dict[str, list[Row[Any]]] = {}
        for row in tx.execute(live):
            held.setdefault(row.user_key, []).append(row)
        return {key: standing_of(key, rows.get(key), held.get(key, ()), now=now) for key in keys}

    def set_requirement(
        self, tx: Connection, keys: Collection[str], requirement: Requirement, *, due_at: datetime | None
    ) -> None:
        """Write the same requirement for each of these users. Marks of an earlier period go.

        :param due_at: when upkeep has to look at them next.
        """
        period = requirement.period
        length = (period.ends_at - period.started_at).days if period else requirement.waiting_days
        tx.execute(
            update(self._table)
            .where(among(tx, self._table.c.user_key, keys))
            .values(
                required=requirement.required_by is not None,
                required_by=requirement.required_by,
                days=length,
                started_at=period.started_at if period else None,
                ends_at=period.ends_at if period else None,
                deferred_at=None,
                due_at=due_at,
            )
        )
        self._facets.refresh(tx, keys)
        self._memberships.refresh(tx, keys)

    def note_factor(self, tx: Connection, user_key: str, *, ends_period: bool) -> None:
        """The user confirmed a factor. The requirement stays, also where the period is over with that."""
        if ends_period:
            over = {"days": None, "started_at": None, "ends_at": None, "due_at": None}
            tx.execute(update(self._table).where(self._is(user_key)).values(over))
        self._facets.refresh(tx, [user_key])
        self._memberships.refresh(tx, [user_key] if ends_period else [])

    def set_graces(self, tx: Connection, user_key: str, graces: Mapping[str, datetime]) -> None:
        """When policies with days of grace first applied to this user."""
        kept = {name: moment.isoformat() for name, moment in graces.items()}
        tx.execute(update(self._table).where(self._is(user_key)).values(graces=kept))

    def restart_grace(self, tx: Connection, keys: Collection[str], policy: str, *, now: datetime) -> None:
        """The days of grace of a policy begin now for these users, whose rows are locked."""
        row = self._table.c
        held = select(row.user_key, row.graces).where(among(tx, row.user_key, keys))
        again = [
            {"key": key, "kept": {**(graces or {}), policy: now.isoformat()}} for key, graces in tx.execute(held).all()
        ]
        self._write_graces(tx, again)

    def rename_grace(self, tx: Connection, old: str, new: str) -> None:
        """A policy has another name: the days of grace that it gave run on."""
        row = self._table.c
        held = select(row.user_key, row.graces).where(row.graces.is_not(None)).with_for_update()
        moved = [
            {"key": key, "kept": {new if name == old else name: moment for name, moment in graces.items()}}
            for key, graces in tx.execute(held)
            if graces and old in graces
        ]
        self._write_graces(tx, moved)

    def _write_graces(self, tx: Connection, kept: Sequence[Mapping[str, object]]) -> None:
        if kept:
            mine = self._table.c.user_key == bindparam("key")
            tx.execute(update(self._table).where(mine).values(graces=bindparam("kept")), list(kept))

    def forget_graces(self, tx: Connection, keys: Collection[str]) -> None:
        """No policy has applied to these users yet."""
        tx.execute(update(self._table).where(among(tx, self._table.c.user_key, keys)).values(graces=None))

    def note_deferral(self, tx: Connection, user_key: str, *, now: datetime) -> None:
        """Remember when "Set up later" was last chosen."""
        tx.execute(update(self._table).where(self._is(user_key)).values(deferred_at=now))

    def take_due(self, tx: Connection, *, now: datetime, limit: int) -> Sequence[str]:
        """Keys of users whom upkeep has to look at, locked; those that another process has locked are its own."""
        row = self._table.c
        due = select(row.user_key).where(row.due_at <= now).order_by(row.due_at).limit(limit)
        return tx.execute(due.with_for_update(skip_locked=True)).scalars().all()

    def is_overdue(self, tx: Connection, *, since: datetime) -> bool:
        """Whether upkeep should have looked at somebody before then."""
        late = select(self._table.c.user_key).where(self._table.c.due_at < since)
        return tx.execute(late.limit(1)).first() is not None

    def required_and_never_met(self, tx: Connection, *, limit: int) -> Sequence[str]:
        """Keys of which MFA is required and by which nobody has ever signed in."""
        person = self._tables.person.c
        joined = self._table.outerjoin(self._tables.person, person.user_key == self._table.c.user_key)
        never = (self._table.c.required.is_(True), person.last_sign_in_at.is_(None))
        chosen = select(self._table.c.user_key).select_from(joined).where(*never)
        return tx.execute(chosen.order_by(self._table.c.user_key).limit(limit)).scalars().all()

    def set_due(self, tx: Connection, keys: Collection[str], due_at: datetime | None) -> None:
        """When upkeep has to look at these users next."""
        tx.execute(update(self._table).where(among(tx, self._table.c.user_key, keys)).values(due_at=due_at))

    def keys(self, tx: Connection) -> Sequence[str]:
        """Every user the gate has a requirement row for."""
        return tx.execute(select(self._table.c.user_key).order_by(self._table.c.user_key)).scalars().all()

    def _is(self, user_key: str) -> ColumnElement[bool]:
        return self._table.c.user_key == user_key


def _locked_user(row: Row[Any] | None) -> LockedUser:
    return LockedUser() if row is None else LockedUser(row.revocations or 0, row.stamp)


@cache
def _locking_one(table: Table) -> Select[Any]:
    told = select(*(table.c[name] for name in (*STORED, "revocations", "stamp")))
    return told.where(table.c.user_key == bindparam("key")).with_for_update()


@cache
def _standing_of_one(tables: Tables) -> Select[Any]:
    """One row, also for a user whom no table knows."""
    table = tables.enrollment
    one = select(bindparam("user_key", type_=table.c.user_key.type).label("user_key")).subquery()
    joined = one.outerjoin(table, table.c.user_key == one.c.user_key)
    return select(*standing_columns(tables, one.c.user_key)).select_from(joined)

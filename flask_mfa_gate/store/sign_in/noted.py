"""What was put on record lately, so that nobody can make the gate write the same again and again; and what a sign-in
reads of it, with all else that is on record of its user, in one statement.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    ScalarSelect,
    Select,
    Subquery,
    and_,
    bindparam,
    case,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from ..database.upsert import upsert
from ..tables.tables import Tables

WITHIN = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Note:
    """When something was noted first within its hour, and what a later event needs of it."""

    at: datetime
    value: str | None = None

    def is_old(self, now: datetime) -> bool:
        """Whether its hour is over. A clock that was set back must not keep it alive for longer."""
        return self.at <= now - WITHIN or self.at > now


@dataclass(frozen=True, slots=True)
class NoteKey:
    """Of whom something is noted, what, and where."""

    user_key: str
    kind: str
    place: str


class Noted:
    """Rows of the noted table: once for each user, kind, place and hour."""

    def __init__(self, tables: Tables) -> None:
        self._table = tables.noted

    def try_note(self, tx: Connection, key: NoteKey, *, now: datetime, value: str | None = None) -> bool:
        """Note it; False when it was noted within the hour. Of several at once one is the first."""
        mine = self._is(key)
        # A clock that was set back must not keep a note alive for longer than an hour.
        is_old = or_(self._table.c.at <= now - WITHIN, self._table.c.at > now)
        if tx.execute(update(self._table).where(*mine, is_old).values(at=now, value=value)).rowcount == 1:
            return True
        # Asked for first: a key that is there already would cost a savepoint, and a line in the server's log.
        if tx.execute(select(self._table.c.at).where(*mine)).first() is not None:
            return False
        row = {**asdict(key), "at": now, "value": value}
        try:
            with tx.begin_nested():
                tx.execute(insert(self._table).values(row))
        except IntegrityError:
            return False
        return True

    def note_once(self, tx: Connection, key: NoteKey, *, now: datetime, value: str) -> str | None:
        """Note it with this value; where it was noted within the hour, the value that it was noted with."""
        known = self.get(tx, key)
        if known is not None and not known.is_old(now):
            return known.value
        if self.try_note(tx, key, now=now, value=value):
            return value
        first = self.get(tx, key)
        return first.value if first is not None else None

    def get(self, tx: Connection, key: NoteKey) -> Note | None:
        """What was noted last."""
        mine = select(self._table.c.at, self._table.c.value).where(*self._is(key))
        row = tx.execute(mine).first()
        return Note(row.at, row.value) if row else None

    def put(self, tx: Connection, key: NoteKey, note: Note) -> None:
        """Note it, whatever was noted before. The caller holds the user's row."""
        upsert(tx, self._table, [{**asdict(key), **asdict(note)}], update=("at", "value"))

    def drop(self, tx: Connection, key: NoteKey) -> None:
        """Forget it, so that the next is the first again."""
        tx.execute(delete(self._table).where(*self._is(key)))

    def sweep(self, tx: Connection, *, now: datetime) -> int:
        """Delete what is old."""
        return tx.execute(delete(self._table).where(self._table.c.at <= now - WITHIN)).rowcount

    def _is(self, key: NoteKey) -> tuple[ColumnElement[bool], ...]:
        row = self._table.c
        return row.user_key == key.user_key, row.kind == key.kind, row.place == key.place


@dataclass(frozen=True, slots=True)
class Arrival:
    """What there was before the sign-in.

    :param person: the user's row in the person table, if there is one.
    :param noted: what was noted last of the kind, from the place that was asked for.
    :param current: how many rows of the user in the session table no other id took the place of.
    :param pending: how many of them are sign-ins that wait for a proof.
    :param former: the most ids of one sign-in that gave way to another.
    :param stamps: what stands for the passwords that living sign-ins rest on: none, one, or two of several.
    """

    person: Row[Any] | None
    noted: Note | None
    current: int
    pending: int
    former: int
    stamps: frozenset[str] = field(repr=False)


class Arrivals:
    """Reads the person, noted and session tables together."""

    def __init__(self, tables: Tables) -> None:
        self._reading = _reading(tables)

    def read(self, tx: Connection, note: NoteKey) -> Arrival:
        """Of the user of this note. The caller holds their row."""
        row = tx.execute(self._reading, {"key": note.user_key, "place": note.place, "kind": note.kind}).one()
        stamps = frozenset(stamp for stamp in (row.least_stamp, row.most_stamp) if stamp is not None)
        noted = None if row.noted_at is None else Note(row.noted_at, row.noted_value)
        return Arrival(row if row.user_key is not None else None, noted, row.current, row.pending, row.former, stamps)


@cache
def _reading(tables: Tables) -> Select[Any]:
    person, noted, sessions = tables.person, tables.noted, _summary(tables)
    key = sessions.c.asked_key
    is_noted = (noted.c.user_key == key, noted.c.place == bindparam("place"), noted.c.kind == bindparam("kind"))
    joined = sessions.outerjoin(person, person.c.user_key == key).outerjoin(noted, and_(*is_noted))
    told = (noted.c.at.label("noted_at"), noted.c.value.label("noted_value"))
    return select(*person.c, *sessions.c, *told).select_from(joined)


def _most_former(tables: Tables, key: ColumnElement[str]) -> ScalarSelect[int]:
    row = tables.session.c
    in_each = select(func.count().label("ids")).where(row.user_key == key, row.superseded_at.is_not(None))
    ids = in_each.group_by(row.lineage).subquery("former").c.ids
    return select(func.coalesce(func.max(ids), 0)).scalar_subquery()


def _summary(tables: Tables) -> Subquery:
    row = tables.session.c
    key = bindparam("key", type_=row.user_key.type)
    living = case((row.ended_at.is_(None), row.stamp))
    is_current = row.superseded_at.is_(None)
    is_pending = and_(is_current, row.parked.is_not(None), row.parked_at.is_not(None))
    return select(
        key.label("asked_key"), func.count(case((is_current, 1))).label("current"),
        func.count(case((is_pending, 1))).label("pending"), _most_former(tables, key).label("former"),
        func.min(living).label("least_stamp"), func.max(living).label("most_stamp"),
    ).where(row.user_key == key).subquery("sessions")  # fmt: skip

"""What was put on record lately, so that nobody can make the gate write the same again and again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, delete, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from ..database.upsert import upsert
from ..tables.tables import Tables

WITHIN = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Note:
    """When something was noted first within its hour, and what a later event needs of it.

    :param is_proved: whether ``value`` is a sign-in in which a factor was proved.
    """

    at: datetime
    value: str | None = None
    is_proved: bool = False

    def is_old(self, now: datetime) -> bool:
        """Whether its hour is over. A clock that was set back must not keep it alive for longer."""
        return self.at <= now - WITHIN or self.at > now


class Noted:
    """Rows of the noted table: once for each user, kind, place and hour."""

    def __init__(self, tables: Tables) -> None:
        self._table = tables.noted

    def try_note(
        self, tx: Connection, user_key: str, kind: str, *, place: str, now: datetime, value: str | None = None
    ) -> bool:
        """Note it; False when it was noted within the hour. Of several at once one is the first."""
        mine = self._is(user_key, kind, place)
        # A clock that was set back must not keep a note alive for longer than an hour.
        is_old = or_(self._table.c.at <= now - WITHIN, self._table.c.at > now)
        if tx.execute(update(self._table).where(*mine, is_old).values(at=now, value=value)).rowcount == 1:
            return True
        # Asked for first: a key that is there already would cost a savepoint, and a line in the server's log.
        if tx.execute(select(self._table.c.at).where(*mine)).first() is not None:
            return False
        row = {"user_key": user_key, "kind": kind, "place": place, "at": now, "value": value}
        try:
            with tx.begin_nested():
                tx.execute(insert(self._table).values(row))
        except IntegrityError:
            return False
        return True

    def note_once(
        self, tx: Connection, user_key: str, kind: str, *, place: str, now: datetime, value: str
    ) -> str | None:
        """Note it with this value; where it was noted within the hour, the value that it was noted with."""
        known = self.get(tx, user_key, kind, place=place)
        if known is not None and not known.is_old(now):
            return known.value
        if self.try_note(tx, user_key, kind, place=place, now=now, value=value):
            return value
        first = self.get(tx, user_key, kind, place=place)
        return first.value if first is not None else None

    def get(self, tx: Connection, user_key: str, kind: str, *, place: str) -> Note | None:
        """What was noted last."""
        mine = select(self._table.c.at, self._table.c.value).where(*self._is(user_key, kind, place))
        row = tx.execute(mine).first()
        return Note(row.at, row.value) if row else None

    def put(self, tx: Connection, user_key: str, notes: Mapping[str, Note], *, place: str) -> None:
        """Note these, by kind, whatever was noted before. The caller holds the user's row."""
        rows = [
            {"user_key": user_key, "kind": kind, "place": place, "at": note.at, "value": note.value}
            for kind, note in sorted(notes.items())
        ]
        upsert(tx, self._table, rows, update=("at", "value"))

    def drop(self, tx: Connection, user_key: str, kind: str, *, place: str) -> None:
        """Forget it, so that the next is the first again."""
        tx.execute(delete(self._table).where(*self._is(user_key, kind, place)))

    def sweep(self, tx: Connection, *, now: datetime) -> int:
        """Delete what is old."""
        return tx.execute(delete(self._table).where(self._table.c.at <= now - WITHIN)).rowcount

    def _is(self, user_key: str, kind: str, place: str) -> tuple[ColumnElement[bool], ...]:
        row = self._table.c
        return row.user_key == user_key, row.kind == kind, row.place == place

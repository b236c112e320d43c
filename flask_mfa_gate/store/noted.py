"""What was put on record lately, so that nobody can make the gate write the same again and again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, delete, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from .tables import Tables

WITHIN = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Note:
    """When something was noted first within its hour, and what a later event needs of it."""

    at: datetime
    value: str | None


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

    def get(self, tx: Connection, user_key: str, kind: str, *, place: str) -> Note | None:
        """What was noted last."""
        mine = select(self._table.c.at, self._table.c.value).where(*self._is(user_key, kind, place))
        row = tx.execute(mine).first()
        return Note(row.at, row.value) if row else None

    def drop(self, tx: Connection, user_key: str, kind: str, *, place: str) -> None:
        """Forget it, so that the next is the first again."""
        tx.execute(delete(self._table).where(*self._is(user_key, kind, place)))

    def set_value(self, tx: Connection, user_key: str, kind: str, *, place: str, value: str) -> None:
        """Note something else with it."""
        tx.execute(update(self._table).where(*self._is(user_key, kind, place)).values(value=value))

    def sweep(self, tx: Connection, *, now: datetime) -> int:
        """Delete what is old."""
        return tx.execute(delete(self._table).where(self._table.c.at <= now - WITHIN)).rowcount

    def _is(self, user_key: str, kind: str, place: str) -> tuple[ColumnElement[bool], ...]:
        row = self._table.c
        return row.user_key == user_key, row.kind == kind, row.place == place

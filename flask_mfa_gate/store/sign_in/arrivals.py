"""What is on record of a user who signs in, in one statement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from sqlalchemy import Connection, Row, Select, Subquery, and_, bindparam, case, func, or_, select

from ..tables.tables import Tables
from .noted import Note


@dataclass(frozen=True, slots=True)
class Arrival:
    """What there was before the sign-in.

    :param person: the user's row in the person table, if there is one.
    :param notes: what was noted last from the place that was asked for, by kind.
    :param rows: how many rows the session table has of the user.
    :param passing: how many of them wait for a proof, once did, or gave way to another id.
    :param stamps: what stands for the passwords that living sign-ins rest on: none, one, or two of several.
    """

    person: Row[Any] | None
    notes: Mapping[str, Note]
    rows: int
    passing: int
    stamps: frozenset[str] = field(repr=False)


class Arrivals:
    """Reads the person, noted and session tables together."""

    def __init__(self, tables: Tables) -> None:
        self._reading = _reading(tables)

    def read(self, tx: Connection, user_key: str, *, kinds: tuple[str, str], place: str) -> Arrival:
        """The caller holds the user's row.

        :param kinds: of notes.
        """
        values = {"key": user_key, "place": place, "kind": kinds[0], "other_kind": kinds[1]}
        found = tx.execute(self._reading, values).all()
        first = found[0]
        stamps = frozenset(stamp for stamp in (first.least_stamp, first.most_stamp) if stamp is not None)
        return Arrival(
            first if first.user_key is not None else None, _notes(found), first.rows, first.passing, stamps
        )  # fmt: skip


def _notes(found: Sequence[Row[Any]]) -> Mapping[str, Note]:
    return {
        row.noted_kind: Note(row.noted_at, row.noted_value, bool(row.is_proved))
        for row in found
        if row.noted_kind is not None
    }


@cache
def _reading(tables: Tables) -> Select[Any]:
    """One row, or one for each note."""
    person, noted, sign_in = tables.person, tables.noted, tables.sign_in
    sessions = _summary(tables)
    key = sessions.c.asked_key
    is_asked = or_(noted.c.kind == bindparam("kind"), noted.c.kind == bindparam("other_kind"))
    noted_here = and_(noted.c.user_key == key, noted.c.place == bindparam("place"), is_asked)
    joined = (
        sessions.outerjoin(person, person.c.user_key == key)
        .outerjoin(noted, noted_here)
        .outerjoin(sign_in, sign_in.c.lineage == noted.c.value)
    )
    return select(
        *person.c, *sessions.c, noted.c.kind.label("noted_kind"), noted.c.at.label("noted_at"),
        noted.c.value.label("noted_value"), sign_in.c.proved_at.is_not(None).label("is_proved"),
    ).select_from(joined)  # fmt: skip


def _summary(tables: Tables) -> Subquery:
    row = tables.session.c
    key = bindparam("key", type_=row.user_key.type)
    living = case((row.ended_at.is_(None), row.stamp))
    passing = case((or_(row.superseded_at.is_not(None), row.parked_at.is_not(None)), 1))
    return select(
        key.label("asked_key"), func.count().label("rows"), func.count(passing).label("passing"),
        func.min(living).label("least_stamp"), func.max(living).label("most_stamp"),
    ).where(row.user_key == key).subquery("sessions")  # fmt: skip

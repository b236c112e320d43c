"""Events that were put on record and are sent to other servers."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, delete, func, insert, or_, select, update

from ...crypto import new_id
from ...signals import Event
from ..database.sets import insert_cells, insert_many
from ..every_table.unreadable import FAULTS, read_well
from ..tables.tables import Tables

# No pause and no claim lasts so long.
_FARTHEST = timedelta(hours=12)


class OutgoingState(StrEnum):
    """How far an event has come on its way to one destination."""

    WAITING = "waiting"
    SENT = "sent"
    GIVEN_UP = "given-up"


@dataclass(frozen=True, slots=True)
class OutgoingEvent:
    """One event on its way to one destination.

    :param id: the same at each try, so that a repeat can be told.
    :param claimed_until: which sender has it; no other has the same.
    :param problem: what kept it at the last try.
    """

    id: str
    destination: str
    event: Event
    state: OutgoingState
    attempts: int
    due_at: datetime
    claimed_until: datetime | None
    problem: str | None


@dataclass(frozen=True, slots=True)
class Backlog:
    """Events of one destination that are in one state.

    :param oldest: since when the first of them is in it.
    """

    count: int
    oldest: datetime


class OutgoingEvents:
    """Rows of the outgoing_event table. Each is claimed before it is sent, so that no two senders take the same."""

    def __init__(self, tables: Tables) -> None:
        self._table, self._adding = tables.outgoing_event, insert(tables.outgoing_event)

    def add(self, tx: Connection, events: Iterable[tuple[str, Event]]) -> int:
        """Put events in, each with its destination, in the transaction that puts them on record."""
        return insert_many(tx, self._adding, [_row(destination, event) for destination, event in events])

    def add_for(self, tx: Connection, destination: str, event: Event, subjects: Collection[str]) -> int:
        """The same event of many users."""
        shared = _row(destination, event)
        del shared["subject"], shared["id"]
        cells = [[new_id(), subject] for subject in subjects]
        return insert_cells(tx, self._adding, shared, ["id", "subject"], cells)

    def due(self, tx: Connection, destination: str, *, now: datetime, limit: int) -> Sequence[OutgoingEvent]:
        """Events whose time has come and that nobody has claimed, in the order of writing."""
        row = self._table.c
        waiting = select(self._table).where(row.destination == destination, self._is_due(now))
        return self._readable(tx, waiting.order_by(row.number).limit(limit))

    def count_due(self, tx: Connection, *, now: datetime) -> int:
        """How many those are, for all destinations."""
        return int(tx.execute(select(func.count()).where(self._is_due(now))).scalar_one())

    def try_claim(self, tx: Connection, event_id: str, *, now: datetime, until: datetime) -> bool:
        """Take one for sending; False when another sender has it, or has just tried it."""
        mine = update(self._table).where(self._table.c.id == event_id, self._is_due(now))
        return tx.execute(mine.values(claimed_until=until)).rowcount == 1

    def note_sent(self, tx: Connection, event_id: str, *, now: datetime) -> None:
        """It arrived, so what it says is no longer needed here."""
        mine = update(self._table).where(self._table.c.id == event_id)
        # SECURITY: what was told elsewhere is not kept once more: subject, actor, address and details go.
        told = {"subject": "", "actor": "", "facts": {}}
        settled = {"state": OutgoingState.SENT, "since": now, "claimed_until": None, "problem": None}
        tx.execute(mine.values(**told, **settled))

    def note_failed(
        self, tx: Connection, one: OutgoingEvent, *, until: datetime, problem: str, due_at: datetime
    ) -> None:
        """It did not arrive, and waits; unless its claim ran out, and another sender has it.

        :param until: the end of the claim.
        """
        row = self._table.c
        mine = update(self._table).where(
            row.id == one.id, row.state == OutgoingState.WAITING, row.claimed_until == until
        )
        tx.execute(mine.values(claimed_until=None, attempts=one.attempts + 1, problem=problem, due_at=due_at))

    def give_up(self, tx: Connection, *, before: datetime, now: datetime) -> Mapping[str, int]:
        """Try those no more that have waited since before then; how many, by destination."""
        row = self._table.c
        old = (row.state == OutgoingState.WAITING, row.since < before)
        found = tx.execute(select(row.destination, func.count()).where(*old).group_by(row.destination)).all()
        if found:
            given_up = update(self._table).where(*old)
            tx.execute(given_up.values(state=OutgoingState.GIVEN_UP, since=now, claimed_until=None))
        return {one[0]: one[1] for one in found}

    def retry(self, tx: Connection, destination: str, *, now: datetime) -> int:
        """Have those tried again now that were given up, or failed and wait; how many."""
        row = self._table.c
        failed = or_(row.state == OutgoingState.GIVEN_UP, and_(self._is_waiting(now), row.attempts > 0))
        again = update(self._table).where(row.destination == destination, failed)
        return tx.execute(
            again.values(state=OutgoingState.WAITING, since=now, due_at=now, attempts=0, claimed_until=None)
        ).rowcount

    def has_waited(self, tx: Connection, *, since: datetime) -> bool:
        """Whether one has been waiting since before then."""
        row = self._table.c
        old = select(row.number).where(row.state == OutgoingState.WAITING, row.since < since)
        return tx.execute(old.limit(1)).first() is not None

    def backlogs(self, tx: Connection) -> Mapping[tuple[str, OutgoingState], Backlog]:
        """What waits and what was given up, also for destinations that are no longer set up."""
        row = self._table.c
        counted = select(row.destination, row.state, func.count(), func.min(row.since)).where(self._is_untold())
        found = tx.execute(counted.group_by(row.destination, row.state)).all()
        return {(one[0], OutgoingState(one[1])): Backlog(one[2], one[3]) for one in found}

    def last_sent_at(self, tx: Connection, destination: str) -> datetime | None:
        """When the newest event that arrived did so."""
        row = self._table.c
        mine = select(row.since).where(row.state == OutgoingState.SENT, row.destination == destination)
        return tx.execute(mine.order_by(row.number.desc()).limit(1)).scalar()

    def failed(self, tx: Connection, *, limit: int) -> Sequence[OutgoingEvent]:
        """Events that did not arrive at a try, the latest first."""
        row = self._table.c
        is_failed = or_(row.state == OutgoingState.GIVEN_UP, and_(row.state == OutgoingState.WAITING, row.attempts > 0))
        return self._readable(tx, select(self._table).where(is_failed).order_by(row.number.desc()).limit(limit))

    def rename(self, tx: Connection, old: str, new: str) -> None:
        """Those about a user, or what they did, speak of the new key."""
        for column, before, after in self._names(old, new):
            tx.execute(update(self._table).where(self._is_untold(), column == before).values({column: after}))

    def forget(self, tx: Connection, key: str, *, pseudonym: str) -> None:
        """Of what happened to a user only that it happened and when stays, to somebody without a name."""
        mine = update(self._table).where(self._is_untold(), self._table.c.subject == key)
        tx.execute(mine.values(subject=pseudonym, facts=_facts()))
        self.rename(tx, key, pseudonym)

    def sweep(self, tx: Connection, *, sent_before: datetime, given_up_before: datetime) -> int:
        """Delete what arrived, or was given up, long ago."""
        row = self._table.c
        sent = and_(row.state == OutgoingState.SENT, row.since < sent_before)
        given_up = and_(row.state == OutgoingState.GIVEN_UP, row.since < given_up_before)
        return tx.execute(delete(self._table).where(or_(sent, given_up))).rowcount

    def _readable(self, tx: Connection, wanted: Select[Any]) -> Sequence[OutgoingEvent]:
        """What can be read of these: a row that somebody edited by hand must not keep back those behind it."""
        row = self._table.c
        try:
            return [_read(found) for found in tx.execute(wanted)]
        except FAULTS:
            numbers = tx.execute(wanted.with_only_columns(row.number)).scalars().all()
        found, _ = read_well(lambda some: list(map(_read, tx.execute(wanted.where(row.number.in_(some))))), numbers)
        return found

    def _names(self, old: str, new: str) -> Iterable[tuple[Any, str, str]]:
        row = self._table.c
        return (row.subject, old, new), (row.actor, f"user:{old}", f"user:{new}")

    def _is_untold(self) -> ColumnElement[bool]:
        return self._table.c.state.in_([OutgoingState.WAITING, OutgoingState.GIVEN_UP])

    def _is_waiting(self, now: datetime) -> ColumnElement[bool]:
        row = self._table.c
        is_free = or_(row.claimed_until.is_(None), _is_over(row.claimed_until, now))
        return and_(row.state == OutgoingState.WAITING, is_free)

    def _is_due(self, now: datetime) -> ColumnElement[bool]:
        return and_(self._is_waiting(now), _is_over(self._table.c.due_at, now))


def _is_over(ends: ColumnElement[Any], now: datetime) -> ColumnElement[bool]:
    """Whether a pause or a claim has ended, or was noted by a clock that has been set back since."""
    return or_(ends <= now, ends > now + _FARTHEST)


def _row(destination: str, event: Event) -> dict[str, Any]:
    return {
        "id": new_id(), "destination": destination, "event": str(event.name), "at": event.at,
        "subject": event.subject, "actor": event.actor,
        "facts": _facts(event.address, event.user_agent, event.reason, event.details),
        "state": OutgoingState.WAITING, "since": event.at, "due_at": event.at, "attempts": 0,
    }  # fmt: skip


def _facts(
    address: str | None = None, user_agent: str | None = None, reason: str | None = None,
    details: Mapping[str, object] | None = None,
) -> dict[str, Any]:  # fmt: skip
    return {"address": address, "user_agent": user_agent, "reason": reason, "details": dict(details or {})}


def _read(row: Row[Any]) -> OutgoingEvent:
    facts = {**_facts(), **row.facts}
    event = Event(name=row.event, at=row.at, actor=row.actor, subject=row.subject, **facts)
    state = OutgoingState(row.state)
    return OutgoingEvent(
        row.id, row.destination, event, state, row.attempts, row.due_at, row.claimed_until, row.problem
    )

"""Mail that was decided and not sent yet."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, delete, func, insert, or_, select, update

from ...domain.records.mail_kind import MailKind
from ..database.sets import insert_cells
from ..people.people import KnownPerson
from ..tables.tables import Tables

_LISTS_PEOPLE = "digest"


@dataclass(frozen=True, slots=True)
class Message:
    """One mail in the outbox. The id is also the left part of its Message-ID, so a repeat can be told.

    :param facts: what its template needs, as JSON values.
    """

    id: str
    kind: str
    user_key: str
    recipient: str
    facts: Mapping[str, Any]
    created_at: datetime
    attempts: int = 0


@dataclass(frozen=True, slots=True)
class Waiting:
    """Mail that stays.

    :param problem: what kept the oldest of those that were tried from leaving; None when none was.
    """

    count: int
    oldest: datetime
    problem: str | None


class Outbox:
    """Rows of the outbox table. A message is claimed before it is sent, so that two senders never take the same."""

    def __init__(self, tables: Tables) -> None:
        self._table = tables.outbox

    def add(self, tx: Connection, messages: Iterable[Message]) -> list[str]:
        """Put messages in, in the transaction of the act they tell of; their ids."""
        alike: dict[tuple[str, datetime], list[list[Any]]] = {}
        for one in messages:
            alike.setdefault((one.kind, one.created_at), []).append([one.id, one.user_key, one.recipient, one.facts])
        for (kind, created_at), cells in alike.items():
            shared = {"kind": kind, "created_at": created_at, "due_at": created_at, "attempts": 0}
            insert_cells(tx, insert(self._table), shared, ["id", "user_key", "recipient", "facts"], cells)
        return [cell[0] for cells in alike.values() for cell in cells]

    def was_told(self, tx: Connection, user_key: str, kind: MailKind, *, since: datetime) -> bool:
        """Whether a mail of this kind was decided for this user since then."""
        row = self._table.c
        mine = select(row.id).where(row.user_key == user_key, row.kind == kind, row.created_at > since)
        return tx.execute(mine.limit(1)).first() is not None

    def due(self, tx: Connection, *, now: datetime, limit: int) -> Sequence[Message]:
        """Messages whose time has come and that nobody has claimed, oldest first."""
        row = self._table.c
        waiting = select(self._table).where(self._is_due(now))
        return [
            Message(
                found.id, found.kind, found.user_key, found.recipient, found.facts, found.created_at, found.attempts
            )
            for found in tx.execute(waiting.order_by(row.due_at, row.id).limit(limit))
        ]

    def count_due(self, tx: Connection, *, now: datetime) -> int:
        """How many those are."""
        due = select(func.count()).select_from(self._table).where(self._is_due(now))
        return int(tx.execute(due).scalar_one())

    def try_claim(self, tx: Connection, message_id: str, *, now: datetime, until: datetime) -> bool:
        """Take a message for sending; False when another sender has it, or has just tried it."""
        mine = (self._table.c.id == message_id, self._is_due(now))
        return tx.execute(update(self._table).where(*mine).values(claimed_until=until)).rowcount == 1

    def note_sent(self, tx: Connection, message_id: str, *, now: datetime) -> None:
        """The mail server took it."""
        tx.execute(
            update(self._table)
            .where(self._table.c.id == message_id)
            .values(sent_at=now, claimed_until=None, problem=None)
        )

    def drop(self, tx: Connection, message_id: str) -> None:
        """It need not be sent any more."""
        tx.execute(delete(self._table).where(self._table.c.id == message_id, self._table.c.sent_at.is_(None)))

    def withdraw(self, tx: Connection, kind: MailKind, *, decided_at: datetime) -> None:
        """Take back the mails of one decision that nobody has begun to send."""
        row = self._table.c
        mine = (row.kind == kind, row.created_at == decided_at, row.sent_at.is_(None), row.claimed_until.is_(None))
        tx.execute(delete(self._table).where(*mine))

    def give_up(self, tx: Connection, message_id: str, *, now: datetime) -> None:
        """Try it no more."""
        mine = update(self._table).where(self._table.c.id == message_id)
        tx.execute(mine.values(given_up_at=now, claimed_until=None))

    def count_given_up(self, tx: Connection) -> int:
        """How many messages were given up, as long as that is remembered."""
        return tx.execute(select(func.count()).where(self._table.c.given_up_at.is_not(None))).scalar_one()

    def note_failed(self, tx: Connection, message: Message, *, problem: str, due_at: datetime) -> None:
        """The mail server did not take it; it waits until ``due_at``."""
        tx.execute(
            update(self._table)
            .where(self._table.c.id == message.id)
            .values(claimed_until=None, attempts=message.attempts + 1, problem=problem, due_at=due_at)
        )

    def waiting(self, tx: Connection, *, since: datetime) -> Waiting | None:
        """What should have left before then and did not; None when there is nothing."""
        row = self._table.c
        late = (row.sent_at.is_(None), row.given_up_at.is_(None), row.created_at < since)
        count, oldest = tx.execute(select(func.count(), func.min(row.created_at)).where(*late)).one()
        tried = select(row.problem).where(*late, row.problem.is_not(None)).order_by(row.created_at).limit(1)
        return Waiting(count, oldest, tx.execute(tried).scalar()) if count else None

    def leave_out(self, tx: Connection, people: Mapping[str, KnownPerson]) -> None:
        """Take people out of the lists in other people's mail, sent or not."""
        row = self._table.c
        names = {name for key, known in people.items() for name in (known.person.name, key)}
        emails = {address for known in people.values() for address in (known.person.email, known.former_email)} - {""}
        for found in tx.execute(select(row.id, row.facts).where(row.kind == _LISTS_PEOPLE)).all():
            listed = found.facts.get("lapsing", [])
            kept = [one for one in listed if one["email"] not in emails and (one["email"] or one["name"] not in names)]
            if len(kept) < len(listed):
                facts = {**found.facts, "lapsing": kept}
                tx.execute(update(self._table).where(row.id == found.id).values(facts=facts))

    def sweep(self, tx: Connection, *, now: datetime, older_than: timedelta) -> int:
        """Delete what was sent, or given up, long ago."""
        row, before = self._table.c, now - older_than
        return tx.execute(delete(self._table).where(or_(row.sent_at < before, row.given_up_at < before))).rowcount

    def _is_due(self, now: datetime) -> ColumnElement[bool]:
        row = self._table.c
        unclaimed = or_(row.claimed_until.is_(None), row.claimed_until <= now)
        return and_(row.sent_at.is_(None), row.given_up_at.is_(None), row.due_at <= now, unclaimed)

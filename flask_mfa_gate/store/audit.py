"""The audit log."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Connection, Row, insert, select

from ..signals import Event
from .sets import insert_cells, insert_many
from .tables import Tables


class AuditLog:
    """Rows of the audit table, written in the transaction of the act they speak of."""

    def __init__(self, tables: Tables) -> None:
        self._table = tables.audit

    def write(self, tx: Connection, events: Collection[Event]) -> None:
        """One record for each event."""
        insert_many(tx, insert(self._table), [_row(event) for event in events])

    def write_for(self, tx: Connection, event: Event, subjects: Collection[str]) -> None:
        """One record for each subject, alike in all else."""
        shared = _row(event)
        del shared["subject"]
        insert_cells(tx, insert(self._table), shared, ["subject"], [[subject] for subject in subjects])

    def recent(self, tx: Connection, subject: str, *, limit: int) -> Sequence[Event]:
        """The latest events about one user, newest first."""
        mine = select(self._table).where(self._table.c.subject == subject)
        return [_read(row) for row in tx.execute(mine.order_by(self._table.c.id.desc()).limit(limit))]


def _row(event: Event) -> dict[str, Any]:
    return {
        "at": event.at,
        "event": event.name,
        "actor": event.actor,
        "subject": event.subject,
        "address": event.address,
        "user_agent": event.user_agent,
        "reason": event.reason,
        "details": dict(event.details),
    }


def _read(row: Row[Any]) -> Event:
    return Event(
        name=row.event,
        at=row.at,
        actor=row.actor,
        subject=row.subject,
        address=row.address,
        user_agent=row.user_agent,
        reason=row.reason,
        details=row.details,
    )

"""The audit log as lists show it: newest first, page by page, filtered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from ...domain.people.person import Origin
from ...domain.people.roles import Actor
from ...domain.records.event_name import EventName
from ...errors import BadRequest
from ...store.records.audit import AuditFilter, Record
from ..text_validation import kept_text
from ..unit_of_work import TransactionRunner

PAGE_SIZES = (20, 50, 100)
_SLICE = 1000
_LONGEST_NUMBER = 18


@dataclass(frozen=True, slots=True)
class AuditPage:
    """One page of the log.

    :param names: of the users who act or are acted on, by key.
    """

    items: tuple[Record, ...]
    next_cursor: str | None
    names: Mapping[str, str]


class AuditReader:
    """Reads the log for people and files."""

    def __init__(self, worker: TransactionRunner) -> None:
        self._store, self._worker = worker.store, worker

    def page(self, wanted: AuditFilter, *, cursor: str | None, per_page: int, now: datetime) -> AuditPage:
        """The next records, newest first.

        :raises BadRequest: for a cursor that no page gave out.
        """
        with self._store.database.read() as tx:
            found = self._store.audit.page(tx, _kept(wanted), before=_place(cursor), limit=per_page + 1)
            shown = found[:per_page]
            keys = {key for record in shown for key in _people_in(record)}
            met = self._store.people.known(tx, keys, now=now) if keys else {}
        names = {key: one.person.name or one.person.email for key, one in met.items()}
        return AuditPage(tuple(shown), str(shown[-1].id) if len(found) > per_page else None, names)

    def note_export(self, actor: Actor, what: str, *, origin: Origin) -> None:
        """Put on record who took a whole list away."""
        self._worker.run(
            lambda work: work.record(
                EventName.LIST_EXPORTED,
                subject=actor.user_key or actor.name,
                actor=actor.name,
                origin=origin,
                list=what,
            )
        )

    def every(self, wanted: AuditFilter) -> Iterator[Record]:
        """All of them, newest first; what is written meanwhile is not among them."""
        before = None
        while True:
            with self._store.database.read() as tx:
                found = self._store.audit.page(tx, _kept(wanted), before=before, limit=_SLICE)
            yield from found
            if len(found) < _SLICE:
                return
            before = found[-1].id


def _kept(wanted: AuditFilter) -> AuditFilter:
    """Without what no database keeps, which would be an error there."""
    actor, subject = (None if text is None else kept_text(text) for text in (wanted.actor, wanted.subject))
    return replace(wanted, actor=actor, subject=subject)


def _place(cursor: str | None) -> int | None:
    if cursor is None:
        return None
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) <= _LONGEST_NUMBER):
        raise BadRequest("This page of the list can't be found any more. Begin at the first page.")
    return int(cursor)


def _people_in(record: Record) -> Iterator[str]:
    yield record.event.subject
    if record.event.actor.startswith("user:"):
        yield record.event.actor.removeprefix("user:")

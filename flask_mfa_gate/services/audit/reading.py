"""The audit log as lists show it: newest first, page by page, filtered."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from ...domain.people.person import Origin
from ...domain.people.roles import Actor
from ...domain.records.event_name import EventName
from ...errors import BadCursor
from ...store.records.audit import AuditFilter, Record, RecordPlace
from ..text_validation import kept_text
from ..unit_of_work import TransactionRunner
from .cursors import GONE, moment_number, moment_of_number
from .watching import AuditWatch

PAGE_SIZES = (20, 50, 100)
_SLICE = 1000
_MOST_ALIKE = 20
_CURSOR = re.compile(r"([0-9]{1,17})\.([0-9]{1,18})", re.ASCII)


@dataclass(frozen=True, slots=True)
class AuditPage:
    """One page of the log.

    :param names: of the users who act or are acted on, by key.
    :param unreadable: ids of records that somebody edited so that nothing can read them; they are left out.
    """

    items: tuple[Record, ...]
    next_cursor: str | None
    names: Mapping[str, str]
    unreadable: tuple[int, ...] = ()


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
            shown = found.records[:per_page]
            keys = {key for record in shown for key in _people_in(record)}
            names = self._store.people.names(tx, keys) if keys else {}
        return AuditPage(
            tuple(shown), _cursor(shown[-1]) if shown and found.count > per_page else None, names, found.unreadable
        )

    def refused(self, reference: str) -> Sequence[Record]:
        """The record of a refusal by its reference, which two of a million may share: the newest first."""
        with self._store.database.read() as tx:
            return self._store.audit.page(tx, AuditFilter(reference=reference), before=None, limit=_MOST_ALIKE).records

    def watch(self, names: Set[str]) -> AuditWatch:
        """The log as it grows from here on.

        :param names: of the events to tell of; none for all.
        """
        return AuditWatch(self._store, names, clock=self._worker.clock)

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
            yield from found.records
            if found.count < _SLICE or not found.records:
                return
            before = RecordPlace(found.records[-1].event.at, found.records[-1].id)


def _kept(wanted: AuditFilter) -> AuditFilter:
    """Without what no database keeps, which would be an error there."""
    names = ("actor", "subject", "reason_id", "reference")
    kept: dict[str, Any] = {name: kept_text(text) for name in names if (text := getattr(wanted, name)) is not None}
    return replace(wanted, **kept)


def _cursor(record: Record) -> str:
    return f"{moment_number(record.event.at)}.{record.id}"


def _place(cursor: str | None) -> RecordPlace | None:
    if cursor is None:
        return None
    if (found := _CURSOR.fullmatch(cursor)) is None:
        raise BadCursor(GONE)
    return RecordPlace(moment_of_number(int(found[1])), int(found[2]))


def _people_in(record: Record) -> Iterator[str]:
    yield record.event.subject
    if record.event.actor.startswith("user:"):
        yield record.event.actor.removeprefix("user:")

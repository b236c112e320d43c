"""The audit log: what happened, by whom and to whom, and whether nothing was changed since."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from flask import Response

from ...domain.people.roles import Role, is_reserved
from ...domain.records.event_name import EventName
from ...services.audit.chain import Verification
from ...store.records.audit import AuditFilter, Record
from ..account.activity import event_text, used_words
from ..responses import answers
from ..translation import gettext, ngettext
from .console import WRITE, Console, ConsoleRoute, console_url, never_acts
from .listing import Chip, ListState, are_one_of
from .representation import Format, Listing, Table, csv_file, format_wanted, json_list, lines_file
from .users.address import user_url

FILTERS = ("event", "actor", "subject", "since", "until")
_COLUMNS = ("id", "at", "event", "actor", "subject", "address", "user_agent", "reason", "details")


@dataclass(frozen=True, slots=True)
class AuditLine:
    """One record in words.

    :param actor: the name where there is one, else as it is recorded.
    :param details: pairs of word and value.
    """

    record: Record
    text: str
    actor: str
    subject: str
    details: tuple[tuple[str, str], ...]
    subject_url: str


def audit(console: Console) -> Response:
    """The list, newest first; the whole of it as CSV or JSON lines."""
    state = ListState("audit", FILTERS)
    wanted = _filter_of(state)
    kind = format_wanted(console, Format.HTML, Format.JSON, Format.CSV, Format.LINES)
    if kind in {Format.CSV, Format.LINES}:
        return _export(console, wanted, kind)
    per_page = state.per_page(50)
    page = console.state.operations.audit_reader.page(
        wanted, cursor=state.text("cursor"), per_page=per_page, now=console.now
    )
    if kind is Format.JSON:
        return json_list(Listing(page.items, page.next_cursor, None, count_is_exact=False), TABLE)
    used = used_words(console.state.factors.registry)
    return console.page(
        "audit.html", lines=[_line(record, page.names, used) for record in page.items],
        chips=list(_chips(state, page.names)),
        clear_url=console_url("audit"), events=_event_options(), state=state, csv_url=state.url(format="csv"),
        lines_url=state.url(format="jsonl"), head=console.state.operations.audit.head(),
        pager=state.pager(len(page.items), page.next_cursor, count=None),
    )  # fmt: skip


def verify(console: Console) -> Response:
    """Check every link of the chain now."""
    found = console.state.operations.audit.verify()
    if console.desk.wants_json:
        return answers.json_answer(
            {
                "verified": found.verified, "bare": found.bare, "unsealed": found.unsealed,
                "broken_at": found.broken_at, "head": str(console.state.operations.audit.head()),
            }
        )  # fmt: skip
    return console.page(
        "audit_verified.html", found=found, sentence=_sentence(found), head=console.state.operations.audit.head()
    )


def _sentence(found: Verification) -> str:
    if found.broken_at is not None:
        return gettext("The audit log was changed: record %(number)s does not fit.", number=found.broken_at)
    return ngettext(
        "Audit log intact: %(num)s record verified, %(waiting)s not yet sealed.",
        "Audit log intact: %(num)s records verified, %(waiting)s not yet sealed.",
        found.verified, waiting=found.unsealed,
    )  # fmt: skip


def _filter_of(state: ListState) -> AuditFilter:
    event = state.text("event")
    are_one_of([event] if event else [], EventName, "event")
    actor = state.text("actor")
    since, until = state.day("since"), state.day("until")
    return AuditFilter(
        event=event,
        actor=actor if actor is None or is_reserved(actor) else f"user:{actor}",
        subject=state.text("subject"),
        since=since,
        until=until + timedelta(days=1) if until is not None else None,
    )


def _chips(state: ListState, names: Mapping[str, str]) -> Iterator[Chip]:
    labels = {
        "event": gettext("Event"), "actor": gettext("By"), "subject": gettext("User"),
        "since": gettext("From"), "until": gettext("To"),
    }  # fmt: skip
    for name in FILTERS:
        if value := state.text(name):
            shown = value.replace("_", " ") if name == "event" else names.get(value.removeprefix("user:"), value)
            yield Chip(f"{labels[name]}: {shown}", state.url_without(name, value))


def _event_options() -> list[tuple[str, str]]:
    words = sorted(EventName)
    return [("", gettext("Any event")), *((word, word.replace("_", " ").capitalize()) for word in words)]


def _line(record: Record, names: Mapping[str, str], used: Mapping[str, str]) -> AuditLine:
    event = record.event
    key = event.actor.removeprefix("user:")
    actor = (names.get(key) or key) if event.actor.startswith("user:") else _ACTORS.get(event.actor, event.actor)
    said = event.details.items()
    details = tuple((name.replace("_", " "), _shown(value)) for name, value in said if value not in (None, "", [], {}))
    subject = names.get(event.subject) or event.subject
    return AuditLine(record, event_text(event, used), actor, subject, details, user_url(event.subject))


def _shown(value: Any) -> str:
    """A detail as an admin reads it, not as Python writes it."""
    if isinstance(value, bool):
        return gettext("yes") if value else gettext("no")
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


_ACTORS = {"cli": "Command line", "host": "The app", "system": "System"}


def _export(console: Console, wanted: AuditFilter, kind: Format) -> Response:
    reader = console.state.operations.audit_reader
    reader.note_export(console.actor, TABLE.name, origin=console.origin)
    rows = reader.every(wanted)
    return csv_file(TABLE, rows) if kind is Format.CSV else lines_file(TABLE, rows)


def _row(record: Record) -> Mapping[str, Any]:
    said = record.event
    return {
        "id": record.id, "at": said.at.isoformat(), "event": said.name, "actor": said.actor, "subject": said.subject,
        "address": said.address, "user_agent": said.user_agent, "reason": said.reason, "details": dict(said.details),
    }  # fmt: skip


TABLE = Table("audit", _COLUMNS, _row)
ROUTES = (
    ConsoleRoute(rule="/audit", name="audit", view=audit),
    ConsoleRoute(
        rule="/audit/verify", name="audit_verify", view=verify, methods=WRITE, least_to_write=Role.AUDITOR,
        acts=never_acts,
    ),
)  # fmt: skip

"""The audit log: what happened, by whom and to whom, and whether nothing was changed since."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from flask import Response

from ...domain.authorization.decision import reason_of_policy
from ...domain.people.roles import Role, is_reserved
from ...domain.records.event_name import EventName
from ...services.audit.chain import Verification
from ...services.audit.reading import AuditPage
from ...store.records.audit import AuditFilter, Record
from ..account.activity import event_text, used_words
from ..responses import answers
from ..translation import gettext, ngettext
from .audit_words import detail_words, event_name
from .console import WRITE, Console, ConsoleRoute, console_url, never_acts
from .listing import ListState, are_one_of
from .policies.kit import names_to_choose
from .representation import Format, Listing, Table, format_wanted, json_list, whole_list
from .users.address import key_of_typed, user_url
from .words import author_word

FILTERS = ("event", "actor", "subject", "policy", "reason_id", "reference", "since", "until")
_COLUMNS = (
    "id", "at", "event", "actor", "subject", "address", "user_agent", "reason", "reference", "details",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class AuditLine:
    """One record in words.

    :param actor: the name where there is one, else as it is recorded.
    :param details: pairs of word and value.
    :param reference: of a refusal.
    """

    record: Record
    text: str
    actor: str
    subject: str
    subject_url: str
    details: tuple[tuple[str, str], ...]
    reference: str | None


def audit(console: Console) -> Response:
    """The list, newest first; the whole of it as CSV or JSON lines."""
    state = ListState("audit", FILTERS)
    wanted = _filter_of(console, state)
    kind, reader = format_wanted(console, *Format), console.state.operations.audit_reader
    if kind in {Format.CSV, Format.LINES}:
        return whole_list(console, TABLE, kind, reader.every(wanted))
    page = reader.page(wanted, cursor=state.text("cursor"), per_page=state.per_page(50), now=console.now)
    if kind is Format.JSON:
        return json_list(Listing(page.items, page.next_cursor, None, count_is_exact=False), TABLE)
    return console.page(
        "audit.html", lines=list(_lines(console, page)), chips=list(state.chips(_labels(), _shown(page.names))),
        clear_url=console_url("audit"), events=_event_options(), state=state, csv_url=state.url(format="csv"),
        lines_url=state.url(format="jsonl"), policies=names_to_choose(console, state.text("policy")),
        pager=state.pager(len(page.items), page.next_cursor, count=None), unreadable=page.unreadable,
    )  # fmt: skip


def verify(console: Console) -> Response:
    """Check every link of the chain now."""
    found = console.state.operations.audit.verify()
    if console.auth.wants_json:
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


def _filter_of(console: Console, state: ListState) -> AuditFilter:
    event, actor, subject, policy = (state.text(name) for name in ("event", "actor", "subject", "policy"))
    are_one_of([event] if event else [], EventName, "event")
    since, until = state.period()
    return AuditFilter(
        event=event,
        actor=actor if actor is None or is_reserved(actor) else f"user:{key_of_typed(console, actor)}",
        subject=None if subject is None else key_of_typed(console, subject),
        reason_id=state.text("reason_id") if policy is None else reason_of_policy(policy),
        reference=state.reference(),
        since=since,
        until=until,
    )


def _labels() -> Mapping[str, str]:
    return {
        "reference": gettext("Reference"), "event": gettext("Event"), "actor": gettext("By"),
        "subject": gettext("User"), "policy": gettext("Policy"), "reason_id": gettext("Reason"),
        "since": gettext("From"), "until": gettext("To"),
    }  # fmt: skip


def _shown(names: Mapping[str, str]) -> Callable[[str, str], str]:
    def shown(name: str, value: str) -> str:
        if name == "event":
            return event_name(value)
        return author_word(value, names) if name == "actor" else names.get(value, value)

    return shown


def _event_options() -> list[tuple[str, str]]:
    options = [(word.value, event_name(word)) for word in EventName]
    return [("", gettext("Any event")), *sorted(options, key=lambda option: option[1])]


def _lines(console: Console, page: AuditPage) -> Iterator[AuditLine]:
    used = used_words(console.state.factors.registry)
    for record in page.items:
        event = record.event
        reference = event.details.get("reference")
        yield AuditLine(
            record, event_text(event, used), author_word(event.actor, page.names),
            page.names.get(event.subject) or event.subject, user_url(event.subject), tuple(detail_words(event)),
            reference if isinstance(reference, str) else None,
        )  # fmt: skip


def _row(record: Record) -> Mapping[str, Any]:
    said = record.event
    return {
        "id": record.id, "at": said.at.isoformat(), "event": said.name, "actor": said.actor, "subject": said.subject,
        "address": said.address, "user_agent": said.user_agent, "reason": said.reason,
        "reference": said.details.get("reference"), "details": dict(said.details),
    }  # fmt: skip


TABLE = Table("audit", _COLUMNS, _row)
ROUTES = (
    ConsoleRoute(rule="/audit", name="audit", view=audit),
    ConsoleRoute(
        rule="/audit/verify", name="audit_verify", view=verify, methods=WRITE, least_to_write=Role.AUDITOR,
        acts=never_acts,
    ),
)  # fmt: skip

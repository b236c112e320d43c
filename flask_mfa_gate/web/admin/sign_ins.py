"""Everybody's sign-ins: what was asked, why, and what became of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from flask import Response

from ...domain.authorization.decision import reason_of_policy
from ...domain.sign_in.sign_in_outcome import SignInOutcome
from ...services.audit.sign_in_reading import SignInPage, outcome_of_record
from ...store.sign_in.sign_in_list import SignInFilter
from ...store.sign_in.sign_ins import SignInRecord
from ..translation import gettext
from .console import Console, ConsoleRoute, console_url
from .listing import ListState, are_one_of
from .policies.kit import names_to_choose
from .representation import Format, Listing, Table, format_wanted, json_list, whole_list
from .users.address import key_of_typed, user_url
from .words import Word, access_word, asked_word, client_word, outcome_word, reason_word

FILTERS = ("user", "outcome", "policy", "reference", "since", "until")
_COLUMNS = (
    "id", "at", "user", "outcome", "asked", "reason", "policies", "policy_version", "default_access", "proved_at",
    "address", "client", "provider", "reference",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class SignInLine:
    """One sign-in in words.

    :param policies: names of those that decided, with the list of sign-ins that each one decided.
    """

    record: SignInRecord
    name: str
    user_url: str
    outcome: Word
    asked: Word
    reason: str
    policies: tuple[tuple[str, str], ...]
    default: str
    client: str
    reference_url: str


def sign_ins(console: Console) -> Response:
    """The list, newest first; the whole of it as CSV or JSON lines."""
    state = ListState("sign_ins", FILTERS)
    wanted = _filter_of(console, state)
    kind, reader = format_wanted(console, *Format), console.state.operations.sign_in_reader
    if kind in {Format.CSV, Format.LINES}:
        return whole_list(console, TABLE, kind, reader.every(wanted))
    page = reader.page(wanted, cursor=state.text("cursor"), per_page=state.per_page(50))
    if kind is Format.JSON:
        return json_list(Listing(page.items, page.next_cursor, None, count_is_exact=False), TABLE)
    return console.page(
        "sign_ins.html", lines=list(_lines(console, state, page)),
        chips=list(state.chips(_labels(), _shown(page.names))), clear_url=console_url("sign_ins"),
        outcomes=_outcomes(), policies=names_to_choose(console, state.text("policy")), state=state,
        csv_url=state.url(format="csv"), lines_url=state.url(format="jsonl"),
        pager=state.pager(len(page.items), page.next_cursor, count=None), unreadable=page.unreadable,
    )  # fmt: skip


def _filter_of(console: Console, state: ListState) -> SignInFilter:
    outcome, user = state.text("outcome"), state.text("user")
    since, until = state.period()
    are_one_of([outcome] if outcome else [], list(SignInOutcome), "outcome")
    return SignInFilter(
        user_key=None if user is None else key_of_typed(console, user),
        outcome=SignInOutcome(outcome) if outcome else None,
        policy=state.text("policy"),
        reference=state.reference(),
        since=since,
        until=until,
    )


def _lines(console: Console, state: ListState, page: SignInPage) -> Iterator[SignInLine]:
    known = {reason_of_policy(one.name): one.name for one in console.state.access.policies.current().policies}
    for record in page.items:
        names = record.policies or [name for name in [known.get(record.reason_id)] if name]
        yield SignInLine(
            record, page.names.get(record.user_key) or record.user_key, user_url(record.user_key),
            outcome_word(outcome_of_record(record)), asked_word(record.verdict), reason_word(record.reason_id),
            tuple((name, state.url(policy=name)) for name in names),
            access_word(record.default_access) if record.default_access else "", client_word(record.client),
            console_url("audit", reference=record.reference) if record.reference else "",
        )  # fmt: skip


def _labels() -> Mapping[str, str]:
    return {
        "reference": gettext("Reference"), "user": gettext("User"), "outcome": gettext("Outcome"),
        "policy": gettext("Policy"), "since": gettext("From"), "until": gettext("To"),
    }  # fmt: skip


def _shown(names: Mapping[str, str]) -> Callable[[str, str], str]:
    def shown(name: str, value: str) -> str:
        return outcome_word(SignInOutcome(value)).text if name == "outcome" else names.get(value, value)

    return shown


def _outcomes() -> list[tuple[str, str]]:
    return [("", gettext("Any outcome")), *((one.value, outcome_word(one).text) for one in SignInOutcome)]


def _row(record: SignInRecord) -> Mapping[str, Any]:
    return {
        "id": record.lineage, "at": record.at.isoformat(), "user": record.user_key,
        "outcome": outcome_of_record(record).value, "asked": record.verdict, "reason": record.reason_id,
        "policies": list(record.policies or ()), "policy_version": record.policy_version,
        "default_access": record.default_access,
        "proved_at": record.proved_at.isoformat() if record.proved_at else None,
        "address": record.address, "client": record.client, "provider": record.facts.get("provider"),
        "reference": record.reference,
    }  # fmt: skip


TABLE = Table("sign-ins", _COLUMNS, _row)
ROUTES = (ConsoleRoute(rule="/sign-ins", name="sign_ins", view=sign_ins),)

"""Everybody's sign-ins: what was asked, why, and what became of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from flask import Response

from ...domain.authorization.decision import reason_of_policy
from ...domain.sign_in.sign_in_outcome import SignInOutcome
from ...errors import UnknownUser
from ...services.audit.sign_in_reading import SignInPage, outcome_of_record
from ...store.sign_in.sign_in_list import SignInFilter
from ...store.sign_in.sign_ins import SignInRecord
from ..translation import gettext
from .console import Console, ConsoleRoute, console_url
from .listing import Chip, ListState, are_one_of
from .representation import Format, Listing, Table, csv_file, format_wanted, json_list, lines_file
from .users.address import user_url
from .words import Word, access_word, asked_word, outcome_word, reason_word

FILTERS = ("user", "outcome", "policy", "since", "until")
_COLUMNS = (
    "id", "at", "user", "outcome", "asked", "reason", "policies", "policy_version", "default_access", "proved_at",
    "address", "client",
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


def sign_ins(console: Console) -> Response:
    """The list, newest first; the whole of it as CSV or JSON lines."""
    state = ListState("sign_ins", FILTERS)
    wanted = _filter_of(console, state)
    kind = format_wanted(console, Format.HTML, Format.JSON, Format.CSV, Format.LINES)
    if kind in {Format.CSV, Format.LINES}:
        return _export(console, wanted, kind)
    per_page = state.per_page(50)
    page = console.state.operations.sign_in_reader.page(wanted, cursor=state.text("cursor"), per_page=per_page)
    if kind is Format.JSON:
        return json_list(Listing(page.items, page.next_cursor, None, count_is_exact=False), TABLE)
    return console.page(
        "sign_ins.html", lines=list(_lines(console, state, page)), chips=list(_chips(state, page.names)),
        clear_url=console_url("sign_ins"), outcomes=_outcomes(), policies=_policies(console, state), state=state,
        csv_url=state.url(format="csv"), lines_url=state.url(format="jsonl"),
        pager=state.pager(len(page.items), page.next_cursor, count=None),
    )  # fmt: skip


def _filter_of(console: Console, state: ListState) -> SignInFilter:
    outcome, user, until = state.text("outcome"), state.text("user"), state.day("until")
    are_one_of([outcome] if outcome else [], list(SignInOutcome), "outcome")
    return SignInFilter(
        user_key=None if user is None else _key_of(console, user),
        outcome=SignInOutcome(outcome) if outcome else None,
        policy=state.text("policy"),
        since=state.day("since"),
        until=until + timedelta(days=1) if until is not None else None,
    )


def _key_of(console: Console, typed: str) -> str:
    """The key of who is meant by a key or an email; sign-ins of users who are gone are found by their key."""
    try:
        return console.state.people.lookup.key_of(typed)
    except UnknownUser:
        return typed


def _lines(console: Console, state: ListState, page: SignInPage) -> Iterator[SignInLine]:
    known = {reason_of_policy(one.name): one.name for one in console.state.access.policies.current().policies}
    for record in page.items:
        names = record.policies or [name for name in [known.get(record.reason_id)] if name]
        yield SignInLine(
            record, page.names.get(record.user_key) or record.user_key, user_url(record.user_key),
            outcome_word(outcome_of_record(record)), asked_word(record.verdict), reason_word(record.reason_id),
            tuple((name, state.url(policy=name)) for name in names),
            access_word(record.default_access) if record.default_access else "",
        )  # fmt: skip


def _chips(state: ListState, names: Mapping[str, str]) -> Iterator[Chip]:
    labels = {
        "user": gettext("User"), "outcome": gettext("Outcome"), "policy": gettext("Policy"),
        "since": gettext("From"), "until": gettext("To"),
    }  # fmt: skip
    for name in FILTERS:
        if value := state.text(name):
            shown = outcome_word(SignInOutcome(value)).text if name == "outcome" else names.get(value, value)
            yield Chip(f"{labels[name]}: {shown}", state.url_without(name, value))


def _outcomes() -> list[tuple[str, str]]:
    return [("", gettext("Any outcome")), *((one.value, outcome_word(one).text) for one in SignInOutcome)]


def _policies(console: Console, state: ListState) -> list[tuple[str, str]]:
    """Those that there are, and the one that is filtered by, which may be gone."""
    names = {one.name for one in console.state.access.policies.current().policies} | {state.text("policy") or ""}
    return [("", gettext("Any policy")), *((name, name) for name in sorted(names - {""}))]


def _export(console: Console, wanted: SignInFilter, kind: Format) -> Response:
    console.state.operations.audit_reader.note_export(console.actor, TABLE.name, origin=console.origin)
    rows = console.state.operations.sign_in_reader.every(wanted)
    return csv_file(TABLE, rows) if kind is Format.CSV else lines_file(TABLE, rows)


def _row(record: SignInRecord) -> Mapping[str, Any]:
    return {
        "id": record.lineage, "at": record.at.isoformat(), "user": record.user_key,
        "outcome": outcome_of_record(record).value, "asked": record.verdict, "reason": record.reason_id,
        "policies": list(record.policies or ()), "policy_version": record.policy_version,
        "default_access": record.default_access,
        "proved_at": record.proved_at.isoformat() if record.proved_at else None,
        "address": record.address, "client": record.client,
    }  # fmt: skip


TABLE = Table("sign-ins", _COLUMNS, _row)
ROUTES = (ConsoleRoute(rule="/sign-ins", name="sign_ins", view=sign_ins),)

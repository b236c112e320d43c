"""Servers that are told of events: how it stands with each, a test, and another try."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Response

from ...domain.people.roles import Role
from ...services.event_delivery import DestinationState
from ...store.records.outgoing_events import OutgoingEvent, OutgoingState
from ..fields import text_field
from ..responses import answers
from ..translation import gettext, ngettext
from .audit_words import event_name
from .console import WRITE, Console, ConsoleRoute, console_url
from .representation import Format, Table, csv_file, format_wanted
from .settings import draw_settings


def events(console: Console) -> Response:
    """Every destination, and the events that did not arrive."""
    delivery = console.state.operations.event_delivery
    states, failed = delivery.states(), delivery.failed()
    kind = format_wanted(console, Format.HTML, Format.JSON, Format.CSV)
    if kind is Format.CSV:
        return csv_file(TABLE, failed)
    if kind is Format.JSON:
        return answers.json_answer(
            {"destinations": [_state_json(one) for one in states], "failed": [_failure_json(one) for one in failed]}
        )
    return console.page(
        "events.html", states=states, failed=failed, may_try=console.may(Role.ADMIN), event_name=event_name,
        state_word=_state_word,
    )  # fmt: skip


def test(console: Console) -> Response:
    """Send a test event the way of every other; how it went shows a moment later."""
    name = text_field(console.fields, "destination", default="")
    console.state.operations.event_delivery.test(name, actor=console.actor, origin=console.origin)
    if console.auth.wants_json:
        return answers.json_answer({"destination": name, "state": OutgoingState.WAITING}, 202)
    sentence = gettext("A test event is on its way to %(name)s. Open Settings again to see if it arrived.", name=name)
    return draw_settings(console, tried=("good", sentence))


def retry(console: Console) -> Response:
    """Try those again that did not arrive."""
    name = text_field(console.fields, "destination", default="")
    count = console.state.operations.event_delivery.retry(name, actor=console.actor, origin=console.origin)
    if console.auth.wants_json:
        return answers.json_answer({"destination": name, "retried": count})
    return answers.see_other(console_url("setting_events"))


def _state_word(one: OutgoingEvent) -> tuple[str, str]:
    """The word of its badge, and the tone."""
    if one.state is OutgoingState.GIVEN_UP:
        return gettext("Given up"), "bad"
    return ngettext("%(num)s attempt", "%(num)s attempts", one.attempts), "warn"


def _state_json(one: DestinationState) -> Mapping[str, Any]:
    return {
        "name": one.name,
        "address": one.destination.target if one.destination else None,
        "waiting": one.waiting,
        "given_up": one.given_up,
        "last_sent_at": one.last_sent_at.isoformat() if one.last_sent_at else None,
    }


def _failure_json(one: OutgoingEvent) -> Mapping[str, Any]:
    return {
        "id": one.id, "destination": one.destination, "event": one.event.name, "at": one.event.at.isoformat(),
        "state": one.state, "attempts": one.attempts, "problem": one.problem,
    }  # fmt: skip


TABLE: Table[OutgoingEvent] = Table(
    "failed-events", ("id", "destination", "event", "at", "state", "attempts", "problem"), _failure_json
)
ROUTES = (
    ConsoleRoute(rule="/settings/events", name="setting_events", view=events),
    ConsoleRoute(rule="/settings/events/test", name="setting_events_test", view=test, methods=WRITE),
    ConsoleRoute(rule="/settings/events/retry", name="setting_events_retry", view=retry, methods=WRITE),
)

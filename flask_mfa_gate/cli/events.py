"""Commands on events: watch them, and see them reach other servers."""

from __future__ import annotations

import json
import secrets
import select
import sys
import time
from base64 import b64encode
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any

import click

from ..domain.records.event_name import EventName
from ..errors import MFAGateError
from ..services.event_delivery import DestinationState
from ..settings.event_checks import SECRET_PREFIX
from ..store.records.outgoing_events import OutgoingEvent
from ..web.state import current_state
from .group import ACTOR, as_json_option, mfa
from .output import counted, local, print_json, print_list

PAUSE_SECONDS = 1.0
_HEAD = ("DESTINATION", "ADDRESS", "FORMAT", "EVENTS", "WAITING", "GIVEN UP", "LAST SENT")
_LIMIT = timedelta(seconds=60)
_SECRET_BYTES = 32


class NotDelivered(MFAGateError):
    """A test event did not arrive."""


@mfa.group(help="Events: watch them, and check that they reach webhooks and syslog servers.")
def events() -> None:
    pass


@events.command(help="Print events as lines of JSON while they happen; Ctrl-C ends it.")
@click.option(
    "--event",
    "names",
    multiple=True,
    type=click.Choice([name.value for name in EventName]),
    help="Only this event. Can be repeated.",
)
@click.option(
    "--lines",
    type=click.IntRange(0, 1000),
    default=10,
    show_default=True,
    help="How many earlier events to print first.",
)
@click.option("--follow/--no-follow", default=True, help="Whether to wait for new events.")
def tail(names: tuple[str, ...], lines: int, follow: bool) -> None:
    watch = current_state().operations.audit_reader.watch(frozenset(names))
    with suppress(KeyboardInterrupt):
        for record in watch.latest(lines):
            _print_line(record)
        while follow and not _is_reader_gone():
            time.sleep(PAUSE_SECONDS)
            for record in watch.new():
                _print_line(record)


def _print_line(record: Mapping[str, Any]) -> None:
    click.echo(json.dumps(record))


def _is_reader_gone() -> bool:
    """Whether nobody reads standard output any more, as `head` once it has seen enough."""
    if not hasattr(select, "poll"):
        return False
    poll = select.poll()
    try:
        poll.register(sys.stdout.fileno(), 0)
    except (OSError, ValueError):
        return False
    return bool(poll.poll(0))


@events.command("list", help="List webhooks and syslog servers, with what is waiting for each.")
@as_json_option
def list_destinations(as_json: bool) -> None:
    found = current_state().operations.event_delivery.states()
    if as_json:
        print_json([_facts(one) for one in found])
        return
    print_list("destination", _HEAD, [_row(one) for one in found])


@events.command(help="Show events that did not arrive, newest first.")
@as_json_option
def failed(as_json: bool) -> None:
    found = current_state().operations.event_delivery.failed()
    if as_json:
        print_json([_failure(one) for one in found])
        return
    for one in found:
        click.echo(f"{one.id}  {one.event.name} to {one.destination}: {one.state}, {one.problem or 'not tried'}")
    click.echo(f"{counted(len(found), 'event')}.")


@events.command(help="Send a test event to a webhook or syslog server. Exits with 1 if it did not arrive.")
@click.argument("destination")
def test(destination: str) -> None:
    delivery = current_state().operations.event_delivery
    delivery.test(destination, actor=ACTOR)
    sent, missed = delivery.send_now(destination, limit=_LIMIT)
    if missed or not sent:
        raise NotDelivered(f"{destination} did not take the events that wait for it. See: flask mfa events failed")
    click.echo(f"{destination} took the test event.")


@events.command(help="Retry events now that did not arrive or were given up.")
@click.argument("destination")
def retry(destination: str) -> None:
    delivery = current_state().operations.event_delivery
    count = delivery.retry(destination, actor=ACTOR)
    sent, missed = delivery.send_now(destination, limit=_LIMIT)
    click.echo(f"{counted(count, 'event')} to try again: {sent} sent, {missed} failed.")


@events.command("new-secret", help="Print a new secret for MFA_GATE_WEBHOOKS.")
def new_secret() -> None:
    click.echo(SECRET_PREFIX + b64encode(secrets.token_bytes(_SECRET_BYTES)).decode())


def _facts(one: DestinationState) -> dict[str, Any]:
    to = one.destination
    return {
        "name": one.name,
        "address": to.target if to else None,
        "format": to.format if to else None,
        "events": sorted(to.events) if to else None,
        "waiting": one.waiting,
        "waiting_since": one.waiting_since.isoformat() if one.waiting_since else None,
        "given_up": one.given_up,
        "last_sent_at": one.last_sent_at.isoformat() if one.last_sent_at else None,
    }


def _row(one: DestinationState) -> tuple[str, ...]:
    to = one.destination
    what = ("(no longer set up)", "", "") if to is None else (to.target, to.format, str(len(to.events) or "all"))
    sent = local(one.last_sent_at) if one.last_sent_at else "never"
    return one.name, *what, str(one.waiting), str(one.given_up), sent


def _failure(one: OutgoingEvent) -> dict[str, Any]:
    return {
        "id": one.id, "destination": one.destination, "event": one.event.name, "at": one.event.at.isoformat(),
        "state": one.state, "attempts": one.attempts, "problem": one.problem, "due_at": one.due_at.isoformat(),
    }  # fmt: skip

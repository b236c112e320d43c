"""Commands on the audit log."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime

import click

from ..errors import BadRequest
from ..web.state import current_state
from .group import as_json_option, mfa, print_facts
from .targets import key_of


@mfa.group(help="The audit log: export and verify.")
def audit() -> None:
    pass


@audit.command(help="Print every record as a line of JSON, oldest first.")
@click.option("--since", help="An ISO 8601 time with zone.")
@click.option("--user", help="Only what happened to this user.")
def export(since: str | None, user: str | None) -> None:
    state = current_state()
    subject = key_of(state, user) if user is not None else None
    for record in state.audit.export(since=_moment(since), subject=subject):
        click.echo(json.dumps(record))


@audit.command(help="Check that no record was changed, added or cut off. Exits with 1 when one was.")
@click.option("--head", help="A head kept elsewhere, as the log and the digest mail show it.")
@as_json_option
def verify(head: str | None, as_json: bool) -> None:
    found = current_state().audit.verify(head)
    facts = {"verified": found.verified, "bare": found.bare, "unsealed": found.unsealed, "broken_at": found.broken_at}
    print_facts(facts, as_json=as_json)
    if found.broken_at is not None:
        raise SystemExit(1)


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    with suppress(ValueError, OverflowError):
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is not None:
            return moment.astimezone(UTC)
    raise BadRequest("--since takes an ISO 8601 time with zone, e.g. 2026-12-24T18:00+01:00.")

"""The record of a refusal, by the reference that the refused person was shown."""

from __future__ import annotations

from typing import Any

import click

from ...domain.records.refusal import read_reference
from ...errors import BadRequest, NotFound
from ...services.audit.sign_in_reasons import sentence_of
from ...store.records.audit import Record
from ...web.state import current_state
from ..output import label, local, print_json


def print_refusal(typed: str, *, as_json: bool) -> None:
    """What was refused, to whom, when and why.

    :raises NotFound: where no record has this reference.
    """
    for record in refusals_of(typed):
        if as_json:
            print_json(_as_json(record))
        else:
            _print(record)


def refusals_of(typed: str) -> list[Record]:
    """The records of this reference, the newest first; hardly ever more than one.

    :raises BadRequest: for a text that is none.
    :raises NotFound: where there is none.
    """
    if (reference := read_reference(typed)) is None:
        raise BadRequest("A reference has eight letters and digits, such as K7QX-2M9P.")
    found = current_state().operations.audit_reader.refused(reference)
    if not found:
        raise NotFound(f"No refusal has the reference {reference}.")
    return list(found)


def _print(record: Record) -> None:
    event, details = record.event, record.event.details
    where = ", ".join(text for text in (event.address, event.user_agent) if text)
    name = current_state().people.enrollments.look_up(event.subject).person
    click.echo(f"{local(event.at)}  {label(name)}: {details.get('verdict')}{f' from {where}' if where else ''}")
    click.echo(f"    {sentence_of(str(details.get('reason_id')), _policy(record))}")
    if details.get("endpoint"):
        click.echo(f"    Page: {details['endpoint']}")
    if policy := _policy(record):
        click.echo(f"    See: flask mfa policies show {policy!r}")


def _policy(record: Record) -> str | None:
    names = record.event.details.get("policies")
    return str(names[0]) if isinstance(names, list) and names else None


def _as_json(record: Record) -> dict[str, Any]:
    event = record.event
    return {
        "id": record.id, "at": event.at.isoformat(), "key": event.subject, "address": event.address,
        "user_agent": event.user_agent, **event.details,
    }  # fmt: skip

"""Why somebody was asked for what."""

from __future__ import annotations

from typing import Any

import click

from ...domain.access import APP
from ...services.audit.sign_in_reasons import SignInReason
from ...web.state import current_state
from ..arguments import moment
from ..group import as_json_option, mfa
from ..output import label, local, print_json
from .refused import print_refusal
from .targets import known_key

_LATEST = 5


@mfa.command(
    help="Show what a user was asked at their last sign-ins, by which policy or default, and why; or, with "
    "--reference, what was refused to somebody who quotes one."
)
@click.option("--reference", help="As a refused page shows it, such as K7QX-2M9P; in place of USER.")
@click.option("--at", help="The last ones up to this ISO 8601 time with zone. Default: now.")
@click.option("--limit", type=click.IntRange(1, 100), default=_LATEST, show_default=True, help="At most this many.")
@as_json_option
@click.argument("user", required=False)
def why(user: str | None, reference: str | None, at: str | None, limit: int, as_json: bool) -> None:
    if (user is None) == (reference is None):
        raise click.UsageError("Pass either USER or --reference.")
    if reference is not None:
        print_refusal(reference, as_json=as_json)
    elif user is not None:
        _print_sign_ins(user, at=at, limit=limit, as_json=as_json)


def _print_sign_ins(user: str, *, at: str | None, limit: int, as_json: bool) -> None:
    state = current_state()
    person = state.people.enrollments.look_up(known_key(state, user)).person
    until = state.clock() if at is None else moment(at, "--at")
    found = state.sign_in.reasons.latest(person.key, person.groups, until=until, limit=limit)
    default = state.rules.access(APP).value
    if as_json:
        print_json({"key": person.key, "default": default, "sign_ins": [_as_json(one) for one in found]})
        return
    click.echo(f"{label(person)}: {'the last sign-ins' if found else 'no sign-in on record'} up to {local(until)}.")
    for one in found:
        _print(one)
    click.echo(f"Default access of {APP}: {default}. What would happen now: flask mfa policies simulate {person.key}")


def _print(one: SignInReason) -> None:
    record = one.record
    where = ", ".join(text for text in (record.address, record.client) if text)
    proved = f" Proved {local(record.proved_at)}." if record.proved_at else ""
    click.echo(f"{local(record.at)}  {record.verdict} ({record.reason_id}){f' from {where}' if where else ''}")
    click.echo(f"    {one.reason}{proved}")
    for policy in one.applied:
        click.echo(f"    {policy.mark.value:8} {policy.name} (version {one.version})")
        for criterion in policy.criteria:
            click.echo(f"             {criterion.mark.value:8} {criterion.name}: {criterion.reason}")


def _as_json(one: SignInReason) -> dict[str, Any]:
    record = one.record
    return {
        "at": record.at.isoformat(),
        "address": record.address,
        "client": record.client,
        "verdict": record.verdict,
        "reason_id": record.reason_id,
        "reason": one.reason,
        "policy": one.policy,
        "version": one.version,
        "proved_at": record.proved_at.isoformat() if record.proved_at else None,
        "policies": [
            {
                "name": policy.name,
                "mark": policy.mark.value,
                "criteria": [
                    {"word": found.word, "under": found.under, "mark": found.mark.value, "reason": found.reason}
                    for found in policy.criteria
                ],
            }
            for policy in one.applied
        ],
    }

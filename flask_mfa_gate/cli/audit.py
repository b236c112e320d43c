"""Commands on the audit log."""

from __future__ import annotations

import json
from contextlib import closing

import click

from ..services.audit.chain import Verification
from ..web.state import current_state
from .arguments import moment
from .group import as_json_option, mfa
from .output import counted, print_json
from .people.targets import known_key


@mfa.group(help="The audit log: export and verify.")
def audit() -> None:
    pass


@audit.command(help="Print every record as a line of JSON, oldest first; with --json, as one list.")
@click.option("--since", help="An ISO 8601 time with zone.")
@click.option("--user", help="Only what happened to this user.")
@as_json_option
def export(since: str | None, user: str | None, as_json: bool) -> None:
    state = current_state()
    subject = known_key(state, user) if user is not None else None
    records = state.operations.audit.export(since=None if since is None else moment(since, "--since"), subject=subject)
    # A closed stdout ends the loop early, and the connection goes back then, not whenever it is collected.
    with closing(records):
        if as_json:
            print_json(list(records))
            return
        for record in records:
            click.echo(json.dumps(record))


@audit.command(help="Check that no record was changed, added or cut off. Exits with 1 if one was.")
@click.option("--head", help="A head kept elsewhere: this command, the console and the digest email show it.")
@as_json_option
def verify(head: str | None, as_json: bool) -> None:
    chain = current_state().operations.audit
    found, newest = chain.verify(head), str(chain.head())
    if as_json:
        facts = {name: getattr(found, name) for name in ("verified", "bare", "unsealed", "broken_at")}
        begin = found.anchor
        since = begin.removed_at.isoformat() if begin.removed_at is not None else None
        print_json({**facts, "head": newest, "removed": begin.last.number, "removed_at": since})
    else:
        click.echo(_sentence(found))
        if found.anchor.removed_at is not None:
            click.echo(f"{found.anchor}.".capitalize())
        click.echo(f"Head: {newest}")
    if found.broken_at is not None:
        raise SystemExit(1)


def _sentence(found: Verification) -> str:
    if found.broken_at is not None:
        return f"Audit log broken at record {found.broken_at}: {counted(found.verified, 'record')} before it verified."
    bare = f", {found.bare} of them without personal details, on a user's behalf" if found.bare else ""
    return f"Audit log intact: {counted(found.verified, 'record')} verified{bare}, {found.unsealed} not yet sealed."

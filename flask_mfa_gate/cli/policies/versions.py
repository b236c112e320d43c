"""Commands on versions of the policies: history, diff, rollback."""

from __future__ import annotations

from typing import Any

import click

from ...services.policies.history import Edit
from ...web.state import current_state
from ..group import ACTOR, as_json_option, confirm
from ..output import DRY_RUN, actor_label, dry, local, print_json, print_table
from .policies import diff_json, policies

_SHOWN = 20


@policies.command(help="List versions, newest first: when, by whom, why, and what each changed.")
@as_json_option
@click.option("--policy", help="Only versions that touched this policy.")
@click.option("--limit", type=click.IntRange(1, 1000), default=_SHOWN, show_default=True, help="At most this many.")
def history(policy: str | None, limit: int, as_json: bool) -> None:
    state = current_state()
    edits = state.access.history.edits(policy, limit=limit)
    if policy is not None and not edits:
        # Says so where there is no such policy.
        state.access.policies.get(policy)
    if as_json:
        print_json([_as_json(edit) for edit in edits])
        return
    rows = [line for edit in edits for line in _lines(edit, actor_label(state, edit.version.author))]
    if rows:
        print_table(("VERSION", "WHEN", "AUTHOR", "ACT", "REASON", "CHANGES"), rows)
    else:
        click.echo("No version yet." if policy is None else f"None of the last {limit} versions changed {policy!r}.")


@policies.command(help="Show what going back to a version would change.")
@as_json_option
@click.argument("version", type=int)
def diff(version: int, as_json: bool) -> None:
    _show(version, None, is_dry=False, as_json=as_json)


@policies.command(help="Make an earlier version the newest one, after showing what that changes.")
@click.option("--yes", is_flag=True, help="Don't ask for confirmation.")
@click.option("--reason", help="Reason; kept in the audit log.")
@click.option("--dry-run", is_flag=True, help="Show what would change, and change nothing.")
@click.option("--policy", help="Take only this policy back.")
@as_json_option
@click.argument("version", type=int)
def rollback(version: int, yes: bool, reason: str | None, dry_run: bool, policy: str | None, as_json: bool) -> None:
    if dry_run:
        _show(version, policy, is_dry=True, as_json=as_json)
        return
    state = current_state()
    found, fields = state.access.history.back_to(version, policy)
    if not as_json:
        _print(fields, found.loosens)
    confirm(f"Go back to version {version}?", yes=yes)
    state.access.policies.rollback(version, name=policy, actor=ACTOR, reason=reason)
    if as_json:
        print_json({**diff_json(found, ()), "fields": list(fields)})
    else:
        what = "The policies are those" if policy is None else f"The policy {policy!r} is that"
        click.echo(f"{what} of version {version} again.")


def _show(version: int, policy: str | None, *, is_dry: bool, as_json: bool) -> None:
    found, fields = current_state().access.history.back_to(version, policy)
    if as_json:
        print_json(dry({**diff_json(found, ()), "fields": list(fields)}, is_dry=is_dry))
        return
    _print(fields, found.loosens)
    if is_dry:
        click.echo(DRY_RUN)


def _print(fields: tuple[str, ...], loosens: tuple[str, ...]) -> None:
    for line in (*fields, *(f"loosens: {sentence}" for sentence in loosens)):
        click.echo(line)
    if not fields:
        click.echo("Nothing would change.")


def _lines(edit: Edit, author: str) -> list[tuple[str, ...]]:
    """One row a version, and one below it for each further change."""
    version, (first, *others) = edit.version, edit.changes or ("",)
    head = (str(version.version), local(version.at), author, version.act, edit.reason or "", first)
    return [head, *(("", "", "", "", "", line) for line in others)]


def _as_json(edit: Edit) -> dict[str, Any]:
    version = edit.version
    return {
        "version": version.version,
        "at": version.at.isoformat(),
        "author": version.author,
        "act": version.act,
        "subject": version.subject,
        "reason": edit.reason,
        "changes": list(edit.changes),
    }

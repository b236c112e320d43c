"""Commands on who the users are: taken over from the app, renamed, forgotten."""

from __future__ import annotations

from dataclasses import asdict

import click

from ...web.state import current_state
from ..group import ACTOR, as_json_option, confirm, mfa, progress
from ..output import DRY_RUN, counted, dry, labels, print_json
from .targets import known_key

_HELD_BACK = (
    "{} missing for over a day. That is too many to void at once, so nobody was voided. "
    "If they are really gone, run: flask mfa sync --void-missing"
)
_DRY_RUN = click.option("--dry-run", is_flag=True, help="Show what would happen, and change nothing.")
_YES = click.option("--yes", is_flag=True, help="Don't ask for confirmation.")


@mfa.command(help="Sync the app's users: these, or everyone. An interrupted run resumes where it stopped.")
@click.option("--void-missing", is_flag=True, help="Void missing users even if they are more than 5 % of everybody.")
@click.option("--dry-run", is_flag=True, help="Only count; change nothing.")
@as_json_option
@click.argument("users", nargs=-1)
def sync(users: tuple[str, ...], void_missing: bool, dry_run: bool, as_json: bool) -> None:
    state = current_state()
    keys = [known_key(state, text) for text in users] or None
    with progress("Sync") as bar:
        did = (
            state.people.users.would_sync(keys, void_missing=void_missing)
            if dry_run
            else state.people.users.sync(keys, void_missing=void_missing, progress=lambda _: bar(1))
        )
    if as_json:
        print_json(dry(asdict(did), is_dry=dry_run))
        return
    click.echo(f"{counted(did.people, 'user')} synced, {counted(did.deleted, 'user')} deleted in the app.")
    if did.missing > did.held_back:
        click.echo(f"{counted(did.missing - did.held_back, 'user')} missing; voided if still missing in a day.")
    if did.held_back:
        click.echo(_HELD_BACK.format(counted(did.held_back, "user")), err=True)
    if dry_run:
        click.echo(DRY_RUN)


@mfa.command(help="Move all data of one user key to another.")
@_YES
@_DRY_RUN
@click.argument("old")
@click.argument("new")
def rename(old: str, new: str, yes: bool, dry_run: bool) -> None:
    if dry_run:
        current_state().people.users.would_rename(old, new)
        click.echo(f"Everything of {old} would be {new}'s.\n{DRY_RUN}")
        return
    confirm(f"Move everything from {old!r} to {new!r}?", yes=yes)
    current_state().people.users.rename(old, new, actor=ACTOR)
    click.echo(f"Everything of {old} is now {new}'s.")


@mfa.command(help="Delete everything about a user. Audit records stay, without anything that leads to a person.")
@_YES
@_DRY_RUN
@click.argument("user")
def forget(user: str, yes: bool, dry_run: bool) -> None:
    state = current_state()
    key = known_key(state, user)
    if dry_run:
        state.people.users.would_forget(key)
        click.echo(f"Everything about {labels(state, [key])[key]} would be deleted.\n{DRY_RUN}")
        return
    confirm(f"Delete everything about {key!r}?", yes=yes)
    state.people.users.forget(key, actor=ACTOR)
    click.echo(f"Everything about {key} was deleted.")

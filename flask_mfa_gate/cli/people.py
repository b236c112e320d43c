"""Commands on people, their access passes, and what cron does."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

import click

from ..domain.access_pass import Scope
from ..errors import BadRequest
from ..web.state import current_state
from .group import ACTOR, as_json_option, confirm, mfa, print_facts, print_json, progress
from .targets import key_of

_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


@mfa.command(help="Take over the app's users: these, or everybody. A run that was cut short goes on where it stopped.")
@as_json_option
@click.argument("users", nargs=-1)
def sync(users: tuple[str, ...], as_json: bool) -> None:
    state = current_state()
    with progress("Sync") as bar:
        keys = [key_of(state, text) for text in users] or None
        did = state.users.sync(keys, progress=lambda _: bar(1))
    print_facts({"people": did.people, "deleted": did.deleted}, as_json=as_json)


@mfa.command("access-pass", help="Make a pass for a user who lost the device. It is shown this once.")
@click.option("--lifetime", default="1h", show_default=True, help="10m to 30d: a number and m, h or d.")
@click.option("--starts-at", help="An ISO 8601 time with zone. Default: now.")
@click.option("--timed", is_flag=True, help="Good until it ends, not for one use only.")
@click.option("--scope", type=click.Choice([scope.value for scope in Scope]), default=Scope.FULL.value)
@click.option("--revoke", is_flag=True, help="Take the user's pass back, and end what it opened.")
@click.option("--reason", help="Why; kept in the audit record.")
@click.option("--no-notify", is_flag=True, help="Send no mail.")
@as_json_option
@click.argument("user")
def access_pass(
    user: str, lifetime: str, starts_at: str | None, timed: bool, scope: str, revoke: bool, reason: str | None,
    no_notify: bool, as_json: bool,
) -> None:  # fmt: skip
    state = current_state()
    key = key_of(state, user)
    if revoke:
        print_facts({"revoked": int(state.access_passes.revoke(key, actor=ACTOR, reason=reason))}, as_json=as_json)
        return
    code = state.access_passes.issue(
        key, actor=ACTOR, lifetime=_lifetime(lifetime), one_time=not timed, scope=scope,
        starts_at=_moment(starts_at), reason=reason, notify=not no_notify,
    )  # fmt: skip
    if as_json:
        print_json({"key": key, "access_pass": code})
    else:
        click.echo(code)


@mfa.command(help="Move everything of one user key to another.")
@click.option("--yes", is_flag=True, help="Don't ask.")
@click.argument("old")
@click.argument("new")
def rename(old: str, new: str, yes: bool) -> None:
    confirm(f"Give everything of {old!r} to {new!r}?", yes=yes)
    current_state().users.rename(old, new, actor=ACTOR)


@mfa.command(help="Delete everything about a user.")
@click.option("--yes", is_flag=True, help="Don't ask.")
@click.argument("user")
def forget(user: str, yes: bool) -> None:
    state = current_state()
    key = key_of(state, user)
    confirm(f"Delete everything about {key!r}?", yes=yes)
    state.users.forget(key, actor=ACTOR)


@mfa.command("run-due", help="Do what is due: remind, note lapses, sync, send waiting mail, sweep. For cron.")
@as_json_option
def run_due(as_json: bool) -> None:
    did = current_state().upkeep.run_due()
    print_facts({name: getattr(did, name) for name in did.__slots__}, as_json=as_json)


def _lifetime(text: str) -> timedelta:
    found = re.fullmatch(r"([0-9]{1,5})([mhd])", text)
    if found is None:
        raise BadRequest("--lifetime is a number and m, h or d, e.g. 90m, 8h or 2d.")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


def _moment(text: str | None) -> datetime | None:
    try:
        return None if text is None else datetime.fromisoformat(text)
    except ValueError:
        raise BadRequest("--starts-at takes an ISO 8601 time with zone, e.g. 2026-12-24T18:00+01:00.") from None

"""Access passes: made for users who lost the device, and revoked."""

from __future__ import annotations

from dataclasses import asdict

import click

from ...domain.factors.access_pass import AccessPass, Scope
from ...services.enrollment.access_passes import PassTerms
from ...web.state import GateState, current_state
from ..arguments import length, moment
from ..group import ACTOR, as_json_option, mfa
from ..output import DRY_RUN, dry, label, local, print_json
from .targets import known_key


@mfa.command("access-pass", help="Issue an access pass to a user who lost their device. It is shown once.")
@click.option(
    "--lifetime", default="1h", show_default=True, help="How long it is valid, from 10m to 30d, such as 90m, 8h or 2d."
)
@click.option("--starts-at", help="An ISO 8601 time with zone. Default: now.")
@click.option("--timed", is_flag=True, help="Valid for any number of uses until it ends.")
@click.option("--scope", type=click.Choice([scope.value for scope in Scope]), default=Scope.FULL.value)
@click.option("--revoke", is_flag=True, help="Revoke the user's pass, and end what it opened.")
@click.option("--reason", help="Reason; kept in the audit log.")
@click.option("--no-notify", is_flag=True, help="Send no email.")
@click.option("--dry-run", is_flag=True, help="Show what would happen, and make no pass.")
@as_json_option
@click.argument("user")
def access_pass(
    user: str, lifetime: str, starts_at: str | None, timed: bool, scope: str, revoke: bool, reason: str | None,
    no_notify: bool, dry_run: bool, as_json: bool,
) -> None:  # fmt: skip
    state = current_state()
    key = known_key(state, user)
    if revoke:
        _revoke(state, key, reason, is_dry=dry_run, as_json=as_json)
        return
    passes, begin = state.people.access_passes, None if starts_at is None else moment(starts_at, "--starts-at")
    asked = PassTerms(length(lifetime, "--lifetime"), not timed, scope, begin)
    if dry_run:
        _print(state, key, None, passes.plan(key, asked, actor=ACTOR, notify=not no_notify), as_json=as_json)
        return
    code = passes.issue(key, actor=ACTOR, reason=reason, notify=not no_notify, **asdict(asked))
    _print(state, key, code, passes.of(key)[0], as_json=as_json)


def _revoke(state: GateState, key: str, reason: str | None, *, is_dry: bool, as_json: bool) -> None:
    passes = state.people.access_passes
    was_there = bool(passes.of(key)) if is_dry else passes.revoke(key, actor=ACTOR, reason=reason)
    if as_json:
        print_json(dry({"key": key, "revoked": int(was_there)}, is_dry=is_dry))
        return
    name = label(state.people.enrollments.look_up(key).person)
    verb = "would be revoked" if is_dry else "was revoked"
    click.echo(f"The access pass of {name} {verb}." if was_there else f"{name} has no access pass.")
    if is_dry:
        click.echo(DRY_RUN)


def _print(state: GateState, key: str, code: str | None, terms: AccessPass, *, as_json: bool) -> None:
    """What was made, or, without a code, what would be."""
    person = state.people.enrollments.look_up(key).person
    if as_json:
        facts = {
            "key": key, "name": person.name, "access_pass": code, "scope": terms.scope.value,
            "one_time": terms.one_time, "starts_at": terms.starts_at.isoformat(), "ends_at": terms.ends_at.isoformat(),
        }  # fmt: skip
        print_json(dry(facts, is_dry=code is None))
        return
    use = "Works once" if terms.one_time else "Works any number of times"
    what = ", only to set up a factor" if terms.scope is Scope.ENROLL_ONLY else ""
    click.echo(f"Access pass for {label(person)}{f': {code}' if code else ''}")
    click.echo(f"{use}{what}, from {local(terms.starts_at)} until {local(terms.ends_at)}.")
    click.echo(DRY_RUN if code is None else "Shown only now. Tell it to them in person or by phone, not by email.")

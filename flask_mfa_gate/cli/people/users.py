"""Where users stand, and the commands that change it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import click

from ...domain.people.user_list import UserRow
from ...errors import BadRequest
from ...web.state import current_state
from ..arguments import end
from ..group import as_json_option, mfa
from ..output import label, local, period, print_json, print_list
from .orders import Asked, Deed, carry_out, for_users
from .targets import KINDS, Whom, about_users, chosen, known_key

_NO_NOTIFY = click.option("--no-notify", is_flag=True, help="Send no email.")
_FORCE = click.option("--now", "force", is_flag=True, help="Force enrollment at the next sign-in.")
_NOT_SEEN = "not seen yet: nobody has signed in by this key"
_HEAD = ("KEY", "NAME", "EMAIL", "ROLE", "STATUS", "REQUIRED BY", "ENDS", "FACTORS")


@mfa.command(help="Show the MFA status of users: one, or all who match.")
@about_users
@as_json_option
def status(whom: Whom, as_json: bool) -> None:
    state = current_state()
    if whom.is_many:
        users = chosen(state, whom, may_sync=state.people.users.is_sync_due())
        _print_list(state.people.user_list.every(users), as_json=as_json)
        return
    if len(whom.users) > 1:
        raise BadRequest("Name one user, or pass --all, --group or another filter.")
    one = state.people.enrollments.look_up(known_key(state, whom.users[0]))
    print_json(_as_json(one)) if as_json else _print_one(one)


@mfa.command(help="Require MFA of users, within days or at the next sign-in.")
@click.option(
    "--days", type=int, help="Days in which users may still postpone setup. Default: MFA_GATE_ENROLLMENT_DAYS."
)
@_FORCE
@click.option("--renew", is_flag=True, help="Restart running periods.")
@_NO_NOTIFY
@for_users
def require(asked: Asked, days: int | None, force: bool, renew: bool, no_notify: bool) -> None:
    act, length = current_state().people.enrollments.require, _days(days, force)
    _act(
        asked,
        act,
        Deed("Require MFA for", "required to use MFA"),
        days=length,
        renew=renew or None,
        notify=not no_notify,
    )


@mfa.command(help="Move the end of enrollment periods. Lets locked-out users back in.")
@click.option("--days", type=int, help="Number of days to add.")
@click.option("--until", help="The new end: a date (its last second, UTC) or an ISO 8601 time with zone.")
@for_users
def extend(asked: Asked, days: int | None, until: str | None) -> None:
    moment = None if until is None else end(until, "--until")
    _act(asked, current_state().people.enrollments.extend, Deed("Extend", "extended"), days=days, until=moment)


@mfa.command(help="Revoke factors, recovery codes, passes and sessions, so that users set up MFA again.")
@click.option("--days", type=int, help="Days in which a password is enough.")
@_FORCE
@_NO_NOTIFY
@for_users
def reset(asked: Asked, days: int | None, force: bool, no_notify: bool) -> None:
    act, length = current_state().people.enrollments.reset, _days(days, force)
    _act(asked, act, Deed("Reset", "reset"), days=length, notify=not no_notify)


@mfa.command(help="Remove the requirement. A confirmed factor stays and is still asked for.")
@_NO_NOTIFY
@for_users
def remove(asked: Asked, no_notify: bool) -> None:
    deed = Deed("Remove the requirement from", "no longer required to use MFA")
    _act(asked, current_state().people.enrollments.remove, deed, notify=not no_notify)


@mfa.command(help="Remind those who are still in an enrollment period, by email, now.")
@for_users
def remind(asked: Asked) -> None:
    _act(asked, current_state().people.enrollments.remind, Deed("Remind", "reminded"))


@mfa.command(help="Clear failed attempts.")
@for_users
def unlock(asked: Asked) -> None:
    _act(asked, current_state().people.enrollments.unlock, Deed("Unlock", "unlocked"))


@mfa.command("revoke-sessions", help="Sign users out everywhere. Their factors stay.")
@for_users
def revoke_sessions(asked: Asked) -> None:
    _act(asked, current_state().people.enrollments.revoke_sessions, Deed("Sign out", "signed out everywhere"))


@mfa.command(
    "revoke-factor", help="Revoke the factors of one kind, or a single one, and sign their users out everywhere."
)
@click.option("--kind", type=click.Choice(KINDS), help="All factors of this kind.")
@click.option("--id", "factor_id", help="Only the factor with this id.")
@_NO_NOTIFY
@for_users
def revoke_factor(asked: Asked, kind: str | None, factor_id: str | None, no_notify: bool) -> None:
    if (kind is None) == (factor_id is None):
        raise BadRequest("Pass either --kind or --id.")
    deed = Deed("Revoke a factor from", "left without this factor")
    act = current_state().people.enrollments.revoke_factor
    _act(asked, act, deed, kind=kind, factor_id=factor_id, notify=not no_notify)


@mfa.command("revoke-pass", help="Revoke access passes, and end the sessions that they opened.")
@for_users
def revoke_pass(asked: Asked) -> None:
    deed = Deed("Revoke the access passes of", "left without an access pass")
    _act(asked, current_state().people.enrollments.revoke_pass, deed)


def _act(asked: Asked, act: Callable[..., Any], deed: Deed, **options: Any) -> None:
    carry_out(current_state(), asked, act, deed, **options)


def _days(days: int | None, force: bool) -> int | None:
    if days == 0:
        raise BadRequest("0 days would force MFA now. If that is what you want, pass --now.")
    if force and days is not None:
        raise BadRequest("Pass --days or --now, not both.")
    return 0 if force else days


def _print_list(found: Iterable[UserRow], *, as_json: bool) -> None:
    if as_json:
        print_json([_as_json(one) for one in found])
        return
    print_list("user", _HEAD, [_as_row(one) for one in found])


def _as_row(one: UserRow) -> tuple[str, ...]:
    person, mfa_status = one.person, one.mfa
    required = mfa_status.required_by or "" if mfa_status.required else ""
    return (
        person.key, person.name, person.email, person.role or "",
        mfa_status.status if one.is_seen else f"{mfa_status.status} (not seen yet)",
        required, period(mfa_status), ", ".join(mfa_status.factors),
    )  # fmt: skip


def _print_one(one: UserRow) -> None:
    """Everything about one, a line each."""
    mfa_status = one.mfa
    facts = {
        "User": label(one.person), "Email": one.person.email, "Role": one.person.role or "",
        "Groups": ", ".join(sorted(one.person.groups)), "Status": mfa_status.status,
        "Required": f"by {mfa_status.required_by}" if mfa_status.required else "no",
        "Period": period(mfa_status), "Factors": ", ".join(mfa_status.factors) or "none",
        "Enrolled": local(mfa_status.enrolled_at) if mfa_status.enrolled_at else "",
        "Note": "" if one.is_seen else _NOT_SEEN,
    }  # fmt: skip
    for name, value in facts.items():
        if value:
            click.echo(f"{name:10}{value}")


def _as_json(one: UserRow) -> dict[str, Any]:
    person, mfa_status = one.person, one.mfa
    return {
        "key": person.key,
        "name": person.name,
        "email": person.email,
        "groups": sorted(person.groups),
        "role": person.role,
        "seen": one.is_seen,
        "status": mfa_status.status.value,
        "required": mfa_status.required,
        "required_by": mfa_status.required_by,
        "days_left": mfa_status.days_left,
        "ends_at": mfa_status.ends_at.isoformat() if mfa_status.ends_at else None,
        "enrolled_at": mfa_status.enrolled_at.isoformat() if mfa_status.enrolled_at else None,
        "factors": list(mfa_status.factors),
    }

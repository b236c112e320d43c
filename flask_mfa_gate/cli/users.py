"""Commands on the enrollment of users."""

from __future__ import annotations

from datetime import UTC, datetime, time
from typing import Any

import click

from ..errors import BadRequest
from ..services.results import MfaStatus
from ..web.state import current_state
from .group import as_json_option, mfa, print_json
from .targets import Asked, carry_out, chosen, for_users, key_of


@mfa.command(help="Show where users stand.")
@click.option("--all", "everybody", is_flag=True, help="Everybody.")
@click.option("--group", help="Everybody in this group.")
@as_json_option
@click.argument("user", required=False)
def status(user: str | None, everybody: bool, group: str | None, as_json: bool) -> None:
    state = current_state()
    if (user is not None, everybody, group is not None).count(True) != 1:
        raise BadRequest("Name one user, or say --all or --group.")
    if user is not None:
        one = state.enrollments.status(key_of(state, user))
        print_json(_as_json(one)) if as_json else click.echo(_as_line(one))
        return
    found = state.enrollments.statuses(chosen(state, group))
    if as_json:
        print_json([_as_json(one) for one in found])
        return
    for one in found:
        click.echo(_as_line(one))


@mfa.command(help="Demand MFA of users.")
@click.option("--days", type=int, help="Days in which users may still defer. Default: MFA_GATE_ENROLLMENT_DAYS.")
@click.option("--now", "force", is_flag=True, help="Force enrollment at the next sign-in.")
@click.option("--renew", is_flag=True, help="Begin running periods anew.")
@click.option("--no-notify", is_flag=True, help="Send no mail.")
@for_users
def require(asked: Asked, days: int | None, force: bool, renew: bool, no_notify: bool) -> None:
    state, length = current_state(), _days(days, force)
    carry_out(
        state, asked, state.enrollments.require, verb="Require MFA of", days=length, renew=renew, notify=not no_notify
    )


@mfa.command(help="Move the end of enrollment periods; lets lapsed users back in.")
@click.option("--days", type=int, help="Days more.")
@click.option("--until", help="The new end: a date (its last second, UTC) or an ISO 8601 time with zone.")
@for_users
def extend(asked: Asked, days: int | None, until: str | None) -> None:
    state = current_state()
    carry_out(state, asked, state.enrollments.extend, verb="Extend", days=days, until=_moment(until))


@mfa.command(help="Void factors, recovery codes, passes and sessions.")
@click.option("--days", type=int, help="Days in which the password alone will do.")
@click.option("--now", "force", is_flag=True, help="Force enrollment at the next sign-in.")
@click.option("--no-notify", is_flag=True, help="Send no mail.")
@for_users
def reset(asked: Asked, days: int | None, force: bool, no_notify: bool) -> None:
    state, length = current_state(), _days(days, force)
    carry_out(state, asked, state.enrollments.reset, verb="Reset", days=length, notify=not no_notify)


@mfa.command(help="Take the requirement away; a confirmed factor stays and is still asked for.")
@click.option("--no-notify", is_flag=True, help="Send no mail.")
@for_users
def remove(asked: Asked, no_notify: bool) -> None:
    state = current_state()
    carry_out(state, asked, state.enrollments.remove, verb="Remove the requirement of", notify=not no_notify)


@mfa.command(help="Mail those who are still in an enrollment period, now.")
@for_users
def remind(asked: Asked) -> None:
    state = current_state()
    carry_out(state, asked, state.enrollments.remind, verb="Remind")


@mfa.command(help="Clear failed attempts.")
@for_users
def unlock(asked: Asked) -> None:
    state = current_state()
    carry_out(state, asked, state.enrollments.unlock, verb="Unlock")


def _days(days: int | None, force: bool) -> int | None:
    if days == 0:
        raise BadRequest("0 days would force MFA now; if that is what you want, say --now.")
    if force and days is not None:
        raise BadRequest("Give --days or --now, not both.")
    return 0 if force else days


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise BadRequest(
            "--until takes a date or an ISO 8601 time with zone, e.g. 2026-12-24 or 2026-12-24T18:00+01:00."
        ) from None
    if "T" not in text and len(text) <= len("2026-12-24"):
        return datetime.combine(moment.date(), time(23, 59, 59), UTC)
    return moment


def _as_json(one: MfaStatus) -> dict[str, Any]:
    return {
        "key": one.key,
        "status": one.status.value,
        "required": one.required,
        "required_by": one.required_by,
        "days_left": one.days_left,
        "ends_at": one.ends_at.isoformat() if one.ends_at else None,
        "enrolled_at": one.enrolled_at.isoformat() if one.enrolled_at else None,
        "factors": list(one.factors),
    }


def _as_line(one: MfaStatus) -> str:
    parts = [one.key, one.status.value, f"required by {one.required_by}" if one.required else "not required"]
    if one.ends_at is not None:
        parts.append(f"{one.days_left} days left, until {one.ends_at:%Y-%m-%d %H:%M} UTC")
    elif one.days_left is not None:
        parts.append(f"{one.days_left} days once the account is used")
    if one.factors:
        parts.append(f"factors: {', '.join(one.factors)}")
    return " · ".join(parts)

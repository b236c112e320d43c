"""``flask mfa …``: everything an operator does, with an exit status and, on demand, JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, time, timedelta
from functools import wraps
from typing import Any

import click
from flask import current_app
from flask.cli import AppGroup, with_appcontext

from .crypto import generate_key
from .errors import BadRequest, MFAGateError
from .services.results import ActionResult, MfaStatus
from .store import schema
from .web.doctor import findings
from .web.routes import route_table
from .web.state import GateState, current_state

mfa = AppGroup("mfa", help="Multi-factor authentication: users, tables, health.")
_ACTOR = "cli"


def _said(command: Callable[..., Any]) -> Callable[..., Any]:
    """An error of the gate is one sentence on stderr and a failing exit status, not a stack trace."""

    @wraps(command)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        try:
            return command(*args, **kwargs)
        except MFAGateError as error:
            raise click.ClickException(str(error)) from error

    return guarded


def _for_users(command: Callable[..., Any]) -> Callable[..., Any]:
    """Arguments of every command that acts on users."""
    for option in (
        click.option("--json", "as_json", is_flag=True, help="Answer in JSON."),
        click.option("--reason", help="Why; kept in the audit record."),
        click.argument("users", nargs=-1, required=True),
    ):
        command = option(command)
    return command


@mfa.command("generate-key", with_appcontext=False)
def generate_key_command() -> None:
    """Print a new key for MFA_GATE_KEYS."""
    click.echo(generate_key())


@mfa.command()
@click.option("--revision", default="head", show_default=True, help="Revision to go to; base removes the tables.")
@_said
def upgrade(revision: str) -> None:
    """Bring the gate's tables up to date."""
    state = current_state()
    prefix = state.settings.table_prefix
    if revision == "base":
        schema.downgrade(state.store.database, prefix=prefix, revision=revision)
    else:
        schema.upgrade(state.store.database, prefix=prefix, revision=revision)
    click.echo(f"The tables are at {schema.current(state.store.database, prefix=prefix) or 'base'}.")


@mfa.command()
@click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")
@_said
def doctor(as_json: bool) -> None:
    """Look for faults in configuration, tables and keys. Exits with 1 on any fault."""
    found = findings(current_app._get_current_object(), current_state())  # type: ignore[attr-defined]
    if as_json:
        _print_json([{"level": one.level, "code": one.code, "sentence": one.sentence} for one in found])
    else:
        for one in found:
            click.echo(f"{one.level}: {one.sentence} [{one.code}]")
        click.echo(f"{len(found)} findings." if found else "All is well.")
    if any(one.level == "fault" for one in found):
        raise SystemExit(1)


@mfa.command()
@click.option("--all", "everybody", is_flag=True, help="Everybody the gate has a record of.")
@click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")
@click.argument("user", required=False)
@_said
def status(user: str | None, everybody: bool, as_json: bool) -> None:
    """Show where a user stands."""
    state = current_state()
    if everybody == (user is not None):
        raise BadRequest("Name one user, or say --all.")
    keys = _known_keys(state) if everybody else [_key_of(state, user or "")]
    found = [state.enrollments.status(key) for key in keys]
    if as_json:
        rows = [_status_json(one) for one in found]
        _print_json(rows if everybody else rows[0])
        return
    for one in found:
        click.echo(_status_line(one))


@mfa.command()
@click.option("--days", type=int, help="Days in which users may still defer. Default: MFA_GATE_ENROLLMENT_DAYS.")
@click.option("--now", "force", is_flag=True, help="Force enrollment at the next sign-in.")
@click.option("--renew", is_flag=True, help="Begin running periods anew.")
@click.option("--no-notify", is_flag=True, help="Send no mail.")
@_for_users
@_said
def require(
    users: Sequence[str], days: int | None, force: bool, renew: bool, no_notify: bool, reason: str | None, as_json: bool
) -> None:
    """Demand MFA of users."""
    if days == 0:
        raise BadRequest("0 days would force MFA now; if that is what you want, say --now.")
    if force and days is not None:
        raise BadRequest("Give --days or --now, not both.")
    state = current_state()
    result = state.enrollments.require(
        _keys_of(state, users),
        days=0 if force else days,
        actor=_ACTOR,
        reason=reason,
        notify=not no_notify,
        renew=renew,
    )
    _report(result, as_json=as_json)


@mfa.command()
@click.option("--days", type=int, help="Days more.")
@click.option("--until", help="The new end: a date (its last second, UTC) or an ISO 8601 time with zone.")
@_for_users
@_said
def extend(users: Sequence[str], days: int | None, until: str | None, reason: str | None, as_json: bool) -> None:
    """Move the end of enrollment periods; lets lapsed users back in."""
    state = current_state()
    result = state.enrollments.extend(
        _keys_of(state, users), days=days, until=_moment(until), actor=_ACTOR, reason=reason
    )
    _report(result, as_json=as_json)


@mfa.command()
@click.option("--days", type=int, help="Days in which the password alone will do.")
@click.option("--now", "force", is_flag=True, help="Force enrollment at the next sign-in.")
@_for_users
@_said
def reset(users: Sequence[str], days: int | None, force: bool, reason: str | None, as_json: bool) -> None:
    """Void factors, recovery codes and sessions."""
    if days == 0:
        raise BadRequest("0 days would force MFA now; if that is what you want, say --now.")
    state = current_state()
    chosen = 0 if force else days
    _report(state.enrollments.reset(_keys_of(state, users), days=chosen, actor=_ACTOR, reason=reason), as_json=as_json)


@mfa.command()
@_for_users
@_said
def remove(users: Sequence[str], reason: str | None, as_json: bool) -> None:
    """Take the requirement away; a confirmed factor stays and is still asked for."""
    state = current_state()
    _report(state.enrollments.remove(_keys_of(state, users), actor=_ACTOR, reason=reason), as_json=as_json)


@mfa.command()
@_for_users
@_said
def unlock(users: Sequence[str], reason: str | None, as_json: bool) -> None:
    """Clear failed attempts."""
    state = current_state()
    _report(state.enrollments.unlock(_keys_of(state, users), actor=_ACTOR, reason=reason), as_json=as_json)


@mfa.command("run-due")
@click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")
@_said
def run_due(as_json: bool) -> None:
    """Do what is due: note lapses, send waiting mail, sweep out dead sessions. For cron."""
    did = current_state().upkeep.run_due()
    facts = {"lapsed": did.lapsed, "mails_sent": did.mails_sent, "mails_failed": did.mails_failed, "swept": did.swept}
    if as_json:
        _print_json(facts)
    else:
        click.echo(", ".join(f"{name.replace('_', ' ')}: {count}" for name, count in facts.items()))


@mfa.command()
@click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")
@with_appcontext
@_said
def routes(as_json: bool) -> None:
    """List every endpoint with what protects it."""
    table = route_table(current_app._get_current_object(), current_state())  # type: ignore[attr-defined]
    if as_json:
        _print_json(table)
        return
    for row in table:
        shields = ", ".join([*row["resources"], *row["demands"]]) or "app"
        click.echo(f"{row['endpoint']:32} {','.join(row['methods']):18} {row['default']:14} {shields:28} {row['rule']}")


def _keys_of(state: GateState, users: Sequence[str]) -> str | list[str]:
    """One user alone is a single action; several are bulk."""
    keys = [_key_of(state, user) for user in users]
    return keys[0] if len(keys) == 1 else keys


def _key_of(state: GateState, text: str) -> str:
    """A key, or the email of somebody the directory can find by it."""
    find = getattr(state.directory, "find", None)
    person = find(text) if find is not None and "@" in text else None
    return person.key if person is not None else text


def _known_keys(state: GateState) -> Sequence[str]:
    with state.store.database.read() as tx:
        return state.store.enrollments.keys(tx)


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
        return datetime.combine(moment.date() + timedelta(days=1), time(), UTC) - timedelta(seconds=1)
    return moment


def _report(result: ActionResult, *, as_json: bool) -> None:
    """The outcome for each user; a failed or refused one makes the exit status 1."""
    if as_json:
        names = ("done", "skipped", "failed")
        _print_json({name: [{"key": key, "reason": why} for key, why in getattr(result, name)] for name in names})
    else:
        for name in ("done", "skipped", "failed"):
            for key, why in getattr(result, name):
                click.echo(f"{name}: {key}{f' ({why})' if why else ''}")
    if result.failed:
        raise SystemExit(1)


def _status_json(one: MfaStatus) -> dict[str, Any]:
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


def _status_line(one: MfaStatus) -> str:
    parts = [one.key, one.status.value, f"required by {one.required_by}" if one.required else "not required"]
    if one.ends_at is not None:
        parts.append(f"{one.days_left} days left, until {one.ends_at:%Y-%m-%d %H:%M} UTC")
    if one.factors:
        parts.append(f"factors: {', '.join(one.factors)}")
    return " · ".join(parts)


def _print_json(value: Any) -> None:
    click.echo(json.dumps(value, indent=2))

"""Whom a command is about: users by key or email, a group, or everybody."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import click

from ..domain.user_filter import EVERYBODY, UserFilter
from ..errors import BadRequest
from ..services.actions import Terms
from ..services.enrollments import Targets
from ..services.results import ActionResult
from ..services.words import kept_text
from ..web.state import GateState
from .group import ACTOR, as_json_option, confirm, print_json, progress

_NAMES = ("done", "skipped", "failed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The arguments that every command on users has."""

    users: Sequence[str]
    everybody: bool
    group: str | None
    reason: str | None
    yes: bool
    dry_run: bool
    as_json: bool


def for_users(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command these arguments, as one ``asked``."""

    def gathered(**options: Any) -> Any:
        names = Asked.__slots__
        asked = Asked(**{name: options.pop(name) for name in names})
        return command(asked=asked, **options)

    gathered.__doc__, gathered.__name__ = command.__doc__, command.__name__
    gathered.__dict__.update(command.__dict__)
    for option in (
        as_json_option,
        click.option("--dry-run", is_flag=True, help="Say what would happen, and change nothing."),
        click.option("--yes", is_flag=True, help="Don't ask before acting on many."),
        click.option("--reason", help="Why; kept in the audit record."),
        click.option("--group", help="Everybody in this group."),
        click.option("--all", "everybody", is_flag=True, help="Everybody."),
        click.argument("users", nargs=-1),
    ):
        gathered = option(gathered)
    return gathered


def carry_out(state: GateState, asked: Asked, act: Callable[..., ActionResult], *, verb: str, **options: Any) -> None:
    """Act on those who are asked for, and print what became of each. A failed one makes the exit status 1."""
    targets = _targets(state, asked)
    if isinstance(targets, UserFilter):
        result = _on_many(state, asked, act, targets, verb=verb, **options)
    else:
        terms = Terms(actor=ACTOR, reason=asked.reason, dry_run=asked.dry_run)
        result = act(targets, **options, **terms)
    _report(result, asked)


def key_of(state: GateState, text: str) -> str:
    """A key, or the email of somebody who is the only one to have it.

    :raises BadRequest: for what can be neither; no database keeps it, and no terminal shows it in the answer.
    """
    _refuse_unkept(text, "key or email of a user")
    if "@" not in text:
        return text
    find = getattr(state.directory, "find", None)
    person = find(text) if find is not None else None
    if person is not None:
        return str(person.key)
    with state.store.database.read() as tx:
        keys = state.store.people.keys_of_email(tx, text)
    return keys[0] if len(keys) == 1 else text


def chosen(state: GateState, group: str | None, *, is_dry: bool = False) -> UserFilter:
    """Everybody, or a group, as the gate knows them; the host is asked first when that is long ago.

    :param is_dry: nothing may change, so that is only said.
    """
    _refuse_unkept(group, "group")
    if state.users.is_sync_due() and is_dry:
        click.echo("The app's users were not taken over lately. Run: flask mfa sync", err=True)
    elif state.users.is_sync_due():
        state.users.sync()
    return UserFilter(group=group) if group is not None else EVERYBODY


def _refuse_unkept(text: str | None, what: str) -> None:
    if text is not None and kept_text(text) != text:
        raise BadRequest(f"There is a NUL or half of a surrogate pair in {text!r}, so it can be no {what}.")


def _targets(state: GateState, asked: Asked) -> Targets:
    """One user alone is a single action; several are bulk."""
    if (bool(asked.users), asked.everybody, asked.group is not None).count(True) != 1:
        raise BadRequest("Name users, or say --all or --group, and only one of these.")
    if asked.users:
        keys = [key_of(state, text) for text in asked.users]
        return keys[0] if len(keys) == 1 else keys
    return chosen(state, asked.group, is_dry=asked.dry_run)


def _on_many(
    state: GateState, asked: Asked, act: Callable[..., ActionResult], users: UserFilter, *, verb: str, **options: Any
) -> ActionResult:
    with state.store.database.read() as tx:
        count = state.selection.count(tx, users, now=state.clock())
    if not asked.dry_run:
        confirm(f"{verb} {count} users?", yes=asked.yes)
    with progress(verb, count) as bar:
        terms = Terms(actor=ACTOR, reason=asked.reason, dry_run=asked.dry_run, progress=bar)
        return act(users, **options, **terms)


def _report(result: ActionResult, asked: Asked) -> None:
    if asked.as_json:
        print_json({**_as_json(result), **({"dry_run": True} if asked.dry_run else {})})
    else:
        _print(result, asked)
    if result.failed:
        raise SystemExit(1)


def _as_json(result: ActionResult) -> dict[str, Any]:
    return {name: [{"key": key, "reason": why} for key, why in getattr(result, name)] for name in _NAMES}


def _print(result: ActionResult, asked: Asked) -> None:
    """Named users line by line; of many only those who were not done, and how many were."""
    is_short = bool(asked.users)
    for name in _NAMES:
        outcome = getattr(result, name)
        for key, why in outcome if is_short or name != "done" else ():
            click.echo(f"{name}: {key}{f' ({why})' if why else ''}")
        if not is_short:
            click.echo(f"{len(outcome)} {name}")
    if asked.dry_run:
        click.echo("A dry run: nothing was changed.")

"""Actions on users: carried out on one, on several or on many, and reported."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import click

from ...domain.people.user_filter import UserFilter
from ...domain.people.user_list import UserRow
from ...services.actions.action_result import ActionResult
from ...services.actions.actions import NOT_SEEN, Terms
from ...web.state import GateState
from ..group import ACTOR, as_json_option, confirm, progress
from ..output import DRY_RUN, counted, dry, label, labels, period, print_json, sample
from .targets import Whom, about_users, chosen, key_of, known_key

_OUTCOMES = ("done", "skipped", "failed")
MEANINGS: Mapping[str, str] = {
    "in-period": "a period is already running; pass --renew to restart it",
    "already-required": "MFA is already required",
    "lapsed": "the period has ended; extend or reset",
    "lapsed-too": "the period has ended as well; extend or reset",
    "no-period": "no period is running",
    "not-required": "MFA is not required",
    "no-factor": "there is no such factor",
    "no-pass": "there is no access pass",
    NOT_SEEN: "not seen yet: nobody has signed in by this key",
    "unknown-user": "nobody has this key",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The arguments that every action on users has."""

    whom: Whom
    reason: str | None
    yes: bool
    dry_run: bool
    as_json: bool


@dataclass(frozen=True, slots=True)
class Deed:
    """An action in words.

    :param question: asked before it is done to many, in front of their number.
    :param done: what became of one.
    """

    question: str
    done: str


def for_users(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command these arguments, as one ``asked``."""

    def gathered(**options: Any) -> Any:
        asked = Asked(**{name: options.pop(name) for name in Asked.__slots__})
        return command(asked=asked, **options)

    gathered.__name__ = command.__name__
    gathered.__dict__.update(command.__dict__)
    for option in (
        as_json_option,
        click.option("--dry-run", is_flag=True, help="Show what would happen, and change nothing."),
        click.option("--yes", is_flag=True, help="Don't ask for confirmation before acting on many."),
        click.option("--reason", help="Reason; kept in the audit log."),
        about_users,
    ):
        gathered = option(gathered)
    return gathered


def carry_out(state: GateState, asked: Asked, act: Callable[..., ActionResult], deed: Deed, **options: Any) -> None:
    """Act on those who are asked for, and print what became of each. A failed one makes the exit status 1."""
    terms = Terms(actor=ACTOR, reason=asked.reason, dry_run=asked.dry_run)
    order = partial(act, **options, **terms)
    if asked.whom.is_many:
        result = _on_many(state, asked, order, deed)
    else:
        texts = asked.whom.users
        keys = known_key(state, texts[0]) if len(texts) == 1 else [key_of(state, text) for text in texts]
        result = order(keys)
    _report(state, result, asked, deed)


def _on_many(state: GateState, asked: Asked, order: Callable[..., ActionResult], deed: Deed) -> ActionResult:
    users = chosen(state, asked.whom, may_sync=not asked.dry_run)
    count = _count(state, users)
    if count and not asked.dry_run:
        confirm(f"{deed.question} {counted(count, 'user')}?", yes=asked.yes)
    with progress(deed.question, count) as bar:
        return order(users, progress=bar)


def _count(state: GateState, users: UserFilter) -> int:
    return state.people.user_list.count(users)


def _report(state: GateState, result: ActionResult, asked: Asked, deed: Deed) -> None:
    if asked.as_json:
        pairs = {name: [{"key": key, "reason": why} for key, why in getattr(result, name)] for name in _OUTCOMES}
        print_json(dry(pairs, is_dry=asked.dry_run))
    else:
        _print(state, result, asked, deed)
    if result.failed:
        raise SystemExit(1)


def _print(state: GateState, result: ActionResult, asked: Asked, deed: Deed) -> None:
    if asked.whom.is_many:
        _print_many(state, result, deed)
    else:
        for name in _OUTCOMES:
            for entry in getattr(result, name):
                click.echo(_sentence(state, name, entry, deed, is_dry=asked.dry_run))
    if asked.dry_run:
        click.echo(DRY_RUN)


def _sentence(state: GateState, outcome: str, entry: tuple[str, str], deed: Deed, *, is_dry: bool) -> str:
    """What became of one who was named."""
    key, why = entry
    if outcome == "failed":
        return f"{key}: failed, {_meaning(why)}."
    user = state.people.enrollments.look_up(key)
    if outcome == "skipped":
        return f"{label(user.person)}: skipped, {_meaning(why)}."
    note = f" ({MEANINGS.get(why, why)})" if why else ""
    ends = "" if is_dry else _what_now(user)
    return f"{label(user.person)}: {'would be ' if is_dry else ''}{deed.done}{ends}{note}."


def _what_now(user: UserRow) -> str:
    """What holds for them from now on."""
    if ends := period(user.mfa):
        return f", {ends}"
    return ", to be set up at the next sign-in" if user.mfa.required and not user.mfa.factors else ""


def _print_many(state: GateState, result: ActionResult, deed: Deed) -> None:
    """How many, and by reason who was not done."""
    numbers = {name: len(getattr(result, name)) for name in _OUTCOMES}
    counts = ", ".join(f"{number} {name}" for name, number in numbers.items())
    click.echo(f"{deed.question} {counted(sum(numbers.values()), 'user')}: {counts}.")
    for name in _OUTCOMES[1:]:
        for why, keys in _by_reason(getattr(result, name)).items():
            click.echo(f"  {len(keys)} {name}, {_meaning(why)}: {sample(_labels(state, keys[:6], len(keys)))}")


def _by_reason(pairs: Sequence[tuple[str, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for key, why in pairs:
        found.setdefault(why, []).append(key)
    return found


def _labels(state: GateState, keys: Collection[str], total: int) -> list[str]:
    shown = labels(state, keys).values()
    return [*shown, *[""] * (total - len(shown))]


def _meaning(why: str) -> str:
    return f"{MEANINGS[why]} ({why})" if why in MEANINGS else why

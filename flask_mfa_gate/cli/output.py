"""How the command line speaks: JSON for programs, sentences and tables for people."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import click

from ..domain.enrollment.mfa_status import MfaStatus
from ..domain.people.person import Person
from ..web.state import GateState

_USER = "user:"
DRY_RUN = "Dry run: nothing was changed."


def print_json(value: Mapping[str, Any] | Sequence[Any]) -> None:
    """For programs."""
    click.echo(json.dumps(value, indent=2))


def print_facts(facts: Mapping[str, object], *, as_json: bool) -> None:
    """What a command did, in numbers."""
    if as_json:
        print_json(facts)
    else:
        click.echo(", ".join(f"{name.replace('_', ' ')}: {count}" for name, count in facts.items()))


def print_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Columns under their names, as wide as they have to be."""
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    for row in (head, *rows):
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def print_list(noun: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table, and how many there are."""
    if rows:
        print_table(head, rows)
    click.echo(f"{counted(len(rows), noun)}.")


def counted(number: int, noun: str) -> str:
    """A number with its noun: 1 day, 2 days; 1 policy, 2 policies."""
    if number == 1:
        return f"1 {noun}"
    plural = f"{noun[:-1]}ies" if noun.endswith("y") and noun[-2] not in "aeiou" else f"{noun}s"
    return f"{number} {plural}"


def local(moment: datetime) -> str:
    """A time in the zone of the reader."""
    return f"{moment.astimezone():%Y-%m-%d %H:%M %Z}"


def label(person: Person) -> str:
    """A person by name, else by address, with their key."""
    shown = person.name or person.email
    return f"{shown} ({person.key})" if shown and shown != person.key else person.key


def labels(state: GateState, keys: Collection[str]) -> dict[str, str]:
    """Each of these users by name, where they are known."""
    with state.store.database.read() as tx:
        known = state.store.people.known(tx, keys, now=state.clock())
    return {key: label(known[key].person) if key in known else key for key in keys}


def actor_label(state: GateState, actor: str) -> str:
    """An actor, a user by name."""
    key = actor.removeprefix(_USER)
    if key == actor:
        return actor
    found = labels(state, [key])[key]
    return actor if found == key else found


def period(one: MfaStatus) -> str:
    """Until when somebody may still defer; empty without a period."""
    if one.days_left is None:
        return ""
    if one.ends_at is None:
        return f"{counted(one.days_left, 'day')} from first use"
    left = f"{counted(one.days_left, 'day')} left, until" if one.days_left else "ended"
    return f"{left} {local(one.ends_at)}"


def sample(labels: Sequence[str], *, limit: int = 5) -> str:
    """The first few of many."""
    more = f" and {len(labels) - limit} more" if len(labels) > limit else ""
    return f"{', '.join(labels[:limit])}{more}"


def dry(facts: Mapping[str, Any], *, is_dry: bool) -> dict[str, Any]:
    """The same answer, marked where nothing was done."""
    return {**facts, **({"dry_run": True} if is_dry else {})}

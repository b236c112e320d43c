"""What is kept of a person, and what is new of it since the row was written."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Row

from ...domain.people.person import Person
from ...domain.people.user_search import sort_name

FORMER_EMAIL_LIFETIME = timedelta(days=30)
_SIGN_IN_PRECISION = timedelta(minutes=1)
FACTS = (
    "name", "email", "former_email", "email_changed_at", "is_active", "role", "groups", "locale", "timezone", "seen_at",
    "missing_since", "name_sort", "has_email",
)  # fmt: skip


def facts_of(person: Person, before: Row[Any] | None, now: datetime) -> Mapping[str, Any]:
    """The columns of the person table that a host tells."""
    former, changed_at = _former_email(person, before, now)
    return {
        "user_key": person.key,
        "name": person.name,
        "email": person.email,
        "former_email": former,
        "email_changed_at": changed_at,
        "is_active": person.is_active,
        "role": person.role,
        "groups": sorted(person.groups),
        "locale": person.locale,
        "timezone": person.timezone,
        "seen_at": now,
        "missing_since": None,
        "name_sort": sort_name(person),
        "has_email": person.email != "",
    }


def is_as_before(person: Person, before: Row[Any], now: datetime) -> bool:
    """Whether the row says all of it already, but for the time."""
    facts = {**facts_of(person, before, now), "seen_at": before.seen_at}
    return all(getattr(before, name) == facts[name] for name in FACTS)


def is_noted_already(last_sign_in_at: datetime | None, now: datetime) -> bool:
    """Whether a sign-in of this minute is on record."""
    return last_sign_in_at is not None and timedelta(0) <= now - last_sign_in_at < _SIGN_IN_PRECISION


class Change(NamedTuple):
    """In what a person differs from the row that was there."""

    groups: bool
    in_order: bool
    words: bool


def change_of(person: Person, before: Row[Any] | None) -> Change:
    """Of what people are found by."""
    if before is None:
        return Change(groups=bool(person.groups), in_order=False, words=True)
    is_renamed = (before.name, before.email) != (person.name, person.email)
    return Change(
        groups=frozenset(before.groups) != person.groups,
        in_order=bool(person.groups) and before.name_sort != sort_name(person),
        words=is_renamed,
    )


def _former_email(person: Person, before: Row[Any] | None, now: datetime) -> tuple[str, datetime | None]:
    """The address before the change, and when that was; one changed back has none before it."""
    if before is None:
        return "", None
    # SECURITY: a second change does not push the first address out, or a thief would move the owner's out of sight.
    kept = before.former_email if is_recent(before.email_changed_at, now) else ""
    if kept:
        return ("", None) if kept == person.email else (kept, before.email_changed_at)
    return (before.email, now) if before.email not in {"", person.email} else ("", None)


def is_recent(changed_at: datetime | None, now: datetime) -> bool:
    """Whether mail still goes to the address before the change."""
    return changed_at is not None and now - changed_at < FORMER_EMAIL_LIFETIME

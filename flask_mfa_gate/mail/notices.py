"""The mails of the gate, as facts for their templates."""

from __future__ import annotations

from datetime import datetime

from ..crypto import new_id
from ..domain.person import Person
from ..store.outbox import Message

START = "start"
# A mail server refuses lines of over 998 characters (RFC 5321 section 4.5.3.1.6).
LONGEST_NAME = 64
_LOUD = frozenset({"reset", "factor-removed", "access-pass", "break-glass"})
_TOLD_TWICE = frozenset({"enrolled", "factor-added", "factor-removed", "reset", "recovery-codes-made", "access-pass"})


def is_silenceable(kind: str) -> bool:
    """Whether this kind of mail may be switched off."""
    return kind not in _LOUD


def is_told_twice(kind: str) -> bool:
    """Whether it goes to the address before the last change as well: it tells of a changed factor."""
    return kind in _TOLD_TWICE


def notice(kind: str, person: Person, *, now: datetime, to: str | None = None, **facts: object) -> Message:
    """A mail of this kind; instants among the facts become ISO 8601 text."""
    told = {name: value.isoformat() if isinstance(value, datetime) else value for name, value in facts.items()}
    told |= {"name": person.name[:LONGEST_NAME], "locale": person.locale, "timezone": person.timezone}
    recipient = person.email if to is None else to
    return Message(id=new_id(), kind=kind, user_key=person.key, recipient=recipient, facts=told, created_at=now)

"""The mails of the gate, as facts for their templates."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from ..crypto import new_id
from ..domain.people.person import Person
from ..domain.records.mail_kind import ALWAYS_SENT, MailKind
from ..store.people.people import Addressee
from ..store.records.outbox import Message

LONGEST_NAME = 64
LONGEST_TEXT = 300
LONGEST_LIST = 50


_FROM_WHERE = frozenset({"address", "user_agent", "reason"})
_FACTS: Mapping[MailKind, frozenset[str]] = {
    MailKind.START: frozenset({"days", "ends_at"}),
    MailKind.REMINDER: frozenset({"days_left", "ends_at"}),
    MailKind.LAPSED: frozenset({"ended_at"}),
    MailKind.ENROLLED: frozenset({"method"}),
    MailKind.FACTOR_ADDED: frozenset({"method"}),
    MailKind.FACTOR_REMOVED: frozenset({"method", "by_admin"}),
    MailKind.RESET: frozenset({"days", "forced"}),
    MailKind.REQUIREMENT_REMOVED: frozenset(),
    MailKind.RECOVERY_CODE_USED: frozenset({"left"}),
    MailKind.RECOVERY_CODES_MADE: frozenset(),
    MailKind.ACCESS_PASS: frozenset({"expires_at", "starts_at", "scope", "one_time"}),
    MailKind.WRONG_CODES: frozenset({"times"}),
    MailKind.BREAK_GLASS: frozenset({"who", "proved"}),
    MailKind.TEST: frozenset(),
    MailKind.DIGEST: frozenset({"audit_head", "lapsing", "lapsing_more", "lapsed_count", "in_period_count"}),
}
_TOLD_TWICE = frozenset(
    {
        MailKind.ENROLLED, MailKind.FACTOR_ADDED, MailKind.FACTOR_REMOVED, MailKind.RESET,
        MailKind.RECOVERY_CODES_MADE, MailKind.ACCESS_PASS,
    }
)  # fmt: skip


def notice(
    kind: MailKind, person: Person | Addressee, *, now: datetime, to: str | None = None, **facts: Any
) -> Message:
    """A mail of this kind to a person.

    :param to: another address than the person's own, e.g. the one before a change.
    :param facts: what the template of this kind tells, each may be left out. ``reason``, ``address`` and
        ``user_agent`` are taken by every kind.
    :raises TypeError: for a fact that this kind does not tell.
    """
    return next(notices(kind, [(person, person.email if to is None else to)], now=now, **facts))


def notices(
    kind: MailKind, people: Iterable[tuple[Person | Addressee, str]], *, now: datetime, **facts: Any
) -> Iterator[Message]:
    """The same mail to several people, each with an address."""
    # SECURITY: mail is no safe place for a code or pass, so no fact beyond the known ones reaches the outbox.
    if strange := facts.keys() - _FACTS[kind] - _FROM_WHERE:
        raise TypeError(f"the mail {kind} tells no {', '.join(sorted(strange))}")
    if kind is MailKind.DIGEST:
        facts.setdefault("lapsing_more", max(0, len(facts.get("lapsing", ())) - LONGEST_LIST))
    shared = _as_json({**facts, "at": now})
    for person, address in people:
        yield Message(new_id(), kind, person.key, address, facts={**shared, **_personal(person)}, created_at=now)


def is_silenceable(kind: MailKind) -> bool:
    """Whether a host may switch mails of this kind off."""
    return kind not in ALWAYS_SENT


def is_told_twice(kind: MailKind) -> bool:
    """Whether it goes to the address before the last change as well: it tells of a changed factor."""
    return kind in _TOLD_TWICE


def _personal(person: Person | Addressee) -> dict[str, str]:
    """In what words, and at what time of the day, the mail speaks."""
    return {
        "name": person.name[:LONGEST_NAME],
        "locale": person.locale[:LONGEST_TEXT],
        "timezone": person.timezone[:LONGEST_TEXT],
    }


def _as_json(value: Any, *, longest: int = LONGEST_TEXT) -> Any:
    """The same in words that a JSON column takes. A text is cut: what a client sent may be of any length."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, str):
        return str(value)[:longest]
    if isinstance(value, Mapping):
        lengths = {"name": LONGEST_NAME}
        return {str(key): _as_json(one, longest=lengths.get(key, longest)) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_as_json(one) for one in value[:LONGEST_LIST]]
    return value

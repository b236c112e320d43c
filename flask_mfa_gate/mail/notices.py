"""The mails of the gate, as facts for their templates."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from ..checks import ALWAYS_SENT
from ..crypto import new_id
from ..domain.person import Person
from ..store.outbox import Message
from ..store.people import Addressee

LONGEST_NAME = 64
LONGEST_TEXT = 300
LONGEST_LIST = 50


class Kind(StrEnum):
    """What a mail tells; also the name of its template."""

    START = "start"
    REMINDER = "reminder"
    LAPSED = "lapsed"
    ENROLLED = "enrolled"
    FACTOR_ADDED = "factor-added"
    FACTOR_REMOVED = "factor-removed"
    RESET = "reset"
    REQUIREMENT_REMOVED = "requirement-removed"
    RECOVERY_CODE_USED = "recovery-code-used"
    RECOVERY_CODES_MADE = "recovery-codes-made"
    ACCESS_PASS = "access-pass"  # noqa: S105 - a word of the vocabulary, not a secret
    WRONG_CODES = "wrong-codes"
    BREAK_GLASS = "break-glass"
    DIGEST = "digest"


_FROM_WHERE = frozenset({"address", "user_agent", "reason"})
_FACTS: Mapping[Kind, frozenset[str]] = {
    Kind.START: frozenset({"days", "ends_at"}),
    Kind.REMINDER: frozenset({"days_left", "ends_at"}),
    Kind.LAPSED: frozenset({"ended_at"}),
    Kind.ENROLLED: frozenset({"method"}),
    Kind.FACTOR_ADDED: frozenset({"method"}),
    Kind.FACTOR_REMOVED: frozenset({"method", "by_admin"}),
    Kind.RESET: frozenset({"days", "forced"}),
    Kind.REQUIREMENT_REMOVED: frozenset(),
    Kind.RECOVERY_CODE_USED: frozenset({"left"}),
    Kind.RECOVERY_CODES_MADE: frozenset(),
    Kind.ACCESS_PASS: frozenset({"expires_at", "starts_at", "scope", "one_time"}),
    Kind.WRONG_CODES: frozenset({"times"}),
    Kind.BREAK_GLASS: frozenset({"who", "proved"}),
    Kind.DIGEST: frozenset({"audit_head", "lapsing", "lapsing_more", "lapsed_count", "in_period_count"}),
}
_TOLD_TWICE = frozenset(
    {
        Kind.ENROLLED, Kind.FACTOR_ADDED, Kind.FACTOR_REMOVED, Kind.RESET, Kind.RECOVERY_CODES_MADE, Kind.ACCESS_PASS,
    }
)  # fmt: skip


def notice(kind: str, person: Person | Addressee, *, now: datetime, to: str | None = None, **facts: Any) -> Message:
    """A mail of this kind to a person.

    :param to: another address than the person's own, e.g. the one before a change.
    :param facts: what the template of this kind tells, each may be left out. ``reason``, ``address`` and
        ``user_agent`` are taken by every kind.
    :raises TypeError: for a fact that this kind does not tell.
    """
    return next(notices(kind, [(person, person.email if to is None else to)], now=now, **facts))


def notices(
    kind: str, people: Iterable[tuple[Person | Addressee, str]], *, now: datetime, **facts: Any
) -> Iterator[Message]:
    """The same mail to several people, each with an address."""
    kind = Kind(kind)
    # SECURITY: mail is no safe place for a code or pass, so no fact beyond the known ones reaches the outbox.
    if strange := facts.keys() - _FACTS[kind] - _FROM_WHERE:
        raise TypeError(f"the mail {kind} tells no {', '.join(sorted(strange))}")
    if kind is Kind.DIGEST:
        facts.setdefault("lapsing_more", max(0, len(facts.get("lapsing", ())) - LONGEST_LIST))
    shared = _as_json({**facts, "at": now})
    for person, address in people:
        yield Message(new_id(), kind, person.key, address, facts={**shared, **_personal(person)}, created_at=now)


def is_silenceable(kind: str) -> bool:
    """Whether a host may switch mails of this kind off."""
    return kind not in ALWAYS_SENT


def is_told_twice(kind: str) -> bool:
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

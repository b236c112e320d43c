"""What the mails of the gate tell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class MailKind(StrEnum):
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
    TEST = "test"


ALWAYS_SENT = frozenset(
    {MailKind.RESET, MailKind.FACTOR_REMOVED, MailKind.ACCESS_PASS, MailKind.BREAK_GLASS, MailKind.TEST}
)


@dataclass(frozen=True, slots=True)
class Notice:
    """A mail to the user: its kind, and what its template needs beside the person."""

    kind: MailKind
    facts: Mapping[str, object] = field(default_factory=dict)

"""What became of a sign-in, as one word that lists are filtered by and charts count."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from ..authorization.decision import Ask


class SignInOutcome(StrEnum):
    """How far a sign-in came."""

    VERIFIED = "verified"
    PASSED = "passed"
    PROMPTED = "prompted"
    UNFINISHED = "unfinished"
    DENIED = "denied"
    LOCKED = "locked"


_UNPROVED: Mapping[str, SignInOutcome] = {
    Ask.PASS: SignInOutcome.PASSED,
    Ask.PROMPT: SignInOutcome.PROMPTED,
    Ask.CHALLENGE: SignInOutcome.UNFINISHED,
    Ask.ENROLL: SignInOutcome.UNFINISHED,
    Ask.DENY: SignInOutcome.DENIED,
    Ask.LOCKED: SignInOutcome.LOCKED,
}


def outcome_of(ask: str, *, is_proved: bool) -> SignInOutcome:
    """The outcome of a sign-in of which this was asked.

    :param ask: a word of :class:`Ask`; another, in a row that somebody edited, has not let anybody in.
    :param is_proved: whether a second factor was proved in it, or set up.
    """
    return SignInOutcome.VERIFIED if is_proved else _UNPROVED.get(ask, SignInOutcome.UNFINISHED)


def asks_of(outcome: SignInOutcome) -> frozenset[str]:
    """What was asked in a sign-in that came to this without a proof; empty for one that was proved."""
    return frozenset(ask for ask, word in _UNPROVED.items() if word is outcome)

"""Three-valued logic (Kleene): what is not known stays so unless the rest settles it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from .facts import Environment, MatchResult, Subject

HIT, MISS, UNKNOWN = MatchResult.HIT, MatchResult.MISS, MatchResult.UNKNOWN
Matcher: TypeAlias = Callable[[Subject, Environment], MatchResult]


def certain(mark: MatchResult) -> MatchResult:
    """The mark itself; unknown for anything that is none."""
    return mark if mark is HIT or mark is MISS else UNKNOWN


def every_of(parts: Sequence[Matcher]) -> Matcher:
    """Holds when each part holds. Without parts it holds."""
    if len(parts) == 1:
        return parts[0]

    def match(subject: Subject, environment: Environment) -> MatchResult:
        mark = HIT
        for part in parts:
            found = part(subject, environment)
            if found is MISS:
                return MISS
            # SECURITY: a host's word may answer None or False by mistake; that must not pass for a certain answer.
            if found is not HIT:
                mark = UNKNOWN
        return mark

    return match


def some_of(parts: Sequence[Matcher]) -> Matcher:
    """Holds when one part holds. Without parts it does not."""
    if len(parts) == 1:
        return parts[0]

    def match(subject: Subject, environment: Environment) -> MatchResult:
        mark = MISS
        for part in parts:
            found = part(subject, environment)
            if found is HIT:
                return HIT
            if found is not MISS:
                mark = UNKNOWN
        return mark

    return match


def not_of(part: Matcher) -> Matcher:
    """Holds when the part does not."""

    def match(subject: Subject, environment: Environment) -> MatchResult:
        mark = part(subject, environment)
        if mark is HIT:
            return MISS
        return HIT if mark is MISS else UNKNOWN

    return match

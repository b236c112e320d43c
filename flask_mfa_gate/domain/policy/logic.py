"""Three-valued logic (Kleene): what is not known stays so unless the rest settles it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from .facts import Environment, Mark, Subject

HIT, MISS, UNKNOWN = Mark.HIT, Mark.MISS, Mark.UNKNOWN
Matcher: TypeAlias = Callable[[Subject, Environment], Mark]
_OPPOSITE = {HIT: MISS, MISS: HIT, UNKNOWN: UNKNOWN}


def every_of(parts: Sequence[Matcher]) -> Matcher:
    """Holds when each part holds. Without parts it holds."""
    if len(parts) == 1:
        return parts[0]

    def match(subject: Subject, environment: Environment) -> Mark:
        mark = HIT
        for part in parts:
            found = part(subject, environment)
            if found is MISS:
                return MISS
            if found is UNKNOWN:
                mark = UNKNOWN
        return mark

    return match


def some_of(parts: Sequence[Matcher]) -> Matcher:
    """Holds when one part holds. Without parts it does not."""
    if len(parts) == 1:
        return parts[0]

    def match(subject: Subject, environment: Environment) -> Mark:
        mark = MISS
        for part in parts:
            found = part(subject, environment)
            if found is HIT:
                return HIT
            if found is UNKNOWN:
                mark = UNKNOWN
        return mark

    return match


def not_of(part: Matcher) -> Matcher:
    """Holds when the part does not."""

    def match(subject: Subject, environment: Environment) -> Mark:
        return _OPPOSITE[part(subject, environment)]

    return match

"""What can be said of a typed code before it is tried, whatever kind of code it is."""

from __future__ import annotations

from enum import Enum, auto

LONGEST_INPUT = 64
_SEPARATORS = str.maketrans("", "", " -")


class CodeShape(Enum):
    """What can be said of an input without trying it."""

    OK = auto()
    WRONG = auto()
    UNUSABLE = auto()


def usable_text(raw: object) -> str | None:
    """The input without ASCII spaces and hyphens; None for what is no code at all: another type, empty, too long."""
    # SECURITY: the length is checked before any other work, so that a huge input costs nothing.
    if not isinstance(raw, str) or len(raw) > LONGEST_INPUT:
        return None
    return raw.translate(_SEPARATORS) or None

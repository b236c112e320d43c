"""What the doctor says."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """An error fails the command, a warning alone does not."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to mend.

    :param code: a stable name, for scripts that watch for it.
    :param sentence: what is wrong and what follows from it.
    :param fix: the command to run, or the setting to change.
    """

    level: Level
    code: str
    sentence: str
    fix: str


def error(code: str, sentence: str, *, fix: str) -> Finding:
    """Something does not work, or protects less than was asked for."""
    return Finding(Level.ERROR, code, sentence, fix)


def warning(code: str, sentence: str, *, fix: str) -> Finding:
    """Something works, and may not be what was meant."""
    return Finding(Level.WARNING, code, sentence, fix)

"""``platform``: the operating system that the client claims."""

from __future__ import annotations

from ..facts import Environment, Subject
from .listed import ListedWord
from .protocol import Source

PLATFORMS = frozenset({"windows", "macos", "linux", "chromeos", "android", "ios", "other"})


def _platform(subject: Subject, environment: Environment) -> str | None:
    return environment.platform


PLATFORM = ListedWord("platform", _platform, PLATFORMS, sources=frozenset({Source.CLIENT}))

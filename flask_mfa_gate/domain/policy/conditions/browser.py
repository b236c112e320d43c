"""``browser``: the program that the client claims to be."""

from __future__ import annotations

from ..facts import Environment, Subject
from .listed import ListedWord
from .protocol import Source

BROWSERS = frozenset({"chrome", "edge", "firefox", "safari", "opera", "samsung", "other"})


def _browser(subject: Subject, environment: Environment) -> str | None:
    return environment.browser


BROWSER = ListedWord("browser", _browser, BROWSERS, sources=frozenset({Source.CLIENT}))

"""``browser``: the program that the client claims to be."""

from __future__ import annotations

from ...facts import Environment, Subject
from ..condition_type import Source
from ..listed import ListedWord
from ..sampling import Sample

BROWSERS = frozenset({"chrome", "edge", "firefox", "safari", "opera", "samsung", "other"})


def _browser(subject: Subject, environment: Environment) -> str | None:
    return environment.browser


def _sample(text: str) -> Sample:
    return Subject(""), Environment(browser=text)


BROWSER = ListedWord(
    "browser", _browser, BROWSERS, sources=frozenset({Source.CLIENT}), sample=_sample, facts=frozenset({"browser"})
)

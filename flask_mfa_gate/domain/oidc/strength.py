"""How strong a sign-in is, in the words that relying parties know: acr and amr."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import IntEnum
from types import MappingProxyType

from ..sign_in.assurance import ACR_MULTI, ACR_SINGLE, Assurance, Method

# What a provider calls several factors, whatever this app calls them (REFEDS, OpenID Connect EAP ACR Values 1.0).
STRONG_ACR = frozenset({ACR_MULTI, "phr", "phrh"})
DEFAULT_ACR: Mapping[str, str] = MappingProxyType({"1fa": ACR_SINGLE, "mfa": ACR_MULTI, "phr": "phr"})
_KEYS = frozenset({"hwk", "swk"})


class Level(IntEnum):
    """What was proved; a higher level stands for the lower ones too."""

    ONE_FACTOR = 1
    MULTI_FACTOR = 2
    PHISHING_RESISTANT = 3

    @property
    def word(self) -> str:
        """As settings call it."""
        return {1: "1fa", 2: "mfa", 3: "phr"}[self.value]


def level_of(assurance: Assurance) -> Level:
    """The level of what counts in these facts.

    :param assurance: of enabled factors.
    """
    # SECURITY: a way back in signs in, and is no second factor: it never meets an essential acr.
    return best_level(assurance.methods)


def best_level(methods: Iterable[Method]) -> Level:
    """What could be reached with these."""
    found = set(methods) & Method.at_step_up
    if not found:
        return Level.ONE_FACTOR
    is_resistant = any(not _KEYS.isdisjoint(Method.amr[method]) for method in found)
    return Level.PHISHING_RESISTANT if is_resistant else Level.MULTI_FACTOR


def least_level(methods: Iterable[Method]) -> Level:
    """The lowest with which a demand for one of these could be met; any factor where it names none."""
    return min((best_level([method]) for method in set(methods) & Method.of_factors), default=Level.MULTI_FACTOR)


class AcrWords:
    """The values of ``acr`` of one app, by level.

    :param words: by ``1fa``, ``mfa``, ``phr``.
    """

    def __init__(self, words: Mapping[str, str]) -> None:
        self._by_level = {level: words[level.word] for level in Level}
        self._levels = {value: level for level, value in self._by_level.items()}

    @property
    def all(self) -> list[str]:
        """Every value, the strongest last."""
        return list(self._by_level.values())

    def value(self, level: Level) -> str:
        """What is sent for a level."""
        return self._by_level[level]

    def levels(self, values: Iterable[str]) -> tuple[Level, ...]:
        """The levels that these values mean; those of nobody here are left out."""
        return tuple(self._levels[value] for value in values if value in self._levels)

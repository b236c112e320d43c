"""Every condition word that one gate knows.

A host adds its own before policies are read::

def badge(subject: Subject, environment: Environment) -> str | None:
    return badges.get(subject.key)

registry = BUILT_IN.with_word(ListedWord("badge", badge)).with_risk(["tor"])
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from ....errors import ConfigError, PolicyError
from ....sentences import Sentence
from ..condition_tree import Condition
from ..reading import nearest
from .condition_type import ConditionType
from .words.browser import BROWSER
from .words.country import COUNTRY
from .words.device import DEVICE
from .words.enrollment import ENROLLMENT
from .words.network import NETWORK
from .words.platform import PLATFORM
from .words.request import REQUEST
from .words.risk import RISK, SIGNALS, RiskWord
from .words.schedule import SCHEDULE
from .words.sign_in import SIGN_IN
from .words.upstream_amr import UPSTREAM_AMR

COMBINING = frozenset({"all", "any", "not"})


@dataclass(frozen=True, slots=True)
class Registry:
    """Words by name. Each change gives another registry."""

    words: Mapping[str, ConditionType]

    @property
    def signals(self) -> frozenset[str]:
        """Every risk signal that a condition may name."""
        return frozenset(getattr(self.words.get(RISK.word), "signals", SIGNALS))

    def with_word(self, word: ConditionType) -> Registry:
        """These words and one more. A name that is taken, or is none, raises :class:`ConfigError`."""
        if word.word in self.words or word.word in COMBINING:
            raise ConfigError(f"condition {word.word}", "exists already")
        if not isinstance(word.word, str) or not word.word.strip():
            raise ConfigError("condition", "has no name", given=word.word)
        return replace(self, words=MappingProxyType({**self.words, word.word: word}))

    def with_risk(self, signals: Iterable[str]) -> Registry:
        """These words, where ``risk`` also knows the signals that the host tells of."""
        names = [signals] if isinstance(signals, str) else list(signals)
        if not all(isinstance(name, str) and name.strip() for name in names):
            raise ConfigError("condition risk", "has a signal without a name", given=names)
        risk = RiskWord(signals=self.signals | {name.lower() for name in names})
        return replace(self, words=MappingProxyType({**self.words, risk.word: risk}))

    def find(self, word: str, where: str) -> ConditionType:
        """The word of this name. An unknown one raises :class:`PolicyError`."""
        if word not in self.words:
            raise PolicyError(
                Sentence("is no condition: %(word)r", word=word), path=where, nearest=nearest(word, self.words)
            )
        return self.words[word]

    def read(self, word: str, wanted: object, where: str) -> Condition:
        """A criterion from what a document says. A bad one raises :class:`PolicyError`."""
        return Condition(word, self.find(word, where).read(wanted, where))


_BUILT_IN: tuple[ConditionType, ...] = (
    NETWORK,
    COUNTRY,
    PLATFORM,
    BROWSER,
    DEVICE,
    SCHEDULE,
    SIGN_IN,
    UPSTREAM_AMR,
    ENROLLMENT,
    RISK,
    REQUEST,
)
BUILT_IN = Registry(MappingProxyType({word.word: word for word in _BUILT_IN}))

"""``risk``: signals that are raised or not, built in or told by the host."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from ...condition_tree import Condition
from ...facts import Environment, MatchResult, Subject
from ...logic import Matcher
from ...reading import read_words, texts_of
from ..backing import Backing
from ..condition_type import TEXTS, Networks, Source, Wanted
from ..sampling import Sample, in_environments, subsets, texts_in


class RiskSignal(StrEnum):
    """What the gate itself finds unusual. A host may have words of its own beside these."""

    NEW_DEVICE = "new-device"
    NEW_ADDRESS = "new-address"
    FAILED_ATTEMPTS = "failed-attempts"
    IMPOSSIBLE_TRAVEL = "impossible-travel"


SIGNALS = frozenset(signal.value for signal in RiskSignal)


@dataclass(frozen=True, slots=True)
class RiskWord:
    """Holds when one of the wanted signals is raised.

    :param signals: every signal that may be wanted, those of the host among them.
    """

    word: str = "risk"
    is_always_known: bool = False
    facts: frozenset[str] = frozenset({"risk"})
    signals: frozenset[str] = SIGNALS

    def read(self, wanted: object, where: str) -> Wanted:
        """A list of known signals."""
        return read_words(wanted, where, self.signals)

    def compile(self, wanted: Wanted, networks: Networks, where: str) -> Matcher:
        """A test for one raised signal. One that nobody told of leaves it open."""
        signals = texts_of(wanted)

        def match(subject: Subject, environment: Environment) -> MatchResult:
            risk = environment.risk or {}
            marks = [risk.get(signal) for signal in signals]
            if any(marks):
                return MatchResult.HIT
            return MatchResult.UNKNOWN if None in marks else MatchResult.MISS

        return match

    def looked_at(self, subject: Subject, environment: Environment, wanted: Wanted) -> str:
        """Each wanted signal that is known, and whether it is raised."""
        risk = environment.risk or {}
        return ", ".join(f"{name} {'yes' if risk[name] else 'no'}" for name in texts_of(wanted) if name in risk)

    def backing(self, wanted: Wanted, networks: Networks, *, negated: bool) -> Backing:
        """That the address is not new is evidence; to raise a signal, or to avoid another one, takes no more than care.

        A device is known by what the client says it is, failed attempts are those of anybody, and who waits a day
        has travelled possibly.
        """
        # SECURITY: a password thief who copies a user agent and types no wrong code raises neither signal.
        return Backing.EVIDENCE if negated and RiskSignal.NEW_ADDRESS in texts_of(wanted) else Backing.CHOSEN

    @property
    def schema(self) -> Mapping[str, object]:
        """As a document may write it."""
        return TEXTS

    def samples(self, conditions: Sequence[Condition], networks: Networks) -> Iterable[Sample] | None:
        """Every part of the signals that are wanted is raised, and the rest is known not to be."""
        signals = texts_in(conditions)
        raised = subsets(signals)
        if raised is None:
            return None
        return in_environments(Environment(risk={name: name in words for name in signals}) for words in raised)

    def needs(self, wanted: Wanted) -> frozenset[Source]:
        """Travel needs to know where an address is."""
        return frozenset({Source.GEOIP}) if RiskSignal.IMPOSSIBLE_TRAVEL in texts_of(wanted) else frozenset()


RISK = RiskWord()

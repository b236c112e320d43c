"""``device``: what is known of the device, not of its user."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ...condition_tree import Condition
from ...facts import Environment, MatchResult, Subject
from ...logic import Matcher
from ...reading import read_words, texts_of
from ..backing import Backing
from ..condition_type import TEXTS, Networks, Source, Wanted
from ..sampling import Sample, in_environments, subsets, texts_in

_SOURCES = {"managed": Source.MANAGED, "certificate": Source.CERTIFICATE}
DEVICE_WORDS = frozenset({"trusted", *_SOURCES})


@dataclass(frozen=True, slots=True)
class DeviceWord:
    """Holds when one of the wanted words holds of the device."""

    word: str = "device"
    is_always_known: bool = False
    facts: frozenset[str] = frozenset({"device", "device_unknown"})

    def read(self, wanted: object, where: str) -> Wanted:
        """A list of ``trusted``, ``managed``, ``certificate``."""
        return read_words(wanted, where, DEVICE_WORDS)

    def compile(self, wanted: Wanted, networks: Networks, where: str) -> Matcher:
        """A test for one word in common."""
        words = frozenset(texts_of(wanted))
        # Nothing makes a device trusted yet, so that much is known of every device.
        unheard = MatchResult.UNKNOWN if words & _SOURCES.keys() else MatchResult.MISS

        def match(subject: Subject, environment: Environment) -> MatchResult:
            if environment.device is None:
                return unheard
            if not words.isdisjoint(environment.device):
                return MatchResult.HIT
            # SECURITY: a certificate that is known must not make "managed" known where the host could not tell.
            return MatchResult.MISS if words.isdisjoint(environment.device_unknown) else MatchResult.UNKNOWN

        return match

    def looked_at(self, subject: Subject, environment: Environment, wanted: Wanted) -> str:
        """The words that hold of the device; ``none`` when it is known that none does."""
        return "" if environment.device is None else ", ".join(sorted(environment.device)) or "none"

    def backing(self, wanted: Wanted, networks: Networks, *, negated: bool) -> Backing:
        """Each word rests on a secret or on the host."""
        # SECURITY: what shows that a device is trusted or managed can be left at home, so its absence proves nothing.
        return Backing.CHOSEN if negated else Backing.EVIDENCE

    @property
    def schema(self) -> Mapping[str, object]:
        """As a document may write it."""
        return TEXTS

    def samples(self, conditions: Sequence[Condition], networks: Networks) -> Iterable[Sample] | None:
        """Every part of the words that are wanted."""
        held = subsets(texts_in(conditions))
        return None if held is None else in_environments(Environment(device=words) for words in held)

    def needs(self, wanted: Wanted) -> frozenset[Source]:
        """The host's callback, or client certificates."""
        return frozenset(_SOURCES[word] for word in texts_of(wanted) if word in _SOURCES)


DEVICE = DeviceWord()

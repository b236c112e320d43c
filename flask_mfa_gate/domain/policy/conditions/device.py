"""``device``: what is known of the device, whoever sits at it."""

from __future__ import annotations

from dataclasses import dataclass

from ..facts import Environment, Mark, Subject
from ..logic import Matcher
from .backing import Backing
from .protocol import Networks, Source, Wanted
from .reading import read_words, texts_of

_SOURCES = {"managed": Source.MANAGED, "certificate": Source.CERTIFICATE}
DEVICE_WORDS = frozenset({"trusted", *_SOURCES})


@dataclass(frozen=True, slots=True)
class DeviceWord:
    """Holds when one of the wanted words holds of the device."""

    word: str = "device"

    def read(self, wanted: object, where: str) -> Wanted:
        """A list of ``trusted``, ``managed``, ``certificate``."""
        return read_words(wanted, where, DEVICE_WORDS)

    def compile(self, wanted: Wanted, networks: Networks, where: str) -> Matcher:
        """A test for one word in common."""
        words = frozenset(texts_of(wanted))
        # Nothing makes a device trusted yet, so that much is known of every device.
        unheard = Mark.UNKNOWN if words & _SOURCES.keys() else Mark.MISS

        def match(subject: Subject, environment: Environment) -> Mark:
            if environment.device is None:
                return unheard
            if not words.isdisjoint(environment.device):
                return Mark.HIT
            # SECURITY: a certificate that is known must not make "managed" known where the host could not tell.
            return Mark.MISS if words.isdisjoint(environment.device_unknown) else Mark.UNKNOWN

        return match

    def looked_at(self, subject: Subject, environment: Environment, wanted: Wanted) -> str:
        """The words that hold of the device; ``none`` when it is known that none does."""
        return "" if environment.device is None else ", ".join(sorted(environment.device)) or "none"

    def backing(self, wanted: Wanted, networks: Networks, *, negated: bool) -> Backing:
        """Each word rests on a secret or on the host."""
        # SECURITY: what shows that a device is trusted or managed can be left at home, so its absence proves nothing.
        return Backing.CHOSEN if negated else Backing.EVIDENCE

    def needs(self, wanted: Wanted) -> frozenset[Source]:
        """The host's callback, or client certificates."""
        return frozenset(_SOURCES[word] for word in texts_of(wanted) if word in _SOURCES)


DEVICE = DeviceWord()

"""``network``: whether the address is in named networks, blocks, ranges or is a single one."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from .....errors import PolicyError
from .....sentences import Sentence
from ...addresses import (
    END,
    Span,
    address_at,
    is_half_the_internet,
    looks_like_address,
    merged,
    read_entry,
    span_of,
    spot_of,
)
from ...condition_tree import Condition
from ...facts import Environment, MatchResult, Subject
from ...logic import Matcher
from ...reading import nearest, read_texts, texts_of
from ..backing import Backing
from ..condition_type import TEXTS, Networks, Source, Wanted
from ..sampling import Sample, in_environments

HIT, MISS, UNKNOWN = MatchResult.HIT, MatchResult.MISS, MatchResult.UNKNOWN


@dataclass(frozen=True, slots=True)
class NetworkWord:
    """Holds when the client's address lies in one of the wanted networks."""

    word: str = "network"
    is_always_known: bool = False
    facts: frozenset[str] = frozenset({"address"})

    def read(self, wanted: object, where: str) -> Wanted:
        """A list of names, addresses, blocks and ranges. Names are looked up when the policy is compiled."""
        entries = read_texts(wanted, where)
        return tuple(
            read_entry(entry, f"{where}[{index}]") if looks_like_address(entry) else entry
            for index, entry in enumerate(entries)
        )

    def compile(self, wanted: Wanted, networks: Networks, where: str) -> Matcher:
        """A test of the address. An unknown name raises :class:`PolicyError`."""
        return within(self.spans(wanted, networks, where))

    def spans(self, wanted: Wanted, networks: Networks, where: str) -> list[Span]:
        """All addresses that are wanted, sorted. An unknown name raises :class:`PolicyError`."""
        return merged(_spans_of(texts_of(wanted), networks, where))

    def looked_at(self, subject: Subject, environment: Environment, wanted: Wanted) -> str:
        """The address; also one that cannot be read, since that is what an admin has to see."""
        return environment.address or ""

    def backing(self, wanted: Wanted, networks: Networks, *, negated: bool) -> Backing:
        """Evidence, since an answer has to reach the address, unless the network is as good as everywhere."""
        # SECURITY: everybody but the office is out of the office, so to be out of it proves nothing.
        if negated or is_half_the_internet(self.spans(wanted, networks, "")):
            return Backing.ANYBODY
        return Backing.EVIDENCE

    @property
    def schema(self) -> Mapping[str, object]:
        """As a document may write it."""
        return TEXTS

    def samples(self, conditions: Sequence[Condition], networks: Networks) -> Iterable[Sample]:
        """Where each network begins, and where it is over."""
        spans = (span for condition in conditions for span in self.spans(condition.wanted, networks, ""))
        spots = {0, *(edge for first, last in spans for edge in (first, last + 1))}
        return in_environments(Environment(address=address_at(spot)) for spot in spots if spot < END)

    def needs(self, wanted: Wanted) -> frozenset[Source]:
        """Nothing beside the request."""
        return frozenset()


def within(spans: list[Span]) -> Matcher:
    """A test by halving among sorted spans."""
    if len(spans) == 1:
        return _one_span_matcher(*spans[0])
    firsts, lasts = [first for first, _ in spans], [last for _, last in spans]

    def match(subject: Subject, environment: Environment) -> MatchResult:
        spot = spot_of(environment.address)
        if spot is None:
            return UNKNOWN
        below = bisect_right(firsts, spot) - 1
        return HIT if below >= 0 and spot <= lasts[below] else MISS

    return match


def _one_span_matcher(first: int, last: int) -> Matcher:
    """Nearly every policy names one network, so this one counts when there are many policies."""

    def match(subject: Subject, environment: Environment) -> MatchResult:
        spot = spot_of(environment.address)
        if spot is None:
            return UNKNOWN
        return HIT if first <= spot <= last else MISS

    return match


def _spans_of(wanted: tuple[str, ...], networks: Networks, where: str) -> Iterable[Span]:
    for index, entry in enumerate(wanted):
        if looks_like_address(entry):
            yield span_of(entry)
        elif entry in networks:
            yield from map(span_of, networks[entry].entries)
        else:
            raise PolicyError(
                Sentence("names the network %(entry)r, which does not exist", entry=entry),
                path=f"{where}[{index}]",
                nearest=nearest(entry, networks),
            )


NETWORK = NetworkWord()

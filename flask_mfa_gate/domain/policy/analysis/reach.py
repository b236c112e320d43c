"""How much of the world a condition can hold in, at most."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from ..addresses import Network, Span, merged, share_of_internet
from ..condition_tree import And, Condition, Expression, Not, Or
from ..conditions.backing import Backing
from ..conditions.words.country import COUNTRIES, COUNTRY
from ..conditions.words.network import NETWORK
from ..reading import texts_of
from .worlds import SatisfiabilityChecker

HALF = 0.5


class Reach(NamedTuple):
    """Places from which somebody who knows only a password may meet a condition."""

    countries: frozenset[str] = frozenset()
    spans: tuple[Span, ...] = ()

    @property
    def share(self) -> float:
        """How much of the world that is, as far as countries and addresses can be added; 1 is all of it."""
        return min(1.0, len(self.countries) / len(COUNTRIES) + share_of_internet(self.spans))


_NOWHERE = Reach()
_EVERYWHERE = Reach(countries=COUNTRIES)


def is_nearly_everywhere(condition: Expression, worlds: SatisfiabilityChecker) -> bool:
    """Whether its branches together leave out less than half of the world, however little each of them covers."""
    return _reach(condition, worlds, negated=False).share >= HALF


def _reach(condition: Expression, worlds: SatisfiabilityChecker, *, negated: bool) -> Reach:
    match condition:
        case Condition():
            return _of_one(condition, worlds, negated=negated)
        case Not(part):
            return _reach(part, worlds, negated=not negated)
        case And(parts):
            combine = _together if negated else _narrowest
        case Or(parts):
            combine = _narrowest if negated else _together
    return combine(_reach(part, worlds, negated=negated) for part in parts)


def _of_one(criterion: Condition, worlds: SatisfiabilityChecker, *, negated: bool) -> Reach:
    if criterion.word in _MEASURED and not negated:
        return _MEASURED[criterion.word](criterion, worlds.networks)
    if criterion.word == COUNTRY.word:
        return Reach(countries=COUNTRIES.difference(texts_of(criterion.wanted)))
    word = worlds.registry.words[criterion.word]
    is_proof = word.backing(criterion.wanted, worlds.networks, negated=negated) is Backing.EVIDENCE
    return _NOWHERE if is_proof else _EVERYWHERE


def _in_networks(criterion: Condition, networks: Mapping[str, Network]) -> Reach:
    return Reach(spans=tuple(NETWORK.spans(criterion.wanted, networks, "")))


def _in_countries(criterion: Condition, networks: Mapping[str, Network]) -> Reach:
    return Reach(countries=frozenset(texts_of(criterion.wanted)))


_MEASURED: Mapping[str, Callable[[Condition, Mapping[str, Network]], Reach]] = {
    NETWORK.word: _in_networks,
    COUNTRY.word: _in_countries,
}


def _narrowest(parts: Iterable[Reach]) -> Reach:
    return min(parts, key=lambda part: part.share, default=_EVERYWHERE)


def _together(parts: Iterable[Reach]) -> Reach:
    found = list(parts)
    return Reach(
        countries=frozenset[str]().union(*(part.countries for part in found)),
        spans=tuple(merged(span for part in found for span in part.spans)),
    )

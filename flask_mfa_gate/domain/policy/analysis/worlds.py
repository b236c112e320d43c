"""Every way in which the facts can fall, as far as given conditions can tell them apart."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice, product
from math import prod
from typing import TypeAlias

from ..addresses import Network
from ..condition_tree import Condition, Expression, conditions_in
from ..conditions.registry import Registry
from ..conditions.sampling import Sampled
from ..facts import MatchResult
from .implication import Both, Either, Form, Opposite, form_of

MOST_WORLDS = 4096
MOST_CRITERIA = 64
MOST_SAMPLES = 20_000

Assignment: TypeAlias = Mapping[Form, MatchResult]
_RANK = {MatchResult.MISS: 0, MatchResult.UNKNOWN: 1, MatchResult.HIT: 2}
_OPPOSITE = {
    MatchResult.HIT: MatchResult.MISS,
    MatchResult.MISS: MatchResult.HIT,
    MatchResult.UNKNOWN: MatchResult.UNKNOWN,
}
_EITHER = (MatchResult.MISS, MatchResult.HIT)


@dataclass(frozen=True, slots=True)
class SatisfiabilityChecker:
    """What conditions can come to, with the words and networks of one gate.

    Where the facts can fall in too many ways to try them all, nothing is claimed: each question is answered with no.
    """

    registry: Registry
    networks: Mapping[str, Network]
    made: dict[tuple[frozenset[Form], bool], Sequence[Assignment]] = field(default_factory=dict, repr=False)

    def is_always(self, condition: Expression) -> bool:
        """Whether it holds whatever the facts are, as long as they are known."""
        return self._is_only(condition, {MatchResult.HIT})

    def is_never(self, condition: Expression) -> bool:
        """Whether it fails whatever the facts are, as long as they are known."""
        return self._is_only(condition, {MatchResult.MISS})

    def is_match_when_unknown(self, condition: Expression) -> bool:
        """Whether a deny would match in any case while all is unknown that can be."""
        return self._is_only(condition, {MatchResult.HIT, MatchResult.UNKNOWN}, blind=True)

    def _is_only(self, condition: Expression, marks: set[MatchResult], *, blind: bool = False) -> bool:
        criteria = {form_of(criterion): criterion for criterion in conditions_in(condition)}
        if len(criteria) > MOST_CRITERIA:
            return False
        vectors = [
            self._marks(word, found, blind=blind and not self._is_always_known(word))
            for word, found in _by_word(criteria).items()
        ]
        if prod(map(len, vectors)) not in range(1, MOST_WORLDS + 1):
            return False
        form = form_of(condition)
        return all(mark_in(_merged(parts), form) in marks for parts in product(*vectors))

    def _is_always_known(self, word: str) -> bool:
        found = self.registry.words[word]
        return isinstance(found, Sampled) and found.is_always_known

    def _marks(self, word: str, criteria: Mapping[Form, Condition], *, blind: bool) -> Sequence[Assignment]:
        """Each combination of marks that criteria of one word can have together; none where they are too many."""
        key = frozenset(criteria), blind
        if key not in self.made:
            self.made[key] = self._make(word, criteria, blind=blind)
        return self.made[key]

    def _make(self, word: str, criteria: Mapping[Form, Condition], *, blind: bool) -> Sequence[Assignment]:
        if blind:
            return [dict.fromkeys(criteria, MatchResult.UNKNOWN)]
        sampled = self.registry.words[word]
        samples = sampled.samples(list(criteria.values()), self.networks) if isinstance(sampled, Sampled) else None
        if samples is None:
            return _independent(criteria)
        contexts = list(islice(samples, MOST_SAMPLES + 1))
        if len(contexts) > MOST_SAMPLES:
            return []
        matchers = [self.registry.words[word].compile(one.wanted, self.networks, "") for one in criteria.values()]
        vectors = {tuple(match(subject, environment) for match in matchers) for subject, environment in contexts}
        return [dict(zip(criteria, vector, strict=True)) for vector in vectors]


def _independent(criteria: Mapping[Form, Condition]) -> Sequence[Assignment]:
    if 2 ** len(criteria) > MOST_WORLDS:
        return []
    return [dict(zip(criteria, marks, strict=True)) for marks in product(_EITHER, repeat=len(criteria))]


def _merged(parts: Iterable[Assignment]) -> Assignment:
    return {form: mark for part in parts for form, mark in part.items()}


def _by_word(criteria: Mapping[Form, Condition]) -> Mapping[str, Mapping[Form, Condition]]:
    found: dict[str, dict[Form, Condition]] = defaultdict(dict)
    for form, criterion in criteria.items():
        found[criterion.word][form] = criterion
    return found


def mark_in(world: Assignment, form: Form) -> MatchResult:
    """What a condition of this form comes to in one world."""
    match form:
        case Opposite(part):
            return _OPPOSITE[mark_in(world, part)]
        case Both(parts):
            return min((mark_in(world, part) for part in parts), key=_RANK.__getitem__, default=MatchResult.HIT)
        case Either(parts):
            return max((mark_in(world, part) for part in parts), key=_RANK.__getitem__, default=MatchResult.MISS)
    return world[form]

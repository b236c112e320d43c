"""Every way in which the facts can fall, as far as given conditions can tell them apart."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice, product
from math import prod
from typing import TypeAlias

from .conditions.enrollment import ENROLLMENT
from .conditions.registry import Registry
from .conditions.request import REQUEST
from .conditions.schedule import SCHEDULE
from .conditions.sign_in import SIGN_IN
from .facts import Mark
from .implication import Both, Either, Form, Opposite, form_of
from .model import Condition, Criterion, Every, Network, Not, Some
from .samples import samples_of

MOST_WORLDS = 4096
MOST_CRITERIA = 64
MOST_SAMPLES = 20_000

# The gate knows these of every request; anything else can be missing.
ALWAYS_KNOWN = frozenset({SCHEDULE.word, REQUEST.word, SIGN_IN.word, ENROLLMENT.word})

World: TypeAlias = Mapping[Form, Mark]
_RANK = {Mark.MISS: 0, Mark.UNKNOWN: 1, Mark.HIT: 2}
_OPPOSITE = {Mark.HIT: Mark.MISS, Mark.MISS: Mark.HIT, Mark.UNKNOWN: Mark.UNKNOWN}
_EITHER = (Mark.MISS, Mark.HIT)


@dataclass(frozen=True, slots=True)
class Worlds:
    """What conditions can come to, with the words and networks of one gate.

    Where the facts can fall in too many ways to try them all, nothing is claimed: each question is answered with no.
    """

    registry: Registry
    networks: Mapping[str, Network]
    made: dict[tuple[frozenset[Form], bool], Sequence[World]] = field(default_factory=dict, repr=False)

    def is_always(self, condition: Condition) -> bool:
        """Whether it holds whatever the facts are, as long as they are known."""
        return self._is_only(condition, {Mark.HIT})

    def is_never(self, condition: Condition) -> bool:
        """Whether it fails whatever the facts are, as long as they are known."""
        return self._is_only(condition, {Mark.MISS})

    def is_match_when_unknown(self, condition: Condition) -> bool:
        """Whether a deny would match in any case while all is unknown that can be."""
        return self._is_only(condition, {Mark.HIT, Mark.UNKNOWN}, blind=True)

    def _is_only(self, condition: Condition, marks: set[Mark], *, blind: bool = False) -> bool:
        criteria = {form_of(criterion): criterion for criterion in criteria_of(condition)}
        if len(criteria) > MOST_CRITERIA:
            return False
        vectors = [
            self._marks(word, found, blind=blind and word not in ALWAYS_KNOWN)
            for word, found in _by_word(criteria).items()
        ]
        if prod(map(len, vectors)) not in range(1, MOST_WORLDS + 1):
            return False
        form = form_of(condition)
        return all(mark_in(_merged(parts), form) in marks for parts in product(*vectors))

    def _marks(self, word: str, criteria: Mapping[Form, Criterion], *, blind: bool) -> Sequence[World]:
        """Each combination of marks that criteria of one word can have together; none where they are too many."""
        key = frozenset(criteria), blind
        if key not in self.made:
            self.made[key] = self._make(word, criteria, blind=blind)
        return self.made[key]

    def _make(self, word: str, criteria: Mapping[Form, Criterion], *, blind: bool) -> Sequence[World]:
        if blind:
            return [dict.fromkeys(criteria, Mark.UNKNOWN)]
        samples = samples_of(word, list(criteria.values()), self.networks)
        if samples is None:
            return _independent(criteria)
        contexts = list(islice(samples, MOST_SAMPLES + 1))
        if len(contexts) > MOST_SAMPLES:
            return []
        matchers = [self.registry.words[word].compile(one.wanted, self.networks, "") for one in criteria.values()]
        vectors = {tuple(match(subject, environment) for match in matchers) for subject, environment in contexts}
        return [dict(zip(criteria, vector, strict=True)) for vector in vectors]


def _independent(criteria: Mapping[Form, Criterion]) -> Sequence[World]:
    if 2 ** len(criteria) > MOST_WORLDS:
        return []
    return [dict(zip(criteria, marks, strict=True)) for marks in product(_EITHER, repeat=len(criteria))]


def _merged(parts: Iterable[World]) -> World:
    return {form: mark for part in parts for form, mark in part.items()}


def _by_word(criteria: Mapping[Form, Criterion]) -> Mapping[str, Mapping[Form, Criterion]]:
    found: dict[str, dict[Form, Criterion]] = defaultdict(dict)
    for form, criterion in criteria.items():
        found[criterion.word][form] = criterion
    return found


def criteria_of(condition: Condition) -> Iterator[Criterion]:
    """Each criterion of a condition, from left to right."""
    match condition:
        case Criterion():
            yield condition
        case Not(part):
            yield from criteria_of(part)
        case Every(parts) | Some(parts):
            for part in parts:
                yield from criteria_of(part)


def mark_in(world: World, form: Form) -> Mark:
    """What a condition of this form comes to in one world."""
    match form:
        case Opposite(part):
            return _OPPOSITE[mark_in(world, part)]
        case Both(parts):
            return min((mark_in(world, part) for part in parts), key=_RANK.__getitem__, default=Mark.HIT)
        case Either(parts):
            return max((mark_in(world, part) for part in parts), key=_RANK.__getitem__, default=Mark.MISS)
    return world[form]

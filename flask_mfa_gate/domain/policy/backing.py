"""What an ``allow`` stands on, in every way in which its conditions can be met."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import reduce
from itertools import product
from typing import TypeAlias

from .conditions.backing import Backing
from .model import Condition, Criterion, Every, Not, Some
from .worlds import Worlds

Backings: TypeAlias = frozenset[Backing]


def backings(condition: Condition, worlds: Worlds, *, negated: bool = False) -> Backings:
    """The backing of each branch of the disjunctive normal form.

    A branch is as strong as its strongest criterion. What holds always, although each of its parts can fail, also has
    the branch that rests on nothing.
    """
    found = _branches(condition, worlds, negated=negated)
    return found | {Backing.ANYBODY} if _holds_always(condition, worlds, negated=negated) else found


def _branches(condition: Condition, worlds: Worlds, *, negated: bool) -> Backings:
    """Every part of a conjunction takes part in each branch, a disjunction has the branches of all its parts.

    A ``not`` turns the one into the other (De Morgan).
    """
    match condition:
        case Criterion():
            return frozenset({_of_one(condition, worlds, negated=negated)})
        case Not(part):
            return backings(part, worlds, negated=not negated)
        case Every(parts):
            combine = _union if negated else _strongest
        case Some(parts):
            combine = _strongest if negated else _union
    return combine(backings(part, worlds, negated=negated) for part in parts)


def weak_words(condition: Condition, worlds: Worlds, *, negated: bool = False) -> Iterator[str]:
    """The words that prove nothing in the place where they stand."""
    match condition:
        case Criterion():
            if _of_one(condition, worlds, negated=negated) is not Backing.EVIDENCE:
                yield f"not {condition.word}" if negated else condition.word
        case Not(part):
            yield from weak_words(part, worlds, negated=not negated)
        case Every(parts) | Some(parts):
            for part in parts:
                yield from weak_words(part, worlds, negated=negated)


def _of_one(criterion: Criterion, worlds: Worlds, *, negated: bool) -> Backing:
    word = worlds.registry.words[criterion.word]
    return word.backing(criterion.wanted, worlds.networks, negated=negated)


def _holds_always(condition: Condition, worlds: Worlds, *, negated: bool) -> bool:
    return worlds.is_never(condition) if negated else worlds.is_always(condition)


def _union(parts: Iterable[Backings]) -> Backings:
    return frozenset[Backing]().union(*parts)


def _strongest(parts: Iterable[Backings]) -> Backings:
    return reduce(lambda one, other: frozenset(map(max, product(one, other))), parts, frozenset({Backing.ANYBODY}))

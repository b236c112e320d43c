"""What an ``allow`` stands on, in every way in which its conditions can be met."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import reduce
from itertools import product
from typing import TypeAlias

from ..condition_tree import And, Condition, Expression, Not, Or
from ..conditions.backing import Backing
from .worlds import SatisfiabilityChecker

Backings: TypeAlias = frozenset[Backing]


def backings(condition: Expression, worlds: SatisfiabilityChecker, *, negated: bool = False) -> Backings:
    """The backing of each branch of the disjunctive normal form.

    A branch is as strong as its strongest criterion. What holds always, although each of its parts can fail, also has
    the branch that rests on nothing.
    """
    found = _branches(condition, worlds, negated=negated)
    return found | {Backing.ANYBODY} if _holds_always(condition, worlds, negated=negated) else found


def _branches(condition: Expression, worlds: SatisfiabilityChecker, *, negated: bool) -> Backings:
    """Every part of a conjunction takes part in each branch, a disjunction has the branches of all its parts.

    A ``not`` turns the one into the other (De Morgan).
    """
    match condition:
        case Condition():
            return frozenset({_of_one(condition, worlds, negated=negated)})
        case Not(part):
            return backings(part, worlds, negated=not negated)
        case And(parts):
            combine = _union if negated else _strongest
        case Or(parts):
            combine = _strongest if negated else _union
    return combine(backings(part, worlds, negated=negated) for part in parts)


def weak_words(condition: Expression, worlds: SatisfiabilityChecker, *, negated: bool = False) -> Iterator[str]:
    """The words that prove nothing in the place where they stand."""
    match condition:
        case Condition():
            if _of_one(condition, worlds, negated=negated) is not Backing.EVIDENCE:
                yield f"not {condition.word}" if negated else condition.word
        case Not(part):
            yield from weak_words(part, worlds, negated=not negated)
        case And(parts) | Or(parts):
            for part in parts:
                yield from weak_words(part, worlds, negated=negated)


def _of_one(criterion: Condition, worlds: SatisfiabilityChecker, *, negated: bool) -> Backing:
    word = worlds.registry.words[criterion.word]
    return word.backing(criterion.wanted, worlds.networks, negated=negated)


def _holds_always(condition: Expression, worlds: SatisfiabilityChecker, *, negated: bool) -> bool:
    return worlds.is_never(condition) if negated else worlds.is_always(condition)


def _union(parts: Iterable[Backings]) -> Backings:
    return frozenset[Backing]().union(*parts)


def _strongest(parts: Iterable[Backings]) -> Backings:
    return reduce(lambda one, other: frozenset(map(max, product(one, other))), parts, frozenset({Backing.ANYBODY}))

"""Whether an ``allow`` can be had by anybody who chooses to look right."""

from __future__ import annotations

from .addresses import has_whole_internet
from .conditions.device import DEVICE
from .conditions.network import NETWORK
from .conditions.reading import table_of, texts_of
from .conditions.request import REQUEST
from .conditions.sign_in import REMEMBER_ME, SIGN_IN
from .model import Condition, Criterion, Every, Not, Some
from .worlds import Worlds, criteria_of

_CHOSEN_WAYS = frozenset({"password", REMEMBER_ME})


def rests_on_client(condition: Condition, worlds: Worlds, *, negated: bool = False) -> bool:
    """Whether there is a way to meet the condition with nothing but what a client chooses.

    In the disjunctive normal form: whether one branch has no other literal. Every part of a conjunction must be
    chosen, one part of a disjunction is enough, and a ``not`` turns the one into the other (De Morgan).
    """
    if _says_nothing(condition, worlds, negated=negated):
        return True
    match condition:
        case Criterion():
            return _is_chosen(condition, worlds, negated=negated)
        case Not(part):
            return rests_on_client(part, worlds, negated=not negated)
        case Every(parts):
            quantified = any if negated else all
        case Some(parts):
            quantified = all if negated else any
    return quantified(rests_on_client(part, worlds, negated=negated) for part in parts)


def names_client_choice(condition: Condition, worlds: Worlds) -> bool:
    """Whether the client chooses one of the facts that the condition names."""
    return any(
        _is_chosen(criterion, worlds, negated=negated)
        for criterion in criteria_of(condition)
        for negated in (False, True)
    )


def _is_chosen(criterion: Criterion, worlds: Worlds, *, negated: bool) -> bool:
    if criterion.word == SIGN_IN.word:
        ways = _CHOSEN_WAYS.intersection(texts_of(criterion.wanted))
        return ways != _CHOSEN_WAYS if negated else bool(ways)
    if criterion.word == REQUEST.word and negated:
        return "methods" in table_of(criterion.wanted)
    # SECURITY: what shows that a device is trusted or managed can be left at home, so its absence proves nothing.
    if criterion.word == DEVICE.word and negated:
        return True
    return worlds.registry.words[criterion.word].is_client_chosen(criterion.wanted)


def _says_nothing(condition: Condition, worlds: Worlds, *, negated: bool) -> bool:
    """Whether this part holds for everybody, so that no branch rests on it."""
    if negated:
        return worlds.is_never(condition)
    return _has_whole_internet(condition, worlds) or worlds.is_always(condition)


def _has_whole_internet(condition: Condition, worlds: Worlds) -> bool:
    if not isinstance(condition, Criterion) or condition.word != NETWORK.word:
        return False
    return has_whole_internet(NETWORK.spans(condition.wanted, worlds.networks, ""))

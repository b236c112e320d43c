"""Why each policy applies or not, in words for an admin."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..condition_tree import Condition
from ..conditions.schedule_text import schedule_text
from ..conditions.words.schedule import SCHEDULE
from ..document.policy import PolicyState
from ..facts import MatchResult
from ..reading import table_of


@dataclass(frozen=True, slots=True)
class ConditionTrace:
    """What one criterion came to.

    :param criterion: what the policy says; of users and resources as if they were conditions too.
    :param looked_at: the fact as it was known; empty when it was not.
    :param reason: a sentence.
    :param under: the words that it stands under in the policy, the outermost first: ``not any``; empty at the top.
    """

    criterion: Condition
    mark: MatchResult
    looked_at: str
    reason: str
    under: str = ""

    @property
    def word(self) -> str:
        """The condition word, ``users`` or ``resources``."""
        return self.criterion.word

    @property
    def name(self) -> str:
        """The word with what it stands under, since the result is that of the word alone."""
        return f"{self.word}, under {self.under}" if self.under else self.word


@dataclass(frozen=True, slots=True)
class PolicyTrace:
    """What one policy came to, also one that is off or only reported.

    :param applies: whether it counts here, were it on: an unknown fact applies a deny or require, and no allow.
    :param mark: whether its users, resources and conditions hold together.
    """

    name: str
    state: PolicyState
    applies: bool
    mark: MatchResult
    criteria: tuple[ConditionTrace, ...]


def condition_trace(criterion: Condition, mark: MatchResult, looked_at: str) -> ConditionTrace:
    """A finding with its sentence."""
    return ConditionTrace(criterion, mark, looked_at, _sentence(mark, looked_at, _wanted(criterion)))


def _wanted(criterion: Condition) -> str:
    """What it asks for: a schedule as people say it, everything else as the document has it."""
    if criterion.word == SCHEDULE.word:
        return schedule_text(table_of(criterion.wanted))
    return wanted_text(criterion.wanted)


def _sentence(mark: MatchResult, looked_at: str, wanted: str) -> str:
    if mark is MatchResult.UNKNOWN:
        return f"Not known whether {looked_at or 'it'} matches {wanted}."
    if not looked_at:
        return f"Nothing matches {wanted}."
    return f"{looked_at} {'matches' if mark is MatchResult.HIT else 'does not match'} {wanted}."


def wanted_text(wanted: tuple[str, ...] | Mapping[str, object]) -> str:
    """A criterion's value on one line."""
    if isinstance(wanted, Mapping):
        return "; ".join(f"{key} {_value_text(value)}" for key, value in wanted.items())
    return _value_text(wanted)


def _value_text(value: object) -> str:
    return " or ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)

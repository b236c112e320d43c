"""What an action on users answers."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from itertools import chain

from ...domain.enrollment.state_changes import Outcome


@dataclass(frozen=True, slots=True)
class Answer:
    """Outcome for one user, with a stable reason word."""

    outcome: Outcome
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ActionResult:
    """Outcome for each user: pairs of key and reason."""

    done: tuple[tuple[str, str], ...] = ()
    skipped: tuple[tuple[str, str], ...] = ()
    failed: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, answers: Iterable[tuple[str, Answer]]) -> ActionResult:
        """Sort the answers by outcome, keeping their order."""
        pairs = list(answers)
        return cls(
            **{
                outcome.value: tuple((key, answer.reason) for key, answer in pairs if answer.outcome is outcome)
                for outcome in Outcome
            }
        )


def joined(parts: Collection[ActionResult]) -> ActionResult:
    """The outcomes of one part after the other."""
    return ActionResult(
        *(tuple(chain.from_iterable(getattr(part, outcome.value) for part in parts)) for outcome in Outcome)
    )

"""What an action on users answers."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import chain

from ...domain.enrollment import Status
from ...domain.person import Person
from ...domain.state_changes import Outcome


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


@dataclass(frozen=True, slots=True)
class ListedUser:
    """One line of a list: who it is, and where their enrollment stands.

    :param is_seen: False for a key that only an order speaks of: there is no directory, and nobody has come by it.
    """

    person: Person
    mfa: MfaStatus
    is_seen: bool


@dataclass(frozen=True, slots=True)
class MfaStatus:
    """One user's enrollment, as lists, command line and host code see it.

    :param days_left: days begun until ``ends_at``; all of them while the period waits to begin; None without a period.
    :param factors: kinds of confirmed factors, sorted.
    """

    key: str
    status: Status
    required: bool
    required_by: str | None
    days_left: int | None
    ends_at: datetime | None
    enrolled_at: datetime | None
    factors: tuple[str, ...]

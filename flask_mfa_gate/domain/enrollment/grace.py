"""What an admin does about days of grace. Pure, as every action."""

from __future__ import annotations

from dataclasses import dataclass

from ..people.roles import Right
from ..records.event_name import EventName
from .state_changes import Outcome, StateChange, UserState


@dataclass(frozen=True, slots=True)
class RestartGrace:
    """Let the days of grace of a policy start again.

    :param policy: its name.
    """

    policy: str

    right = Right.RULE
    must_tell = False

    def on(self, user: UserState, *, by: str) -> StateChange:
        """Days that have not started yet start with the first request that the policy applies to, not now."""
        if self.policy not in user.enrollment.graces:
            return StateChange(Outcome.SKIPPED, "no-grace")
        return StateChange(event=EventName.GRACE_RESTARTED, details={"policy": self.policy}, restarts_grace=self.policy)

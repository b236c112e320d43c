"""How far an action on many users is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ....store.enrollment.action_requests import ActionRequest, RequestState
from ...translation import gettext, marked
from ..console import console_url
from ..representation import Table
from ..words import Word
from .verbs import VERBS

_STATES = {
    RequestState.RUNNING: Word(marked("Running"), "info"), RequestState.PAUSED: Word(marked("Paused"), "warn"),
    RequestState.DONE: Word(marked("Done"), "good"), RequestState.CANCELLED: Word(marked("Cancelled"), "bad"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Progress:
    """One line of the list.

    :param come: users whom it has come to, of ``count``.
    """

    id: str
    actor: str
    action: str
    state: RequestState
    created_at: datetime
    come: int
    count: int

    @classmethod
    def of(cls, request: ActionRequest, come: int) -> Progress:
        """From a request that was confirmed."""
        return cls(request.id, request.actor, request.action, request.state, request.created_at, come, request.count)

    @property
    def label(self) -> str:
        """The action as its button has it."""
        return gettext(VERBS[self.action].label)

    @property
    def word(self) -> Word:
        """The badge of its state."""
        return _STATES[self.state]._replace(text=gettext(_STATES[self.state].text))

    @property
    def can_be_cancelled(self) -> bool:
        """Whether somebody is still waiting."""
        return self.state in {RequestState.RUNNING, RequestState.PAUSED}

    def as_json(self) -> dict[str, Any]:
        """As programs read it."""
        return {
            "id": self.id, "actor": self.actor, "action": self.action, "state": self.state.value,
            "created_at": self.created_at.isoformat(), "done": self.come, "count": self.count,
            "url": console_url("user_request", request_id=self.id),
        }  # fmt: skip


TABLE: Table[Progress] = Table(
    "actions", ("id", "actor", "action", "state", "created_at", "done", "count"), lambda progress: progress.as_json()
)

"""What the answer to a challenge has to be compared with, kept for the sign-in that asked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from ..records.checkpoints import Checkpoints

LIFETIME = timedelta(minutes=5)
CHALLENGE = "challenge:"


class ChallengeStates:
    """One a sign-in and method, as JSON in the mark table; the next challenge takes the place of the one before."""

    def __init__(self, checkpoints: Checkpoints) -> None:
        self._marks = checkpoints

    def put(self, tx: Connection, lineage: str, method: str, state: Mapping[str, Any], *, now: datetime) -> None:
        """Keep it until the answer comes."""
        self._marks.put(tx, _name(lineage, method), at=now, value=json.dumps(dict(state)))

    def take(self, tx: Connection, lineage: str, method: str, *, now: datetime) -> Mapping[str, Any] | None:
        """The state, for this one answer; None where there is none, or an old one. The caller holds the user's row."""
        name = _name(lineage, method)
        kept = self._marks.get(tx, name)
        if kept is None:
            return None
        # SECURITY: an answer that somebody has seen is worth nothing a second time.
        self._marks.drop(tx, name)
        state: Mapping[str, Any] = json.loads(kept.value)
        return state if timedelta(0) <= now - kept.at < LIFETIME else None


def _name(lineage: str, method: str) -> str:
    return f"{CHALLENGE}{lineage}:{method}"

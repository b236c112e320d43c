"""What a cookie of the gate leads to, and what goes into one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from ...domain.enrollment.enrollment import EnrollmentState
from ...domain.sign_in.session import GateSession


@dataclass(frozen=True, slots=True, repr=False)
class Entry:
    """A session together with the id that goes into the cookie."""

    token: str
    session: GateSession


class Found(NamedTuple):
    """What a cookie leads to: a living session, or one that is over, and the enrollment state of its user."""

    session: GateSession | None = None
    enrollment: EnrollmentState | None = None
    dead: GateSession | None = None

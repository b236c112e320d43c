"""What a cookie of the gate leads to, and what goes into one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from ...domain.enrollment.enrollment import EnrollmentState
from ...domain.sign_in.assurance import Method
from ...domain.sign_in.session import GateSession
from ...store.sign_in.holdings import Held


@dataclass(frozen=True, slots=True, repr=False)
class Entry:
    """A session together with the id that goes into the cookie."""

    token: str
    session: GateSession


@dataclass(frozen=True, slots=True)
class Elevation:
    """How a session comes to continue under a new id.

    :param proof: by what it was proved; None when nothing was proved now.
    :param act: what a grant would be for, see :func:`act_of`.
    :param enrollment: the user's, where what was proved is used up only as long as the factor counts, and so speaks
        for what the request read before; None to read it now.
    """

    proof: Method | None = None
    act: str | None = None
    deferred: bool = False
    enrollment: EnrollmentState | None = None


class Found(NamedTuple):
    """What a cookie leads to: a living session, or one that is over, and the enrollment state of its user.

    :param held: what that user holds, where it was asked for with a living session.
    """

    session: GateSession | None = None
    enrollment: EnrollmentState | None = None
    dead: GateSession | None = None
    held: Held | None = None

"""How many wrong codes are too many."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto

FREE_FAILURES = 5
FIRST_WAIT = timedelta(seconds=30)
LONGEST_WAIT = timedelta(minutes=15)
STOP_AT = 100
MEMORY = timedelta(days=30)
_MOST_DOUBLINGS = 10


@dataclass(frozen=True, slots=True)
class Failures:
    """Wrong codes of one user within :data:`MEMORY` that no later success from the same address cleared."""

    at_address: int
    last_at_address: datetime | None
    in_total: int


class Admission(Enum):
    """Whether a code is tried at all."""

    OPEN = auto()
    WAIT = auto()
    STOPPED = auto()


def wait_until(failures: Failures) -> datetime | None:
    """When this address may try again: 30 s after the sixth wrong code, doubling to at most 15 minutes."""
    if failures.at_address <= FREE_FAILURES or failures.last_at_address is None:
        return None
    return failures.last_at_address + wait_after(failures.at_address)


def wait_after(wrong_codes: int) -> timedelta:
    """How long an address waits after so many wrong codes, which are more than the free ones."""
    return min(FIRST_WAIT * (1 << min(wrong_codes - FREE_FAILURES - 1, _MOST_DOUBLINGS)), LONGEST_WAIT)


def admission(failures: Failures, *, now: datetime, stoppable: bool) -> Admission:
    """Whether a code of this user is tried now.

    :param stoppable: False for ways back in, which wait but are never stopped.
    """
    # SECURITY: the hard stop that NIST SP 800-63B asks for, whatever addresses the guesses come from.
    if stoppable and failures.in_total >= STOP_AT:
        return Admission.STOPPED
    until = wait_until(failures)
    return Admission.WAIT if until is not None and now < until else Admission.OPEN


def retry_after(until: datetime, now: datetime) -> int:
    """Whole seconds to wait, rounded up, at least 1."""
    return max(1, -((now - until) // timedelta(seconds=1)))

"""Access passes: a way back in for a user who lost the device, given out by an admin."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

SHORTEST = timedelta(minutes=10)
LONGEST = timedelta(days=30)
DEFAULT = timedelta(hours=1)
LATEST_START = timedelta(days=365)


class Scope(StrEnum):
    """What a pass opens: the app, or only the setup of a factor."""

    FULL = "full"
    ENROLL_ONLY = "enroll-only"


@dataclass(frozen=True, slots=True)
class AccessPass:
    """The terms of a pass. What it opened ends with it.

    :param one_time: whether the first use spends it.
    :param ends_at: outside of its life.
    """

    scope: Scope
    one_time: bool
    starts_at: datetime
    ends_at: datetime


def terms(
    *, scope: Scope, one_time: bool, lifetime: timedelta, starts_at: datetime | None, now: datetime
) -> AccessPass | None:
    """The terms of a new pass; None when the times are out of range.

    :param lifetime: 10 minutes to 30 days, counted from the start.
    :param starts_at: not in the past, at most a year ahead; None is now.
    """
    begin = now if starts_at is None else starts_at
    if not SHORTEST <= lifetime <= LONGEST or not timedelta(0) <= begin - now <= LATEST_START:
        return None
    # In UTC, where every hour has 60 minutes; in a zone with summer time one would be skipped or counted twice.
    in_utc = begin.astimezone(UTC)
    return AccessPass(scope, one_time, in_utc, in_utc + lifetime)

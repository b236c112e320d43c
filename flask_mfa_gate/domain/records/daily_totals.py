"""Days as the charts count them, in UTC."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from ..sign_in.sign_in_outcome import SignInOutcome

KEPT_DAYS = 400
# The name of all people together among those of groups.
EVERYBODY = ""
# A sign-in of the last minute before midnight still has time to be proved.
SETTLED_AFTER = timedelta(hours=1)
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Adoption:
    """How many people there are, and how many of them are enrolled."""

    people: int
    enrolled: int


@dataclass(frozen=True, slots=True)
class AdoptionDay:
    """Adoption at the end of a day."""

    day: date
    adoption: Adoption


@dataclass(frozen=True, slots=True)
class SignInDay:
    """Sign-ins of a day by their outcome; an outcome without any is missing."""

    day: date
    counts: Mapping[SignInOutcome, int]


def bounds_of(day: date) -> tuple[datetime, datetime]:
    """The first moment of a day, and the first moment after it."""
    start = datetime.combine(day, time(0), UTC)
    return start, start + _DAY


def is_over(day: date, now: datetime) -> bool:
    """Whether what is counted of a day no longer changes."""
    return bounds_of(day)[1] + SETTLED_AFTER <= now


def next_day(last: date | None, first_record: datetime | None, now: datetime) -> date:
    """The day to count next: after the last one that was, else that of the first record; none that would be swept."""
    today = now.astimezone(UTC).date()
    first = today if first_record is None else first_record.astimezone(UTC).date()
    return max(first if last is None else last + _DAY, today - timedelta(days=KEPT_DAYS))


def days_between(first: date, last: date) -> Iterator[date]:
    """Each of them, both ends included."""
    while first <= last:
        yield first
        first += _DAY

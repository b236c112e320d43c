"""A moment in the cursor of a list that is read by time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

GONE = "This page of the list no longer exists. Start from the first page."
MICROSECOND = timedelta(microseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def moment_number(at: datetime) -> int:
    """Microseconds since 1970."""
    return (at - _EPOCH) // MICROSECOND


def moment_of_number(number: int) -> datetime:
    """The moment that :func:`moment_number` was given."""
    return _EPOCH + number * MICROSECOND

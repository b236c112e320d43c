"""When the users whom a directory no longer shows are taken for gone."""

from __future__ import annotations

from datetime import datetime, timedelta

CONFIRMATION = timedelta(hours=24)
_ALWAYS_VOIDED = 10
_SHARE = 20


def is_gone(missing_since: datetime, *, now: datetime) -> bool:
    """Whether two syncs at least 24 hours apart missed this user."""
    # SECURITY: one answer of a directory that lacks somebody may be a hiccup, and would take their factors away.
    return now - missing_since >= CONFIRMATION


def most_voided(people: int) -> int:
    """How many users one run may void unasked: 5 % of all, and at least 10."""
    return max(_ALWAYS_VOIDED, people // _SHARE)

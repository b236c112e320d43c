"""IANA time zones by name: what is a name of one, and whether this machine can tell the time there.

The two are not the same. An image without ``tzdata``, or without the older names, still has to read, show and edit a
policy that names a zone; only the one condition can't be told there.
"""

from __future__ import annotations

from datetime import UTC, tzinfo
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo, available_timezones

_NAMES = Path(__file__).with_name("zone_names.txt")
# Some systems list these two: one is the server's own zone, the other stands for none.
_NO_PLACES = {"localtime", "Factory"}
_ALWAYS_THERE = {"UTC", "Etc/UTC"}


@cache
def zone_names() -> frozenset[str]:
    """Every name there was when this version was made, and every newer one that this machine has."""
    return frozenset(_NAMES.read_text("ascii").split()) | (available_timezones() - _NO_PLACES)


def zone_called(name: str) -> tzinfo | None:
    """The zone of this name; None where this machine does not have it."""
    if name in _ALWAYS_THERE:
        return UTC
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return None

"""Times, lengths and addresses as people type them."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import UTC, datetime, time, timedelta

from ..domain.address import canonical_address
from ..errors import BadRequest

_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_EXAMPLE = "2026-12-24T18:00+01:00"


def length(text: str, option: str) -> timedelta:
    """A number and a unit: 90m, 8h, 2d.

    :raises BadRequest: for anything else.
    """
    found = re.fullmatch(r"([0-9]{1,5})([mhd])", text)
    if found is None:
        raise BadRequest(f"{option} is a number and m, h or d, e.g. 90m, 8h or 2d.")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


def moment(text: str, option: str) -> datetime:
    """An ISO 8601 time with zone, in UTC.

    :raises BadRequest: for anything else.
    """
    with suppress(ValueError, OverflowError):
        found = datetime.fromisoformat(text)
        if found.tzinfo is not None:
            return found.astimezone(UTC)
    raise BadRequest(f"{option} takes an ISO 8601 time with zone, e.g. {_EXAMPLE}.")


def address(text: str, option: str) -> str:
    """An IPv4 or IPv6 address.

    :raises BadRequest: for anything else.
    """
    found = canonical_address(text)
    if found is None:
        raise BadRequest(f"{option} takes an IPv4 or IPv6 address, e.g. 203.0.113.9.")
    return found


def end(text: str, option: str) -> datetime:
    """The same, or a date, which ends with its last second in UTC.

    :raises BadRequest: for anything else.
    """
    if _DATE.fullmatch(text):
        with suppress(ValueError):
            return datetime.combine(datetime.fromisoformat(text).date(), time(23, 59, 59), UTC)
    with suppress(BadRequest):
        return moment(text, option)
    raise BadRequest(f"{option} takes a date or an ISO 8601 time with zone, e.g. 2026-12-24 or {_EXAMPLE}.")

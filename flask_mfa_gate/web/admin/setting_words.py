"""Values of settings as people say them, and sentences in which commands and settings stand out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any, NamedTuple

from ..translation import gettext, ngettext

_UNITS = (86400, 3600, 60, 1)
# A command of ours, a setting, or what stands in backticks.
_COMMAND = r"flask mfa (?:(?:policies|audit|events) )?[a-z][a-z-]*(?: --[a-z-]+)*"
_CODE = re.compile(rf"`([^`]+)`|({_COMMAND})|\b([A-Z]{{3,}}_[A-Z_]+)\b")


class Piece(NamedTuple):
    """A part of a sentence, and whether it is to be typed as it is."""

    text: str
    is_code: bool = False


def pieces(sentence: str) -> Iterator[Piece]:
    """The sentence, with what is to be typed apart."""
    end = 0
    for found in _CODE.finditer(sentence):
        yield Piece(sentence[end : found.start()])
        yield Piece(next(group for group in found.groups() if group), is_code=True)
        end = found.end()
    yield Piece(sentence[end:])


def in_words(value: Any, unit: str = "") -> str:
    """A value of a setting: switches, durations, lists and numbers with their unit."""
    if value is None:
        return gettext("Not set")
    if isinstance(value, bool):
        return gettext("On") if value else gettext("Off")
    if isinstance(value, timedelta):
        return duration(value)
    if isinstance(value, int) and unit:
        return _counted(value, unit)
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {in_words(one)}" for name, one in value.items()) or gettext("None")
    if isinstance(value, tuple | list | frozenset | set):
        return ", ".join(in_words(one) for one in value) or gettext("None")
    return (str(value) or gettext("Empty")) if isinstance(value, str | int) else name_of(value)


def name_of(value: Any) -> str:
    """A function or an object of the app: what it is called, and nothing of where it lies in memory."""
    return str(getattr(value, "__name__", None) or type(value).__name__)


def duration(value: timedelta) -> str:
    """``36 hours`` as ``1 day 12 hours``."""
    left, parts = int(value.total_seconds()), []
    for size in _UNITS:
        count, left = divmod(left, size)
        if count:
            parts.append(_of_seconds(count, size))
    return " ".join(parts) or _of_seconds(0, 1)


def _of_seconds(count: int, size: int) -> str:
    number = f"{count:,}"
    return {
        86400: lambda: ngettext("%(number)s day", "%(number)s days", count, number=number),
        3600: lambda: ngettext("%(number)s hour", "%(number)s hours", count, number=number),
        60: lambda: ngettext("%(number)s minute", "%(number)s minutes", count, number=number),
        1: lambda: ngettext("%(number)s second", "%(number)s seconds", count, number=number),
    }[size]()


def _counted(count: int, unit: str) -> str:
    sizes = {"day": 86400, "hour": 3600, "minute": 60, "second": 1}
    if unit == "time steps":
        return ngettext("%(num)s time step", "%(num)s time steps", count)
    size = sizes.get(unit.rstrip("s"))
    return _of_seconds(count, size) if size is not None else f"{count:,} {gettext(unit)}"

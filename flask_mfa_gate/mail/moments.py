"""Instants in a person's language and zone."""

from __future__ import annotations

import re
from datetime import UTC, datetime, tzinfo
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from babel import Locale

ENGLISH = "en"
_LOCALE = re.compile(r"[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,8}){0,3}")


def languages_for(locale: str) -> tuple[str, ...]:
    """Where to look for words, the nearest first: ``de-at`` gives ``de_AT``, ``de``, ``en``."""
    if not _LOCALE.fullmatch(locale):
        return (ENGLISH,)
    first, *rest = re.split("[-_]", locale)
    full = "_".join([first.lower(), *(_part(part) for part in rest)])
    return tuple(dict.fromkeys((full, first.lower(), ENGLISH)))


def zone_called(name: str) -> tzinfo:
    """The zone of an IANA name, or UTC when there is none."""
    try:
        return ZoneInfo(name) if name else UTC
    except (KeyError, ValueError, OSError):
        return UTC


def date_locale(locale: str, language: str) -> Locale:
    """How to write dates in a text of this language: as the person does, if the person speaks it."""
    from babel.core import Locale, UnknownLocaleError  # noqa: PLC0415 - needed once there is a date to write

    for name in (*languages_for(locale), language):
        if name.partition("_")[0] == language.partition("_")[0]:
            try:
                return Locale.parse(name)
            except (UnknownLocaleError, ValueError):
                continue
    return Locale(ENGLISH)


def in_words(moment: datetime, *, zone: tzinfo, locale: Locale) -> str:
    """Date and time in the zone, and in UTC beside it when they differ."""
    from babel.dates import format_time  # noqa: PLC0415 - needed once there is a date to write

    there, utc = moment.astimezone(zone), moment.astimezone(UTC)
    words = f"{_date(there, locale)}, {format_time(there, 'HH:mm z', tzinfo=zone, locale=locale)}"
    if there.utcoffset() == utc.utcoffset():
        return words
    beside = f"{utc:%H:%M} UTC"
    return f"{words} ({beside})" if there.date() == utc.date() else f"{words} ({_date(utc, locale)}, {beside})"


def _part(part: str) -> str:
    """A script is written in title case, a territory in capitals (RFC 5646 section 2.1.1)."""
    return part.title() if len(part) == 4 else part.upper()


def _date(moment: datetime, locale: Locale) -> str:
    """Day before month in every kind of English: a mail without a territory has none to choose by."""
    from babel.dates import format_date  # noqa: PLC0415 - needed once there is a date to write

    return format_date(moment.date(), "d MMMM y" if locale.language == ENGLISH else "long", locale=locale)

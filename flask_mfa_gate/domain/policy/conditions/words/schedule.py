"""``schedule``: days and hours on the wall clock of a zone."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from itertools import product
from types import MappingProxyType

from .....errors import PolicyError
from .....sentences import Sentence
from ...condition_tree import Condition
from ...facts import Environment, MatchResult, Subject
from ...logic import Matcher
from ...reading import LONGEST_SHOWN, read_table, read_text, read_texts, require_known, table_of
from ..backing import Backing
from ..condition_type import TEXTS, Networks, Source, Wanted
from ..sampling import Sample, entries_in, in_environments
from ..zones import zone_called, zone_names

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
KEYS = ("days", "hours", "zone", "holidays")
WHOLE_DAY = "00:00-24:00"
_SCHEMA = MappingProxyType(
    {
        "type": "object",
        "required": ["zone"],
        "additionalProperties": False,
        "properties": {
            "zone": {"description": "An IANA time zone.", "type": "string", "pattern": r"\S"},
            "days": {"description": "mon, tue … or mon-fri.", **TEXTS},
            "hours": {
                "description": "Start inclusive, end exclusive; may cross midnight.",
                "type": "string",
                "pattern": r"^\s*[0-2][0-9]:[0-5][0-9]-[0-2][0-9]:[0-5][0-9]\s*$",
            },
            "holidays": {
                "type": "array",
                "minItems": 1,
                "items": {"type": "string", "pattern": r"^\s*\d{4}-\d\d-\d\d\s*$"},
            },
        },
    }
)
_HOURS = re.compile(r"(\d\d):(\d\d)-(\d\d):(\d\d)", re.ASCII)
_NIGHT = timedelta(days=1)
_MOST_SCHEDULES = 4
# A week of winter and one of summer, since zones move against each other.
_TWO_WEEKS = tuple(date(2025, month, 6) + timedelta(days=day) for month in (1, 7) for day in range(8))


@dataclass(frozen=True, slots=True)
class Hours:
    """Minutes of the day, the start inside, the end outside; a start after the end crosses midnight."""

    start: int
    end: int

    def began(self, local: datetime) -> date | None:
        """The day to which this moment belongs; None when it lies outside."""
        minute = local.hour * 60 + local.minute
        if self.start < self.end:
            return local.date() if self.start <= minute < self.end else None
        if minute >= self.start:
            return local.date()
        return local.date() - _NIGHT if minute < self.end else None


@dataclass(frozen=True, slots=True)
class ScheduleWord:
    """Holds within the hours of the days, except on holidays; a night belongs to the day it began."""

    word: str = "schedule"
    is_always_known: bool = True
    facts: frozenset[str] = frozenset({"at"})

    def read(self, wanted: object, where: str) -> Wanted:
        """A table of ``zone`` and perhaps ``days``, ``hours``, ``holidays``."""
        table = read_table(wanted, where, KEYS)
        if "zone" not in table:
            raise PolicyError("must have a zone, e.g. Europe/Berlin", path=where)
        read = {key: _READERS[key](table[key], f"{where}.{key}") for key in KEYS if key in table}
        return MappingProxyType(read)

    def compile(self, wanted: Wanted, networks: Networks, where: str) -> Matcher:
        """A test of the wall clock, so that a change of summer time moves no hour of it."""
        zone, (days, hours, holidays) = zone_of(wanted), _parts(table_of(wanted))
        # SECURITY: where the zone is gone this is unknown, which tightens; to fail would shut everybody out.
        if zone is None:
            return lambda _subject, _environment: MatchResult.UNKNOWN

        # Hours begin and end with a minute, so one answer holds for all of it. It is counted in UTC, since elsewhere
        # two hours of an autumn night bear one name.
        @lru_cache(maxsize=64)
        def mark_in(minute: float) -> MatchResult:
            day = hours.began(datetime.fromtimestamp(minute * 60, zone))
            return (
                MatchResult.HIT
                if day is not None and day.weekday() in days and day not in holidays
                else MatchResult.MISS
            )

        def match(subject: Subject, environment: Environment) -> MatchResult:
            at = environment.at
            if at is None:
                return MatchResult.UNKNOWN
            # SECURITY: Python takes a naive time as one of the server's zone, which would shift every schedule unseen.
            if at.tzinfo is None:
                raise TypeError("an instant without a zone is no instant")
            return mark_in(at.timestamp() // 60)

        return match

    def looked_at(self, subject: Subject, environment: Environment, wanted: Wanted) -> str:
        """The wall clock there."""
        if environment.at is None:
            return ""
        if environment.at.tzinfo is None:
            return f"{environment.at:%a %Y-%m-%d %H:%M} without a zone"
        zone = zone_of(wanted)
        there = "" if zone is None else f"{environment.at.astimezone(zone):%a %Y-%m-%d %H:%M} "
        return f"{there}{table_of(wanted)['zone']}{'' if there else ', a time zone that this server does not have'}"

    def backing(self, wanted: Wanted, networks: Networks, *, negated: bool) -> Backing:
        """One can wait."""
        return Backing.CHOSEN

    @property
    def schema(self) -> Mapping[str, object]:
        """As a document may write it."""
        return _SCHEMA

    def samples(self, conditions: Sequence[Condition], networks: Networks) -> Iterable[Sample] | None:
        """Where hours begin and end, on each day of a week in winter and in summer, on holidays and the days after."""
        if len(conditions) > _MOST_SCHEDULES:
            return None
        zones = {zone_of(condition.wanted) or UTC for condition in conditions}
        holidays = {date.fromisoformat(day) for day in entries_in(conditions, "holidays")}
        days = {*_TWO_WEEKS, *holidays, *(day + _NIGHT for day in holidays if day < date.max)}
        clocks = {time(0), *(clock for condition in conditions for clock in _clocks(condition))}
        return in_environments(
            Environment(at=datetime.combine(day, clock, zone).astimezone(UTC))
            for day, clock, zone in product(days, clocks, zones)
            if date.min < day < date.max
        )

    def needs(self, wanted: Wanted) -> frozenset[Source]:
        """The time zone, where this server does not have it."""
        return frozenset() if zone_of(wanted) is not None else frozenset({Source.TIME_ZONE})


def zone_of(wanted: Wanted) -> tzinfo | None:
    """The zone that a schedule names; None where this server does not have it."""
    return zone_called(str(table_of(wanted)["zone"]))


def _clocks(condition: Condition) -> Iterator[time]:
    for text in re.findall(r"\d\d:\d\d", str(table_of(condition.wanted).get("hours", ""))):
        if text != "24:00":
            yield time.fromisoformat(text)


def _parts(table: Mapping[str, object]) -> tuple[frozenset[int], Hours, frozenset[date]]:
    days = _texts(table.get("days")) or DAYS
    return (
        frozenset(number for day in days for number in _day_numbers(day)),
        _hours(str(table.get("hours", WHOLE_DAY))),
        frozenset(date.fromisoformat(day) for day in _texts(table.get("holidays"))),
    )


def _texts(value: object) -> tuple[str, ...]:
    return tuple(str(item) for item in value) if isinstance(value, list | tuple) else ()


def _read_zone(value: object, where: str) -> str:
    zone = read_text(value, where)
    require_known(zone, where, zone_names())
    return zone


def _read_days(value: object, where: str) -> tuple[str, ...]:
    days = tuple(day.lower() for day in read_texts(value, where))
    for index, day in enumerate(days):
        first, dash, last = day.partition("-")
        for name in (first, last) if dash else (first,):
            require_known(name, f"{where}[{index}]", DAYS)
    return days


def _day_numbers(text: str) -> list[int]:
    """``fri-mon`` continues over the end of the week."""
    first, _, last = text.partition("-")
    start = DAYS.index(first)
    length = (DAYS.index(last or first) - start) % 7 + 1
    return [(start + step) % 7 for step in range(length)]


def _read_hours(value: object, where: str) -> str:
    text = read_text(value, where)
    try:
        _hours(text)
    except ValueError as problem:
        raise PolicyError(
            Sentence("is %(value)r: %(problem)s", value=text[:LONGEST_SHOWN], problem=problem), path=where
        ) from None
    return text


def _hours(text: str) -> Hours:
    found = _HOURS.fullmatch(text)
    if found is None:
        raise ValueError("hours look like 07:00-20:00")
    hour, minute, end_hour, end_minute = map(int, found.groups())
    start, end = hour * 60 + minute, end_hour * 60 + end_minute
    if start >= 24 * 60 or end > 24 * 60 or max(minute, end_minute) > 59:
        raise ValueError("a day goes from 00:00 to 24:00")
    if start == end:
        raise ValueError("that is no time at all; a whole day is 00:00-24:00")
    return Hours(start, end)


def _read_holidays(value: object, where: str) -> tuple[str, ...]:
    if isinstance(value, list | tuple):
        # TOML has dates of its own.
        value = [day.isoformat() if isinstance(day, date) else day for day in value]
    days = read_texts(value, where)
    for index, day in enumerate(days):
        if not re.fullmatch(r"\d{4}-\d\d-\d\d", day, re.ASCII) or not _is_date(day):
            raise PolicyError("must be a date like 2026-12-25", path=f"{where}[{index}]")
    return days


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


_READERS = {"days": _read_days, "hours": _read_hours, "zone": _read_zone, "holidays": _read_holidays}
SCHEDULE = ScheduleWord()

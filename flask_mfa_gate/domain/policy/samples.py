"""Contexts for the criteria of one word: one for each stretch of facts between which their marks can differ."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from ipaddress import IPv4Address, IPv6Address
from itertools import product
from types import MappingProxyType
from typing import TypeAlias

from ..enrollment import Status
from .conditions.browser import BROWSERS
from .conditions.country import COUNTRIES
from .conditions.network import NETWORK
from .conditions.platform import PLATFORMS
from .conditions.reading import table_of, texts_of
from .conditions.request import METHODS
from .conditions.schedule import zone_of
from .conditions.sign_in import FEDERATED, REMEMBER_ME
from .facts import Environment, Subject
from .model import Criterion, Network

Sample: TypeAlias = tuple[Subject, Environment]
Criteria: TypeAlias = Sequence[Criterion]
Networks: TypeAlias = Mapping[str, Network]

_MOST_WORDS = 10
_MOST_SCHEDULES = 4
_FIRST_OF_SIX = 1 << 32
_END = _FIRST_OF_SIX + (1 << 128)
_STRANGE = "~"
_SOMEBODY = Subject("")
# A week of winter and one of summer, since zones move against each other.
_DAYS = tuple(date(2025, month, 6) + timedelta(days=day) for month in (1, 7) for day in range(8))


def samples_of(word: str, criteria: Criteria, networks: Networks) -> Iterable[Sample] | None:
    """Contexts that bring about every combination of marks that the criteria can have while the fact is known.

    None for a word whose facts only its host knows, and where there would be too many.
    """
    if word == "enrollment":
        return [(Subject("", status=status), Environment()) for status in Status]
    environments = _MAKERS[word](criteria, networks) if word in _MAKERS else None
    return None if environments is None else ((_SOMEBODY, environment) for environment in environments)


def _of_addresses(criteria: Criteria, networks: Networks) -> Iterator[Environment]:
    spots = {0}
    for criterion in criteria:
        spots.update(
            edge for first, last in NETWORK.spans(criterion.wanted, networks, "") for edge in (first, last + 1)
        )
    return (Environment(address=_address(spot)) for spot in spots if spot < _END)


def _address(spot: int) -> str:
    return str(IPv4Address(spot) if spot < _FIRST_OF_SIX else IPv6Address(spot - _FIRST_OF_SIX))


def _of_countries(criteria: Criteria, networks: Networks) -> Iterator[Environment]:
    return (Environment(country=text) for text in _with_another(_texts(criteria), COUNTRIES))


def _of_platforms(criteria: Criteria, networks: Networks) -> Iterator[Environment]:
    return (Environment(platform=text) for text in _with_another(_texts(criteria), PLATFORMS))


def _of_browsers(criteria: Criteria, networks: Networks) -> Iterator[Environment]:
    return (Environment(browser=text) for text in _with_another(_texts(criteria), BROWSERS))


def _of_devices(criteria: Criteria, networks: Networks) -> Iterator[Environment] | None:
    held = _subsets(_texts(criteria))
    return None if held is None else (Environment(device=words) for words in held)


def _of_risks(criteria: Criteria, networks: Networks) -> Iterator[Environment] | None:
    texts = _texts(criteria)
    raised = _subsets(texts)
    return None if raised is None else (Environment(risk={text: text in words for text in texts}) for words in raised)


def _of_sign_ins(criteria: Criteria, networks: Networks) -> Iterator[Environment]:
    yield Environment(sign_in="password")
    yield Environment(sign_in=REMEMBER_ME)
    # A text that names no issuer stands for one that nobody named.
    for text in _texts(criteria):
        yield Environment(sign_in=FEDERATED, provider=text.removeprefix(f"{FEDERATED}:"))


def _of_requests(criteria: Criteria, networks: Networks) -> Iterator[Environment]:
    methods = {text for criterion in criteria for text in _entries(criterion, "methods")}
    endpoints = {text.replace("*", _STRANGE) for criterion in criteria for text in _entries(criterion, "endpoints")}
    for method, endpoint in product(_with_another(methods, METHODS), endpoints | {_STRANGE}):
        yield Environment(method=method, endpoint=endpoint)


def _of_times(criteria: Criteria, networks: Networks) -> Iterator[Environment] | None:
    if len(criteria) > _MOST_SCHEDULES:
        return None
    zones = {zone_of(criterion.wanted) or UTC for criterion in criteria}
    holidays = {date.fromisoformat(day) for criterion in criteria for day in _entries(criterion, "holidays")}
    days = {*_DAYS, *holidays, *(day + timedelta(days=1) for day in holidays if day < date.max)}
    clocks = {time(0), *(clock for criterion in criteria for clock in _clocks(criterion))}
    return (
        Environment(at=datetime.combine(day, clock, zone).astimezone(UTC))
        for day, clock, zone in product(days, clocks, zones)
        if date.min < day < date.max
    )


def _clocks(criterion: Criterion) -> Iterator[time]:
    for text in re.findall(r"\d\d:\d\d", str(table_of(criterion.wanted).get("hours", ""))):
        if text != "24:00":
            yield time.fromisoformat(text)


def _entries(criterion: Criterion, key: str) -> tuple[str, ...]:
    value = table_of(criterion.wanted).get(key, ())
    return tuple(map(str, value)) if isinstance(value, list | tuple) else ()


def _texts(criteria: Criteria) -> list[str]:
    return sorted({text for criterion in criteria for text in texts_of(criterion.wanted)})


def _with_another(texts: Collection[str], known: Collection[str]) -> list[str]:
    """The texts and one that is not among them, if there is any."""
    return [*texts, *sorted(set(known).difference(texts))[:1]]


def _subsets(texts: Sequence[str]) -> Iterable[frozenset[str]] | None:
    if len(texts) > _MOST_WORDS:
        return None
    choices = product((False, True), repeat=len(texts))
    return (frozenset(text for text, chosen in zip(texts, choice, strict=True) if chosen) for choice in choices)


_MAKERS: Mapping[str, Callable[[Criteria, Networks], Iterable[Environment] | None]] = MappingProxyType(
    {
        "network": _of_addresses,
        "country": _of_countries,
        "platform": _of_platforms,
        "browser": _of_browsers,
        "device": _of_devices,
        "risk": _of_risks,
        "sign_in": _of_sign_ins,
        "request": _of_requests,
        "schedule": _of_times,
    }
)

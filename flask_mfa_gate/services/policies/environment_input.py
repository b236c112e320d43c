"""Facts that somebody makes up, as values or as a table: checked, since a wrong one would look like a missing one."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime
from ipaddress import IPv4Address, IPv6Address
from typing import Any

from ...domain.policy.conditions.words.browser import BROWSERS
from ...domain.policy.conditions.words.country import COUNTRIES
from ...domain.policy.conditions.words.device import DEVICE_WORDS
from ...domain.policy.conditions.words.platform import PLATFORMS
from ...domain.policy.conditions.words.sign_in import WAYS
from ...domain.policy.facts import Environment
from ...domain.policy.reading import nearest
from ...errors import BadRequest, PolicyError
from ...sentences import Sentence

_TEXTS = ("user_agent", "country", "platform", "browser", "sign_in", "provider", "method", "endpoint")
_SETS = frozenset({"device", "device_unknown", "upstream_amr"})
_KNOWN: Mapping[str, Collection[str]] = {
    "country": COUNTRIES, "platform": PLATFORMS, "browser": BROWSERS, "sign_in": WAYS,
    "device": DEVICE_WORDS, "device_unknown": DEVICE_WORDS,
}  # fmt: skip
_FOLDED = {"country": str.upper, "platform": str.lower, "browser": str.lower}


def checked_facts(given: Environment | None, *, signals: Collection[str]) -> Environment:
    """The same facts in the types that conditions look at. None stands for nothing known.

    :param signals: every risk signal that can be raised.
    :raises BadRequest: for a fact of another type, and for an unknown signal, with its name.
    """
    if given is None:
        return Environment()
    if not isinstance(given, Environment):
        raise BadRequest("The environment has to be an Environment(address=…, …).")
    for name in _TEXTS:
        if not isinstance(getattr(given, name), str | None):
            raise BadRequest(Sentence("The fact %(name)s has to be a string.", name=name))
    if not isinstance(given.at, datetime | None):
        raise BadRequest("The fact at has to be a datetime.")
    return replace(
        given, address=_address(given.address), device=None if given.device is None else _words("device", given.device),
        device_unknown=_words("device_unknown", given.device_unknown or ()), risk=_risk(given.risk, signals),
        upstream_amr=None if given.upstream_amr is None else _words("upstream_amr", given.upstream_amr),
    )  # fmt: skip


def _address(given: object) -> str | None:
    # A number would be read as a packed address, which nobody means who writes 10 or 10.0.
    if not isinstance(given, str | IPv4Address | IPv6Address | None):
        raise BadRequest("The fact address has to be a string.")
    return None if given is None else str(given)


def _words(name: str, given: object) -> frozenset[str]:
    """A text alone is one word: taken for a collection, its letters would be."""
    words = [given] if isinstance(given, str) else given
    if not isinstance(words, Collection) or not all(isinstance(word, str) for word in words):
        raise BadRequest(Sentence("The fact %(name)s has to be a set of words, such as {'managed'}.", name=name))
    return frozenset(words)


def _risk(given: object, signals: Collection[str]) -> Mapping[str, bool] | None:
    """A collection tells of all: those in it are raised, the others are not. A mapping tells of those it names."""
    if given is None:
        return None
    if isinstance(given, Mapping):
        told = given
    else:
        told = dict.fromkeys(signals, False) | dict.fromkeys(_words("risk", given), True)
    if not all(isinstance(name, str) and isinstance(raised, bool | None) for name, raised in told.items()):
        raise BadRequest("The fact risk has to say of each signal whether it is raised, as in {'new-device': True}.")
    return {_signal(name, signals): raised for name, raised in told.items() if raised is not None}


def _signal(name: str, signals: Collection[str]) -> str:
    folded = name.lower()
    if folded not in signals:
        near = nearest(folded[:100], signals)
        raise BadRequest(
            Sentence(
                "There is no risk signal %(value)r.%(value2)s",
                value=name[:100],
                value2=Sentence(" Did you mean %(near)s?", near=near) if near else "",
            )
        )
    return folded


def environment_from(facts: Mapping[str, Any], where: str) -> Environment:
    """The facts of a table.

    :raises PolicyError: for one of the wrong type.
    """
    read: dict[str, Any] = {}
    for name, value in facts.items():
        read[name] = _fact(name, value, f"{where}.{name}" if where else name)
    return Environment(**read)


def recorded_environment(recorded: Mapping[str, Any]) -> Environment:
    """The facts that were written down of a request, as they were."""
    facts = dict(recorded)
    facts |= {name: frozenset(facts[name]) for name in _SETS if name in facts}
    if facts.get("at") is not None:
        facts["at"] = datetime.fromisoformat(facts["at"])
    return Environment(**facts)


def _fact(name: str, value: Any, where: str) -> Any:
    if name in _SETS and isinstance(value, list) and all(isinstance(word, str) for word in value):
        return frozenset(_known_word(name, word, f"{where}[{place}]") for place, word in enumerate(value))
    if name == "risk" and _tells_of_risk(value):
        return value
    if name == "at":
        return _moment(value, where)
    if name in _SETS | {"risk"} or not isinstance(value, str):
        raise PolicyError("is of the wrong type", path=where)
    return _known_word(name, value, where)


def _tells_of_risk(value: object) -> bool:
    if isinstance(value, Mapping):
        return all(isinstance(raised, bool) for raised in value.values())
    return isinstance(value, list) and all(isinstance(signal, str) for signal in value)


def _known_word(name: str, word: str, where: str) -> str:
    """A word that no request could bring would make the expected decision one about something else."""
    known = _KNOWN.get(name)
    found = _FOLDED.get(name, str)(word)
    if known is not None and found not in known:
        raise PolicyError(
            Sentence("is %(value)r, which is not known", value=word[:100]),
            path=where,
            nearest=nearest(word[:100], known),
        )
    return found


def _moment(value: Any, where: str) -> datetime:
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        moment = None
    if not isinstance(moment, datetime) or moment.tzinfo is None:
        raise PolicyError("has to be a time with its zone", path=where)
    return moment

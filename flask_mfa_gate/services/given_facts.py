"""The facts of a simulation, as a caller gives them: checked, since a wrong type would look like a missing fact."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime
from ipaddress import IPv4Address, IPv6Address

from ..domain.policy.facts import Environment
from ..errors import BadRequest

_TEXTS = ("user_agent", "country", "platform", "browser", "sign_in", "provider", "method", "endpoint")


def checked_facts(given: Environment | None) -> Environment:
    """The same facts in the types that conditions look at. None stands for nothing known.

    :raises BadRequest: for a fact of another type, with its name.
    """
    if given is None:
        return Environment()
    if not isinstance(given, Environment):
        raise BadRequest("The environment has to be an Environment(address=…, …).")
    for name in _TEXTS:
        if not isinstance(getattr(given, name), str | None):
            raise BadRequest(f"The fact {name} has to be a text.")
    if not isinstance(given.at, datetime | None):
        raise BadRequest("The fact at has to be a datetime.")
    return replace(
        given, address=_address(given.address), device=None if given.device is None else _words("device", given.device),
        device_unknown=_words("device_unknown", given.device_unknown or ()), risk=_signals(given.risk),
    )  # fmt: skip


def _address(given: object) -> str | None:
    # A number would be read as a packed address, which nobody means who writes 10 or 10.0.
    if not isinstance(given, str | IPv4Address | IPv6Address | None):
        raise BadRequest("The fact address has to be a text.")
    return None if given is None else str(given)


def _words(name: str, given: object) -> frozenset[str]:
    """A text alone is one word: taken for a collection, its letters would be."""
    words = [given] if isinstance(given, str) else given
    if not isinstance(words, Collection) or not all(isinstance(word, str) for word in words):
        raise BadRequest(f"The fact {name} has to be a set of words, such as {{'managed'}}.")
    return frozenset(words)


def _signals(given: object) -> Mapping[str, bool] | None:
    """Of a collection, each is raised, and of the others nothing is known."""
    if given is None:
        return None
    signals = given if isinstance(given, Mapping) else dict.fromkeys(_words("risk", given), True)
    if not all(isinstance(name, str) and isinstance(raised, bool | None) for name, raised in signals.items()):
        raise BadRequest("The fact risk has to say of each signal whether it is raised, as in {'new-device': True}.")
    return {name.lower(): raised for name, raised in signals.items() if raised is not None}

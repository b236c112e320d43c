"""What error trackers show of the locals of every frame holds nothing that opens anything."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import pkgutil
from collections.abc import Iterator

import pytest

import flask_mfa_gate

# What holds an id of a cookie, a key, a code, the host's session, a form, a path or a query.
SECRET = {
    "token", "secret", "sealed", "parked", "payload", "target", "host_user_id", "stamp", "stamps", "before", "withheld",
    "cookies", "csrf_token", "fields", "recovery_codes", "environ", "request", "database_uri", "digest_key", "cipher",
    "keys", "arguments", "password",
}  # fmt: skip
# Parts of the store, and numbers, that bear such a name.
NO_SECRETS = {("Store", "keys"), ("Store", "sealed"), ("Store", "recovery_codes")}
HIDDEN = "what must not be seen"


def classes() -> Iterator[type]:
    """Everything in the package whose representation names its fields."""
    for module in pkgutil.walk_packages(flask_mfa_gate.__path__, "flask_mfa_gate."):
        if ".migrations." not in module.name:
            found = vars(importlib.import_module(module.name)).values()
            yield from (one for one in found if inspect.isclass(one) and one.__module__ == module.name)


def fields_of(one: type) -> list[str]:
    if dataclasses.is_dataclass(one):
        return [field.name for field in dataclasses.fields(one)]
    return list(getattr(one, "_fields", ())) if issubclass(one, tuple) else []


PLACES = sorted(
    {
        (one, name)
        for one in classes()
        for name in fields_of(one)
        if name in SECRET and (one.__name__, name) not in NO_SECRETS
    },
    key=repr,
)


def made_with(one: type, secret: str) -> object:
    names = fields_of(one)
    if issubclass(one, tuple):
        return tuple.__new__(one, [HIDDEN if name == secret else None for name in names])
    made = object.__new__(one)
    for name in names:
        object.__setattr__(made, name, HIDDEN if name == secret else None)
    return made


@pytest.mark.parametrize(("one", "name"), PLACES, ids=[f"{one.__name__}.{name}" for one, name in PLACES])
def test_a_secret_is_in_no_representation(one: type, name: str) -> None:
    assert HIDDEN not in repr(made_with(one, name))


def test_the_walk_finds_what_there_is() -> None:
    found = {f"{one.__name__}.{name}" for one, name in PLACES}
    assert found >= {"RequestContext.token", "GateSession.parked", "Entry.token", "PendingKey.secret", "Settings.keys"}

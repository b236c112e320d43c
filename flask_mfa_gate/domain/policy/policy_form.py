"""One policy or network as a table of a document, and back."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from datetime import timedelta
from urllib.parse import urlsplit

from ...errors import PolicyError
from ..access import APP
from ..assurance import FactorKind
from ..person import LONGEST_KEY
from .addresses import looks_like_address, read_entry
from .condition_form import Vocabulary, read_conditions, write_conditions
from .conditions.reading import at_key
from .fields import (
    LONGEST_NAME,
    read_fields,
    read_list,
    read_name,
    read_names,
    read_number,
    read_text,
    read_word,
)
from .model import EVERYBODY, GROUP, USER, Action, Effect, Network, Policy, PolicyState, Users

LONGEST_AGE = 31_536_000
LONGEST_GRACE = 365

_POLICY_KEYS = (
    "name", "description", "state", "users", "resources", "conditions", "effect", "message", "help_link"
)  # fmt: skip
_WEB_ADDRESS = re.compile(r"https?://[!#-;=?-\[\]_a-z~]+")


def read_policy_table(value: object, where: str, vocabulary: Vocabulary) -> Policy:
    """A policy from its table. A fault raises :class:`PolicyError`.

    :param where: path of the table, for the faults; empty when the policy stands alone.
    """
    table = read_fields(value, where, known=_POLICY_KEYS)
    for key in ("name", "effect"):
        if key not in table:
            raise PolicyError("is missing", path=at_key(where, key))
    policy = Policy(
        name=read_name(table["name"], at_key(where, "name")),
        description=read_text(table.get("description", ""), at_key(where, "description")),
        state=read_word(table.get("state", PolicyState.OFF), at_key(where, "state"), PolicyState),
        users=_read_users(table.get("users", {}), at_key(where, "users")),
        resources=read_names(table.get("resources", ()), at_key(where, "resources")),
        conditions=read_conditions(table.get("conditions", {}), at_key(where, "conditions"), vocabulary),
        effect=_read_effect(table["effect"], at_key(where, "effect")),
        message=read_text(table.get("message", ""), at_key(where, "message")),
        help_link=_read_link(table.get("help_link", ""), at_key(where, "help_link")),
    )
    _require_app_without_grants(policy, at_key(where, "effect"))
    return policy


def _require_app_without_grants(policy: Policy, where: str) -> None:
    if policy.effect.max_age == timedelta(0) and APP in (policy.resources or (APP,)):
        raise PolicyError("cannot be 0 for the whole app, only for other resources", path=at_key(where, "max_age"))


def _read_users(value: object, where: str) -> Users:
    table = read_fields(value, where, known=("include", "exclude"))
    lists = {key: _read_user_words(entries, at_key(where, key)) for key, entries in table.items()}
    return Users(**lists)


def _read_user_words(value: object, where: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_read_user_word(entry, at) for at, entry in read_list(value, where)))


def _read_user_word(value: object, where: str) -> str:
    text = read_text(value, where)
    prefix = next((prefix for prefix in (GROUP, USER) if text.startswith(prefix)), None)
    if prefix is None and text != EVERYBODY:
        raise PolicyError(f"must be {EVERYBODY}, {GROUP}NAME or {USER}KEY", path=where)
    if prefix is not None:
        longest = LONGEST_KEY if prefix == USER else LONGEST_NAME
        read_name(text.removeprefix(prefix), where, longest=longest)
    return text


def _read_effect(value: object, where: str) -> Effect:
    table = read_fields(value, where, known=("action", "factors", "max_age", "grace_days"))
    if "action" not in table:
        raise PolicyError("is missing", path=at_key(where, "action"))
    action = read_word(table["action"], at_key(where, "action"), Action)
    for key in table:
        if key != "action" and action is not Action.REQUIRE:
            raise PolicyError(f"goes with {Action.REQUIRE} only", path=at_key(where, key))
    return Effect(
        action,
        factors=_read_factors(table.get("factors", ()), at_key(where, "factors")),
        max_age=_read_age(table["max_age"], at_key(where, "max_age")) if "max_age" in table else None,
        grace_days=read_number(table.get("grace_days", 0), at_key(where, "grace_days"), most=LONGEST_GRACE),
    )


def _read_factors(value: object, where: str) -> frozenset[FactorKind]:
    return frozenset(read_word(entry, at, FactorKind) for at, entry in read_list(value, where))


def _read_age(value: object, where: str) -> timedelta:
    return timedelta(seconds=read_number(value, where, most=LONGEST_AGE))


def _read_link(value: object, where: str) -> str:
    link = read_text(value, where)
    # SECURITY: the link is shown to whoever is refused; any other scheme could run script on the gate's own page.
    if link and not (_WEB_ADDRESS.fullmatch(link) and _has_host(link)):
        raise PolicyError("must be an address that begins with https:// or http://", path=where)
    return link


def _has_host(link: str) -> bool:
    try:
        parts = urlsplit(link)
    except ValueError:
        return False
    return bool(parts.hostname)


def read_network(value: object, where: str) -> Network:
    """A named network from its table. A fault raises :class:`PolicyError`."""
    table = read_fields(value, where, known=("name", "entries"))
    for key in ("name", "entries"):
        if key not in table:
            raise PolicyError("is missing", path=at_key(where, key))
    name = read_name(table["name"], at_key(where, "name"))
    # SECURITY: conditions read such a text as the address itself, so the network's entries would silently not count.
    if looks_like_address(name):
        raise PolicyError("must not look like an address", path=at_key(where, "name"))
    entries = read_list(table["entries"], at_key(where, "entries"))
    return Network(name, tuple(dict.fromkeys(read_entry(read_name(entry, at), at) for at, entry in entries)))


def write_network(network: Network) -> dict[str, object]:
    """The table of a named network."""
    return {"name": network.name, "entries": _listed(network.entries)}


def write_policy(policy: Policy) -> dict[str, object]:
    """The table of a policy, keys in the order of the product's documents; what is empty is left out."""
    table: dict[str, object] = {
        "name": policy.name,
        "description": policy.description,
        "state": str(policy.state),
        "users": _write_users(policy.users),
        "resources": _listed(policy.resources),
        "conditions": write_conditions(policy.conditions),
        "effect": _write_effect(policy.effect),
        "message": policy.message,
        "help_link": policy.help_link,
    }
    return {key: value for key, value in table.items() if value not in ("", [], {})}


def _write_users(users: Users) -> dict[str, object]:
    table: dict[str, object] = {"include": _listed(users.include)}
    if users.exclude:
        table["exclude"] = _listed(users.exclude)
    return table


def _listed(entries: Sequence[str]) -> object:
    """Entries as a list. A text stays one, so that whoever reads it refuses it: its letters are no entries."""
    return entries if isinstance(entries, str) else list(entries)


def _write_effect(effect: Effect) -> dict[str, object]:
    """A ``require`` always says its grace, so that nobody has to know that none means at once."""
    table: dict[str, object] = {"action": str(effect.action)}
    if effect.factors:
        table["factors"] = _write_factors(effect.factors)
    if effect.max_age is not None:
        seconds = effect.max_age.total_seconds()
        table["max_age"] = int(seconds) if seconds.is_integer() else seconds
    if effect.grace_days or effect.action is Action.REQUIRE:
        table["grace_days"] = effect.grace_days
    return table


def _write_factors(factors: Collection[str]) -> object:
    """In the order of the kinds."""
    places = {kind.value: place for place, kind in enumerate(FactorKind)}
    # SECURITY: a kind that nobody knows is written too, and so refused; left out, an empty list would take any factor.
    return factors if isinstance(factors, str) else sorted(map(str, factors), key=lambda kind: places.get(kind, -1))

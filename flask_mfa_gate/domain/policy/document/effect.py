"""What a policy does where it applies, as a value and as a table."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from ....errors import PolicyError
from ....sentences import Sentence
from ...sign_in.assurance import FactorKind
from ..reading import at_key
from .fields import read_fields, read_list, read_number, read_word

LONGEST_AGE = 31_536_000
LONGEST_GRACE = 365


class Action(StrEnum):
    """What a policy does where it applies."""

    ALLOW = "allow"
    REQUIRE = "require"
    DENY = "deny"


@dataclass(frozen=True, slots=True)
class Effect:
    """The outcome of a policy.

    :param factors: acceptable ones, for ``require``; empty means any that is enabled.
    :param max_age: how old the proof may be; zero asks for this one request; None for the session's life.
    :param grace_days: days of soft prompt before the demand is hard.
    """

    action: Action
    factors: frozenset[FactorKind] = field(default=frozenset())
    max_age: timedelta | None = None
    grace_days: int = 0


def read_effect(value: object, where: str) -> Effect:
    """An effect from its table. A fault raises :class:`PolicyError`."""
    table = read_fields(value, where, known=("action", "factors", "max_age", "grace_days"))
    if "action" not in table:
        raise PolicyError("is missing", path=at_key(where, "action"))
    action = read_word(table["action"], at_key(where, "action"), Action)
    for key in table:
        if key != "action" and action is not Action.REQUIRE:
            raise PolicyError(Sentence("goes with %(require)s only", require=Action.REQUIRE), path=at_key(where, key))
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


def write_effect(effect: Effect) -> dict[str, object]:
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

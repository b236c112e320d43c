"""What a policy is: frozen values, read from and written to a document elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import TypeAlias

from ..assurance import FactorKind

EVERYBODY = "all"
GROUP = "group:"
USER = "user:"


class PolicyState(StrEnum):
    """Whether a policy counts."""

    ON = "on"
    OFF = "off"
    REPORT_ONLY = "report-only"


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


@dataclass(frozen=True, slots=True)
class Users:
    """Whom a policy is about: ``all``, ``group:NAME``, ``user:KEY``; an exclude beats every include."""

    include: tuple[str, ...] = (EVERYBODY,)
    exclude: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Criterion:
    """One test on the context: a condition word and what the document says of it.

    :param wanted: the document's own value, checked: a tuple of texts, or for tables a mapping.
    """

    word: str
    wanted: tuple[str, ...] | Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Every:
    """Holds when each part holds. Without parts it holds."""

    parts: tuple[Condition, ...] = ()


@dataclass(frozen=True, slots=True)
class Some:
    """Holds when one part holds."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """Holds when its part does not; of an unknown part it is unknown."""

    part: Condition


Condition: TypeAlias = "Criterion | Every | Some | Not"


@dataclass(frozen=True, slots=True)
class Policy:
    """One rule of conditional access.

    :param resources: names of what is opened; empty means the whole app.
    :param message: shown to those whom the policy refuses.
    """

    name: str
    effect: Effect
    description: str = ""
    state: PolicyState = PolicyState.OFF
    users: Users = Users()
    resources: tuple[str, ...] = ()
    conditions: Condition = Every()
    message: str = ""
    help_link: str = ""

    @classmethod
    def from_document(cls, table: Mapping[str, object]) -> Policy:
        """A policy from its table in a document, with the built-in condition words.

        A fault raises :class:`~flask_mfa_gate.errors.PolicyError` with the path of what is wrong.
        """
        from .conditions.registry import BUILT_IN  # noqa: PLC0415 - both build on this module
        from .document import read_policy  # noqa: PLC0415

        return read_policy(table, registry=BUILT_IN)

    def to_document(self) -> dict[str, object]:
        """This policy as a table of a document; what is empty is left out."""
        from .policy_form import write_policy  # noqa: PLC0415 - it builds on this module

        return write_policy(self)


@dataclass(frozen=True, slots=True)
class Network:
    """A name for addresses: single ones, CIDR blocks and ranges, v4 and v6."""

    name: str
    entries: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PolicySet:
    """All policies and named networks of one gate, as one version of the document holds them."""

    policies: tuple[Policy, ...] = ()
    networks: tuple[Network, ...] = ()

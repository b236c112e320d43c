"""What a host says of a view by its decorators."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeAlias

from .authorization.decision import AuthnRequirement
from .policy.condition_tree import Condition
from .policy.conditions.words.request import REQUEST
from .policy.document.effect import Action, Effect
from .policy.document.policy import Policy, PolicyState
from .sign_in.assurance import FactorKind, Method


@dataclass(frozen=True, slots=True)
class ViewProtection:
    """Everything marked on one view.

    :param resources: what it opens, beside the app itself.
    :param demands: proof that it asks for by itself.
    :param scopes: what an access token of the OpenID provider has to have there; None where none is taken.
    """

    resources: tuple[str, ...] = ()
    demands: tuple[AuthnRequirement, ...] = ()
    is_exempt: bool = False
    scopes: frozenset[str] | None = None

    @property
    def wants_identity(self) -> bool:
        """A marked view answers nobody who isn't signed in."""
        return bool(self.resources or self.demands) or self.scopes is not None

    def joined(self, other: ViewProtection) -> ViewProtection:
        """What both ask for; an exemption is never inherited."""
        named = frozenset[str]().union(*(one.scopes for one in (self, other) if one.scopes is not None))
        return ViewProtection(
            resources=tuple(dict.fromkeys((*self.resources, *other.resources))),
            demands=tuple(dict.fromkeys((*self.demands, *other.demands))),
            is_exempt=self.is_exempt,
            scopes=None if self.scopes is None and other.scopes is None else named,
        )

    def takes(self, scopes: Collection[str]) -> bool:
        """Whether an access token with these scopes may be used there."""
        return self.scopes is not None and self.scopes <= set(scopes)


NO_PROTECTION = ViewProtection()
Views: TypeAlias = Mapping[str, ViewProtection]
"""The marks of an app's views, by endpoint."""
NO_VIEWS: Views = MappingProxyType({})


def demand_text(demand: AuthnRequirement) -> str:
    """A demand on one line."""
    factors = "+".join(sorted(method.value for method in demand.methods & Method.of_factors))
    age = "" if demand.max_age is None else f" within {int(demand.max_age.total_seconds())} s"
    return f"mfa({factors}{age})"


def local_policies(endpoint: str, protection: ViewProtection) -> Iterator[Policy]:
    """The demands of a view in the form of policies, so that they can be listed and explained beside the others."""
    for demand in protection.demands:
        any_factor = demand.methods == Method.at_step_up
        kinds = frozenset() if any_factor else frozenset(FactorKind(method.value) for method in demand.methods)
        yield Policy(
            name=f"require_{demand_text(demand)} at {endpoint}",
            effect=Effect(Action.REQUIRE, kinds, demand.max_age),
            state=PolicyState.ON,
            conditions=Condition(REQUEST.word, {"endpoints": (endpoint,)}),
        )

"""Wires conditional access."""

from __future__ import annotations

from importlib.util import find_spec

from ..domain.policy.conditions.condition_type import Source
from ..domain.policy.conditions.registry import Registry
from ..domain.sign_in.upstream import Trust
from ..errors import ConfigError
from ..services.actions.actions import ActionRunner
from ..services.people.population import Population
from ..services.policies.history import PolicyHistory
from ..services.policies.lint import PolicyLinter
from ..services.policies.overview import PolicyOverview
from ..services.policies.policies import PolicyService
from ..services.policies.simulation import Simulator
from ..web.state import AccessServices
from .base import Base


def access_services(base: Base, runner: ActionRunner) -> AccessServices:
    """Policies, kept, tried and looked at.

    :raises ConfigError: where ``conditions=`` is no registry.
    """
    store, rules, clock, registry = base.store, base.rules, base.clock, base.host.conditions
    if not isinstance(registry, Registry):
        raise ConfigError("conditions=", "is no registry of condition words", allowed="BUILT_IN.with_word(...)")
    population = Population(store, base.directory, clock=clock)
    linter = PolicyLinter(
        store, registry, rules, population, clock=clock, sources=_sources(base),
        trusted_proxies=base.settings.trusted_proxies,
    )  # fmt: skip
    policies = PolicyService(
        base.worker, runner, registry, check=linter.require_no_new_errors, population=population
    )  # fmt: skip
    return AccessServices(
        policies=policies,
        history=PolicyHistory(store, registry),
        overview=PolicyOverview(store),
        linter=linter,
        simulator=Simulator(
            store, policies, base.directory, runner, rules, population, places=base.places, clock=clock
        ),
    )


def _sources(base: Base) -> frozenset[Source]:
    """Certificates are up to the server in front, which nothing here can ask."""
    found = {Source.CERTIFICATE}
    found |= {Source.GEOIP} if base.places.is_known else set()
    found |= {Source.GROUPS} if base.host.groups is not None or base.host.directory is not None else set()
    found |= {Source.CLIENT} if find_spec("ua_parser") is not None else set()
    found |= {Source.MANAGED} if base.host.is_managed is not None else set()
    found |= {Source.UPSTREAM} if set(base.settings.trust_amr.values()) - {Trust.NEVER} else set()
    return frozenset(found)

"""What a developer writes into a mark, checked where it is written: each mistake is told the right spelling."""

from __future__ import annotations

import difflib
from collections.abc import Collection
from datetime import timedelta

from flask import Blueprint

from ...domain.authorization.decision import AuthnRequirement
from ...domain.oidc.client import SCOPES
from ...domain.policy.document.fields import read_name
from ...domain.sign_in.assurance import Method
from ...errors import ConfigError, PolicyError

_RESOURCE, _REQUIRE, _EXEMPT = "@gate.resource", "@gate.require_mfa", "@gate.exempt"
_ACCEPT = "@gate.accept_access_tokens"


def read_resource(name: object) -> str:
    """The name of what a view opens.

    :raises ConfigError: for a name that no policy could say, or for the view in place of the name.
    """
    if callable(name) or isinstance(name, Blueprint) or name is None:
        raise ConfigError(_RESOURCE, "has no name", allowed='@gate.resource("payroll")')
    # SECURITY: a blank at the end, or one mark too many, and the policies for that name would pass the view by.
    try:
        return read_name(name, _RESOURCE)
    except PolicyError as error:
        raise ConfigError(_RESOURCE, "has a name that no policy could say", given=name) from error


def read_demand(max_age: object, factors: object) -> AuthnRequirement:
    """The proof that a view asks for.

    :raises ConfigError: for anything but a duration and names of factors.
    """
    if callable(max_age) or isinstance(max_age, Blueprint):
        raise ConfigError(_REQUIRE, "has no brackets", allowed="@gate.require_mfa()")
    methods = _read_factors(factors)
    return AuthnRequirement(methods or Method.at_step_up, _read_age(max_age))


def read_scopes(scopes: object) -> frozenset[str]:
    """What an access token has to have at a view.

    :raises ConfigError: for anything but names of scopes that the provider gives.
    """
    named = list(scopes) if isinstance(scopes, Collection) and not isinstance(scopes, str) else []
    # SECURITY: no scope at all would open the view to every client, whatever its users agreed to.
    if not named:
        raise ConfigError(_ACCEPT, "names no scopes", given=scopes, allowed='scopes={"profile"}')
    for name in named:
        if name not in SCOPES:
            nearest = next(iter(difflib.get_close_matches(str(name), SCOPES, n=1)), None)
            raise ConfigError(_ACCEPT, "names an unknown scope", given=name, allowed=", ".join(SCOPES), nearest=nearest)
    return frozenset(named)


def require_markable(mark: str, view: object) -> None:
    """What is marked has to be a view, a view class or a blueprint.

    :raises ConfigError: for anything else.
    """
    if not callable(view) and not isinstance(view, Blueprint):
        raise ConfigError(mark, "stands on something that is no view", given=view, allowed="a view, class or blueprint")


def require_exemptible(view: object) -> None:
    """Only views are exempt, each by itself.

    :raises ConfigError: for a blueprint, and for what is no view.
    """
    if isinstance(view, Blueprint):
        # SECURITY: each exemption opens something, so it is said view by view, and never for what is added later.
        raise ConfigError(
            _EXEMPT, f"stands on the blueprint {view.name!r}",
            allowed=f'each view of it, or MFA_GATE_EXEMPT_ENDPOINTS = ["{view.name}.health", ...]',
        )  # fmt: skip
    if not callable(view):
        raise ConfigError(
            _EXEMPT, "stands on something that is no view", given=view,
            allowed="@gate.exempt without brackets above a view, or MFA_GATE_EXEMPT_ENDPOINTS",
        )  # fmt: skip


def _read_age(max_age: object) -> timedelta | None:
    if max_age is None:
        return None
    if isinstance(max_age, int | float) and not isinstance(max_age, bool):
        allowed = f"max_age=timedelta(seconds={max_age})"
        raise ConfigError(_REQUIRE, "has a max_age that is no timedelta", given=max_age, allowed=allowed)
    if not isinstance(max_age, timedelta) or max_age < timedelta(0):
        allowed = "a timedelta of zero or more, e.g. max_age=timedelta(minutes=5), or None"
        raise ConfigError(_REQUIRE, "has a max_age that can't be one", given=max_age, allowed=allowed)
    return max_age


def _read_factors(factors: object) -> frozenset[Method]:
    if isinstance(factors, str):
        raise ConfigError(_REQUIRE, "has one text as factors", given=factors, allowed=f"factors={{{factors!r}}}")
    known = {method.value: method for method in Method.of_factors}
    names = list(factors) if isinstance(factors, Collection) else [factors]
    for name in names:
        if not isinstance(name, str) or name not in known:
            nearest = next(iter(difflib.get_close_matches(str(name), known, n=1)), None)
            allowed = f"factors={{{', '.join(repr(word) for word in sorted(known))}}}"
            raise ConfigError(_REQUIRE, "names an unknown factor", given=name, allowed=allowed, nearest=nearest)
    return frozenset(known[str(name)] for name in names)

"""The OpenID provider over HTTP: where apps send their users, and where they fetch tokens."""

from __future__ import annotations

from collections.abc import Iterator

from flask import Blueprint, Flask

from ...errors import ConfigError
from ..endpoints import OIDC
from ..responses.host_names import any_host, stay_here
from . import authorize, discovery, token
from .pages import OidcRoute, guarded_view

DISCOVERY = "/.well-known/openid-configuration"
_PARTS = (authorize, token, discovery)


def oidc_blueprint(app: Flask, url_prefix: str) -> Blueprint:
    """A new blueprint, for one app."""
    blueprint = Blueprint(OIDC, "flask_mfa_gate")
    blueprint.url_defaults(stay_here)
    for route in routes():
        rule = route.rule if route.is_at_root else f"{url_prefix}/oidc{route.rule}"
        for place in any_host(app):
            blueprint.add_url_rule(
                rule, route.name, guarded_view(route), methods=list(route.methods), provide_automatic_options=False,
                **place,
            )  # fmt: skip
    return blueprint


def routes() -> Iterator[OidcRoute]:
    """Every address of the provider."""
    for part in _PARTS:
        yield from part.ROUTES


def require_root_free(app: Flask) -> None:
    """Clients look for the provider at one address only (OpenID Connect Discovery 1.0 section 4).

    :raises ConfigError: where the app answers there itself.
    """
    taken = [
        rule.endpoint for rule in app.url_map.iter_rules()
        if rule.rule == DISCOVERY and not rule.endpoint.startswith(f"{OIDC}.")
    ]  # fmt: skip
    if taken:
        raise ConfigError("MFA_GATE_OIDC", f"needs {DISCOVERY}, where {taken[0]} of the app answers")

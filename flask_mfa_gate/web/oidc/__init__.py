"""The OpenID provider over HTTP: where apps send their users, and where they fetch tokens."""

from __future__ import annotations

from collections.abc import Iterator

from flask import Blueprint, Flask

from ..endpoints import OIDC
from ..responses.host_names import any_host, stay_here
from .pages import OidcRoute, guarded_view


def oidc_blueprint(app: Flask, url_prefix: str) -> Blueprint:
    """A new blueprint, for one app."""
    blueprint = Blueprint(OIDC, "flask_mfa_gate")
    blueprint.url_defaults(stay_here)
    for route in routes():
        rule = route.rule if route.is_at_root else f"{url_prefix}/oidc{route.rule}"
        view = guarded_view(route)
        for place in any_host(app):
            blueprint.add_url_rule(
                rule, route.name, view, methods=list(route.methods), provide_automatic_options=False,
                **place,
            )  # fmt: skip
    return blueprint


def routes() -> Iterator[OidcRoute]:
    """Every address of the provider."""
    from . import authorize, discovery, sign_out, token  # noqa: PLC0415 - only an app that is a provider has them

    for part in (authorize, token, discovery, sign_out):
        yield from part.ROUTES

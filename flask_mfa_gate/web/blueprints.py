"""The gate's own addresses, as blueprints of one app."""

from __future__ import annotations

from flask import Flask

from .account import account_blueprint
from .admin import admin_blueprint
from .oidc import oidc_blueprint
from .oidc.ends import watch_ends
from .openapi import page as openapi
from .state import GateState
from .upstream import upstream_blueprint


def register_blueprints(app: Flask, state: GateState) -> None:
    """Pages of users and of the console, and what else the settings turn on."""
    settings, is_provider = state.settings, state.oidc is not None
    app.register_blueprint(account_blueprint(app, settings.url_prefix, is_provider=is_provider))
    app.register_blueprint(
        admin_blueprint(app, settings.admin_url_prefix, is_provider=is_provider, beside=openapi.ROUTES)
    )
    if is_provider:
        app.register_blueprint(oidc_blueprint(app, settings.url_prefix))
        watch_ends(app)
    if state.upstreams is not None:
        app.register_blueprint(upstream_blueprint(app, settings.url_prefix))

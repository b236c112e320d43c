"""Signing users in by another provider: where they leave, and where they come back."""

from __future__ import annotations

from flask import Blueprint, Flask

from ..endpoints import SIGN_IN
from ..responses.host_names import any_host, stay_here
from .sign_in import callback, start


def upstream_blueprint(app: Flask, url_prefix: str) -> Blueprint:
    """A new blueprint, for one app. Its views are like those of the app: hooks run, and who they sign in is seen."""
    blueprint = Blueprint(SIGN_IN, "flask_mfa_gate")
    blueprint.url_defaults(stay_here)
    for place in any_host(app):
        blueprint.add_url_rule(f"{url_prefix}/sign-in/<name>", "start", start, **place)
        blueprint.add_url_rule(f"{url_prefix}/sign-in/<name>/callback", "callback", callback, **place)
    return blueprint

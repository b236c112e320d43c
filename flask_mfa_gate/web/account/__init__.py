"""The pages of the end user."""

from __future__ import annotations

from flask import Blueprint

from . import challenge, enroll, leave, security
from .desk import own_page


def account_blueprint(url_prefix: str) -> Blueprint:
    """A new blueprint, for one app."""
    blueprint = Blueprint(
        "mfa_gate", "flask_mfa_gate", url_prefix=url_prefix, template_folder="templates",
        static_folder="static/mfa_gate", static_url_path="/static",
    )  # fmt: skip
    for part in (challenge, enroll, leave, security):
        for rule, name, methods, view in part.ROUTES:
            blueprint.add_url_rule(rule, name, own_page(view), methods=methods)
    return blueprint

"""The pages of the end user."""

from __future__ import annotations

from itertools import chain

from flask import Blueprint, Flask

from ..responses import files
from ..responses.host_names import any_host, stay_here
from . import api_tokens, apps, challenge, enroll, leave, recovered, security
from .authenticated_request import own_page
from .factors import registry


def account_blueprint(app: Flask, url_prefix: str, *, is_provider: bool) -> Blueprint:
    """A new blueprint, for one app.

    :param is_provider: whether other apps sign in here.
    """
    blueprint = Blueprint("mfa_gate", "flask_mfa_gate", url_prefix=url_prefix, template_folder="templates")
    blueprint.url_defaults(stay_here)
    blueprint.url_defaults(files.name_version)
    for place in any_host(app):
        for rule in files.RULES:
            blueprint.add_url_rule(rule, "static", files.static_file, **place)
    rooms = (api_tokens, challenge, enroll, leave, recovered, security, *([apps] if is_provider else []))
    parts = [part.ROUTES for part in rooms] + [pages.routes for pages in registry.ALL]
    for rule, name, methods, view in chain.from_iterable(parts):
        page = own_page(view)
        for place in any_host(app):
            blueprint.add_url_rule(rule, name, page, methods=methods, **place)
    return blueprint

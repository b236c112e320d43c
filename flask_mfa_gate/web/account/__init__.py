"""The pages of the end user."""

from __future__ import annotations

from itertools import chain
from pathlib import Path

from flask import Blueprint, Flask, Response, send_from_directory

from ..responses.host_names import any_host, stay_here
from . import api_tokens, apps, challenge, enroll, leave, recovered, security
from .authenticated_request import own_page
from .factors import registry

_FILES = Path(__file__).parents[2] / "static" / "mfa_gate"


def account_blueprint(app: Flask, url_prefix: str, *, is_provider: bool) -> Blueprint:
    """A new blueprint, for one app.

    :param is_provider: whether other apps sign in here.
    """
    blueprint = Blueprint("mfa_gate", "flask_mfa_gate", url_prefix=url_prefix, template_folder="templates")
    blueprint.url_defaults(stay_here)
    for place in any_host(app):
        blueprint.add_url_rule("/static/<path:filename>", "static", _file, **place)
    rooms = (api_tokens, challenge, enroll, leave, recovered, security, *([apps] if is_provider else []))
    parts = [part.ROUTES for part in rooms] + [pages.routes for pages in registry.ALL]
    for rule, name, methods, view in chain.from_iterable(parts):
        page = own_page(view)
        for place in any_host(app):
            blueprint.add_url_rule(rule, name, page, methods=methods, **place)
    return blueprint


def _file(filename: str) -> Response:
    return send_from_directory(_FILES, filename)

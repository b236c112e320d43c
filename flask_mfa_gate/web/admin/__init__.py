"""The admin console: who has MFA, who does not, until when, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from flask import Blueprint, Flask

from ..account.authenticated_request import own_page
from ..endpoints import ADMIN
from ..responses.host_names import any_host, stay_here
from . import audit, events, policies, settings, sign_ins
from .console import ConsoleRoute
from .guard import console_page
from .overview import dashboard
from .users import access_pass, actions, api_tokens, listing, page, sync

_ROOMS = (dashboard, listing, page, access_pass, actions, api_tokens, sync, sign_ins, audit, policies, settings, events)
LARGEST_BODY = 1024 * 1024


def admin_blueprint(
    app: Flask, url_prefix: str, *, is_provider: bool, beside: Iterable[ConsoleRoute] = ()
) -> Blueprint:  # fmt: skip
    """A new blueprint, for one app.

    :param is_provider: whether other apps sign in here.
    :param beside: addresses that no room of the console has.
    """
    blueprint = Blueprint(ADMIN, "flask_mfa_gate", url_prefix=url_prefix)
    blueprint.url_defaults(stay_here)
    for route in (*routes(is_provider=is_provider), *beside):
        page = own_page(console_page(route), largest_body=LARGEST_BODY)
        for place in any_host(app):
            blueprint.add_url_rule(route.rule, route.name, page, methods=list(route.methods), **place)
    return blueprint


def routes(*, is_provider: bool) -> Iterator[ConsoleRoute]:
    """Every address of the console."""
    for room in (*_ROOMS, *(_of_provider() if is_provider else ())):
        yield from room.ROUTES


def _of_provider() -> Iterable[Any]:
    from . import clients  # noqa: PLC0415 - only an app that is a provider has them
    from .users import connected_apps  # noqa: PLC0415

    return clients, connected_apps

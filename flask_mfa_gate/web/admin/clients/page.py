"""One client: what it is, its secrets, who uses it, which policies speak of it."""

from __future__ import annotations

from flask import Response

from ....domain.people.roles import Role
from ....services.oidc.client_overview import ClientOverview, overview_json
from ...responses import answers
from ..console import Console, ConsoleRoute
from ..representation import Format, format_wanted
from ..words import access_word
from . import words
from .kit import overview_of


def client(console: Console, client_id: str) -> Response:
    """Everything about one client but its secrets."""
    found = overview_of(console, client_id)
    if format_wanted(console, Format.HTML, Format.JSON) is Format.JSON:
        return answers.json_answer(overview_json(found))
    return draw_client(console, found)


def draw_client(console: Console, found: ClientOverview, *, secret: str | None = None, status: int = 200) -> Response:
    """The page.

    :param secret: that was just made, to be shown this once.
    """
    one = found.client
    policies = console.state.access.policies.current().policies
    return console.page(
        "clients/client.html", status, found=found, client=one, secret=secret, state_word=words.state_word(one),
        method=words.method_word(one.token_endpoint_auth_method), overlaps=words.overlap_choices(),
        scopes=[words.scope_word(scope) for scope in one.scope_of(" ".join(one.scopes))],
        policies=sorted(policy.name for policy in policies if one.resource in policy.resources),
        default=access_word(console.state.rules.access(one.resource).value), issuer=console.state.settings.base_url,
        may_change=console.may(Role.ADMIN) and not one.is_configured, may_revoke=console.may(Role.ADMIN),
    )  # fmt: skip


ROUTES = (ConsoleRoute(rule="/clients/<client_id>", name="client", view=client),)

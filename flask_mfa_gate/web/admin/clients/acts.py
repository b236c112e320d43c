"""What an admin does with one client: switch it off, give it another secret, cut it off from its users, remove it."""

from __future__ import annotations

from flask import Response

from ....domain.people.roles import Role
from ....errors import BadRequest, Conflict
from ....services.oidc.client_overview import overview_json
from ...fields import text_field
from ...responses import answers
from ...translation import gettext
from ..console import WRITE, Console, ConsoleRoute, console_url
from .kit import overview_of, provider
from .page import draw_client
from .words import OVERLAPS


def switch(console: Console, client_id: str) -> Response:
    """On or off."""
    word = text_field(console.fields, "state", default="")
    if word not in {"enabled", "disabled"}:
        raise BadRequest(gettext("A client is enabled or disabled."))
    provider(console).clients.set_enabled(
        client_id, enabled=word == "enabled", actor=console.actor, reason=_reason(console)
    )
    return _done(console, client_id)


def new_secret(console: Console, client_id: str) -> Response:
    """One more secret, in this answer and never again; the same form sent twice makes no second one."""
    found = overview_of(console, client_id)
    word = text_field(console.fields, "overlap", default="7d")
    if word not in OVERLAPS:
        raise BadRequest(gettext("The old secret can work on for one of: %(known)s.", known=", ".join(OVERLAPS)))
    if not console.auth.wants_json and text_field(console.fields, "secrets", default="") != found.secrets_version:
        raise Conflict(
            "stale", gettext("The secrets of this client changed since this form was opened. Open its page again.")
        )
    made = provider(console).clients.new_secret(
        client_id, overlap=OVERLAPS[word][0], actor=console.actor, reason=_reason(console)
    )
    fresh = overview_of(console, client_id)
    if console.auth.wants_json:
        return answers.json_answer({**overview_json(fresh), "client_secret": made.secret}, 201)
    return draw_client(console, fresh, secret=made.secret, status=201)


def revoke_secret(console: Console, client_id: str) -> Response:
    """It counts no more."""
    secret_id = text_field(console.fields, "secret", default="")
    provider(console).clients.revoke_secret(client_id, secret_id, actor=console.actor, reason=_reason(console))
    return _done(console, client_id)


def revoke_grants(console: Console, client_id: str) -> Response:
    """Its tokens are dead, for everybody."""
    overview_of(console, client_id)
    ended = provider(console).connections.revoke_client(client_id, actor=console.actor, reason=_reason(console))
    if console.auth.wants_json:
        return answers.json_answer({"revoked": ended})
    return _done(console, client_id)


def ask_remove(console: Console, client_id: str) -> Response:
    """What would be gone."""
    return console.page("clients/remove.html", found=overview_of(console, client_id))


def remove(console: Console, client_id: str) -> Response:
    """Gone, with its secrets, its tokens and what users agreed to."""
    provider(console).clients.remove(client_id, actor=console.actor, reason=_reason(console))
    return answers.json_answer({}) if console.auth.wants_json else answers.see_other(console_url("clients"))


def _done(console: Console, client_id: str) -> Response:
    if console.auth.wants_json:
        return answers.json_answer(overview_json(overview_of(console, client_id)))
    return answers.see_other(console_url("client", client_id=client_id))


def _reason(console: Console) -> str | None:
    return text_field(console.fields, "reason", default="") or None


ROUTES = (
    ConsoleRoute(rule="/clients/<client_id>/state", name="client_state", view=switch, methods=WRITE),
    ConsoleRoute(rule="/clients/<client_id>/secrets", name="client_secret_add", view=new_secret, methods=WRITE),
    ConsoleRoute(
        rule="/clients/<client_id>/secrets/revoke", name="client_secret_revoke", view=revoke_secret, methods=WRITE
    ),
    ConsoleRoute(rule="/clients/<client_id>/revoke", name="client_revoke", view=revoke_grants, methods=WRITE),
    ConsoleRoute(
        rule="/clients/<client_id>/remove", name="client_remove_form", view=ask_remove, least=Role.ADMIN
    ),
    ConsoleRoute(rule="/clients/<client_id>/remove", name="client_remove", view=remove, methods=WRITE),
)  # fmt: skip

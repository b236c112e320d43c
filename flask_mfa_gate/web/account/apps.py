"""Connected apps: which ones sign this user in with this account, what they may see, and the way out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from flask import Response

from ...domain.oidc.client import OFFLINE
from ...services.oidc.connections import ConnectedApp
from ..responses import answers
from ..responses.host_names import own_url
from ..translation import gettext, marked
from .authenticated_request import AuthenticatedRequest, Route, require_proved

_SCOPES = {
    "profile": marked("your name, language and time zone"),
    "email": marked("your email address"),
    "groups": marked("your groups"),
}


@dataclass(frozen=True, slots=True)
class AppLine:
    """One app in the list.

    :param sees: what it may see, in words.
    :param is_offline: whether also while the user is signed out.
    """

    client_id: str
    name: str
    url: str | None
    sees: list[str]
    is_offline: bool
    connected_at: datetime
    last_used_at: datetime | None
    disconnect_url: str


def apps(auth: AuthenticatedRequest) -> Response:
    """Every connected app."""
    if (stopped := require_proved(auth)) is not None:
        return stopped
    assert auth.state.oidc is not None  # noqa: S101 - the page is there with the provider only
    found = auth.state.oidc.connections.of_user(auth.session.user_key)
    if auth.wants_json:
        return answers.json_answer({"apps": [_as_json(one) for one in found]})
    return answers.page(
        "apps.html", auth.context, 200, apps=[_line(one) for one in found], back_url=own_url("mfa_gate.security")
    )


def disconnect(auth: AuthenticatedRequest, client_id: str) -> Response:
    """Take back what the app was allowed, and end its tokens."""
    if (stopped := require_proved(auth)) is not None:
        return stopped
    assert auth.state.oidc is not None  # noqa: S101 - the page is there with the provider only
    if not auth.state.oidc.connections.disconnect(auth.session, client_id, origin=auth.origin):
        return answers.problem(auth.context, 404, "not_found", gettext("This app isn't connected to your account."))
    return auth.redirect_to(own_url("mfa_gate.apps"))


def _line(one: ConnectedApp) -> AppLine:
    return AppLine(
        client_id=one.client_id, name=one.name, url=one.client.client_uri if one.client else None,
        sees=[gettext(_SCOPES[scope]) for scope in one.scopes if scope in _SCOPES],
        is_offline=OFFLINE in one.scopes, connected_at=one.connected_at, last_used_at=one.last_used_at,
        disconnect_url=own_url("mfa_gate.app_disconnect", client_id=one.client_id),
    )  # fmt: skip


def _as_json(one: ConnectedApp) -> dict[str, object]:
    return {
        "client_id": one.client_id,
        "name": one.name,
        "scopes": list(one.scopes),
        "connected_at": one.connected_at.isoformat(),
        "last_used_at": one.last_used_at.isoformat() if one.last_used_at else None,
        "disconnect_url": own_url("mfa_gate.app_disconnect", client_id=one.client_id),
    }


ROUTES: list[Route] = [
    ("/apps", "apps", ["GET"], apps),
    ("/apps/<client_id>/disconnect", "app_disconnect", ["POST"], disconnect),
]

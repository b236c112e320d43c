"""The connected app that a user is on the way to, so that they see what they are signing in to."""

from __future__ import annotations

from ..endpoints import OIDC
from ..responses.routing import inner_path, page_at
from .authenticated_request import AuthenticatedRequest


def app_ahead(auth: AuthenticatedRequest) -> str | None:
    """Its name; None for users on the way to a page of this app."""
    oidc, step_up = auth.state.oidc, auth.session.step_up
    target = auth.session.target if auth.session.is_pending else step_up.target if step_up is not None else None
    if oidc is None or target is None:
        return None
    page = page_at(inner_path(target.partition("?")[0]))
    if page is None or page.endpoint != f"{OIDC}.resume":
        return None
    client_id = oidc.requests.client_id(str(page.arguments["request_id"]))
    registered = oidc.clients.find(client_id) if client_id is not None else None
    return registered.client.client_name if registered is not None else None

"""The connected app that a user is on the way to, so that they see what they are signing in to."""

from __future__ import annotations

from ..oidc.elsewhere import request_ahead
from .authenticated_request import AuthenticatedRequest


def app_ahead(auth: AuthenticatedRequest) -> str | None:
    """Its name; None for users on the way to a page of this app."""
    oidc, step_up = auth.state.oidc, auth.session.step_up
    target = auth.session.target if auth.session.is_pending else step_up.target if step_up is not None else None
    if oidc is None or target is None:
        return None
    request_id = request_ahead(target)
    client_id = oidc.requests.client_id(request_id) if request_id is not None else None
    registered = oidc.clients.find(client_id) if client_id is not None else None
    return registered.client.client_name if registered is not None else None

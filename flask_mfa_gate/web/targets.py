"""Where a user goes after the pass. Kept on the server, never read from the client."""

from __future__ import annotations

from flask import Response, current_app, request
from werkzeug.exceptions import HTTPException

from ..domain.redirects import safe_target
from ..settings import Settings
from .endpoints import is_own, is_sign_out


def origin() -> str:
    """Scheme, host and port of this request."""
    return request.host_url.rstrip("/")


def home() -> str:
    """The root of the app."""
    return f"{request.script_root}/"


def asked_page() -> str:
    """The page of this request, with its query."""
    query = f"?{request.query_string.decode('ascii', 'replace')}" if request.query_string else ""
    return safe_target(f"{request.script_root}{request.path}{query}", origin=origin()) or home()


def target_of(response: Response, settings: Settings, *, parked_endpoint: str | None) -> str | None:
    """Where the parked answer wanted to send the user, when that is a page of this app worth going to."""
    if not 300 <= response.status_code < 400:
        return None
    target = safe_target(response.headers.get("Location"), origin=origin())
    if target is None or _leads_back(target, settings, parked_endpoint):
        return None
    return target


def page_sent_from() -> str:
    """The page whose form was stopped, by ``Referer`` when that is of this origin."""
    return safe_target(request.headers.get("Referer"), origin=origin()) or home()


def _leads_back(target: str, settings: Settings, parked_endpoint: str | None) -> bool:
    """Sign-in, sign-out and the gate's own pages would go round in circles."""
    path = target.removeprefix(request.script_root).partition("?")[0] or "/"
    adapter = current_app.create_url_adapter(request)
    if adapter is None:
        return False
    try:
        endpoint = adapter.match(path, method="GET")[0]
    except HTTPException:
        return False
    return endpoint == parked_endpoint or is_own(endpoint) or is_sign_out(endpoint, settings)

"""Where a user goes after the pass. Kept on the server, never read from the client."""

from __future__ import annotations

from urllib.parse import quote, urljoin, urlsplit

from flask import Response, request

from ...domain.redirects import safe_target
from ...settings import Settings
from ..client import SAFE_METHODS, wants_json
from ..endpoints import is_account_page, is_sign_out
from .login_page import login_url, named_login
from .routing import endpoint_at, inner_path

# What a path may hold as it is (RFC 3986 section 3.3); the rest is written in percent form again.
_PATH_MARKS = "/:@!$&'()*+,;=~"


def origin() -> str:
    """Scheme, host and port of this request."""
    return request.host_url.rstrip("/")


def home() -> str:
    """The root of the app."""
    return f"{request.script_root}/"


def asked_page() -> str:
    """The page of this request, with its query."""
    query = f"?{request.query_string.decode('ascii', 'replace')}" if request.query_string else ""
    path = f"{request.script_root}{request.path}"
    return safe_target(f"{quote(path, safe=_PATH_MARKS)}{query}", origin=origin()) or home()


def target_of(response: Response, settings: Settings, *, parked_endpoint: str | None) -> str | None:
    """Where the parked answer wanted to send the user, when that is a page of this app worth going to."""
    if not 300 <= response.status_code < 400:
        return None
    # Some say where to go from the page that was asked for, as in redirect("dashboard").
    location = urljoin(f"{request.script_root}{request.path}", response.headers.get("Location", ""))
    target = safe_target(location, origin=origin())
    if target is None or _leads_back(target, settings, parked_endpoint):
        return None
    return target


def way_back(settings: Settings, *, parked_endpoint: str | None = None) -> str:
    """The page to go back to: the one asked for, or the one whose form or script this request is from."""
    is_page = request.method in SAFE_METHODS and request.url_rule is not None and not is_part_of_page()
    targets = [asked_page(), page_sent_from()] if is_page else [page_sent_from()]
    return next((target for target in targets if not _leads_back(target, settings, parked_endpoint)), home())


def is_part_of_page() -> bool:
    """A script's request, or a picture: its answer is no page. Programs without a page tell of none."""
    return wants_json(request) and not {"Referer", "Sec-Fetch-Mode"}.isdisjoint(request.headers.keys())


def page_sent_from() -> str:
    """The page that the request is from, by ``Referer`` when that is of this origin."""
    return safe_target(request.headers.get("Referer"), origin=origin()) or home()


def _leads_back(target: str, settings: Settings, parked_endpoint: str | None) -> bool:
    """Sign-in, sign-out and the gate's own pages would go round in circles, however their address is spelled."""
    path = inner_path(target.partition("?")[0])
    found = {endpoint_at(spelled) for spelled in {path, path.rstrip("/") or "/"}} - {None}
    return _is_login(path, settings) or any(
        endpoint == parked_endpoint or is_account_page(endpoint) or is_sign_out(endpoint, settings)
        for endpoint in found
    )


def is_login_page(settings: Settings) -> bool:
    """Whether this request is for the page that anonymous users are sent to."""
    address = urlsplit(login_url(settings) or "//")
    path = inner_path(address.path).rstrip("/")
    return bool(address.path) and address.netloc in {"", request.host} and path == request.path.rstrip("/")


def _is_login(path: str, settings: Settings) -> bool:
    """By address, since an endpoint may serve many pages."""
    address = urlsplit(named_login(settings) or "//")
    return not address.netloc and bool(address.path) and inner_path(address.path).rstrip("/") == path.rstrip("/")

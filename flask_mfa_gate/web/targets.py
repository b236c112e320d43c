"""Where a user goes after the pass. Kept on the server, never read from the client."""

from __future__ import annotations

from urllib.parse import quote, unquote, urljoin, urlsplit

from flask import Response, current_app, request, url_for
from werkzeug.exceptions import HTTPException
from werkzeug.routing import BuildError, RequestRedirect

from ..domain.redirects import safe_target
from ..settings import Settings
from .client import SAFE_METHODS, wants_json
from .endpoints import is_own, is_sign_out

# What a path may hold as it is (RFC 3986 section 3.3); the rest is written in percent form again.
_PATH_MARKS = "/:@!$&'()*+,;=~"
_MOST_TURNS = 3


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


def login_url(settings: Settings) -> str:
    """The host's sign-in page: as configured, else as Flask-Login was told, else ``/login``."""
    named = str(settings.login_url or _login_view() or f"{request.script_root}/login")
    return named if named.startswith(("/", "http://", "https://")) else url_for(named)


def _login_view() -> str | None:
    """That of this request's blueprint, else of the app; pages of the gate are in no blueprint of the host's."""
    manager = getattr(current_app, "login_manager", None)
    by_blueprint = getattr(manager, "blueprint_login_views", None) or {}
    first = next(iter(by_blueprint.values()), None)
    return by_blueprint.get(request.blueprint) or getattr(manager, "login_view", None) or first


def _leads_back(target: str, settings: Settings, parked_endpoint: str | None) -> bool:
    """Sign-in, sign-out and the gate's own pages would go round in circles, however their address is spelled."""
    path = _inner_path(target.partition("?")[0])
    found = {_endpoint_at(path, _MOST_TURNS), _endpoint_at(path.rstrip("/") or "/", _MOST_TURNS)} - {None}
    return _is_login(path, settings) or any(
        endpoint == parked_endpoint or is_own(endpoint) or is_sign_out(endpoint, settings) for endpoint in found
    )


def _is_login(path: str, settings: Settings) -> bool:
    """By address, since an endpoint may serve many pages; one that can't be written without arguments is passed by."""
    try:
        address = urlsplit(login_url(settings))
    except BuildError:
        return False
    return not address.netloc and _inner_path(address.path).rstrip("/") == path.rstrip("/")


def _endpoint_at(path: str, turns: int) -> str | None:
    """What answers there, at the end of the redirects that the app's own rules make."""
    adapter = current_app.create_url_adapter(request)
    if adapter is None or turns == 0:
        return None
    try:
        return str(adapter.match(path, method="GET")[0])
    except RequestRedirect as redirect:
        return _endpoint_at(_inner_path(urlsplit(redirect.new_url).path), turns - 1)
    except HTTPException:
        return None


def _inner_path(path: str) -> str:
    """The path as the app's rules are written."""
    return unquote(path).removeprefix(request.script_root) or "/"

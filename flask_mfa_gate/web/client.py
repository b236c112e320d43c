"""What kind of client made this request, and from where."""

from __future__ import annotations

import ipaddress
from enum import Enum, auto

from flask import Request
from werkzeug.datastructures import MIMEAccept

from ..domain.person import Origin
from ..settings import Settings

SAFE_METHODS = frozenset({"GET", "HEAD"})
_HTML = "text/html"
_JSON = "application/json"
_USER_AGENT_LENGTH = 255


class Client(Enum):
    """How an answer has to look."""

    NAVIGATION = auto()
    PAGE_WRITE = auto()
    API = auto()


def client_of(request: Request, settings: Settings) -> Client:
    """A browser that goes to a page, a page that sends something, or a program."""
    if carries_token(request, settings) or wants_json(request):
        return Client.API
    return Client.NAVIGATION if request.method in SAFE_METHODS else Client.PAGE_WRITE


def wants_json(request: Request) -> bool:
    """The body is JSON, or ``Accept`` prefers it by name, or a script sent it (XHR header, fetch metadata)."""
    if request.is_json or request.headers.get("X-Requested-With", "").lower() == "xmlhttprequest":
        return True
    mode = request.headers.get("Sec-Fetch-Mode")
    return (mode is not None and mode != "navigate") or _prefers_json(request.accept_mimetypes)


def _prefers_json(accept: MIMEAccept) -> bool:
    named = [value for value, _ in accept if value == _JSON or value.endswith("+json")]
    return bool(named) and max(accept[value] for value in named) > accept.quality(_HTML)


def carries_token(request: Request, settings: Settings) -> bool:
    """Whether a token came along. That alone proves nothing: a browser may send the header beside its session."""
    return "Authorization" in request.headers or any(name in request.headers for name in settings.token_headers)


def is_basic(request: Request) -> bool:
    """HTTP Basic (RFC 7617): name and password with each request."""
    return request.headers.get("Authorization", "").lower().startswith("basic")


def is_prefetch(request: Request) -> bool:
    """A page fetched before anybody asked for it, which must not have effects."""
    return request.method == "HEAD" or "prefetch" in request.headers.get(
        "Sec-Purpose", request.headers.get("Purpose", "")
    )


def origin_of(request: Request) -> Origin:
    """The peer's address, after the host's own ProxyFix, and its user agent; None for what can't be read."""
    agent = "".join(mark if mark.isprintable() else " " for mark in request.user_agent.string[:_USER_AGENT_LENGTH])
    return Origin(address=readable_address(request.remote_addr), user_agent=agent)


def readable_address(text: str | None) -> str | None:
    """The canonical form of an address, a mapped one unmapped and without a zone; None when it can't be read."""
    try:
        address = ipaddress.ip_address(text or "")
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    # SECURITY: behind "%" stands any text of any length, which would go into mails, records and too short a column.
    return str(address.ipv4_mapped or ipaddress.IPv6Address(int(address)))

"""What kind of client made this request, and from where."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from enum import Enum, auto
from ipaddress import ip_address

from flask import Request

from ..domain.address import canonical_address
from ..domain.people.person import Origin

SAFE_METHODS = frozenset({"GET", "HEAD"})
_USER_AGENT_LENGTH = 255
_ACCEPT_LENGTH = 4096
_FORWARDED_LENGTH = 1024
_PAGE_TYPES = frozenset({"text/html", "application/xhtml+xml"})
_QUALITY = re.compile(r";[ \t]*q=([01](?:\.[0-9]{0,3})?)[ \t]*(?:;|\Z)", re.IGNORECASE)
# Sent by the scripts of these libraries with every request: htmx, Turbo, Unpoly, pjax, Inertia.
_SCRIPT_HEADERS = (
    "HX-Request", "HX-Boosted", "Turbo-Frame", "X-Turbo-Request-Id", "X-Up-Version", "X-PJAX", "X-Inertia",
)  # fmt: skip
_STREAM_TYPE = "text/vnd.turbo-stream.html"


class Client(Enum):
    """How an answer has to look."""

    NAVIGATION = auto()
    PAGE_WRITE = auto()
    API = auto()


def client_of(request: Request, *, by_token: bool) -> Client:
    """A browser that goes to a page, a page that sends something, or a program.

    :param by_token: whether a token says who this is, or may say so.
    """
    if by_token or wants_json(request):
        return Client.API
    return Client.NAVIGATION if request.method in SAFE_METHODS else Client.PAGE_WRITE


def wants_json(request: Request) -> bool:
    """The body is JSON, or ``Accept`` prefers it by name, or a script sent it (its header, fetch metadata)."""
    if request.is_json or is_of_script(request):
        return True
    mode = request.headers.get("Sec-Fetch-Mode")
    return (mode is not None and mode != "navigate") or _prefers_json(_accepted(request))


def is_of_script(request: Request) -> bool:
    """Whether a library says that it puts the answer into a page that is open."""
    headers = request.headers
    if headers.get("X-Requested-With", "").lower() == "xmlhttprequest" or _STREAM_TYPE in _accepted(request):
        return True
    return any(name in headers for name in _SCRIPT_HEADERS)


def is_of_htmx(request: Request) -> bool:
    """Whether htmx sent it, which goes where ``HX-Redirect`` says."""
    return "HX-Request" in request.headers


def wants_page(request: Request) -> bool:
    """Whether a browser says that it goes to a page: by fetch metadata, which no page can set, or in ``Accept``."""
    mode = request.headers.get("Sec-Fetch-Mode")
    return mode == "navigate" if mode is not None else _is_named(_accepted(request), _PAGE_TYPES)


def is_foreign(request: Request) -> bool:
    """Whether the page of another site sent this request."""
    return request.headers.get("Sec-Fetch-Site") == "cross-site"


def is_own_origin(request: Request, *, is_write: bool) -> bool:
    """By host, because behind a proxy the scheme may look different. Our own forms send ``null``: their page has the
    referrer policy ``no-referrer`` (Fetch section 3.2); they prove themselves by the token.
    """
    sent = request.headers.get("Origin")
    if sent is None or (sent == "null" and is_write):
        return True
    return sent.partition("://")[2] == request.host


def is_visit(request: Request) -> bool:
    """Whether a navigation opens a page for somebody to see. A service worker passes it on without a destination."""
    destination = request.headers.get("Sec-Fetch-Dest", "document")
    if request.headers.get("Sec-Fetch-Mode") != "navigate":
        return destination == "document"
    # SECURITY: a page of another site can frame ours, which nobody asked for and which must have no effect.
    return destination in {"document", "empty"} or not is_foreign(request)


def _accepted(request: Request) -> Mapping[str, float]:
    """The types in ``Accept`` with the best quality of each (RFC 9110 section 12.5.1); malformed entries don't count.

    Werkzeug's class compares each entry with each other one, and raises for one without a slash.
    """
    # SECURITY: bounded and in one pass, since refusals are written by it too: no header may cost or break an answer.
    found: dict[str, float] = {}
    for entry in request.headers.get("Accept", "")[:_ACCEPT_LENGTH].split(","):
        name = entry.partition(";")[0].strip().lower()
        found[name] = max(found.get(name, 0.0), _quality_of(entry))
    return found


def _quality_of(entry: str) -> float:
    if "q=" not in entry.lower():
        return 1.0
    quality = _QUALITY.search(entry)
    return min(float(quality[1]), 1.0) if quality else 0.0


def _prefers_json(accepted: Mapping[str, float]) -> bool:
    """JSON by name before pages; a page that only a wildcard allows comes after what is named."""
    json = max((quality for name, quality in accepted.items() if _is_json(name)), default=0.0)
    page = max((accepted.get(name, 0.0) for name in _PAGE_TYPES), default=0.0)
    wildcard = max(accepted.get("text/*", 0.0), accepted.get("*/*", 0.0))
    return json > page and json >= wildcard


def _is_json(name: str) -> bool:
    return name == "application/json" or ("/" in name and name.endswith("+json"))


def _is_named(accepted: Mapping[str, float], names: Collection[str]) -> bool:
    return any(accepted.get(name, 0.0) > 0 for name in names)


def is_prefetch(request: Request) -> bool:
    """A page fetched before anybody asked for it, which must not have effects."""
    return request.method == "HEAD" or "prefetch" in request.headers.get(
        "Sec-Purpose", request.headers.get("Purpose", "")
    )


def is_behind_untold_proxy(request: Request) -> bool:
    """Whether a proxy sent this whose address is taken for the client's.

    Only the doctor goes by it, since anybody can say so.
    """
    sent = request.environ.get("HTTP_X_FORWARDED_FOR", "")[:_FORWARDED_LENGTH]
    if not sent or "werkzeug.proxy_fix.orig" in request.environ:
        return False
    peer = canonical_address(request.remote_addr)
    # One that something else in front has already taken from the header is the client's.
    named = {canonical_address(one.strip()) for one in sent.split(",")}
    return peer not in named and (peer is None or ip_address(peer).is_private)


def origin_of(request: Request) -> Origin:
    """The peer's address, after the host's own ProxyFix, and its user agent; None for what can't be read."""
    agent = request.user_agent.string[:_USER_AGENT_LENGTH]
    if not agent.isprintable():
        agent = "".join(mark if mark.isprintable() else " " for mark in agent)
    return Origin(address=canonical_address(request.remote_addr), user_agent=agent)

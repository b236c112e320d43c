"""The browser that an authorization request belongs to: it alone may go on with it."""

from __future__ import annotations

from flask import Request, Response, request

from ...crypto import new_token
from ...services.oidc.requests import WAITS_FOR
from ...settings import Settings
from ..sessions.cookies import guarded_name, reach

_LONGEST = 128


def browser_of(settings: Settings) -> str | None:
    """What this browser was given, if anything."""
    sent = request.cookies.get(_name(request, settings))
    return sent if sent and len(sent) <= _LONGEST and sent.isascii() else None


def browser_here(settings: Settings) -> str:
    """The same, or something new to give to it."""
    return browser_of(settings) or new_token()


def bind_browser(response: Response, settings: Settings, browser: str) -> Response:
    """Give it to the browser, out of reach of scripts and of other sites."""
    response.set_cookie(
        _name(request, settings), browser, max_age=WAITS_FOR, path="/", domain=reach(), secure=request.is_secure,
        httponly=True, samesite="Lax",
    )  # fmt: skip
    return response


def _name(request: Request, settings: Settings) -> str:
    return guarded_name(request, f"{settings.cookie_name}_authorize", domain=reach())

"""The gate's own cookie: one random id, and nothing that means anything without its row."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

from flask import Request, Response, current_app

from ...settings import Settings

_LONGEST = 128
_GUARDS = ("", "__Host-", "__Secure-")


def reach() -> str | None:
    """The domain over whose hosts the app's session goes; None where it stays on one.

    The gate's cookie goes as far: a session that comes to another host without it would be that of another browser.
    """
    return current_app.session_interface.get_cookie_domain(current_app)


def cookie_name(request: Request, settings: Settings) -> str:
    """That of the gate's own."""
    name = settings.cookie_name
    return guarded_name(request, name, domain=reach()) if request.is_secure else name


def guarded_name(request: Request, name: str, *, domain: str | None) -> str:
    """With TLS the browser itself guards it (RFC 6265bis, ``__Host-``; ``__Secure-`` for one that goes over hosts)."""
    # SECURITY: over TLS only the guarded name counts, so that a neighbour host or plain HTTP can't plant an id.
    return f"{'__Secure-' if domain else '__Host-'}{name}" if request.is_secure else name


def own_cookie_names(settings: Settings) -> frozenset[str]:
    """Those of the gate, with TLS and without."""
    return frozenset(f"{start}{settings.cookie_name}{end}" for start in _GUARDS for end in ("", "_remember"))


def taken_cookie(config: Mapping[str, Any], settings: Settings) -> str | None:
    """The key of the host's configuration that gives another cookie the name of one of the gate's, if there is one."""
    names = {"REMEMBER_COOKIE_NAME": "remember_token", **config}
    # SECURITY: two that write one cookie put each other out, and the gate would read the host's for its own.
    own = own_cookie_names(settings)
    return next(
        (key for key, name in names.items()
         if key.endswith("COOKIE_NAME") and not key.startswith("MFA_GATE_") and name in own), None,
    )  # fmt: skip


def read_token(request: Request, settings: Settings) -> str | None:
    """The id this browser sent, if it can be one."""
    cookies = request.cookies
    if not cookies:
        return None
    token = cookies.get(cookie_name(request, settings) if request.is_secure else settings.cookie_name)
    return token if token and len(token) <= _LONGEST and token.isascii() else None


def lacks_tls(request: Request, settings: Settings) -> bool:
    """Whether the app sees plain HTTP under a name that it says is served with TLS: its proxy does not tell it."""
    address = urlsplit(settings.base_url or "")
    return address.scheme == "https" and address.netloc == request.host and not request.is_secure


def set_token(response: Response, request: Request, settings: Settings, token: str) -> None:
    """For the life of the browser's session, out of reach of scripts and of other sites."""
    response.set_cookie(
        cookie_name(request, settings), token, path="/", domain=reach(), secure=request.is_secure, httponly=True,
        samesite="Lax",
    )  # fmt: skip


def drop_token(response: Response, request: Request, settings: Settings) -> None:
    """Tell the browser to forget the id."""
    # One from before the app's session went over hosts would stand in front of that of the domain.
    for domain in {reach(), None}:
        response.delete_cookie(
            cookie_name(request, settings), path="/", domain=domain, secure=request.is_secure, httponly=True,
            samesite="Lax",
        )  # fmt: skip


def forget_cookies(response: Response, names: Iterable[str]) -> None:
    """Tell the browser to forget cookies of the host, which are taken to reach as far as its session cookie."""
    interface = current_app.session_interface
    for name in names:
        response.delete_cookie(
            name, path=interface.get_cookie_path(current_app), domain=interface.get_cookie_domain(current_app)
        )

"""Whom a request would be from if the browser had sent no cookies, and which of them say so."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from flask import current_app, request

from ...services.people.user_objects import key_of
from ..sessions.cookies import own_cookie_names
from ..state import GateState
from . import remember
from .asking import BareRequest, ask_afresh

_MOST_TRIED = 20
# What Werkzeug keeps of them once it was asked.
_PARSED = "cookies"


class _Cookie(NamedTuple):
    name: str
    text: str


def rests_on_cookies(state: GateState, key: str) -> bool:
    """Whether without them this would not be the user's request.

    A server in front, or a certificate, may say with each request who it is from; nothing of that can be revoked here.
    """
    return bool(request.cookies) and not _is_named(state, key, ())


def rests_on_own_cookies(state: GateState, key: str) -> bool:
    """Whether it is so by others than those of session and remember-me, as where the host keeps its own sessions."""
    return rests_on_cookies(state, key) and bool(_own_that_name(state, key))


def take_away(state: GateState, key: str) -> Sequence[str]:
    """Hide from the rest of this request every cookie of the host's own that names this user.

    :returns: their names, without those of session and remember cookie, which the host's own sign-out ends.
    """
    spent = _own_that_name(state, key)
    if spent:
        request.environ["HTTP_COOKIE"] = _header([cookie for cookie in _sent() if cookie.name not in spent])
        request.__dict__.pop(_PARSED, None)
    return sorted(spent)


def _own_that_name(state: GateState, key: str) -> Collection[str]:
    known = {current_app.config["SESSION_COOKIE_NAME"], remember.name(), *own_cookie_names(state.settings)}
    return _that_name(state, key, [cookie for cookie in _sent() if cookie.name not in known])


def _that_name(state: GateState, key: str, cookies: Sequence[_Cookie]) -> Collection[str]:
    if not cookies or not _is_named(state, key, cookies):
        return ()
    # SECURITY: each is tried by itself; too many of them, or some that name somebody only together, go all at once.
    tried = cookies if len(cookies) <= _MOST_TRIED else ()
    spent = {cookie.name for cookie in tried if _is_named(state, key, [cookie])}
    left = [cookie for cookie in cookies if cookie.name not in spent]
    return {cookie.name for cookie in cookies} if left and _is_named(state, key, left) else spent


def _is_named(state: GateState, key: str, cookies: Sequence[_Cookie]) -> bool:
    """Whether this would be the user's request with these alone, and an empty session."""
    environ = {**request.environ, "HTTP_COOKIE": _header(cookies)}
    return any(_names(state, key, environ, after_hooks=after_hooks) for after_hooks in (False, True))


def _names(state: GateState, key: str, environ: Mapping[str, Any], *, after_hooks: bool) -> bool:
    """By the host's loader; or by a hook of the host's, such as one that reads what a server in front says."""
    try:
        user = ask_afresh(
            state.host.identity.load, BareRequest(environ, contents={}, with_body=False, after_hooks=after_hooks)
        )  # fmt: skip
        return user is not None and key_of(user, state.host.user_key) == key
    except Exception:  # noqa: BLE001 - the host's loader may raise anything
        return False


def _sent() -> list[_Cookie]:
    parts = (part.strip() for part in request.environ.get("HTTP_COOKIE", "").split(";"))
    return [_Cookie(part.partition("=")[0], part) for part in parts if part]


def _header(cookies: Sequence[_Cookie]) -> str:
    return "; ".join(cookie.text for cookie in cookies)

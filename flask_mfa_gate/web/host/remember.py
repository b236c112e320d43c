"""The cookie by which Flask-Login, or a fork of it, remembers a browser."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask import current_app, request, session

_NAME = "remember_token"
_LIFE = timedelta(days=365)
_USER_ID = "_user_id"
ORDER = "_remember"
EACH_REQUEST = "REMEMBER_COOKIE_REFRESH_EACH_REQUEST"
_SECONDS = "_remember_seconds"


def name() -> str:
    """What the cookie is called."""
    return str(current_app.config.get("REMEMBER_COOKIE_NAME", _NAME))


def domain() -> str | None:
    """Over whose hosts it goes; None where it stays on one."""
    return current_app.config.get("REMEMBER_COOKIE_DOMAIN") or None


def is_there() -> bool:
    """Whether this request carries it."""
    cookies = request.cookies
    return bool(cookies) and name() in cookies


def clear() -> None:
    """Have it taken away with this answer."""
    if is_there():
        session[ORDER] = "clear"


def is_sent() -> bool:
    """Whether it goes out with this answer."""
    here = session._get_current_object()  # type: ignore[attr-defined]
    if _USER_ID not in here:
        return False
    if ORDER in here:
        return bool(here[ORDER] == "set")
    return bool(current_app.config.get(EACH_REQUEST))


def is_cleared() -> bool:
    """Whether this answer takes it away."""
    return bool(_peek(ORDER) == "clear")


def life() -> timedelta:
    """How long it lives from now on."""
    return _as_span(_peek(_SECONDS), longest_life())


def longest_life() -> timedelta:
    """How long one lives for which the sign-in said nothing else."""
    return _as_span(current_app.config.get("REMEMBER_COOKIE_DURATION"), _LIFE)


def longest_cookie_life() -> timedelta:
    """How long any cookie that names a user may come back: that of the session, or this one."""
    return max(current_app.permanent_session_lifetime, longest_life())


def _peek(key: str) -> Any:
    """To read a key that isn't there would make an answer that has nothing to do with the session vary with it."""
    here = session._get_current_object()  # type: ignore[attr-defined]
    return here[key] if key in here else None  # noqa: SIM401


def _as_span(value: Any, default: timedelta) -> timedelta:
    """Flask-Login takes seconds too."""
    if isinstance(value, timedelta):
        return value
    return timedelta(seconds=value) if isinstance(value, int | float) else default

"""Whether a token, and nothing else, says who a request is from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Request

from ...services.people.user_objects import key_of
from ...settings import Settings
from ..state import GateState

_AUTHORIZATION = "HTTP_AUTHORIZATION"
_BODY = ("form", "files", "_cached_data", "_cached_json")
# What tells of the client and of the way here, and of nobody in particular.
_IMPERSONAL = frozenset({
    "HTTP_HOST", "HTTP_USER_AGENT", "HTTP_ACCEPT", "HTTP_ACCEPT_ENCODING", "HTTP_ACCEPT_LANGUAGE", "HTTP_CONNECTION",
    "HTTP_FORWARDED", "HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_HOST", "HTTP_X_FORWARDED_PORT",
    "HTTP_X_FORWARDED_PREFIX", "HTTP_X_FORWARDED_PROTO",
})  # fmt: skip
_ADDRESSED = frozenset({"QUERY_STRING", "REQUEST_URI", "RAW_URI", "CONTENT_TYPE", "REMOTE_USER"})


def is_made_by_token(request: Request, state: GateState, key: str) -> bool | None:
    """Whether a request that carries a token would be somebody else's, or nobody's, without it. None if it can't be
    told: then it has neither what tokens may nor what passwords may.
    """
    if state.host.identity.is_from_session():
        return False
    if _is_body_gone(request):
        return None
    # SECURITY: a browser that adds a header to its own cookie stays a browser, with all that is demanded of one.
    try:
        user = state.host.identity.load_with(_without_tokens(request, state.settings))
        return user is None or key_of(user, state.host.user_key) != key
    except Exception:  # noqa: BLE001 - a loader may take it for granted that there is a token
        return None


def tokens_in(request: Request, settings: Settings) -> Mapping[str, str]:
    """What came in each header of tokens, without the name of a scheme before it (RFC 9110 section 11.4)."""
    found = {name: request.environ[name].split() for name in _token_names(settings) if name in request.environ}
    return {name: words[-1] for name, words in found.items() if len(words) in {1, 2}}


def is_token_enough(request: Request, state: GateState, key: str, header: str | None = None) -> bool:
    """Whether the token names this user without anything else that the client sent with it.

    :param header: where it stands in the environment; None for all headers of tokens together.
    """
    names = frozenset({header}) if header is not None else _token_names(state.settings)
    # SECURITY: a key of the app beside a user's name and password is needed too, and proves nothing of the user.
    try:
        user = state.host.identity.load_alone(_token_alone(request, names))
        return user is not None and key_of(user, state.host.user_key) == key
    except Exception:  # noqa: BLE001 - what a loader misses then, it goes by
        return False


def _token_names(settings: Settings) -> frozenset[str]:
    return frozenset(f"HTTP_{name.upper().replace('-', '_')}" for name in settings.token_headers) | {_AUTHORIZATION}


def _without_tokens(request: Request, settings: Settings) -> Mapping[str, Any]:
    names = _token_names(settings)
    return {name: value for name, value in request.environ.items() if name not in names}


def _token_alone(request: Request, names: frozenset[str]) -> Mapping[str, Any]:
    """At the address as far as the route itself spells it: what follows is the client's choice."""
    kept = names | _IMPERSONAL
    environ = {
        name: value for name, value in request.environ.items()
        if name not in _ADDRESSED and (name in kept or not name.startswith("HTTP_"))
    }  # fmt: skip
    path = request.url_rule.rule.partition("<")[0] if request.url_rule is not None else "/"
    return {**environ, "QUERY_STRING": "", "PATH_INFO": path}


def _is_body_gone(request: Request) -> bool:
    """Whether somebody read the body and left nothing of it, so that it can't be shown a second time."""
    return "stream" in request.__dict__ and not any(name in request.__dict__ for name in _BODY)

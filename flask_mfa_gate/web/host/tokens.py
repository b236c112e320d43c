"""Whether a token, and nothing else, says who a request is from."""

from __future__ import annotations

import io

from flask import Request, current_app

from ...services.persons import key_of
from ..client import carries_token
from ..state import GateState

_AUTHORIZATION = "HTTP_AUTHORIZATION"
_BODY = ("form", "files", "_cached_data", "_cached_json")


def is_made_by_token(request: Request, state: GateState, key: str) -> bool | None:
    """A token request carries a token, and without it would be somebody else's or nobody's. None if it can't be told:
    then it has neither what tokens may nor what passwords may.
    """
    if not carries_token(request, state.settings) or state.identity.is_from_session():
        return False
    if _is_body_gone(request):
        return None
    # SECURITY: a browser that adds a header to its own cookie stays a browser, with all that is demanded of one.
    try:
        user = state.identity.load_from(_without_tokens(request, state))
        return user is None or key_of(user, state.user_key) != key
    except Exception:  # noqa: BLE001 - a loader may take it for granted that there is a token
        return None


def _without_tokens(request: Request, state: GateState) -> Request:
    names = {f"HTTP_{name.upper().replace('-', '_')}" for name in state.settings.token_headers} | {_AUTHORIZATION}
    environ = {name: value for name, value in request.environ.items() if name not in names}
    environ.pop("werkzeug.request", None)
    bare = current_app.request_class({**environ, "wsgi.input": io.BytesIO(), "CONTENT_LENGTH": "0"})
    # SECURITY: a name and password in the body are no token; without the body any header beside them would seem one.
    bare.__dict__.update({name: request.__dict__[name] for name in _BODY if name in request.__dict__})
    return bare


def _is_body_gone(request: Request) -> bool:
    """Whether somebody read the body and left nothing of it, so that it can't be shown a second time."""
    return "stream" in request.__dict__ and not any(name in request.__dict__ for name in _BODY)

"""Whom a request would be from if the browser had sent no cookies."""

from __future__ import annotations

from flask import request

from ...services.people.persons import key_of
from ..state import GateState
from .asking import ask_afresh


def rests_on_cookies(state: GateState, key: str) -> bool:
    """Whether without them this would not be the user's request.

    A server in front, or a certificate, may say with each request who it is from; nothing of that can be revoked here.
    """
    if not request.cookies:
        return False
    environ = {name: value for name, value in request.environ.items() if name != "HTTP_COOKIE"}
    try:
        user = ask_afresh(state.identity.load, environ=environ, contents={}, with_body=False)
        return user is None or key_of(user, state.user_key) != key
    except Exception:  # noqa: BLE001 - the host's loader may raise anything
        # SECURITY: where it can't be told, it counts as the browser's.
        return True

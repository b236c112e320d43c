"""Requests that no hook runs for, such as events of an open websocket: no unproven identity there either."""

from __future__ import annotations

import sys
from typing import Any

from flask import Flask, g, has_request_context, request, session

from ..domain.session import GateSession
from .cookies import read_token
from .identity import USER_ID
from .passage import current_passage
from .state import current_state

_CHECKED = "_mfa_gate_checked"


def guard_outside_hooks(app: Flask) -> None:
    """Listen where Flask-Login, or the fork that the app uses, is about to load a user."""
    manager = getattr(app, "login_manager", None)
    module = sys.modules.get(type(manager).__module__)
    signal = getattr(module, "user_accessed", None)
    if signal is not None:
        signal.connect(_refuse_unproven, app)


def still_ok() -> bool:
    """Whether the identity of an open socket still holds: asked by the host before it trusts an event."""
    live = _live_session()
    return live is not None and not live.is_pending and live.host_user_id == session.get(USER_ID)


def _refuse_unproven(_app: Flask, **_: Any) -> None:
    """Runs before the user is loaded."""
    if not has_request_context() or current_passage() is not None or _CHECKED in g:
        return
    setattr(g, _CHECKED, True)
    # SECURITY: without the hooks there was no decision, so only a proved session may name a user here.
    if not still_ok():
        session.pop(USER_ID, None)
        session["_remember"] = "clear"


def _live_session() -> GateSession | None:
    state = current_state()
    token = read_token(request, state.settings)
    found = state.sessions.find(token) if token else None
    if found is None:
        return None
    live, standing = found
    return live if state.sessions.verdict(live, standing).word.value == "pass" else None

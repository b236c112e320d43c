"""Clients are told of the end of a sign-in right after the response that ended it has left."""

from __future__ import annotations

import logging
import threading
from typing import Any

from flask import Flask, Response, after_this_request, has_request_context

from ...domain.records.event_name import EventName
from ...services.oidc.logout import LogoutNotifier
from ...signals import gate_signals
from ..state import state_in

_ENDS = (EventName.SIGNED_OUT, EventName.SESSIONS_REVOKED, EventName.MFA_RESET, EventName.PASSWORD_CHANGED)
_is_telling = threading.Lock()
log = logging.getLogger("flask_mfa_gate")


def watch_ends(app: Flask) -> None:
    """Listen for what ends sign-ins; everything else, and what fails, waits for ``run-due``."""
    for name in _ENDS:
        gate_signals.signal(name).connect(_tell_soon, app)


def _tell_soon(app: Flask, **_: Any) -> None:
    """Neither the browser nor the worker waits for the servers of clients."""
    oidc = state_in(app).oidc
    if oidc is None or not has_request_context() or not oidc.logout.is_wanted():
        return

    def on_close() -> None:
        # SECURITY: one thread a process, or clients that hang would exhaust it.
        if _is_telling.acquire(blocking=False):
            threading.Thread(target=_tell, args=(app, oidc.logout), daemon=True).start()

    @after_this_request
    def arrange(response: Response) -> Response:
        response.call_on_close(on_close)
        return response


def _tell(app: Flask, logout: LogoutNotifier) -> None:
    try:
        with app.app_context():
            logout.run()
    except Exception:
        log.exception("clients could not be told of a sign-out; they are told by run-due")
    finally:
        _is_telling.release()

"""Clients are told of the end of a sign-in right after the response that ended it has left."""

from __future__ import annotations

from typing import Any

from flask import Flask, has_request_context

from ...domain.records.event_name import EventName
from ...signals import gate_signals
from ..responses.after_response import THREADS, Errand
from ..state import state_in

_ENDS = (EventName.SIGNED_OUT, EventName.SESSIONS_REVOKED, EventName.MFA_RESET, EventName.PASSWORD_CHANGED)
_telling = Errand(f"{THREADS} sign-outs", failure="clients could not be told of a sign-out; it waits for run-due")


def watch_ends(app: Flask) -> None:
    """Listen for what ends sign-ins; everything else, and what fails, waits for ``run-due``."""
    for name in _ENDS:
        gate_signals.signal(name).connect(_tell_soon, app)


def _tell_soon(app: Flask, **_: Any) -> None:
    """Neither the browser nor the worker waits for the servers of clients."""
    oidc = state_in(app).oidc
    if oidc is not None and has_request_context() and oidc.logout.is_wanted():
        _telling.run_soon(app, oidc.logout.run)

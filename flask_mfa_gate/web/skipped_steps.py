"""Apps with a road of their own in place of Flask's, on which a step of the gate may be left out.

The gate stands among the app's ``before_request`` and ``after_request`` functions. A class that overrides a method of
Flask's without calling it runs none of them, and nothing else would tell: each request is looked at once it is over.
"""

from __future__ import annotations

import sys
from types import FrameType
from typing import Any

from flask import Flask, Response, current_app, request_tearing_down
from flask.ctx import RequestContext as FlaskContext

from ..errors import ConfigError, MFAGateError
from ..services.observations import Observation
from .fail_closed import fail_closed, refused
from .request_context import context_of
from .request_notes import flask_context, note, noted_of
from .state import current_state
from .view_marks.protection import is_stopped

_STEPS = (
    "wsgi_app", "full_dispatch_request", "preprocess_request", "finalize_request", "process_response",
)  # fmt: skip
# Middlewares are put around it on the object, and leave what it does as it is.
_WRAPPED = "wsgi_app"
_REFUSED = "mfa_gate.refused"
_SKIPPED = (
    "answers requests without running its before_request or after_request functions, so nobody is let in. Its methods "
    "preprocess_request, full_dispatch_request, finalize_request and process_response have to call those that they "
    "override"
)


def watch_steps(app: Flask) -> None:
    """Look at each request once it is over, where the app's way through Flask is not Flask's. Twice is once."""
    if _has_own_steps(app):
        request_tearing_down.connect(_require_steps, app)


def _has_own_steps(app: Flask) -> bool:
    own = vars(app)
    return any(
        getattr(type(app), name) is not getattr(Flask, name) or (name in own and name != _WRAPPED) for name in _STEPS
    )


def _require_steps(app: Flask, exc: BaseException | None = None, **_: Any) -> None:
    """An error here reaches the server before it has sent anything of the answer.

    :param exc: what went wrong in the request. What is said of that is no view's answer, and some extensions send it
        without running anything.
    :raises ConfigError: for an answer that the gate did not see.
    """
    here = flask_context.get()
    if exc is None and _lacks_step(here) and _is_answered(here):
        _tell_doctor()
        # SECURITY: whom this answer is for was not judged, or a sign-in in it was not seen.
        raise ConfigError(type(app).__name__, _SKIPPED)


def _lacks_step(here: FlaskContext) -> bool:
    if noted_of(here.request, _REFUSED):
        return False
    if (context := context_of(here.request)) is not None:
        return context.is_to_close
    return here.request.routing_exception is None and is_stopped(here.app, here.request)


def _is_answered(here: FlaskContext) -> bool:
    """Whether a server waits for this very request: tasks, tests and sockets open contexts that no hook runs in."""
    frame: FrameType | None = sys._getframe()
    while frame is not None and frame.f_code.co_name != Flask.wsgi_app.__name__:
        frame = frame.f_back
    return frame is not None and any(one is here for one in frame.f_locals.values())


@fail_closed
def refuse_skipped() -> Response:
    """In place of an answer of which the gate missed a step, where its last function runs."""
    note(_REFUSED, value=True)
    _tell_doctor()
    return refused(MFAGateError(f"The app {_SKIPPED}."))


def _tell_doctor() -> None:
    current_state().operations.observations.note(Observation.NO_HOOKS, current_app.__class__.__name__)

"""The host's own hooks at an answer of the gate, with nobody in sight.

Flask runs ``after_request`` and ``teardown_request`` functions also after an early answer, and those of many hosts need
what their ``before_request`` functions set: a clock, a request id, a connection. What such a function answers or raises
here is dropped; like in Flask itself the ones after it don't run, since they may rely on it to keep strangers out.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from flask import Flask, current_app, request, session
from werkzeug.exceptions import HTTPException

from ..state import GateState

log = logging.getLogger("flask_mfa_gate")
Hook = Callable[[], Any]
_CREDENTIALS = ("HTTP_AUTHORIZATION", "HTTP_COOKIE", "REMOTE_USER")
# What Werkzeug keeps of them once it was asked.
_PARSED = ("authorization", "cookies")


def run_unseen(state: GateState, *, with_preprocessors: bool, keeps_session: bool) -> None:
    """Run the hooks that would have run before the view.

    :param with_preprocessors: whether ``url_value_preprocessors`` have not run yet either.
    :param keeps_session: whether what they write into the session may stay there.
    """
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    if not _is_followed(app):
        return
    hooks = [*(_preprocessors(app) if with_preprocessors else ()), *_before_request(app)]
    with _nobody_in_sight(state, keeps_session=keeps_session):
        for hook in hooks:
            if _answers(hook):
                return


def _names() -> tuple[str | None, ...]:
    return (None, *reversed(request.blueprints))


def _is_followed(app: Flask) -> bool:
    """Whether the host runs anything after an answer, beside what Flask-Login does there."""
    after = (app.after_request_funcs, app.teardown_request_funcs)
    found = (function for functions in after for name in _names() for function in functions.get(name, ()))
    return any(not (_is_own(function) or _is_of_flask_login(app, function)) for function in found)


def _preprocessors(app: Flask) -> Iterator[Hook]:
    for name in _names():
        for function in app.url_value_preprocessors.get(name, ()):
            if not _is_own(function):
                yield partial(function, request.endpoint, request.view_args)


def _before_request(app: Flask) -> Iterator[Hook]:
    for name in _names():
        yield from (hook for hook in app.before_request_funcs.get(name, ()) if not _is_own(hook))


def _is_own(hook: Callable[..., Any]) -> bool:
    return getattr(hook, "__module__", "").partition(".")[0] == __name__.partition(".")[0]


def _is_of_flask_login(app: Flask, function: Any) -> bool:
    owner = getattr(function, "__self__", None)
    return owner is not None and owner is getattr(app, "login_manager", None)


def _answers(hook: Hook) -> bool:
    """Whether this hook keeps the request out. One that breaks without an identity does not mean to."""
    try:
        return current_app.ensure_sync(hook)() is not None
    except HTTPException:
        return True
    except Exception:
        log.debug("a hook of the app failed with nobody signed in", exc_info=True)
        return False


@contextmanager
def _nobody_in_sight(state: GateState, *, keeps_session: bool) -> Iterator[None]:
    """Neither in the session nor in ``g`` nor in the request, which only reads; all is as it was afterwards."""
    known, credentials = state.identity.set_aside(), _take_credentials(state)
    kept, was_modified = dict(session), session.modified
    # SECURITY: these hooks run at requests that were refused, so they must not act in anybody's name.
    if kept:
        session.clear()
    # SECURITY: nor act at all on what was sent; and a guard against forged forms has nothing to refuse.
    method, request.method = request.method, "HEAD" if request.method == "HEAD" else "GET"
    state.identity.hide_for_now()
    try:
        yield
    finally:
        request.method = method
        # SECURITY: whom a hook signed in here was judged by nobody.
        is_harmless = keeps_session and not state.identity.is_from_session()
        written = dict(session) if is_harmless else {}
        if dict(session) != kept or written:
            session.clear()
            session.update({**written, **kept})
        session.modified = was_modified or bool(written)
        state.identity.put_back(known)
        _put_back_credentials(credentials)


def _take_credentials(state: GateState) -> dict[str, str]:
    headers = (f"HTTP_{name.upper().replace('-', '_')}" for name in state.settings.token_headers)
    _forget_parsed()
    return {name: request.environ.pop(name) for name in (*_CREDENTIALS, *headers) if name in request.environ}


def _put_back_credentials(credentials: dict[str, str]) -> None:
    request.environ.update(credentials)
    _forget_parsed()


def _forget_parsed() -> None:
    for name in _PARSED:
        request.__dict__.pop(name, None)

"""The host's own hooks at an answer of the gate, with nobody in sight.

Flask runs ``after_request`` and ``teardown_request`` functions also after an early answer, and those of many hosts need
what their ``before_request`` functions set: a clock, a request id, a connection. What such a function answers or raises
here is dropped; like in Flask itself the ones after it don't run, since they may rely on it to keep strangers out.
"""

from __future__ import annotations

import io
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask import Flask, current_app, request, session
from werkzeug.exceptions import HTTPException

from ..host.hooks import Hook, before_request, is_own, preprocessors, scopes
from ..state import GateState

log = logging.getLogger("flask_mfa_gate")
# Of the client itself, or of a server in front that has made sure who this is.
_CREDENTIALS = re.compile(
    r"REMOTE_(USER|IDENT)|AUTH_TYPE|SSL_CLIENT_.*"
    r"|HTTP_.*(AUTHORIZATION|COOKIE|USER(?!_AGENT)|EMAIL|IDENTITY|PRINCIPAL|ASSERTION|TOKEN|KEY|JWT|CERT).*"
)
_SENT = ("QUERY_STRING", "REQUEST_URI", "RAW_URI", "CONTENT_TYPE", "CONTENT_LENGTH", "wsgi.input")
# What Werkzeug keeps of all this once it was asked.
_PARSED = (
    "authorization", "cookies", "query_string", "args", "values", "full_path", "url", "stream", "data", "form", "files",
    "content_length", "_parsed_content_type", "_cached_data", "_cached_json",
)  # fmt: skip


def run_unseen(state: GateState, *, with_preprocessors: bool, keeps_session: bool) -> None:
    """Run the hooks that would have run before the view.

    :param with_preprocessors: whether ``url_value_preprocessors`` have not run yet either.
    :param keeps_session: whether what they write into the session may stay there.
    """
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    if not _is_followed(app):
        return
    hooks = [*(preprocessors(app) if with_preprocessors else ()), *before_request(app)]
    with _nobody_in_sight(state, keeps_session=keeps_session):
        for hook in hooks:
            if _answers(hook):
                return


def _is_followed(app: Flask) -> bool:
    """Whether the host runs anything after an answer, beside what Flask-Login does there."""
    after = (app.after_request_funcs, app.teardown_request_funcs)
    found = (function for functions in after for scope in scopes() for function in functions.get(scope, ()))
    return any(not (is_own(function) or _is_of_flask_login(app, function)) for function in found)


def _is_of_flask_login(app: Flask, function: Any) -> bool:
    owner = getattr(function, "__self__", None)
    return owner is not None and owner is getattr(app, "login_manager", None)


def _answers(hook: Hook) -> bool:
    """Whether this hook keeps the request out. One that breaks without an identity does not mean to."""
    try:
        return hook() is not None
    except HTTPException:
        return True
    except Exception:
        log.debug("a hook of the app failed with nobody signed in", exc_info=True)
        return False


@contextmanager
def _nobody_in_sight(state: GateState, *, keeps_session: bool) -> Iterator[None]:
    """Neither in the session nor in ``g`` nor in the request, which only reads; all is as it was afterwards."""
    known = state.identity.set_aside()
    kept, was_modified = dict(session), session.modified
    # SECURITY: these hooks run at requests that were refused, so they must not act in anybody's name.
    if kept:
        session.clear()
    # SECURITY: nor act at all on what was sent; and a guard against forged forms has nothing to refuse.
    method, request.method = request.method, "HEAD" if request.method == "HEAD" else "GET"
    state.identity.hide_for_now()
    try:
        with _nothing_sent(state):
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


@contextmanager
def _nothing_sent(state: GateState) -> Iterator[None]:
    """A request without credentials, query and body, as far as hooks can see."""
    # SECURITY: any of them may name somebody, or be a code, a token against forged forms, or a link that works once.
    environ, parsed = request.environ, request.__dict__
    hidden = {name: environ.pop(name) for name in list(environ) if name in _SENT or _is_credential(name, state)}
    kept = {name: parsed.pop(name) for name in _PARSED if name in parsed}
    environ |= {"QUERY_STRING": "", "CONTENT_LENGTH": "0", "wsgi.input": io.BytesIO()}
    request.query_string = b""
    try:
        yield
    finally:
        for name in _PARSED:
            parsed.pop(name, None)
        environ |= hidden
        parsed |= kept
        if "CONTENT_LENGTH" not in hidden:
            del environ["CONTENT_LENGTH"]


def _is_credential(name: str, state: GateState) -> bool:
    named = {f"HTTP_{header.upper().replace('-', '_')}" for header in state.settings.token_headers}
    return name in named or _CREDENTIALS.fullmatch(name) is not None

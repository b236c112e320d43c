"""The host's own hooks at an answer of the gate, with nobody in sight.

Flask runs ``after_request`` and ``teardown_request`` functions also after an early answer, and those of many hosts need
what their ``before_request`` functions set: a clock, a request id, a connection. What such a function answers or raises
here is dropped; like in Flask itself the ones after it don't run, since they may rely on it to keep others out.
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
# SECURITY: whatever else a server or a middleware in front has put there may say who this is, under any name.
_IMPERSONAL = re.compile(
    r"REQUEST_METHOD|REQUEST_SCHEME|SCRIPT_NAME|PATH_INFO|PATH_TRANSLATED|GATEWAY_INTERFACE|HTTPS|DOCUMENT_ROOT"
    r"|SERVER_(NAME|PORT|PROTOCOL|SOFTWARE|ADDR)|REMOTE_(ADDR|HOST|PORT)"
    r"|(wsgi|werkzeug|mfa_gate|mod_wsgi|uwsgi|gunicorn|waitress)\..*"
    r"|HTTP_(HOST|CONNECTION|USER_AGENT|ACCEPT|ACCEPT_(ENCODING|LANGUAGE|CHARSET)|CACHE_CONTROL|PRAGMA|DNT|VIA|ORIGIN"
    r"|UPGRADE_INSECURE_REQUESTS|SEC_FETCH_(DEST|MODE|SITE|USER)|SEC_CH_UA.*|X_REQUESTED_WITH|HX_REQUEST|TURBO_FRAME"
    r"|FORWARDED|X_FORWARDED_(FOR|HOST|PORT|PREFIX|PROTO)|X_REAL_IP"
    r"|X_REQUEST_ID|X_CORRELATION_ID|TRACEPARENT|TRACESTATE|X_B3_.*|X_CLOUD_TRACE_CONTEXT|X_AMZN_TRACE_ID)"
)
_EMPTY = {"QUERY_STRING": "", "CONTENT_LENGTH": "0"}
# What a request object holds from the start, and what tells where it leads. Whatever else it keeps may tell who it is.
_KEPT = frozenset({
    "environ", "shallow", "method", "scheme", "server", "root_path", "path", "headers", "remote_addr", "json_module",
    "url_rule", "view_args", "routing_exception", "host", "host_url", "root_url", "base_url", "url_root", "user_agent",
    "accept_mimetypes", "accept_charsets", "accept_encodings", "accept_languages",
})  # fmt: skip
# What Werkzeug makes of a request once it was asked.
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
    known = state.host.identity.set_aside()
    kept, was_modified = dict(session), session.modified
    # SECURITY: these hooks run at requests that were refused, so they must not act in anybody's name.
    if kept:
        session.clear()
    # SECURITY: nor act at all on what was sent; and a guard against forged forms has nothing to refuse.
    method, request.method = request.method, "HEAD" if request.method == "HEAD" else "GET"
    state.host.identity.hide_for_now()
    try:
        with _nothing_sent():
            yield
    finally:
        request.method = method
        # SECURITY: whom a hook signed in here was judged by nobody.
        is_harmless = keeps_session and not state.host.identity.is_from_session()
        written = dict(session) if is_harmless else {}
        if dict(session) != kept or written:
            session.clear()
            session.update({**written, **kept})
        session.modified = was_modified or bool(written)
        state.host.identity.put_back(known)


@contextmanager
def _nothing_sent() -> Iterator[None]:
    """A request without credentials, query and body, as far as hooks can see."""
    # SECURITY: any of them may name somebody, or be a code, a token against forged forms, or a link that works once.
    environ, parsed = request.environ, request.__dict__
    hidden = {name: environ.pop(name) for name in list(environ) if not _is_impersonal(name)}
    kept = {name: parsed.pop(name) for name in list(parsed) if name not in _KEPT}
    body = environ.pop("wsgi.input", None)
    environ |= {**_EMPTY, "wsgi.input": io.BytesIO()}
    request.query_string = b""
    try:
        yield
    finally:
        for name in _PARSED:
            parsed.pop(name, None)
        for name in _EMPTY:
            environ.pop(name, None)
        environ |= {**hidden, "wsgi.input": body}
        parsed |= kept


def _is_impersonal(name: str) -> bool:
    return _IMPERSONAL.fullmatch(name) is not None

"""The host is asked once more who a request is from, as if the request had only just come in.

What the host looked up before stands in ``g`` and on its request object, and would answer for it.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from typing import Any, TypeVar

from flask import Flask, Response, current_app, g, request, session
from flask.ctx import RequestContext
from werkzeug.routing import Rule

from ..request_notes import expect_hooks
from . import hooks

T = TypeVar("T")
log = logging.getLogger("flask_mfa_gate")
_BODY = ("form", "files", "_cached_data", "_cached_json")
HIDDEN = "_mfa_gate_hidden"


@dataclass(frozen=True, slots=True)
class BareRequest:
    """What is left of a request when the host is asked about it.

    :param contents: what the session holds meanwhile; None for what it holds now.
    :param with_body: whether the body is there, as far as it was read.
    :param with_arguments: whether the arguments of the view are; without, the route is taken from this request.
    :param after_hooks: whether the host needs its own ``before_request`` functions to tell.
    """

    environ: Mapping[str, Any] = field(repr=False)
    contents: Mapping[str, Any] | None = None
    with_body: bool = True
    with_arguments: bool = True
    after_hooks: bool = False


def ask_afresh(ask: Callable[[], T], bare: BareRequest) -> T:
    """What the host says of this request with another environment, in a context of its own.

    :param ask: runs within it, where ``flask.request`` is the bare request.
    """
    body = {name: value for name, value in request.__dict__.items() if name in _BODY and bare.with_body}
    return copy_context().run(_ask, ask, bare, body, None if bare.with_arguments else request.url_rule)


def _ask(ask: Callable[[], T], bare: BareRequest, body: Mapping[str, Any], rule: Rule | None) -> T:
    context = RequestContext(
        current_app._get_current_object(),  # type: ignore[attr-defined]
        {**bare.environ, "wsgi.input": io.BytesIO(), "CONTENT_LENGTH": "0", "werkzeug.request": None},
        session=session._get_current_object(),  # type: ignore[attr-defined]
    )
    with session_of(bare.contents), _blank_g():
        # Never popped: the host's teardown functions would close what the request itself still uses.
        context.push()
        context.request.__dict__.update(body)
        if rule is not None:
            context.request.url_rule, context.request.view_args, context.request.routing_exception = rule, {}, None
        expect_hooks(context.request, {})
        _run_hooks(after_hooks=bare.after_hooks)
        return ask()


@contextmanager
def session_of(contents: Mapping[str, Any] | None) -> Iterator[None]:
    """What anybody writes there meanwhile does not count; None leaves in it what it holds."""
    kept, was_modified, was_accessed = dict(session), session.modified, session.accessed
    try:
        if contents is not None:
            _fill(contents)
        yield
    finally:
        _fill(kept)
        session.modified, session.accessed = was_modified, was_accessed


def _fill(contents: Mapping[str, Any]) -> None:
    if dict(session) != contents:
        session.clear()
        session.update(contents)


@contextmanager
def _blank_g() -> Iterator[None]:
    """The database sessions of the host stay the same, and with them the users that it loads."""
    kept = {name: g.pop(name) for name in list(g)}
    try:
        yield
    finally:
        for name in list(g):
            g.pop(name)
        for name, value in kept.items():
            setattr(g, name, value)


def _run_hooks(*, after_hooks: bool) -> None:
    """Whatever they answer or raise is dropped."""
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    for hook in (*hooks.preprocessors(app), *(hooks.before_request(app) if after_hooks else ())):
        try:
            hook()
        except Exception:
            log.debug("a hook failed while the gate asked who a request is from", exc_info=True)


def cookies_after(response: Response) -> dict[str, Any]:
    """The environment of this request, with the cookies that its browser will have after this answer."""
    cookies = dict(part.strip().partition("=")[::2] for part in request.environ.get("HTTP_COOKIE", "").split(";"))
    for name, value in _set_by(response):
        cookies.pop(name, None)
        if value is not None:
            cookies[name] = value
    text = "; ".join(f"{name}={value}" for name, value in cookies.items() if name)
    return {**request.environ, "HTTP_COOKIE": text}


def _set_by(response: Response) -> Iterator[tuple[str, str | None]]:
    """Names and values as they are sent; None for a cookie that goes."""
    for header in response.headers.getlist("Set-Cookie"):
        try:
            for name, morsel in SimpleCookie(header).items():
                yield name, None if morsel["max-age"] == "0" or not morsel.value else morsel.coded_value
        except CookieError:
            continue


def cookies_set_by(response: Response) -> frozenset[str]:
    """Names of the cookies that this answer gives its browser."""
    return frozenset(name for name, value in _set_by(response) if value is not None)


def changes_cookies(response: Response) -> bool:
    """Whether the browser will have other cookies than it sent."""
    return bool(cookies_after(response)["HTTP_COOKIE"] != cookies_after(Response())["HTTP_COOKIE"])

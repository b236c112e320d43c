"""The hooks of the host that run before a view, in Flask's order and without those of the gate itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from flask import Flask, request

Hook = Callable[[], Any]
_OWN = __name__.partition(".")[0]


def scopes() -> tuple[str | None, ...]:
    """Where hooks of this request are listed: at the app, and at each blueprint from the outermost in."""
    return (None, *reversed(request.blueprints))


def preprocessors(app: Flask) -> Iterator[Hook]:
    """``url_value_preprocessors``, each with the endpoint and the arguments of this request."""
    for function in _of_host(app.url_value_preprocessors):
        yield partial(function, request.endpoint, request.view_args)


def before_request(app: Flask) -> Iterator[Hook]:
    """``before_request`` functions, also those that are coroutines."""
    for function in _of_host(app.before_request_funcs):
        yield partial(_run, app, function)


def is_own(function: Any) -> bool:
    """Whether a hook is the gate's."""
    return getattr(function, "__module__", "").partition(".")[0] == _OWN


def _run(app: Flask, function: Callable[..., Any]) -> Any:
    """Made plain only now: an app that can't run coroutines fails at the hook, and not at the list."""
    return app.ensure_sync(function)()


def _of_host(listed: Any) -> Iterator[Callable[..., Any]]:
    for scope in scopes():
        yield from (function for function in listed.get(scope, ()) if not is_own(function))

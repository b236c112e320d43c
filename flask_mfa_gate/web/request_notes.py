"""What is noted of one request: not in ``g``, which requests share that the host makes within it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from flask import Request
from flask.globals import _cv_request

# With app, request and session of one request: each look through their proxies costs four calls.
flask_context = _cv_request
_HOOKS_FOLLOW = "mfa_gate.hooks_follow"
ONLY_HERE = "mfa_gate.only_here"  # the order to forget a remembered user is for this request, not for its browser
UNCACHED = "mfa_gate.uncached"  # an answer of the gate's own was made


class _Note(NamedTuple):
    """One thing about one request, before what was noted of the request that its environment came from."""

    request: Request
    value: Any
    outer: _Note | None

    def __repr__(self) -> str:
        # SECURITY: the address may carry a token, and error trackers show the environment of a request.
        return "<_Note>"


class Left(NamedTuple):
    """How a view left things, to tell what changes after it.

    :param contents: what the host's session holds.
    :param headers: those of the answer, with the cookies that it sets.
    """

    contents: Mapping[str, Any]
    headers: Sequence[tuple[str, str]]


def note(name: str, value: Any) -> None:
    """Keep something with the current request."""
    note_of(this_request(), name, value)


def note_of(this: Request, name: str, value: Any) -> None:
    """Keep something with this request."""
    this.environ[name] = _Note(this, value, this.environ.get(name))


def noted(name: str) -> Any:
    """What was kept with the current request; None for nothing."""
    return noted_of(this_request(), name)


def noted_of(this: Request, name: str) -> Any:
    """What was kept with this request; None for nothing."""
    # SECURITY: found by the request itself, so that nothing said of one counts for another made within it.
    found: _Note | None = this.environ.get(name)
    while found is not None and found.request is not this:
        found = found.outer
    return found.value if found is not None else None


def this_request() -> Request:
    """The request itself."""
    return flask_context.get().request


def expect_hooks(this: Request, outer: Mapping[str, Any]) -> None:
    """This is a request of HTTP: where the user is asked for before the hooks, the hooks decide.

    :param outer: who was known in the request within which the host makes this one.
    """
    note_of(this, _HOOKS_FOLLOW, outer)


def outer_user(this: Request) -> Mapping[str, Any] | None:
    """Who was known when this request began; None where nothing decides about it."""
    found: Mapping[str, Any] | None = noted_of(this, _HOOKS_FOLLOW)
    return found

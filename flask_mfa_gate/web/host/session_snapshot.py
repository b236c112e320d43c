"""The host's session before and after a view, and what the view put there."""

from __future__ import annotations

import copy
import logging
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from typing import Any

from flask import current_app, session
from flask.globals import request_ctx
from flask.json.tag import TaggedJSONSerializer
from flask.sessions import NullSession, SecureCookieSessionInterface

from ..request_notes import flask_context

log = logging.getLogger("flask_mfa_gate")
_serializer = TaggedJSONSerializer()
_PLAIN = (str, int, float, bool, bytes, type(None))


@contextmanager
def unnoticed() -> Iterator[None]:
    """A look at the session that the answer does not depend on, so that caches may keep it for everybody.

    Flask notes each look, the gate's too, and says ``Vary: Cookie`` for it.
    """
    was_accessed = getattr(_raw_session(), "accessed", True)
    yield
    if not was_accessed:
        overlook()


def overlook() -> None:
    """Whatever was looked at in the session so far, the answer does not depend on it."""
    session = _raw_session()
    if session is not None and not session.modified:
        session.accessed = False


def _raw_session() -> Any:
    raw = vars(request_ctx._get_current_object())  # type: ignore[attr-defined]
    return raw.get("_session", raw.get("session"))


def contents_here() -> dict[str, Any]:
    """What the session holds, read past its proxy, which looks it up again for each key."""
    return dict(flask_context.get().session.items())


def take(session: Mapping[str, Any]) -> dict[str, Any]:
    """A copy that a view can no longer change."""
    taken = dict(session.items())
    for key, value in taken.items():
        if not isinstance(value, _PLAIN):
            taken[key] = _copied(value)
    return taken


def difference(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """Every key that was added or changed."""
    return {key: value for key, value in after.items() if key not in before or before[key] != value}


def take_out(session: MutableMapping[str, Any], before: Mapping[str, Any], changed: Mapping[str, Any]) -> None:
    """Undo these changes, those that make an identity first."""
    for key in sorted(changed, key=lambda name: name not in {"_user_id", "_remember"}):
        session.pop(key, None)
        if key in before:
            session[key] = before[key]


def empty() -> None:
    """Take everything out of the session, but of the one that Flask makes where the host opens none: it refuses."""
    # SECURITY: told by its class, since a session that is read at its first use looks empty before.
    if not isinstance(session._get_current_object(), NullSession):  # type: ignore[attr-defined]
        session.clear()


def pack(changed: Mapping[str, Any]) -> tuple[bytes, tuple[str, ...]]:
    """The keys as tagged JSON, and the names of those whose value can't be kept and is dropped."""
    writer, dropped = _writer(), []
    # Most often all can be kept, and one look at the whole tells.
    if not _can_be_kept(writer, changed):
        dropped = [key for key, value in changed.items() if not _can_be_kept(writer, {key: value})]
    for key in dropped:
        log.warning("session key %r can't be kept during a pending sign-in and was dropped", key)
    kept = {key: value for key, value in changed.items() if key not in dropped}
    return writer.dumps(kept).encode(), tuple(map(str, dropped))


def unpack(payload: bytes) -> dict[str, Any]:
    """The keys as they were."""
    keys: dict[str, Any] = _writer().loads(payload.decode())
    return keys


def is_shared() -> bool:
    """Whether the session is kept on the server, where all who know its id have the same one."""
    return not isinstance(current_app.session_interface, SecureCookieSessionInterface)


def _writer() -> TaggedJSONSerializer:
    """Flask's, or that of the host's own cookie, which may know more types."""
    own = _cookie_writer()
    return own if own is not None else _serializer


def _cookie_writer() -> TaggedJSONSerializer | None:
    """What writes the host's session into a cookie; None where it is kept in another way."""
    interface = current_app.session_interface if current_app else None
    writer = getattr(interface, "serializer", None) if isinstance(interface, SecureCookieSessionInterface) else None
    return writer if isinstance(writer, TaggedJSONSerializer) else None


def _can_be_kept(writer: TaggedJSONSerializer, contents: Mapping[str, Any]) -> bool:
    try:
        read = writer.loads(writer.dumps(contents))
    except (TypeError, ValueError, OverflowError, RecursionError):
        return False
    # A cookie would have changed the value in the same way, so the host's next request knows it no other.
    return _cookie_writer() is not None or is_same(contents, read)


def is_same(one: Any, other: Any) -> bool:
    """Equal all the way down, where ``1`` and ``True``, or a tuple and a list, are not the same."""
    if type(one) is not type(other):
        return isinstance(one, str | int | float) and not isinstance(one, bool) and bool(one == other)
    if isinstance(one, dict):
        return len(one) == len(other) and all(
            is_same(left, right) for left, right in zip(one.items(), other.items(), strict=True)
        )
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(is_same, one, other))
    return bool(one == other)


def _copied(value: Any) -> Any:
    try:
        return copy.deepcopy(value)
    except Exception:  # noqa: BLE001 - a server-side session may hold anything
        return value

"""The host's session before and after a view, and what the view put there."""

from __future__ import annotations

import copy
import logging
from collections.abc import Mapping, MutableMapping
from typing import Any

from flask.json.tag import TaggedJSONSerializer

log = logging.getLogger("flask_mfa_gate")
_serializer = TaggedJSONSerializer()
_PLAIN = (str, int, float, bool, bytes, type(None))


def take(session: Mapping[str, Any]) -> dict[str, Any]:
    """A copy that a view can no longer change."""
    return {key: value if isinstance(value, _PLAIN) else _copied(value) for key, value in session.items()}


def difference(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """Every key that was added or changed."""
    return {key: value for key, value in after.items() if key not in before or before[key] != value}


def take_out(session: MutableMapping[str, Any], before: Mapping[str, Any], changed: Mapping[str, Any]) -> None:
    """Undo these changes, those that make an identity first."""
    for key in sorted(changed, key=lambda name: name not in {"_user_id", "_remember"}):
        session.pop(key, None)
        if key in before:
            session[key] = before[key]


def pack(changed: Mapping[str, Any]) -> tuple[bytes, tuple[str, ...]]:
    """The keys as Flask's tagged JSON, and the names of those whose value can't be written and is dropped."""
    writable, dropped = {}, []
    for key, value in changed.items():
        try:
            _serializer.dumps({key: value})
        except (TypeError, ValueError):
            log.warning("session key %r can't be kept during a pending sign-in and was dropped", key)
            dropped.append(key)
        else:
            writable[key] = value
    return _serializer.dumps(writable).encode(), tuple(dropped)


def unpack(payload: bytes) -> dict[str, Any]:
    """The keys as they were."""
    keys: dict[str, Any] = _serializer.loads(payload.decode())
    return keys


def _copied(value: Any) -> Any:
    try:
        return copy.deepcopy(value)
    except Exception:  # noqa: BLE001 - a server-side session may hold anything
        return value

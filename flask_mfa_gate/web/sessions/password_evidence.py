"""What shows that a request itself changed the password of its user, and not somebody else while it was open."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from flask import has_request_context
from sqlalchemy import Engine, event

from ...services.sign_in.session_auth_hash import Stamper
from ..request_context import current_context
from ..request_notes import note, noted

_TOLD = "mfa_gate.password_told"
_WRITTEN = "mfa_gate.written"
# What is shorter, such as a count, may be written for any reason.
_SHORTEST = 16
_MOST = 1000


def note_told() -> None:
    """The app said in this request that the password of its user was changed."""
    note(_TOLD, value=True)


def was_changed_here(stamper: Stamper, user: Any) -> bool:
    """Whether this request was told of the change, or wrote what stands for the password now.

    :param user: as the app loads them after the view.
    """
    return bool(noted(_TOLD)) or stamper.is_among(user, noted(_WRITTEN) or ())


def watch_statements() -> None:
    """Look at what requests write through SQLAlchemy, in whichever way: units of work, bulk updates, plain SQL."""
    if not event.contains(Engine, "before_cursor_execute", _note_written):
        event.listen(Engine, "before_cursor_execute", _note_written)


def _note_written(_conn: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
    # SECURITY: an INSERT may be a copy of the row, such as its history, made for whatever else a request changed.
    if statement[:20].lstrip()[:6].upper() != "UPDATE" or not _is_watched():
        return
    written = noted(_WRITTEN)
    if written is None:
        note(_WRITTEN, written := set())
    for value in _values(parameters):
        if len(written) < _MOST and isinstance(value, str | bytes) and len(value) >= _SHORTEST:
            written.add(value)


def _is_watched() -> bool:
    """Whether this is a request whose session rests on a password."""
    passage = current_context() if has_request_context() else None
    if passage is None or not passage.has_reached_view:
        return False
    return passage.session is not None and passage.session.stamp is not None


def _values(parameters: Any) -> Iterator[Any]:
    """Those of one statement, or of many in a row (PEP 249)."""
    for one in parameters if isinstance(parameters, list) else [parameters]:
        yield from one.values() if isinstance(one, Mapping) else one or ()

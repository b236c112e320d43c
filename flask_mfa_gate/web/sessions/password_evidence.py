"""What shows that a request itself changed the password of its user, and not somebody else while it was open."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from flask import has_request_context
from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine import ExecutionContext

from ...domain.sign_in.session import GateSession
from ...services.sign_in.session_auth_hash import Stamper
from ..request_context import RequestContext, current_context
from ..request_notes import note, noted
from .replaced_values import Replaced, replaced_by

_TOLD = "mfa_gate.password_told"
_WRITTEN = "mfa_gate.written"
_MOMENTS = ("do_execute", "do_executemany")


def note_told() -> None:
    """The app said in this request that the password of its user was changed."""
    note(_TOLD, value=True)


def was_changed_here(stamper: Stamper, user: Any) -> bool:
    """Whether this request was told of the change, or put what stands for the password now in place of what did.

    :param user: as the app loads them after the view.
    """
    written: _Written | None = noted(_WRITTEN)
    return bool(noted(_TOLD)) or (written is not None and stamper.is_among(user, written.values))


@dataclass(slots=True, eq=False)
class _Written:
    """What one request put in place of its user's password, and of what it had put there itself."""

    values: set[str | bytes] = field(default_factory=set, repr=False)
    _open: dict[Connection, set[str | bytes]] = field(default_factory=dict, repr=False)

    def add(self, conn: Connection, value: str | bytes) -> None:
        if conn not in self._open:
            self._open[conn] = set()
            event.listen(conn, "commit", self._keep)
            for end in ("rollback", "rollback_savepoint", "rollback_twophase"):
                event.listen(conn, end, self._drop)
        self._open[conn].add(value)
        self.values.add(value)

    def _keep(self, conn: Connection) -> None:
        self._open.pop(conn, None)

    def _drop(self, conn: Connection, *_: Any) -> None:
        # SECURITY: what was rolled back changed nothing, and the same value was stored by somebody else.
        self.values -= self._open.pop(conn, set())


def watch_statements() -> None:
    """Look at what requests write through SQLAlchemy, in whichever way: units of work, bulk updates, plain SQL.

    Where the dialect hands a statement to its driver: a listener on the class of engines would have each connection,
    the gate's own too, put its events together again.
    """
    for moment in _MOMENTS:
        if not event.contains(Engine, moment, _note_written):
            event.listen(Engine, moment, _note_written)


def _note_written(_cursor: Any, statement: str, parameters: Any, execution: ExecutionContext) -> None:
    # Before anything else is asked, since every statement of every request passes here.
    if statement[:20].lstrip()[:6].upper() != "UPDATE":
        return
    conn, context = execution.root_connection, _watched()
    if context is None or context.session is None or conn.engine is context.state.store.database.engine:
        return
    try:
        for replaced in replaced_by(conn, statement, parameters):
            _note_replaced(conn, context, context.session, replaced)
    except Exception:  # noqa: BLE001 - the statement is the app's, and goes its way without evidence
        return


def _note_replaced(conn: Connection, context: RequestContext, live: GateSession, replaced: Replaced) -> None:
    written: _Written | None = noted(_WRITTEN)
    is_own = written is not None and replaced.before in written.values
    # SECURITY: a statement may carry a value that it only read, for another column or where it already stood.
    if not is_own and not context.state.host.stamper.is_of(live.stamp, replaced.before, live.user_key):
        return
    if written is None:
        note(_WRITTEN, written := _Written())
    written.add(conn, replaced.after)


def _watched() -> RequestContext | None:
    """The request, where its view runs for a session that rests on a password."""
    context = current_context() if has_request_context() else None
    if context is None or not context.has_reached_view:
        return None
    return context if context.session is not None and context.session.stamp is not None else None

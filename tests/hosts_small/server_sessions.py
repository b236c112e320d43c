"""A session that is kept on the server, as Flask-Session keeps it; and one that is written only when it must be."""

from __future__ import annotations

import secrets
from typing import Any

from flask import Flask, Request, Response
from flask.sessions import SessionInterface, SessionMixin
from werkzeug.datastructures import CallbackDict


class ServerSession(CallbackDict[str, Any], SessionMixin):
    """What one browser has on the server."""

    def __init__(self, sid: str, kept: dict[str, Any]) -> None:
        super().__init__(kept, lambda _: setattr(self, "modified", True))
        self.sid, self.modified, self.force_write = sid, False, False


class ServerSessions(SessionInterface):
    """Keeps them in memory.

    :param lazy: a session that is there already is written only when it asks for it.
    """

    def __init__(self, *, lazy: bool = False) -> None:
        self.kept: dict[str, dict[str, Any]] = {}
        self._lazy = lazy

    def open_session(self, app: Flask, request: Request) -> ServerSession:
        sid = request.cookies.get(self.get_cookie_name(app))
        if sid not in self.kept:
            sid = secrets.token_hex(8)
        return ServerSession(sid, dict(self.kept.get(sid, {})))

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        assert isinstance(session, ServerSession)
        if self._lazy and session.sid in self.kept and not session.force_write:
            return
        if session.modified:
            self.kept[session.sid] = dict(session)
            response.set_cookie(self.get_cookie_name(app), session.sid, httponly=True)

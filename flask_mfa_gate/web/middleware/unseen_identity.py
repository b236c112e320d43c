"""Signs that the app knows somebody where the gate sees nobody: a second sign-in system with a cookie of its own.

Nothing can be stopped by them, since any app may use such names for anything; the doctor tells of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flask import Response, g, request, session

from ...services.observations import Observation
from ..host.asking import cookies_set_by
from ..host.session_snapshot import difference
from ..host.user_objects import is_anonymous, unwrapped
from ..passage import Passage
from ..sessions.cookies import own_cookie_names

_PEOPLE = ("user", "account", "member", "customer", "admin", "staff", "employee", "operator", "client_user")
_NAMES = frozenset({
    *(f"{start}{person}{end}" for person in _PEOPLE for start in ("", "current_", "sso_") for end in ("", "_id", "id")),
    "uid", "username", "user_name", "user_email", "login", "logged_in", "loggedin", "is_logged_in", "signed_in",
    "is_admin", "authenticated", "is_authenticated", "principal", "identity", "remote_user",
})  # fmt: skip
_COOKIES = _NAMES | {
    "token", "access_token", "access_token_cookie", "auth", "auth_token", "jwt", "sid", "session_id", "sessionid",
    "admin_session", "user_session", "id_token",
}  # fmt: skip


def note_unseen(passage: Passage, response: Response) -> None:
    """After a view that ran for nobody, and without a sign-in that the gate saw."""
    is_pending = passage.session is not None and passage.session.is_pending
    if passage.user_key is not None or is_pending or not passage.has_reached_view:
        return
    for sign in _signs(passage, response):
        passage.state.observations.note(Observation.UNSEEN_IDENTITY, sign)


def _signs(passage: Passage, response: Response) -> Iterator[str]:
    """In words of which there are few, whatever a client sends."""
    for name in _NAMES & vars(g._get_current_object()).keys():
        if _is_somebody(g.get(name)):
            yield f"flask.g.{name}"
    changed = difference(passage.before, session)
    for name in _NAMES & changed.keys():
        if _is_somebody(changed[name]):
            yield f"session[{name!r}], written by {request.endpoint}"
    for name in (_COOKIES & cookies_set_by(response)) - own_cookie_names(passage.state.settings):
        yield f"the cookie {name}, set by {request.endpoint}"
    if request.remote_user:
        yield "REMOTE_USER of the server in front"


def _is_somebody(value: Any) -> bool:
    user = unwrapped(value)
    try:
        return bool(user) and (isinstance(user, str | int | dict) or not is_anonymous(user))
    except Exception:  # noqa: BLE001 - any object may stand there
        return True

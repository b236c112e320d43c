"""Signs that the app knows somebody where the gate sees nobody: a second sign-in system with a cookie of its own; and
of sign-ins that count as ones with a password, though nobody was asked for it.

Nothing can be stopped by them, since any app may use such names for anything; the doctor tells of them.
"""

from __future__ import annotations

from http.client import BAD_REQUEST, UNAUTHORIZED
from typing import Any

from flask import Response, g, request, session

from ...services.observations import Observation
from ...services.people.user_objects import is_anonymous, unwrapped
from ..host.asking import cookies_set_by
from ..request_context import RequestContext, Stage
from ..sessions.cookies import own_cookie_names

_PEOPLE = ("user", "account", "member", "customer", "admin", "staff", "employee", "operator", "client_user")
_NAMES = frozenset({
    *(f"{start}{person}{end}" for person in _PEOPLE for start in ("", "current_", "sso_") for end in ("", "_id", "id")),
    "uid", "username", "user_name", "user_email", "login", "logged_in", "loggedin", "is_logged_in", "signed_in",
    "is_admin", "authenticated", "is_authenticated", "principal", "identity", "remote_user",
    # What well-known extensions and quick starts of providers write, each as it does.
    "flask_httpauth_user", "_jwt_extended_jwt", "_jwt_extended_jwt_user", "current_identity", "jwt_payload",
    "authlib_server_oauth2_token", "oidc_id_token", "oidc_token_info", "oidc_auth_profile", "oidc_auth_token",
    "userinfo", "user_info", "_logged_in_user", "simple_logged_in", "simple_username", "CAS_USERNAME", "saml_subject",
    "samlUserdata", "samlNameId", "identity.name", "identity.id", "auth_user",
})  # fmt: skip
_OF_FLASK_DANCE = "_oauth_token"  # behind the name of a provider
_COOKIES = _NAMES | {
    "token", "access_token", "access_token_cookie", "auth", "auth_token", "jwt", "sid", "session_id", "sessionid",
    "admin_session", "user_session", "id_token",
}  # fmt: skip


def note_unseen(context: RequestContext, response: Response, *, is_changed: bool) -> None:
    """After a view that ran for nobody, and without a sign-in that the gate saw.

    :param is_changed: whether the session or the cookies are others than before.
    """
    live = context.session
    if context.user_key is not None or context.stage < Stage.IN_VIEW or (live is not None and live.is_pending):
        return
    environ, kept = context.request.environ, g._get_current_object().__dict__
    if "REMOTE_USER" in environ and environ["REMOTE_USER"]:  # noqa: RUF019 - every anonymous request passes here
        _note(context, "REMOTE_USER of the server in front")
    if "asgi.scope" in environ and _user_of_connexion(environ["asgi.scope"]):
        _note(context, "the security functions of connexion")
    for name in _NAMES.intersection(kept) if kept else ():
        if _is_somebody(kept[name]):
            _note(context, f"flask.g.{name}")
    if is_changed:
        _note_changes(context, response)
    if response._status_code == UNAUTHORIZED or "HTTP_AUTHORIZATION" in environ:
        _note_door(context, response)


def _note_door(context: RequestContext, response: Response) -> None:
    """A view that asks for credentials by itself, and opens to those that the gate knows nothing of."""
    endpoint, doors = str(context.request.endpoint), context.state.operations.observations.doors
    if response.status_code == UNAUTHORIZED and "WWW-Authenticate" in response.headers:
        doors.add(endpoint)
    elif endpoint in doors and response.status_code < BAD_REQUEST and "HTTP_AUTHORIZATION" in context.request.environ:
        _note(context, f"Authorization, for which {endpoint} asks")


def _user_of_connexion(scope: Any) -> bool:
    """It runs them before Flask, and hands what they found to the view."""
    found = scope.get("extensions", {}).get("connexion_context", {})
    return found.get("user") is not None


def note_unasked(context: RequestContext) -> None:
    """After a view that signed somebody in, where the host has no way to say that no password was given."""
    this, environ = context.request, context.request.environ
    is_sent = this.content_length or "HTTP_TRANSFER_ENCODING" in environ or this.query_string or this.view_args
    if environ.get("HTTP_COOKIE") and not is_sent:
        context.state.operations.observations.note(Observation.UNASKED_SIGN_IN, str(this.endpoint))


def _note_changes(context: RequestContext, response: Response) -> None:
    """In words of which there are few, whatever a client sends."""
    for name in _NAMES.intersection(session).union(name for name in session if str(name).endswith(_OF_FLASK_DANCE)):
        if session[name] != context.before.get(name) and _is_somebody(session[name]):
            _note(context, f"session[{name!r}], written by {request.endpoint}")
    for name in (_COOKIES & cookies_set_by(response)) - own_cookie_names(context.state.settings):
        _note(context, f"the cookie {name}, set by {request.endpoint}")


def _note(context: RequestContext, sign: str) -> None:
    context.state.operations.observations.note(Observation.UNSEEN_IDENTITY, sign)


def _is_somebody(value: Any) -> bool:
    user = unwrapped(value)
    if isinstance(user, dict):
        return any(part is not None for part in user.values())
    try:
        # What stands for nobody in Flask-Principal is an object without an id.
        if not user or getattr(user, "id", user) is None:
            return False
        return isinstance(user, str | int) or not is_anonymous(user)
    except Exception:  # noqa: BLE001 - any object may stand there
        return True

"""Requests that no hook runs for, such as events of an open websocket: no unproven identity there either."""

from __future__ import annotations

from typing import Any

from flask import Flask, has_request_context, request, session

from ...domain.authorization.decision import Ask
from ...domain.sign_in.session import GateSession
from ...errors import NotProved
from ...services.people.persons import is_switched_on, key_of
from .. import request_notes
from ..authorization.authorizer import RequestAuthorizer
from ..host.login_manager import USER_ID
from ..host.signals import signal_of
from ..host.source import load_identity
from ..request_context import context_outside_hooks, current_context, forget_outer, remember_outer
from ..request_notes import note, noted, this_request
from ..sessions.cookies import read_token
from ..state import current_state, state_in

_CHECKED = "mfa_gate.checked"
_HEARD = "mfa_gate_heard"


def guard_outside_hooks(app: Flask, **_: Any) -> None:
    """Listen where Flask-Login, or the fork that the app uses, is about to load a user. Twice is the same as once."""
    manager = getattr(app, "login_manager", None)
    if app.extensions.get(_HEARD) is not type(manager):
        _listen(app, manager)
    identity = state_in(app).host.identity
    # SECURITY: a manager that loads in its own way may send no signal, and a socket would see whom it names.
    if identity.may_send_no_signal():
        identity.show_when_asked(_is_let_in)


def _listen(app: Flask, manager: object) -> None:
    found = [signal_of(manager, name) for name in _RECEIVERS]
    for signal, receiver in zip(found, _RECEIVERS.values(), strict=True):
        if signal is not None:
            signal.connect(receiver, app)
    if None not in found:
        app.extensions[_HEARD] = type(manager)


def _is_let_in(user: Any) -> bool:
    live = _live_session()
    return live is not None and _is_owner(live, user)


def expect_hooks(app: Flask, **_: Any) -> None:
    """An HTTP request has begun: where the user is asked for before the hooks, the hooks decide."""
    state = state_in(app)
    # Before the next line takes their place: whom the outer request knows, if there is one, it knows afterwards too.
    forget_outer(state, this_request())
    # SECURITY: an app whose own ``preprocess_request`` runs no hooks does nothing for whom nobody judged.
    state.host.identity.show_when_asked(_is_let_in)


def end_request(app: Flask, **_: Any) -> None:
    """A request is over, perhaps one within another."""
    remember_outer(state_in(app))


def _runs_without_hooks() -> bool:
    return has_request_context() and current_context() is None and request_notes.runs_without_hooks()


def still_ok() -> bool:
    """Whether the identity of an open socket still holds: asked by the host before it trusts an event."""
    live = _live_session()
    if live is None:
        return False
    try:
        user = load_identity(current_state().host.identity)
    except NotProved:
        return False
    return user is not None and _is_owner(live, user)


def _is_owner(live: GateSession, user: Any) -> bool:
    """Whether the session was proved by this user, whose account is active."""
    # SECURITY: the host's identity itself is compared, so that no pair of cookies of two people fits together.
    state = current_state()
    if not is_switched_on(user) or live.user_key != key_of(user, state.host.user_key):
        return False
    return not state.host.stamper.is_stale(live.stamp, user, live.user_key)


def _refuse_unproven(_app: Flask, **_: Any) -> None:
    """Runs before the user is loaded."""
    if not _runs_without_hooks() or noted(_CHECKED):
        return
    note(_CHECKED, value=True)
    # SECURITY: without the hooks there was no decision, so only a proved session may name a user here.
    if not still_ok():
        session.pop(USER_ID, None)
        session["_remember"] = "clear"


def _refuse_unproven_loader(_app: Flask, user: Any = None, **_: Any) -> None:
    """A user that ``request_loader`` made can't be taken back by a signal, only refused by an error."""
    if not _runs_without_hooks():
        return
    live = _live_session()
    # SECURITY: the event fails rather than run for somebody who proved nothing.
    if live is None or not _is_owner(live, user):
        raise NotProved("This user has not proved a second factor, so nothing is done in its name here.")


def _live_session() -> GateSession | None:
    """The session of the gate's cookie, when it is in and nothing more is asked of it."""
    state = current_state()
    token = read_token(request, state.settings)
    found = state.sign_in.sessions.find(token) if token else None
    if found is None:
        return None
    live, standing = found
    # A socket may stay open in one request for hours, and the host's answer of the beginning is not that of now.
    context = context_outside_hooks(state, live, standing)
    return live if not live.is_pending and RequestAuthorizer(context).now().ask is Ask.PASS else None


_RECEIVERS = {"user_accessed": _refuse_unproven, "user_loaded_from_request": _refuse_unproven_loader}

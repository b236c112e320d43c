"""Requests that no hook runs for, such as events of an open websocket: no unproven identity there either."""

from __future__ import annotations

from enum import Enum, auto
from typing import Any

from flask import Flask, g, has_request_context, request, session

from ...domain.authorization.decision import Ask
from ...domain.sign_in.session import GateSession
from ...errors import NotProved
from ...services.people.user_objects import is_switched_on, key_of
from ..authorization.authorizer import RequestAuthorizer
from ..host import session_snapshot
from ..host.asking import HIDDEN
from ..host.login_manager import USER_ID
from ..host.remember import ORDER
from ..host.signals import signal_of
from ..request_context import RequestContext, Stage, context_of, forget_outer, is_within_another
from ..request_notes import ONLY_HERE, expect_hooks, flask_context, note, noted, outer_user
from ..sessions.cookies import read_token
from ..state import current_state, state_in

_CHECKED = "mfa_gate.checked"
_HEARD, BEGINNINGS = "mfa_gate_heard", "mfa_gate_beginnings"


class _Place(Enum):
    """Where a user is about to be loaded."""

    JUDGED = auto()
    """The hooks decide, or have decided, who may be seen."""
    HIDDEN = auto()
    """They have shown nobody, and the view asks once more."""
    WITHOUT_HOOKS = auto()


def guard_outside_hooks(app: Flask, **_: Any) -> None:
    """Listen where Flask-Login, or the fork that the app uses, is about to load a user. Twice is the same as once."""
    if not is_heard(app):
        _listen(app, getattr(app, "login_manager", None))
    identity = state_in(app).host.identity
    # SECURITY: a manager that loads in its own way may send no signal, and a socket would see whom it names.
    if identity.may_send_no_signal():
        identity.show_when_asked(_is_let_in)


def is_heard(app: Flask) -> bool:
    """Whether the signals of the app's manager are listened to."""
    manager, known = getattr(app, "login_manager", None), app.extensions
    return _HEARD in known and known[_HEARD] is type(manager)


def tells_of_everybody(app: Flask) -> bool:
    """Whether no user is loaded without a word of the manager's, so that contexts need not be watched any more."""
    host = state_in(app).host
    # SECURITY: one that is still to come may load its users in any way, and no signal of its own is heard yet.
    is_there = getattr(app, "login_manager", None) is not None or host.traits.has_own_identity
    return is_there and is_heard(app) and not host.identity.may_send_no_signal()


def _listen(app: Flask, manager: object) -> None:
    found = [signal_of(manager, name) for name in _RECEIVERS]
    for signal, receiver in zip(found, _RECEIVERS.values(), strict=True):
        if signal is not None:
            signal.connect(receiver, app)
    if manager is None or None not in found:
        app.extensions[_HEARD] = type(manager)


def _is_let_in(user: Any) -> bool:
    live = _live_session()
    return live is not None and _is_owner(live, user)


def look_for_hooks(app: Flask, **_: Any) -> None:
    """An HTTP request has begun: where the user is asked for before the hooks, the hooks decide."""
    here = flask_context.get()
    # Before the last line takes their place: whom the outer request knows, if there is one, it knows afterwards too.
    if is_within_another(here):
        forget_outer(here)
    else:
        expect_hooks(here.request, {})
    # SECURITY: an app whose own ``preprocess_request`` runs no hooks does nothing for whom nobody judged.
    state_in(app).host.identity.show_when_asked(_is_let_in)


def _place() -> _Place:
    if not has_request_context():
        return _Place.JUDGED
    this = flask_context.get().request
    context = context_of(this)
    if context is None:
        return _Place.WITHOUT_HOOKS if outer_user(this) is None else _Place.JUDGED
    # SECURITY: a context within the request, or that of a thread, has a ``g`` of its own, in which nobody is hidden.
    is_asked_again = context.is_decided and context.stage >= Stage.IN_VIEW and HIDDEN not in g
    is_nobodys = context.user_key is None and context.ensured_key is None
    # SECURITY: of whom an access token speaks, no cookie of another user's that comes beside it tells anything.
    is_hidden = is_asked_again and (is_nobodys or context.access is not None)
    return _Place.HIDDEN if is_hidden else _Place.JUDGED


def still_ok() -> bool:
    """Whether the identity of an open socket still holds: asked by the host before it trusts an event."""
    live = _live_session()
    if live is None:
        return False
    try:
        user = current_state().host.identity.load()
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
    place = _place()
    if place is _Place.HIDDEN and USER_ID not in session and ORDER not in session:
        # SECURITY: the cookie that it remembers would name again whom nobody may see.
        session[ORDER] = "clear"
        note(ONLY_HERE, value=True)
    if place is not _Place.WITHOUT_HOOKS or noted(_CHECKED):
        return
    note(_CHECKED, value=True)
    # SECURITY: without the hooks there was no decision, so only a proved session may name a user here.
    if not still_ok():
        if USER_ID in session:
            session_snapshot.empty()
        session["_remember"] = "clear"


def _refuse_unproven_loader(_app: Flask, user: Any = None, **_: Any) -> None:
    """A user that ``request_loader`` made can't be taken back by a signal, only refused by an error."""
    place = _place()
    if place is _Place.JUDGED:
        return
    live = _live_session() if place is _Place.WITHOUT_HOOKS else None
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
    live, enrollment = found
    # A socket may stay open in one request for hours, and the host's answer of the beginning is not that of now.
    here = flask_context.get()
    context = RequestContext(state, here, here.request, {}, (None, ""), {}, (), session=live, enrollment=enrollment)
    return live if not live.is_pending and RequestAuthorizer(context).now().ask is Ask.PASS else None


_RECEIVERS = {"user_accessed": _refuse_unproven, "user_loaded_from_request": _refuse_unproven_loader}

"""Whether the host shows the user of the gate's session, at pages that the gate answers before the host's hooks."""

from __future__ import annotations

from typing import Any

from flask import request

from ...domain.sign_in.session import GateSession
from ...services.people.user_objects import key_of
from ..delegation.impersonation import set_aside
from ..host.asking import BareRequest, ask_afresh
from ..request_context import RequestContext
from ..state import GateState


def shown_user(state: GateState, *, after_hooks: bool) -> Any:
    """Whom the host takes this request for, asked aside; None for nobody. Its loader may raise anything.

    :param after_hooks: whether its own ``before_request`` functions run first, as for one of its views.
    """
    bare = BareRequest(request.environ, with_body=False, with_arguments=False, after_hooks=after_hooks)
    return ask_afresh(state.host.identity.load, bare)


def drop_session_of_another(context: RequestContext) -> None:
    """Go on without the gate's session where the host shows somebody else: what was proved by one is none of another's.

    Where the host shows nobody, or fails without its hooks, the row stands for itself.
    """
    live, state = context.session, context.state
    if live is None or live.is_pending:
        return
    try:
        user = shown_user(state, after_hooks=state.settings.decide == "last")
        key = None if user is None else key_of(user, state.host.user_key)
    except Exception:  # noqa: BLE001 - the host's loader may raise anything
        return
    if key in {None, live.user_key}:
        context.shown = user
    elif context.impersonation is not None and key == context.impersonation.subject_key:
        context.shown = _actor(context, live)
    else:
        # SECURITY: as for the host's own views, whatever pair of cookies a client puts together.
        context.session = context.enrollment = None


def _actor(context: RequestContext, live: GateSession) -> Any:
    """Whom the session that was set aside names, where that still is the user of the row."""
    state = context.state
    user = state.host.identity.load_with(request.environ, set_aside(context))
    return user if user is not None and key_of(user, state.host.user_key) == live.user_key else None


def is_shown(context: RequestContext, live: GateSession) -> bool:
    """Whether the host would take this request for one of the session's user, were it one of its own views.

    Whatever its loader raises is raised here.
    """
    # SECURITY: also where they were shown before the hooks: one of those may sign out who was idle for too long.
    if context.shown is None or context.state.settings.decide != "last":
        user = shown_user(context.state, after_hooks=True)
        is_same = user is not None and key_of(user, context.state.host.user_key) == live.user_key
        context.shown = user if is_same else None
    return context.shown is not None

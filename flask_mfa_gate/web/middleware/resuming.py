"""A parked session of which nothing is asked any more continues at its next request, of whatever kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from flask import Response, session

from ...domain.authorization.decision import PASSED, Ask, Decision
from ...domain.sign_in.session import GateSession
from ...domain.view_protection import NO_PROTECTION
from ...errors import Conflict
from ..authorization.authorizer import RequestAuthorizer
from ..host import session_snapshot
from ..host.cookies_apart import take_away
from ..request_context import RequestContext
from ..responses import answers
from .admission import bind
from .pending_sign_in import end_sign_in, restore


def resume(context: RequestContext) -> Response | None:
    """Put the identity back for this request and those that follow.

    :returns: the refusal, where the host's own user tells more than the row does; None where the request continues.
    """
    parked, before = context.session, context.before
    assert parked is not None  # noqa: S101 - the caller has seen it
    restore(context, parked)
    context.before, context.session = session_snapshot.take(session), replace(parked, parked=None)
    try:
        decision = _judge(context, parked)
    except Exception:
        # SECURITY: a failure on the way leaves nobody in the host's session.
        _put_away(context, parked, before)
        raise
    if decision is None or decision.ask is Ask.PASS:
        return None
    _put_away(context, parked, before)
    return answers.stop(context, decision, context.client)


def _judge(context: RequestContext, parked: GateSession) -> Decision | None:
    """What the app asks of the user whom the host loads; None where that is nobody any more."""
    user, key = context.identify()
    if key != parked.user_key or not bind(context, user, key):
        end_sign_in(context)
        take_away(context.state, parked.user_key)
        context.state.host.identity.sign_out()
        return None
    # SECURITY: the row does not know whether the account is active; the user does.
    decision = RequestAuthorizer(context, user).here(NO_PROTECTION)
    return _rise(context, parked) if decision.ask is Ask.PASS else decision


def _rise(context: RequestContext, parked: GateSession) -> Decision:
    """Go on under a new id."""
    state, authorizer = context.state, RequestAuthorizer(context)
    try:
        entry = state.worker.run(
            lambda work: state.sign_in.sessions.elevate(work, parked, parked.assurance, authorizer=authorizer)
        )
    except Conflict:
        # Several requests of one page come at once: the first resumes for all of them.
        if state.sign_in.sessions.gave_way(parked):
            return PASSED
        raise
    context.enter(entry)
    return PASSED


def _put_away(context: RequestContext, parked: GateSession, before: Mapping[str, Any]) -> None:
    session_snapshot.take_out(session, before, session_snapshot.difference(before, session))
    context.before, context.session = before, parked
    context.state.host.identity.hide_for_now()

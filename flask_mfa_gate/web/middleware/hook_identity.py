"""An identity that a hook of the host made between the first look and the view."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from flask import Response

from ...domain.sign_in.assurance import SignIn
from ...errors import Throttled
from ..fail_closed import refused
from ..host.session_snapshot import contents_here
from ..host.surroundings import surroundings
from ..request_context import RequestContext
from ..sessions.revoked import is_revoked, turn_away
from ..view_marks.protection import is_open_here, marks_here
from .access_tokens import admit_by_token
from .admission import judge_user
from .pending_sign_in import end_sign_in, intercept

Answer = Response | None


def catch_hook_identity(context: RequestContext) -> Answer:
    """An identity that a hook of the host made after the decision, or a request that it made another one."""
    if context.lent is not None and context.surroundings == surroundings():
        context.state.host.identity.take_back(context.lent)
    user, key = context.identify()
    if key == context.user_key:
        is_judged = key is None or _is_as_judged(context, user)
        return None if is_judged else _judge_again(context, user, str(key))
    if user is None or key is None:
        end_sign_in(context)
        context.user_key = None
        return None
    # SECURITY: a token proves nothing of another user, whom a hook shows beside it.
    context.is_token, context.token_assurance, context.access = False, None, None
    if contents_here() == context.before:
        return _meet_at_hook(context, user, key)
    # SECURITY: a hook that makes a session of a cookie each time would bring back whom a revocation has put out.
    if comes_back(context, user, key):
        return turn_away(context, key)
    try:
        answer = intercept(context, user, key, None, sign_in=SignIn.SESSION)
    except Throttled as refusal:
        # Nobody is signed in any more, and an exempt view is not stopped by that.
        answer = refused(refusal)
    if answer is None:
        return judge_user(context, user, key, marks_here())
    return None if is_open_here(context.state.settings) else answer


def _judge_again(context: RequestContext, user: Any, key: str) -> Answer:
    token = context.token_grant
    # SECURITY: where a hook leads to, an access token opens no more than if its client had asked for it.
    return judge_user(context, user, key, marks_here()) if token is None else admit_by_token(context, token)


def comes_back(context: RequestContext, user: Any, key: str) -> bool:
    """Whether the cookies that the host signs in by were revoked, where no living row stands behind them."""
    state, live = context.state, context.session
    if live is not None and live.user_key == key:
        return False
    alone = replace(context, session=None, enrollment=state.sign_in.revocations.state(key))
    return is_revoked(alone, key, state.host.stamper.stamps(user, key))


def _is_as_judged(context: RequestContext, user: Any) -> bool:
    # SECURITY: a hook that overrides the method or forwards must not reach what was not judged, nor may a loader that
    # goes by the hooks show another user with the same key.
    is_same_user = context.lent is None or user is context.lent
    return is_same_user and context.opened == (context.request.endpoint, context.request.method)


def _meet_at_hook(context: RequestContext, user: Any, key: str) -> Answer:
    """Somebody whom a hook shows at each request, such as a proxy's user or the owner of an API key."""
    if context.session is not None and context.session.is_pending:
        context.state.host.identity.hide_for_now()
        return None
    # Whether a token made it can't be told: the hook can't be asked without one.
    context.found_nobody, context.may_be_token = False, context.carries_token
    return judge_user(context, user, key, marks_here())

"""Whether a user may go on with this request: judged, let in, or stopped."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from flask import Response, request

from ...domain.authorization.decision import Ask, Decision
from ...domain.sign_in.session import IDLE_MARK_INTERVAL, GateSession
from ...domain.view_protection import NO_PROTECTION, ViewProtection
from ...services.people.user_objects import key_of
from ..authorization.authorizer import RequestAuthorizer
from ..client import origin_of
from ..delegation.api_tokens import assurance_of_token
from ..host.passwords import carries_password
from ..host.tokens import is_made_by_token, is_token_enough
from ..request_context import IMPERSONATION, RequestContext, current_context
from ..sessions.revoked import is_revoked, meet_nobody, turn_away
from ..view_marks.protection import marks_at
from .enforcement import stop_request
from .impersonated import judge_impersonated
from .pending_sign_in import start_clock

log = logging.getLogger("flask_mfa_gate")
Answer = Response | None
_FINAL = frozenset({Ask.DENY, Ask.LOCKED, Ask.PASS})


def admit(context: RequestContext) -> Answer:
    """Ask the host who this is, and judge them; nobody is let through to what nobody may see."""
    user = context.state.host.identity.load()
    context.is_decided = True
    if user is None:
        context.found_nobody = context.session is not None and not context.session.is_superseded
        return meet_nobody(context) if context.has_dead_id else None
    key = key_of(user, context.state.host.user_key)
    by_token = context.carries_token and is_made_by_token(context.request, context.state, key)
    context.is_token, context.may_be_token = by_token is True, by_token is not False
    return judge_user(context, user, key, marks_at(context.here.app, context.request.endpoint))


def judge_user(context: RequestContext, user: Any, key: str, protection: ViewProtection) -> Answer:
    """Let the request through, or stop it; a sign-in with a password that was changed is nobody's any more."""
    if context.impersonation is not None and context.impersonation.subject_key == key:
        answer = judge_impersonated(context, user, key, protection)
        _mark_seen(context)
        return answer
    if not bind(context, user, key):
        return turn_away(context, key)
    decision = RequestAuthorizer(context, user).here(protection)
    if context.is_token and _is_registered(context, user, key, decision):
        decision = RequestAuthorizer(context, user).here(protection)
    context.decision = decision
    if decision.ask is not Ask.PASS and not _is_lifted(context, decision, key):
        return stop_request(context, user, key, decision, protection)
    context.user_key, context.judged, context.settled = key, user, protection
    if context.enrollment is not None and context.enrollment.waiting_days is not None:
        start_clock(context, user, key)
    _mark_seen(context)
    return None


def _is_registered(context: RequestContext, user: Any, key: str, decision: Decision) -> bool:
    """Whether the token proves something of its own; it is looked up only where that makes a difference."""
    if decision.ask in _FINAL or context.access is not None or context.token_assurance is not None:
        return False
    context.token_assurance = assurance_of_token(context, user, key)
    return context.token_assurance is not None


def bind(context: RequestContext, user: Any, key: str) -> bool:
    """A session counts only for the user it was proved by; False when what came with this request was revoked."""
    # SECURITY: what the host's session was lent for is over, whatever copies of its cookies come back.
    if IMPERSONATION in context.here.session:
        return False
    state, stamps = context.state, context.state.host.stamper.stamps(user, key)
    # SECURITY: proof of one user is none of another, whatever pair of cookies a client puts together.
    if context.session is not None and context.session.user_key != key:
        context.session = context.enrollment = None
    if context.session is not None and context.session.stamp is None and stamps:
        _take_first_password(context, context.session, stamps)
    live = context.session
    # SECURITY: a session that rests on the old password ends with it, also where no second factor is asked of them.
    if live is not None and live.stamp is not None and live.stamp not in stamps:
        state.sign_in.revocations.note_changed_password(key, stamps, origin=origin_of(request))
        context.leave()
        context.enrollment = None
    if context.enrollment is None or context.enrollment.user_key != key:
        context.enrollment = state.sign_in.revocations.state(key)
    return context.session is not None or context.is_token or not is_revoked(context, key, stamps)


def _take_first_password(context: RequestContext, live: GateSession, stamps: Sequence[str]) -> None:
    """A user who came without a password, by an upstream perhaps, has set one since."""
    # SECURITY: or no change of it would ever end this session.
    stamped = context.state.sign_in.revocations.note_first_password(live, stamps)
    if stamped is None:
        context.leave()
        context.enrollment = None
    else:
        context.session = stamped


def _is_lifted(context: RequestContext, decision: Decision, key: str) -> bool:
    """Whether the host exempts tokens from what is demanded."""
    state = context.state
    # SECURITY: an access token of the provider says what its user proved, and is worth no more than that.
    if not context.is_token or context.access is not None or state.settings.tokens != "exempt":
        return False
    # SECURITY: a refusal stops tokens in every mode, and a name and password are none, whatever scheme they come by.
    if decision.ask in _FINAL or carries_password(request, state.settings):
        return False
    return is_token_enough(request, state, key)


def _mark_seen(context: RequestContext) -> None:
    live, now = context.session, context.state.clock()
    if live is not None and now - live.seen_at >= IDLE_MARK_INTERVAL and not live.is_superseded:
        context.state.sign_in.sessions.touch(live)


def is_let_in(user: Any) -> bool:
    """Whether the app would let this user in with what this browser has proved.

    Neither session nor store is looked at before the host asks who this is, such as a hook that guards files.
    """
    try:
        context = current_context()
        if context is None:
            return False
        context.look_up()
        if context.has_dead_id or (context.session is not None and context.session.is_pending):
            return False
        key = key_of(user, context.state.host.user_key)
        return bind(context, user, key) and RequestAuthorizer(context, user).here(NO_PROTECTION).ask is Ask.PASS
    except Exception:
        # SECURITY: whatever goes wrong, the file is served as to nobody.
        log.exception("the gate could not tell whether a user may be shown, and showed nobody")
        return False

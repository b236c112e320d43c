"""A request that does not satisfy: what is parked, what is remembered, what is left alone."""

from __future__ import annotations

from typing import Any

from flask import Response, request

from ...domain.authorization.decision import Ask, Decision
from ...domain.sign_in.session import StepUp
from ...domain.view_protection import ViewProtection
from ..acts import act_here
from ..authorization.authorizer import RequestAuthorizer
from ..client import Client, is_foreign, is_visit, origin_of
from ..flood import excess_here, require_no_excess
from ..refusal_notes import note_refusal
from ..request_context import RequestContext
from ..responses import answers
from ..responses.targets import way_back
from ..sessions.signing_in_user import signing_in_user
from ..sessions.withholding import refuse_untouched, touch_nothing
from ..view_marks.protection import Waiver, waiver_here
from .pending_sign_in import end_sign_in, judge_new, park_whole

Answer = Response | None
_OPEN = frozenset({Waiver.UNMATCHED, Waiver.EXEMPT})


def stop_request(
    context: RequestContext, user: Any, key: str, decision: Decision, protection: ViewProtection
) -> Answer:
    """Refuse, and keep what the way back needs; or let the view run where what the app asks is waived."""
    waiver = _waiver(context, user, protection)
    if context.is_token:
        context.state.host.identity.hide_for_now()
        return None if waiver in _OPEN else answers.stop(context, decision, context.client)
    if waiver is Waiver.SIGN_OUT:
        _let_out(context, key, decision, protection)
        return None
    # SECURITY: what a resource says never keeps an identity in place that has not satisfied the app itself.
    if decision.at_resource and decision.app_is_satisfied:
        if waiver in _OPEN:
            context.user_key, context.settled = key, protection
            return None
        return _stop_at_resource(context, user, key, decision)
    if _is_of_another(context, key):
        return refuse_untouched(context)
    # Of an identity that each request of a script brings along, nothing can be parked.
    is_brought = not context.state.host.identity.is_from_session() and context.client is not Client.NAVIGATION
    if is_brought or _has_no_say(context, context.client):
        touch_nothing(context)
    # SECURITY: a cookie of the host's alone, sent again and again, would begin a row each time.
    elif context.session is None and (refusal := excess_here(context.state)) is not None:
        touch_nothing(context)
        return None if waiver in _OPEN else answers.failure(context, refusal)
    else:
        note_refusal(context, key, decision)
        park_whole(context, user, key, sign_in=context.state.host.identity.kind(context.before))
    return None if waiver in _OPEN else answers.stop(context, decision, context.client)


def _waiver(context: RequestContext, user: Any, protection: ViewProtection) -> Waiver | None:
    """Why what the app asks is waived here; None where the marks themselves ask for more than was proved."""
    waiver = waiver_here(context.state.settings, protection)
    if waiver is None or not protection.wants_identity:
        return waiver
    # SECURITY: marks outrank names: neither an exemption nor a sign-out name waives what the view itself asks.
    return waiver if RequestAuthorizer(context, user).here(protection, waives_app=True).ask is Ask.PASS else None


def _let_out(context: RequestContext, key: str, decision: Decision, protection: ViewProtection) -> None:
    """Leaving needs no proof; an identity that the app is not satisfied with is gone already."""
    if decision.app_is_satisfied:
        context.user_key, context.settled = key, protection
        return
    end_sign_in(context)
    context.leave()
    # SECURITY: an identity that was not proved is gone before the view runs, with all that the session holds of it.
    context.state.host.identity.sign_out()


def meet(context: RequestContext, user: Any, key: str, decision: Decision) -> None:
    """A user comes to a page of the gate, of whom it saw no sign-in, or none that still lives.

    :raises Throttled: when the address began too many sign-ins.
    """
    if _has_no_say(context, context.client) or _is_of_another(context, key):
        touch_nothing(context)
        return
    # SECURITY: here too, a cookie of the host's alone would begin a row each time.
    require_no_excess(context.state)
    if decision.ask is Ask.PASS:
        begin_unseen(context, user, key)
    else:
        note_refusal(context, key, decision)
        park_whole(context, user, key, sign_in=context.state.host.identity.kind(context.before))


def _has_no_say(context: RequestContext, client: Client) -> bool:
    """A request that must not park: without effects by its method, late with an id whose place another took, or sent by
    the page of another site.
    """
    if request.method == "HEAD" or (context.session is not None and context.session.is_superseded):
        return True
    # SECURITY: a request in flight, or a foreign page's picture, must not sign anybody out.
    is_page = client is Client.NAVIGATION and is_visit(request)
    return not is_page and (context.has_dead_id or is_foreign(request))


def _is_of_another(context: RequestContext, key: str) -> bool:
    """Whether the host's session may be that of another browser, in which the user is in.

    A session kept on the server is shared by all who know its id: to park it would sign the owner out.
    """
    dead = context.dead
    has_expired = dead is not None and dead.user_key == key and dead.ended_at is None and not dead.is_superseded
    if context.session is not None or has_expired or not context.state.host.identity.was_named(context.before):
        return False
    return context.state.sign_in.revocations.is_in_elsewhere(key)


def _stop_at_resource(context: RequestContext, user: Any, key: str, decision: Decision) -> Answer:
    """The app itself is satisfied: the session stays, and remembers what to prove and the way back."""
    context.user_key = key
    note_refusal(context, key, decision)
    if decision.ask is not Ask.DENY and request.method != "HEAD":
        remember_step_up(context, user, key, decision)
    return answers.stop(context, decision, context.client)


def remember_step_up(context: RequestContext, user: Any, key: str, decision: Decision) -> None:
    """Have the session ask for what is missing, with the way back."""
    state = context.state
    target = way_back(state.settings)
    step_up = StepUp(decision.requirement, request.endpoint or "", act_here(context), target, decision.grace_ends_at)
    if context.session is None:
        # SECURITY: and here, at a page that asks for a proof.
        require_no_excess(state)
        begin_unseen(context, user, key)
    assert context.session is not None  # noqa: S101 - entered above
    state.sign_in.sessions.ask(context.session, step_up)


def begin_unseen(context: RequestContext, user: Any, key: str) -> None:
    """Begin a session for somebody whom the host shows as signed in, though the gate saw no sign-in."""
    state, kind = context.state, context.state.host.identity.kind(context.before)
    assert context.enrollment is not None  # noqa: S101 - read when the user was bound
    known = context.enrollment.revocations
    # SECURITY: a session that nobody saw begin is judged as a sign-in of its own kind, without any proof.
    _decision, seen, context.enrollment = judge_new(context, key, user, kind)
    who = signing_in_user(state, user, key, host_user_id=state.host.identity.host_user_id())
    context.enter(
        state.sign_in.sessions.begin(
            who, seen, sign_in=kind, origin=origin_of(request), parking=None, replaces=None, revocations=known
        )
    )

"""Requests in which somebody acts as another user: how that begins, and what each of them meets."""

from __future__ import annotations

from typing import Any

from flask import Response, request, session

from ...domain.authorization.decision import Ask, Decision
from ...domain.people.person import Person
from ...domain.sign_in.impersonation import ImpersonationEnd
from ...domain.view_protection import NO_PROTECTION, ViewProtection
from ...errors import Conflict, MFAGateError, NotAllowed
from ...services.people.user_objects import key_of
from ..authorization.both import here_for_both
from ..client import Client, origin_of
from ..delegation.impersonation import forget, leave, set_aside
from ..host import remember, session_snapshot
from ..refusal_notes import note_refusal
from ..request_context import IMPERSONATION, RequestContext
from ..responses import answers
from ..responses.targets import home
from ..sessions.revoked import turn_away
from ..sessions.signing_in_user import person_of
from ..translation import error_text, gettext
from ..view_marks.protection import Waiver, waiver_here
from .enforcement import remember_step_up
from .pending_sign_in import end_sign_in

Answer = Response | None
_NOT_ACTOR = "Only who is signed in here can act as another user."
_NESTED = "You already act as another user. Stop that first."


def judge_impersonated(context: RequestContext, user: Any, key: str, protection: ViewProtection) -> Answer:
    """Let the request through, or stop it. What the app itself is not satisfied with ends the impersonation."""
    actor = _actor(context)
    if actor is None:
        return turn_away(context, key)
    enrollment, stamps = context.state.sign_in.revocations.state(key), context.state.host.stamper.stamps(user, key)
    assert context.impersonation is not None  # noqa: S101 - the caller saw it
    # SECURITY: whatever ends the subject's own sessions ends this one in their name.
    if context.impersonation.is_revoked(revocations=enrollment.revocations, stamps=stamps):
        return _bring_back(context, ImpersonationEnd.REVOKED, gettext("The user's sessions were revoked."))
    # SECURITY: a role that was taken from the actor, or that the user got since, counts at once.
    if (refusal := _refusal(context, actor, user, context.impersonation.reason)) is not None:
        return _bring_back(context, ImpersonationEnd.NOT_ALLOWED, error_text(refusal))
    context.shown = actor
    decision = here_for_both(context, actor, user, enrollment, protection)
    context.decision = decision
    if decision.ask is Ask.PASS:
        context.user_key, context.judged, context.settled = key, user, protection
        return None
    if waiver_here(context.state.settings, protection) is Waiver.SIGN_OUT:
        end_sign_in(context)
        context.state.host.identity.sign_out()
        return None
    if decision.at_resource and decision.app_is_satisfied:
        return _stop_here(context, user, key, decision)
    return _bring_back(context, ImpersonationEnd.NOT_ALLOWED, answers.sentence_of(decision))


def _actor(context: RequestContext) -> Any:
    """The actor as the host shows them now; None where their session is over with it."""
    live, state = context.session, context.state
    assert live is not None  # noqa: S101 - the impersonation was found by it
    user = state.host.identity.load_with(request.environ, set_aside(context))
    if user is None or key_of(user, state.host.user_key) != live.user_key:
        end_sign_in(context)
        return None
    stamps = state.host.stamper.stamps(user, live.user_key)
    # SECURITY: a password that was changed ends what rests on the old one here as well.
    if live.stamp is not None and live.stamp not in stamps:
        state.sign_in.revocations.note_changed_password(live.user_key, stamps, origin=origin_of(request))
        forget(context)
        context.leave()
        return None
    return user


def _refusal(context: RequestContext, actor: Any, user: Any, reason: str) -> NotAllowed | None:
    """Why this actor may not act as this user."""
    state = context.state
    by, whom = (person_of(state, who, key_of(who, state.host.user_key)) for who in (actor, user))
    try:
        state.delegation.impersonations.require_allowed(by, whom, reason)
    except NotAllowed as refusal:
        return refusal
    return None


def _stop_here(context: RequestContext, user: Any, key: str, decision: Decision) -> Response:
    """One view asks for more: the actor proves it with their own factor, and comes back."""
    assert context.session is not None  # noqa: S101 - the impersonation was found by it
    context.user_key = key
    note_refusal(context, context.session.user_key, decision)
    if decision.ask is Ask.CHALLENGE and request.method != "HEAD":
        remember_step_up(context, user, key, decision)
    return answers.stop(context, decision, context.client)


def _bring_back(context: RequestContext, how: ImpersonationEnd, why: str) -> Response:
    """The request is done for neither of the two."""
    leave(context, how)
    context.state.host.identity.hide_for_now()
    detail = gettext("You no longer act as this user. %(why)s", why=why)
    if context.client is Client.API:
        return answers.problem_document(403, "access_denied", detail, {})
    return answers.page(
        "problem.html", context, 403, title=gettext("Impersonation ended"), detail=detail, continue_url=home()
    )


def begin_impersonation(context: RequestContext, user: Any, key: str) -> Answer:
    """A view signed its user in as another.

    :returns: the refusal in place of the view's answer, with the session as it was; None where there is none.
    """
    try:
        decision = _begin(context, user, key)
    except Exception as error:
        # SECURITY: whatever fails, the session names the other user no more.
        _undo(context)
        if not isinstance(error, MFAGateError):
            raise
        return answers.failure(context, error)
    if decision.ask is Ask.PASS:
        return None
    _undo(context)
    if decision.ask is Ask.CHALLENGE:
        remember_step_up(context, context.judged, str(context.user_key), decision)
    return answers.stop(context, decision, context.client)


def _undo(context: RequestContext) -> None:
    # SECURITY: nothing that names the other user stays in the session.
    session.clear()
    session.update(context.before)
    context.state.host.identity.load_anew()


def _begin(context: RequestContext, user: Any, key: str) -> Decision:
    declared, live, state = context.declared, context.session, context.state
    # SECURITY: a second one would hide who acts.
    if context.impersonation is not None:
        raise Conflict("already-impersonating", _NESTED)
    # SECURITY: the proof that counts is that of this very session, whose user was judged in this request.
    is_own = live is not None and live.user_key == context.user_key and context.judged is not None
    if declared is None or live is None or not is_own or context.is_token or declared.actor_key != live.user_key:
        raise NotAllowed("not-allowed", _NOT_ACTOR)
    actor: Person = person_of(state, context.judged, live.user_key)
    state.delegation.impersonations.require_allowed(actor, person_of(state, user, key), declared.reason)
    enrollment = state.sign_in.revocations.state(key)
    decision = here_for_both(context, context.judged, user, enrollment, NO_PROTECTION)
    if decision.ask is not Ask.PASS:
        return decision
    payload, _dropped = session_snapshot.pack(context.before)
    entry, begun = state.delegation.impersonations.begin(
        live, key, reason=declared.reason, revocations=enrollment.revocations, payload=payload,
        stamp=next(iter(state.host.stamper.stamps(user, key)), None), origin=origin_of(request),
    )  # fmt: skip
    context.enter(entry)
    # The browser stays remembered as the actor; :func:`remember_nobody` would take that away with the other user.
    session.pop(remember.ORDER, None)
    session[IMPERSONATION] = begun.id
    context.impersonation, context.shown, context.user_key, context.judged = begun, context.judged, key, user
    return decision


def keep_mark(context: RequestContext) -> None:
    """A view that begins another session of the host's ends nothing."""
    begun = context.impersonation
    # SECURITY: without the mark the host's session alone would make the actor the other user.
    if begun is not None and context.user_key == begun.subject_key and session.get(IMPERSONATION) != begun.id:
        session[IMPERSONATION] = begun.id


def remember_nobody(context: RequestContext) -> None:
    """Keep the host from remembering the browser as the user who is acted as."""
    # SECURITY: its cookie would outlive the impersonation.
    if remember.ORDER in session or context.here.app.config.get(remember.EACH_REQUEST):
        session[remember.ORDER] = "clear"

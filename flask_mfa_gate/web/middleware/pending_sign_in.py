"""A sign-in is parked on the server until the second factor passes, and then put back as it was."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from flask import Response, request, session

from ...domain.authorization.decision import Ask, Decision
from ...domain.enrollment.enrollment import EnrollmentState
from ...domain.sign_in.assurance import Assurance, SignIn
from ...domain.sign_in.session import GateSession
from ...errors import SignInOver
from ...services.sign_in.arrival import Parking, Seen
from ..authorization.authorizer import RequestAuthorizer
from ..client import origin_of
from ..delegation.impersonation import forget
from ..flood import require_no_excess
from ..host import session_snapshot
from ..refusal_notes import note_refusal
from ..request_context import IMPERSONATION, RequestContext
from ..responses import answers
from ..responses.login_page import note_login_view
from ..responses.targets import home, is_part_of_page, target_of, way_back
from ..sessions.password_evidence import was_changed_here
from ..sessions.signing_in_user import person_of, signing_in_user
from ..state import GateState

# Kept beside the session's keys: the cookies of the login's answer, of which one may be the identity.
_COOKIES = "mfa_gate.cookies"


def intercept(
    context: RequestContext, user: Any, key: str, response: Response | None, *, sign_in: SignIn
) -> Response | None:
    """A sign-in was seen: note it, or park it and answer with the next step.

    :param response: what the view that signed in answered; None when a hook of the host made the identity.
    :returns: the answer in place of the view's own; None when nothing is demanded of this user.
    """
    state = context.state
    # Of one who signs in again all of the session is their own.
    before = {} if key == context.user_key else context.before
    changed = session_snapshot.difference(before, session)
    host_user_id = state.host.identity.host_user_id()
    # SECURITY: the keys leave the host's session before anything can fail, so that a failure signs nobody in.
    _withdraw(context, before, changed)
    replaces, context.user_key = context.session, None
    # SECURITY: a password alone writes no more rows and mails than its address may cause.
    require_no_excess(state)
    if context.has_reached_view and sign_in is SignIn.PASSWORD:
        _note_login_view(state, str(request.endpoint))
    decision, seen, enrollment = judge_new(context, key, user, sign_in)
    parking = None
    if decision.ask is not Ask.PASS:
        cookies = {_COOKIES: response.headers.getlist("Set-Cookie")} if response is not None else {}
        parking = Parking(*session_snapshot.pack({**changed, **cookies}), _target(context, response), host_user_id)
        note_refusal(context, key, decision)
    endpoint = request.endpoint if context.has_reached_view else None
    who = signing_in_user(state, user, key, host_user_id=host_user_id, endpoint=endpoint)
    begin, origin = state.sign_in.sessions.begin, origin_of(request)
    seen = replace(seen, reference=context.reference)
    context.enter(begin(who, seen, sign_in=sign_in, origin=origin, parking=parking, replaces=replaces))
    context.enrollment = enrollment
    if parking is None:
        if enrollment.waiting_days is not None:
            start_clock(context, user, key)
        context.user_key = key
        put_back(context, changed)
        return None
    return answers.after_sign_in(context, decision)


def _note_login_view(state: GateState, endpoint: str) -> None:
    if endpoint not in state.sign_in.last_login_view.unneeded:
        note_login_view(state, endpoint)


def _withdraw(context: RequestContext, before: Mapping[str, Any], changed: Mapping[str, Any]) -> None:
    """Leave in the host's session what was there before, and nobody in sight."""
    session_snapshot.take_out(session, before, changed)
    context.state.host.identity.hide()
    if context.impersonation is not None or IMPERSONATION in session:
        forget(context)


def renew(context: RequestContext, user: Any, key: str) -> bool:
    """Note that who is signed in already signed in again; False when there is no session that could go on."""
    state, live = context.state, context.session
    # SECURITY: where the app asks more of a sign-in with the password, nothing of the view's own answer may go out.
    if live is None or not _is_enough(context, live, user, key):
        return False
    # SECURITY: what was proved beside the old password counts beside the new one only where this view changed it.
    if state.host.stamper.is_stale(live.stamp, user, key) and not was_changed_here(state.host.stamper, user):
        return False
    who = signing_in_user(state, user, key, host_user_id=state.host.identity.host_user_id())
    act = context.federated.act if context.federated is not None else None
    upstream = context.upstream_of(key)
    entry = state.sign_in.sessions.renew(live, who, origin=origin_of(request), upstream=upstream, granted=act)
    if entry is None:
        # A second click, or several views at once: the one that came first has renewed it for all.
        return state.sign_in.sessions.gave_way(live)
    context.enter(entry)
    return True


def _is_enough(context: RequestContext, live: GateSession, user: Any, key: str) -> bool:
    """Whether what was proved in this session meets what the app asks of one who signs in now."""
    state, now = context.state, context.state.clock()
    with state.store.database.read() as tx:
        enrollment = state.store.enrollments.state(tx, key, now=now)
    decision, _seen = RequestAuthorizer(context, user).at_sign_in(
        live.assurance.signed_in_again(at=now, upstream=context.upstream_of(key)),
        enrollment,
        deferred=live.deferred_at is not None,
    )
    return decision.ask is Ask.PASS


def _target(context: RequestContext, response: Response | None) -> str | None:
    settings = context.state.settings
    if response is None:
        return way_back(settings)
    parked = request.endpoint if context.has_reached_view else None
    target = target_of(response, settings, parked_endpoint=parked)
    # A script signs in on a page, which would have gone on by itself.
    return way_back(settings, parked_endpoint=parked) if target is None and is_part_of_page() else target


def judge_new(context: RequestContext, key: str, user: Any, sign_in: SignIn) -> tuple[Decision, Seen, EnrollmentState]:
    """What the app asks of a sign-in without any proof."""
    state = context.state
    now = state.clock()
    with state.store.database.read() as tx:
        enrollment = state.store.enrollments.state(tx, key, now=now)
    context.session = None
    upstream = context.upstream_of(key) if sign_in is SignIn.FEDERATED else None
    decision, seen = RequestAuthorizer(context, user).at_sign_in(Assurance(sign_in, now, upstream=upstream), enrollment)
    return decision, seen, enrollment


def start_clock(context: RequestContext, user: Any, key: str) -> None:
    """A period that waited for the account to become active begins with the first request that is let through."""
    context.state.people.enrollments.begin_waiting(person_of(context.state, user, key))


def park_whole(context: RequestContext, user: Any, key: str, *, sign_in: SignIn) -> None:
    """Take everything out of a session that is not, or no longer, proved enough."""
    state = context.state
    host_user_id = state.host.identity.host_user_id()
    contents = dict(session)
    session_snapshot.empty()
    context.before = {}
    state.host.identity.hide()
    context.user_key = None
    parking = Parking(*session_snapshot.pack(contents), way_back(state.settings), host_user_id)
    if context.session is not None:
        context.session = state.sign_in.sessions.park(context.session, parking)
        return
    assert context.enrollment is not None  # noqa: S101 - read when the user was bound
    known = context.enrollment.revocations
    decision, seen, _standing = judge_new(context, key, user, sign_in)
    seen = replace(seen, reference=context.reference if decision.is_refusal else None)
    who = signing_in_user(state, user, key, host_user_id=host_user_id)
    context.enter(
        state.sign_in.sessions.begin(
            who, seen, sign_in=sign_in, origin=origin_of(request), parking=parking, replaces=None, revocations=known
        )
    )


def restore(context: RequestContext, pending: GateSession) -> str:
    """Put the identity back after the pass; where the user goes now.

    The host's ``login_user`` is not called again: its receivers ran at the sign-in, and its choices are in the keys.

    :raises SignInOver: when there is nothing to put back. The session is ended.
    """
    try:
        keys = session_snapshot.unpack(context.state.sign_in.sessions.parked_payload(pending))
    except SignInOver:
        end_sign_in(context)
        raise
    context.cookies = keys.pop(_COOKIES, ())
    put_back(context, keys)
    return pending.target or home()


def put_back(context: RequestContext, keys: Mapping[str, Any]) -> None:
    """Into the host's session, where the identity is loaded again."""
    if keys:
        session.update(keys)
    context.state.host.identity.load_anew()


def end_sign_in(context: RequestContext) -> None:
    """The sign-in is over, with every id it had."""
    if context.impersonation is not None or IMPERSONATION in session:
        forget(context)
    if context.session is not None:
        context.state.sign_in.sessions.end(context.session, origin=origin_of(request))
        context.leave()

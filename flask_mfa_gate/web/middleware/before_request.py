"""The gate at every request: decide before the host's hooks, look again before the view, compare after it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from flask import Request, Response, after_this_request, current_app, request
from werkzeug.exceptions import HTTPException, NotFound

from ...domain.authorization.decision import Ask
from ...domain.marks import NO_MARKS
from ...domain.sign_in.assurance import SignIn
from ...domain.sign_in.session import GateSession
from ...errors import HostCallbackFailed, MFAGateError, Throttled
from ...services.people.persons import key_of
from ..authorization.authorizer import RequestAuthorizer
from ..client import carries_token
from ..endpoints import is_for_programs, is_own
from ..fail_closed import UNAVAILABLE, fail_closed, refused
from ..host import session_snapshot
from ..host.session_snapshot import contents_here
from ..host.source import load_identity
from ..host.surroundings import surroundings
from ..host.tokens import is_made_by_token
from ..request_context import RequestContext, Stage, begin_context, context_of, current_context
from ..request_notes import this_request
from ..responses import answers
from ..responses.host_names import without_place
from ..sessions.binding import bind
from ..sessions.revoked import is_revoked, turn_away
from ..state import current_state
from ..view_marks.protection import is_open_here, is_stopped, look_at, marks_here, waiver_here
from .admission import admit, judge_user, show_when_asked
from .after_request import closing
from .enforcement import meet
from .host_hooks import run_unseen
from .pending_sign_in import end_sign_in, intercept
from .resuming import resume

Answer = Response | None


def open_request() -> Any:
    """The first hook: own pages are answered here; other requests are decided here unless the host wants it later."""
    passage = context_of(this_request())
    return None if passage is not None and passage.stage >= Stage.OPEN else look_first(passage, is_early=False)


@fail_closed
def look_first(passage: RequestContext | None, *, is_early: bool) -> Any:
    """The first look at a request, which may answer it."""
    answer = _decide_first(passage, is_early=is_early)
    if answer is not None and (passage := passage or current_context()) is not None:
        _run_hooks_unseen(passage)
        passage.stage = Stage.ANSWERED
    return answer


def _run_hooks_unseen(passage: RequestContext) -> None:
    """Once a request, where the gate answers before the host's hooks."""
    if passage.has_run_hooks:
        return
    passage.has_run_hooks = True
    run_unseen(passage.state, with_preprocessors=passage.is_early, keeps_session=passage.withheld is None)


@fail_closed
def _decide_first(passage: RequestContext | None, *, is_early: bool) -> Any:
    here = this_request()
    may_stop = is_stopped(here)
    try:
        with look_at(here):
            passage = passage or _begin(may_stop=may_stop)
            passage.is_early = is_early
            answer = _answer_first(passage) if may_stop else _answer_file(passage)
    except HostCallbackFailed:
        if not is_early:
            raise
        # The loader may need what the host's own preprocessors find in the address: the first hook asks it again.
        return None
    passage.stage = max(passage.stage, Stage.OPEN)
    return answer


def _begin(*, may_stop: bool) -> RequestContext:
    """What is not stopped is not looked at either."""
    state = current_state()
    state.host.identity.load_anew()
    if not may_stop:
        return begin_context(state, before={})
    passage = begin_context(state, before=session_snapshot.take(contents_here()))
    after_this_request(closing(passage))
    return passage


def _answer_file(passage: RequestContext) -> Any:
    show_when_asked(passage)
    return _answer_own(passage) if is_own(request.endpoint) else None


def _answer_first(passage: RequestContext) -> Any:
    state, is_ours = passage.state, is_own(passage.request.endpoint)
    if is_ours and is_for_programs(passage.request.endpoint):
        state.host.identity.hide_for_now()
        return _answer_own(passage)
    passage.look_up()
    if is_ours:
        if passage.session is None and request.method == "GET":
            _meet(passage)
        state.host.identity.hide_for_now()
        return _answer_own(passage)
    if passage.session is not None and passage.session.is_pending:
        return _hold_pending(passage, passage.session)
    if state.settings.decide != "first":
        return None
    answer = admit(passage)
    if answer is None and passage.user_key is not None:
        # SECURITY: the loader may go by what the hooks find, such as a tenant; whom it named before is nobody there.
        passage.lent, passage.surroundings = state.host.identity.leave_to_host(), surroundings()
    return answer


@fail_closed
def before_view() -> Answer:
    """The second hook, directly before the view: an identity that the host's hooks made since is parked here."""
    here = this_request()
    with look_at(here):
        return _look_before_view(here)


def _look_before_view(here: Request) -> Answer:
    passage = context_of(here)
    # SECURITY: whatever kept the first hook from running, nothing continues without a decision.
    if passage is None or passage.stage < Stage.OPEN:
        answer = open_request()
        passage = context_of(here)
        if answer is not None or passage is None:
            return answer or refused(MFAGateError(UNAVAILABLE))
    if is_own(here.endpoint) or not is_stopped(here) or not _is_last_look(passage):
        return None
    is_pending = passage.session is not None and passage.session.is_pending
    if passage.state.settings.decide == "last" and (not is_pending or passage.may_go_on):
        answer = _go_on(passage) if is_pending else admit(passage)
        if answer is not None:
            return answer
    elif (answer := _catch_hook_identity(passage)) is not None:
        return answer
    # SECURITY: a mark wants somebody who is in, whatever the view is called, and whatever let the request come so far.
    if passage.user_key is None and marks_here().wants_identity:
        return answers.refuse_stranger(passage)
    if here.routing_exception is None:
        passage.stage = Stage.IN_VIEW
    return None


def _is_last_look(passage: RequestContext) -> bool:
    """The hook is last in the app's list and in that of each blueprint; only the last of them is before the view."""
    passage.looks += 1
    # SECURITY: counted by what came in; after a forward into another blueprint the last look would never come, nor in
    # a blueprint that was registered after the first request, among whose hooks this one is not.
    hooks = current_app.before_request_funcs
    return passage.looks == sum(before_view in hooks.get(name, ()) for name in (None, *passage.blueprints))


def _answer_own(passage: RequestContext) -> Any:
    """The host's hooks, which may want a sign-in or a token of their own, keep nobody from a page of the gate."""
    _run_hooks_unseen(passage)
    view, values = current_app.view_functions[request.endpoint or ""], without_place(request.view_args)
    try:
        # SECURITY: no id or file has such a name, and a NUL would break a statement on PostgreSQL.
        if not all(str(value).isprintable() for value in values.values()):
            raise NotFound
        return current_app.ensure_sync(view)(**values)
    except HTTPException as error:
        return answers.http_problem(passage, error)


def _hold_pending(passage: RequestContext, pending: GateSession) -> Answer:
    """Answered from the row alone: the host is not asked who this is."""
    passage.state.host.identity.hide()
    passage.is_decided = True
    if _is_open_while_pending(passage, pending):
        return None
    assert passage.standing is not None  # noqa: S101 - the row came with it
    authorizer = RequestAuthorizer(passage)
    authorizer.refresh_risk()
    passage.verdict = authorizer.now()
    passage.may_go_on = passage.verdict.ask is Ask.PASS
    if not passage.may_go_on:
        return answers.stop(passage, passage.verdict, passage.client)
    return _go_on(passage) if passage.state.settings.decide == "first" else None


def _go_on(passage: RequestContext) -> Answer:
    """Nothing is asked any more of what was parked: this request continues with it."""
    answer = resume(passage)
    return admit(passage) if answer is None else answer


def _is_open_while_pending(passage: RequestContext, pending: GateSession) -> bool:
    """Whether the view runs, for nobody: exempt ones, sign-out, and the view that signed in, to do so again."""
    marks = marks_here()
    is_waived = request.endpoint == pending.parked_endpoint or waiver_here(passage.state.settings, marks) is not None
    # A marked view is none of these, whatever it is called: it leads to the next step.
    return is_waived and not marks.wants_identity


def _meet(passage: RequestContext) -> None:
    """Somebody in the host's session whom the gate has no sign-in of comes to a page of the gate.

    The host's login would send him straight back, as one who is signed in. A loader that needs the host's own hooks
    fails here and finds nobody; the next page of the app itself does.
    """
    try:
        user = load_identity(passage.state.host.identity)
    except HostCallbackFailed:
        return
    key = key_of(user, passage.state.host.user_key) if user is not None else None
    if key is None or is_made_by_token(request, passage.state, key) is not False:
        return
    if bind(passage, user, key):
        meet(passage, user, key, RequestAuthorizer(passage, user).here(NO_MARKS))
    else:
        turn_away(passage, key)


def _catch_hook_identity(passage: RequestContext) -> Answer:
    """An identity that a hook of the host made after the decision, or a request that it made another one."""
    if passage.lent is not None and passage.surroundings == surroundings():
        passage.state.host.identity.take_back(passage.lent)
    user = load_identity(passage.state.host.identity)
    key = key_of(user, passage.state.host.user_key) if user is not None else None
    if key == passage.user_key:
        is_judged = key is None or _is_as_judged(passage, user)
        return None if is_judged else judge_user(passage, user, str(key), marks_here())
    if user is None or key is None:
        end_sign_in(passage)
        passage.user_key = None
        return None
    if contents_here() == passage.before:
        return _meet_at_hook(passage, user, key)
    # SECURITY: a hook that makes a session of a cookie each time would bring back whom a revocation has put out.
    if _comes_back(passage, user, key):
        return turn_away(passage, key)
    try:
        answer = intercept(passage, user, key, None, sign_in=SignIn.SESSION)
    except Throttled as refusal:
        # Nobody is signed in any more, and an exempt view is not stopped by that.
        answer = refused(refusal)
    if answer is None:
        return judge_user(passage, user, key, marks_here())
    return None if is_open_here(passage.state.settings) else answer


def _comes_back(passage: RequestContext, user: Any, key: str) -> bool:
    """Whether what a hook signs in by was revoked, where no living row stands behind it."""
    state, live = passage.state, passage.session
    if live is not None and live.user_key == key:
        return False
    alone = replace(passage, session=None, standing=state.sign_in.revocations.standing(key))
    return is_revoked(alone, key, state.host.stamper.stamps(user, key))


def _is_as_judged(passage: RequestContext, user: Any) -> bool:
    # SECURITY: a hook that overrides the method or forwards must not reach what was not judged, nor may a loader that
    # goes by the hooks show another user with the same key.
    is_same_user = passage.lent is None or user is passage.lent
    return is_same_user and passage.opened == (passage.request.endpoint, passage.request.method)


def _meet_at_hook(passage: RequestContext, user: Any, key: str) -> Answer:
    """Somebody whom a hook shows at each request, such as a proxy's user or the owner of an API key."""
    if passage.session is not None and passage.session.is_pending:
        passage.state.host.identity.hide_for_now()
        return None
    # Whether a token made it can't be told: the hook can't be asked without one.
    passage.found_nobody, passage.may_be_token = False, carries_token(request, passage.state.settings)
    return judge_user(passage, user, key, marks_here())

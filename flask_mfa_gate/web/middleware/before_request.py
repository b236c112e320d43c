"""The gate at every request: decide before the host's hooks, look again before the view, compare after it."""

from __future__ import annotations

from typing import Any

from flask import Flask, Response, current_app, request
from flask.ctx import RequestContext as FlaskContext
from werkzeug.exceptions import HTTPException, NotFound

from ...domain.authorization.decision import Ask
from ...domain.sign_in.session import GateSession
from ...domain.view_protection import NO_PROTECTION
from ...errors import HostCallbackFailed, MFAGateError
from ...services.people.user_objects import key_of
from ..authorization.authorizer import RequestAuthorizer
from ..endpoints import is_for_programs, is_own, is_provider
from ..fail_closed import UNAVAILABLE, fail_closed, refused
from ..host import session_snapshot
from ..host.surroundings import surroundings
from ..host.tokens import is_made_by_token
from ..request_context import RequestContext, Stage, begin_context, context_of
from ..request_notes import flask_context
from ..responses import answers
from ..responses.host_names import without_place
from ..sessions.revoked import turn_away
from ..sessions.shown_user import drop_session_of_another, shown_user
from ..view_marks.protection import is_stopped, look_at, marks_at, marks_here, waiver_here
from .access_tokens import admit_by_token, come_by_token, find_token
from .admission import admit, bind, is_let_in
from .after_request import Closing
from .enforcement import meet
from .hook_identity import catch_hook_identity
from .host_hooks import run_unseen
from .resuming import resume
from .websockets import BEGINNINGS, guard_outside_hooks, is_heard

Answer = Response | None


@fail_closed
def open_request() -> Any:
    """The first hook: own pages are answered here; other requests are decided here unless the host wants it later.

    It is the only one where the host has none: nothing happens then between it and the view.
    """
    here = flask_context.get()
    context = context_of(here.request)
    if context is None or context.stage < Stage.OPEN:
        if not is_stopped(here.app, here.request):
            return _open_file(here)
        answer = _look_first(here, context)
        if answer is not None:
            return answer
        context = context_of(here.request)
    return _enter_view(here, context) if _is_alone(here.app) else None


@fail_closed
def look_early() -> Any:
    """Before the host's preprocessors, where it has any: the same, unless its loader needs what they find."""
    here = flask_context.get()
    if not is_stopped(here.app, here.request):
        return _open_file(here, is_early=True)
    return _look_first(here, None, is_early=True)


def _is_alone(app: Flask) -> bool:
    """Whether the first hook is the only one, so that it leads straight to the view."""
    hooks = app.before_request_funcs
    if hooks == _ALONE:
        return True
    # SECURITY: hooks that came after the first request may name somebody. Flask is going through these very lists.
    if before_view not in hooks[None]:
        for name in (None, *app.blueprints):
            hooks.setdefault(name, []).append(before_view)
    return False


def _open_file(here: FlaskContext, *, is_early: bool = False) -> Any:
    """What is not stopped is not looked at either, until the host asks who this is."""
    context = begin_context(here, before={})
    context.stage, context.is_early = Stage.OPEN, is_early
    context.state.host.identity.show_when_asked(is_let_in)
    if not context.blueprints or not is_own(context.opened[0]):
        return None
    answer = _answer_own(context)
    context.stage = Stage.ANSWERED
    return answer


def _look_first(here: FlaskContext, context: RequestContext | None, *, is_early: bool = False) -> Any:
    """The first look at a request, which may answer it."""
    answer = look_at(here.request, _decide_first, here, context, is_early)
    if answer is not None and (context := context_of(here.request)) is not None:
        _run_hooks_unseen(context)
        context.stage = Stage.ANSWERED
    return answer


def _run_hooks_unseen(context: RequestContext) -> None:
    """Once a request, where the gate answers before the host's hooks."""
    if context.has_run_hooks:
        return
    context.has_run_hooks = True
    run_unseen(context.state, with_preprocessors=context.is_early, keeps_session=context.withheld is None)


@fail_closed
def _decide_first(here: FlaskContext, context: RequestContext | None, is_early: bool) -> Any:
    try:
        context = context or _begin(here)
        context.is_early = is_early
        answer = _answer_first(here, context)
    except HostCallbackFailed:
        if not is_early:
            raise
        # The loader may need what the host's own preprocessors find in the address: the first hook asks it again.
        return None
    if context.stage < Stage.OPEN:
        context.stage = Stage.OPEN
    return answer


def _begin(here: FlaskContext) -> RequestContext:
    if not is_heard(here.app):
        # A login manager that the first request did not find.
        here.app.extensions[BEGINNINGS].watch(here.app)
        guard_outside_hooks(here.app)
    context = begin_context(here, before=session_snapshot.take(here.session))
    context.state.host.identity.load_anew()
    context.is_to_close = True
    here._after_request_functions.append(Closing(context).close)
    return context


def _answer_first(here: FlaskContext, context: RequestContext) -> Any:
    state, endpoint = context.state, context.opened[0]
    is_ours = bool(context.blueprints) and is_own(endpoint)
    if is_ours and is_for_programs(endpoint):
        state.host.identity.hide_for_now()
        return _answer_own(context)
    if not is_ours and state.oidc is not None and (token := find_token(context)) is not None:
        come_by_token(context, token)
        return admit_by_token(context, token) if state.settings.decide == "first" else None
    context.look_up()
    if is_ours:
        drop_session_of_another(context)
        if context.session is None and request.method == "GET":
            _meet(context)
        state.host.identity.hide_for_now()
        return _answer_own(context)
    if context.session is not None and context.session.is_pending:
        return _hold_pending(context, context.session)
    if state.settings.decide != "first":
        return None
    # The short road of most visits. A marked view wants somebody all the same, and is refused before it runs.
    if not context.has_dead_id and context.session is None and state.host.identity.can_name_nobody(here):
        context.is_nobodys = context.is_decided = True
        return None
    answer = admit(context)
    if answer is None and context.user_key is not None and before_view in here.app.before_request_funcs[None]:
        # SECURITY: the loader may go by what the hooks find, such as a tenant; whom it named before is nobody there.
        context.lent, context.surroundings = state.host.identity.leave_to_host(), surroundings()
    return answer


@fail_closed
def before_view() -> Answer:
    """The second hook, directly before the view: an identity that the host's hooks made since is parked here."""
    here = flask_context.get()
    return look_at(here.request, _look_before_view, here)


def _look_before_view(here: FlaskContext) -> Answer:
    this = here.request
    context = context_of(this)
    # SECURITY: whatever kept the first hook from running, nothing continues without a decision.
    if context is None or context.stage < Stage.OPEN:
        answer = open_request()
        context = context_of(this)
        if answer is not None or context is None:
            return answer or refused(MFAGateError(UNAVAILABLE))
    if is_own(this.endpoint) or not is_stopped(here.app, this) or not _is_last_look(here.app, context):
        return None
    is_pending = context.session is not None and context.session.is_pending
    if context.state.settings.decide == "last" and (not is_pending or context.may_go_on):
        answer = _go_on(context) if is_pending else _admit_late(context)
    else:
        answer = catch_hook_identity(context)
    return _enter_view(here, context) if answer is None else answer


def _admit_late(context: RequestContext) -> Answer:
    token = context.token_grant
    return admit(context) if token is None else admit_by_token(context, token)


def _enter_view(here: FlaskContext, context: RequestContext | None) -> Answer:
    """The view runs next."""
    if context is None:
        return refused(MFAGateError(UNAVAILABLE))
    # SECURITY: a mark wants somebody who is in, whatever the view is called, and whatever let the request come so far.
    if context.user_key is None:
        marks = marks_at(here.app, here.request.endpoint)
        if marks is not NO_PROTECTION and marks.wants_identity:
            return answers.refuse_anonymous(context)
    if here.request.routing_exception is None:
        context.stage = Stage.IN_VIEW
    return None


def _is_last_look(app: Flask, context: RequestContext) -> bool:
    """The hook is last in the app's list and in that of each blueprint; only the last of them is before the view."""
    context.looks += 1
    # SECURITY: counted by what came in; after a forward into another blueprint the last look would never come, nor in
    # a blueprint that was registered after the first request, among whose hooks this one is not.
    hooks = app.before_request_funcs
    return context.looks == sum(before_view in hooks.get(name, ()) for name in (None, *context.blueprints))


def _answer_own(context: RequestContext) -> Any:
    """The host's hooks, which may want a sign-in or a token of their own, keep nobody from a page of the gate."""
    _run_hooks_unseen(context)
    view, values = current_app.view_functions[request.endpoint or ""], without_place(request.view_args)
    try:
        # SECURITY: no id or file has such a name, and a NUL would break a statement on PostgreSQL.
        if not all(str(value).isprintable() for value in values.values()):
            raise NotFound
        return current_app.ensure_sync(view)(**values)
    except HTTPException as error:
        return answers.http_problem(context, error)


def _hold_pending(context: RequestContext, pending: GateSession) -> Answer:
    """Answered from the row alone: the host is not asked who this is."""
    context.state.host.identity.hide()
    context.before, context.is_decided = session_snapshot.take(context.here.session), True
    if _is_open_while_pending(context, pending):
        return None
    assert context.enrollment is not None  # noqa: S101 - the row came with it
    authorizer = RequestAuthorizer(context)
    authorizer.refresh_risk()
    context.decision = authorizer.now()
    context.may_go_on = context.decision.ask is Ask.PASS
    if not context.may_go_on:
        return answers.stop(context, context.decision, context.client)
    return _go_on(context) if context.state.settings.decide == "first" else None


def _go_on(context: RequestContext) -> Answer:
    """Nothing is asked any more of what was parked: this request continues with it."""
    answer = resume(context)
    return admit(context) if answer is None else answer


def _is_open_while_pending(context: RequestContext, pending: GateSession) -> bool:
    """Whether the view runs, for nobody: exempt ones, sign-out, and the view that signed in, to do so again."""
    marks = marks_here()
    is_waived = request.endpoint == pending.parked_endpoint or waiver_here(context.state.settings, marks) is not None
    # A marked view is none of these, whatever it is called: it leads to the next step.
    return is_waived and not marks.wants_identity


def _meet(context: RequestContext) -> None:
    """Somebody in the host's session whom the gate has no sign-in of comes to a page of the gate.

    The host's login would send them straight back, as one who is signed in. A loader that needs the host's own hooks
    fails here and finds nobody; the next page of the app itself does. An authorization request has no such next page.
    """
    is_late = context.state.settings.decide == "last" and is_provider(context.opened[0])
    # SECURITY: what names somebody without a cookie, the hooks don't see at pages of the gate; they may sign in by it.
    is_late = is_late and bool(request.cookies)
    try:
        user = shown_user(context.state, after_hooks=True) if is_late else context.state.host.identity.load()
    except HostCallbackFailed:
        return
    key = key_of(user, context.state.host.user_key) if user is not None else None
    if key is None or (context.carries_token and is_made_by_token(request, context.state, key) is not False):
        return
    if bind(context, user, key):
        meet(context, user, key, RequestAuthorizer(context, user).here(NO_PROTECTION))
    else:
        turn_away(context, key)


_ALONE = {None: [open_request]}

"""The third step of a request: who is signed in now, who was when the view began?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from flask import Flask, Response, request, session

from ...domain.sign_in.assurance import SignIn
from ...errors import HostCallbackFailed
from ...services.people.user_objects import key_of
from ..client import SAFE_METHODS, is_foreign
from ..endpoints import is_own
from ..fail_closed import fail_closed
from ..host import remember, session_snapshot
from ..host.asking import changes_cookies
from ..host.source import lasting_identity
from ..request_context import RequestContext, Stage, context_of, current_context
from ..request_notes import ONLY_HERE, UNCACHED, Left, flask_context
from ..responses import answers, files
from ..sessions.companion import send_companion
from ..sessions.own_change import note_own_change
from ..sessions.withholding import give_back
from ..skipped_steps import refuse_skipped
from ..view_marks.protection import is_way_out_here, look_at
from .admission import admit
from .hook_identity import comes_back
from .impersonated import begin_impersonation, keep_mark, remember_nobody
from .pending_sign_in import end_sign_in, intercept, renew
from .unseen_identity import note_unasked, note_unseen
from .view_guard import look_after_view

_TURNS_GIVEN_UP = 3
# What shared caches go by before they look at Cache-Control: RFC 9213, Edge Architecture, nginx.
_OUTRANKING = ("CDN-Cache-Control", "Surrogate-Control", "X-Accel-Expires")
_FIRST_STEPS = frozenset({SignIn.PASSWORD, SignIn.FEDERATED})


@dataclass(slots=True, eq=False)
class Closing:
    """The third step. It goes to the end of the line, so as to come after the view's callbacks and those they add."""

    context: RequestContext
    turns: int = 0

    def close(self, response: Response) -> Response:
        """Compare, once nothing comes after this."""
        context = self.context
        context.is_to_close = False
        if context.stage is Stage.IN_VIEW:
            context.stage = Stage.AFTER_VIEW
        self.turns += 1
        to_come = context.here._after_request_functions
        if self.turns <= _TURNS_GIVEN_UP and to_come[-1:] != [self.close]:
            to_come.append(self.close)
            return response
        return look_at(context.request, _end_view, context, response)


def _end_view(context: RequestContext, response: Response) -> Response:
    if ONLY_HERE in context.request.environ and session.get(remember.ORDER) == "clear":
        session.pop(remember.ORDER)
    # Also where a hook of the host's forwards to one; no view of the host's has run then.
    is_own_page = context.stage < Stage.IN_VIEW and is_own(context.request.endpoint)
    answer: Response = response if is_own_page else _close(context, response)
    if context.impersonation is not None:
        remember_nobody(context)
    contents = session_snapshot.take(context.here.session)
    if _may_be_remembered(context, contents):
        send_companion(context, answer)
    answer = context.sign(answer)
    if not is_own_page:
        context.left = Left(contents, list(answer.headers))
    return answer


def _may_be_remembered(context: RequestContext, contents: Mapping[str, Any]) -> bool:
    """Whether the host's remember cookie may leave or go with this answer, or was left behind by a revocation."""
    if context.is_over or remember.ORDER in contents:
        return True
    enrollment, config = context.enrollment, context.here.app.config
    return enrollment is not None and (enrollment.revocations > 0 or bool(config.get(remember.EACH_REQUEST)))


def look_once_more(response: Response) -> Response:
    """Directly before the session is written: callbacks of callbacks, and ``after_request`` functions, are over too."""
    context = context_of(flask_context.get().request)
    # SECURITY: where the app's own class leaves out a step, nobody was judged, or a sign-in was not seen.
    if context is None or context.is_to_close:
        return refuse_skipped()
    if context.left is not None:
        response = look_at(context.request, _compare_once_more, context, context.left, response)
    if context.withheld is not None and context.token is None:
        look_at(context.request, give_back, context.withheld, response)
    if context.opened[0] == files.ENDPOINT:
        session_snapshot.overlook()
    # SECURITY: apps say of every answer that caches may keep it; a key or an id in it would reach the next one.
    if context.token is not None or UNCACHED in context.request.environ:
        response.headers["Cache-Control"] = "no-store"
        for name in _OUTRANKING:
            response.headers.pop(name, None)
    return response


@fail_closed
def _compare_once_more(context: RequestContext, left: Left, response: Response) -> Response:
    contents, headers = dict(context.here.session.items()), list(response.headers)
    has_cookies_of_left = headers == left.headers or _cookies_in(headers) == _cookies_in(left.headers)
    if contents == left.contents and has_cookies_of_left:
        return response
    context.before, context.signs_in, carried = left.contents, False, context.carried
    answer = _compare(context, response)
    return answer if answer is response and context.carried == carried else context.sign(answer)


@fail_closed
def _close(context: RequestContext, response: Response) -> Response:
    # Where the gate answered by itself no code of the host's ran that could have signed anybody in or out.
    if context.stage is Stage.ANSWERED:
        return response
    if not context.is_decided and (stopped := _decide_unreached(context)) is not None:
        return _in_place_of(response, stopped)
    before, answer = context.session, _compare(context, response)
    is_same = before is not None and before.is_pending and context.session is before
    if is_same and is_way_out_here(context.state.settings):
        # A view for the signed-in only has not run, and a remember cookie would bring the user back.
        context.state.host.identity.sign_out()
        return _end_session(context, answer)
    return answer


def _decide_unreached(context: RequestContext) -> Response | None:
    """A hook of the host answered or failed before the decision had its turn: what came in is judged all the same.

    :returns: the refusal in place of the hook's answer; None to go on.
    """
    changed = session_snapshot.difference(context.before, session)
    if changed:
        session_snapshot.take_out(session, context.before, changed)
        context.state.host.identity.load_anew()
    try:
        answer = admit(context)
    except HostCallbackFailed:
        # A loader that fails here has shown nobody to the hook either.
        answer = None
    if answer is None:
        session.update(changed)
    return answer


def _has_changed(context: RequestContext, before: Mapping[str, Any], response: Response) -> bool:
    """Whether the browser comes back with another session than this, or with other cookies than it sent."""
    if dict(context.here.session.items()) != before:
        return True
    is_set = False
    for name, _value in response.headers:
        is_set = is_set or name.lower() == "set-cookie"
    return is_set and changes_cookies(response)


def _cookies_in(headers: Iterable[tuple[str, str]]) -> list[str]:
    return [value for name, value in headers if name.lower() == "set-cookie"]


def _compare(context: RequestContext, response: Response) -> Response:
    """Who is signed in now, who was when the view began?"""
    is_changed = _has_changed(context, context.before, response)
    # A host with a table of its own sessions may sign in a browser that keeps its cookies.
    is_nobodys = context.user_key is None and context.request.method not in SAFE_METHODS
    is_changed = is_changed or (is_nobodys and context.has_reached_view and bool(context.request.cookies))
    if not context.is_decided and not is_changed:
        return response
    if not is_changed and not context.signs_in:
        return _as_before(context, response, is_changed=False)
    # What such a request wrote into the session is nobody's, unless it signed somebody in.
    if context.access is not None and not context.signs_in and not context.state.host.identity.is_from_session():
        return response
    try:
        user = lasting_identity(context.state.host.identity, context.before, response)
        key = key_of(user, context.state.host.user_key) if user is not None else None
    except Exception:
        # SECURITY: an identity that can't be named leaves the session again, or it would pass unseen.
        session_snapshot.take_out(session, context.before, session_snapshot.difference(context.before, session))
        raise
    # SECURITY: a view that signs in whom somebody acts as has seen no password of theirs.
    is_acting = context.impersonation is not None and context.declared is None
    if key == context.user_key and (key is None or is_acting or not context.signs_in):
        return _as_before(context, response, is_changed=is_changed)
    if user is None or key is None:
        return _end_session(context, response)
    if context.declared is not None and key == context.declared.subject_key:
        return _in_place_of(response, begin_impersonation(context, user, key))
    if context.is_token and not context.state.host.identity.is_from_session():
        return response
    sign_in = _kind_of_login(context, key)
    is_own = context.impersonation is None and key == context.user_key
    if is_own and sign_in in _FIRST_STEPS and renew(context, user, key):
        return response
    # SECURITY: a view that makes a session of another cookie of the host's would bring back whom a revocation put out.
    if sign_in is SignIn.REMEMBER_ME and comes_back(context, user, key):
        return _in_place_of(response, _keep_out(context))
    return _in_place_of(response, intercept(context, user, key, response, sign_in=sign_in))


def _keep_out(context: RequestContext) -> Response:
    session_snapshot.take_out(session, context.before, session_snapshot.difference(context.before, session))
    context.state.host.identity.hide_for_now()
    return answers.refuse_anonymous(context)


def _as_before(context: RequestContext, response: Response, *, is_changed: bool) -> Response:
    """The browser keeps the identity that it came with, if any; the view may have run for another one all the same."""
    live = context.session
    if context.impersonation is not None:
        keep_mark(context)
    if context.user_key is None:
        note_unseen(context, response, is_changed=is_changed)
    # SECURITY: anyone who comes back after a request of nobody's is a new sign-in, also where no view made the change.
    if context.found_nobody and context.user_key is None and live is not None and not is_foreign(request):
        end_sign_in(context)
    # Where the host has asked for nobody, or still shows whom the gate let in, nobody came in past it.
    is_known = context.judged is not None if context.user_key is not None else context.is_nobodys and not is_changed
    is_as_seen = is_known and context.state.host.identity.still_shows(context.judged)
    answer = None if is_as_seen else look_after_view(context)
    # SECURITY: a request that only reads has changed nothing, even if the password changed while it was open.
    if answer is None and context.request.method not in SAFE_METHODS:
        answer = note_own_change(context)
    return response if answer is None else _in_place_of(response, answer)


def _in_place_of(response: Response, answer: Response | None) -> Response:
    if answer is None:
        return response
    response.close()
    return answer


def _kind_of_login(context: RequestContext, key: str) -> SignIn:
    """What stands behind the identity that this request leaves in the session."""
    if not context.has_reached_view:
        return SignIn.SESSION
    # SECURITY: a view that makes a session of a token has seen no password, also where HTTP Basic stands beside it.
    if context.may_be_token and key == context.user_key:
        return SignIn.TOKEN
    # SECURITY: nor has one that changed something else while a hook showed another user than the cookies name.
    if context.user_key not in {None, key} and _came_with(context, key):
        return SignIn.SESSION
    if context.upstream_of(key) is not None:
        return SignIn.FEDERATED
    # SECURITY: nor has one that says itself that this user was only remembered.
    if not context.state.host.identity.is_fresh():
        return SignIn.REMEMBER_ME
    if not context.state.host.traits.tells_fresh:
        note_unasked(context)
    return SignIn.PASSWORD


def _came_with(context: RequestContext, key: str) -> bool:
    """Whether the request names this user as it came in."""
    identity = context.state.host.identity
    try:
        user = identity.load_with(request.environ, context.before)
        return user is not None and key_of(user, context.state.host.user_key) == key
    except Exception:  # noqa: BLE001 - the host's loader may raise anything; then nothing speaks for a password
        return True


def note_login(app: Flask, **_: Any) -> None:
    """The host's ``login_user`` or ``confirm_login`` ran. In a view that is a sign-in, also of who is in already."""
    context = current_context()
    # SECURITY: hooks run at each request, also a stolen one, and may name again whom the session names.
    if context is None or context.stage is not Stage.IN_VIEW:
        return
    if context.state.host.identity.is_fresh():
        context.signs_in = True


def _end_session(context: RequestContext, response: Response) -> Response:
    """The host signed somebody out."""
    end_sign_in(context)
    return response

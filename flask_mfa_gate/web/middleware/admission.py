"""Whether a user may go on with this request: judged, let in, or stopped."""

from __future__ import annotations

import logging
from typing import Any

from flask import Response, request

from ...domain.authorization.decision import Ask, Decision
from ...domain.marks import NO_MARKS, Marks
from ...domain.sign_in.session import IDLE_MARK_INTERVAL
from ...services.people.persons import key_of
from ..authorization.authorizer import RequestAuthorizer
from ..host.passwords import carries_password
from ..host.source import load_identity
from ..host.tokens import is_made_by_token, is_token_enough
from ..request_context import RequestContext
from ..sessions.binding import bind
from ..sessions.revoked import meet_nobody, turn_away
from ..view_marks.protection import marks_here
from .enforcement import stop_request
from .pending_sign_in import start_clock

log = logging.getLogger("flask_mfa_gate")
Answer = Response | None


def admit(passage: RequestContext) -> Answer:
    """Ask the host who this is, and judge them; nobody is let through to what nobody may see."""
    user = load_identity(passage.state.host.identity)
    passage.is_decided = True
    if user is None:
        passage.found_nobody = passage.session is not None and not passage.session.is_superseded
        return meet_nobody(passage)
    key = key_of(user, passage.state.host.user_key)
    by_token = is_made_by_token(passage.request, passage.state, key)
    passage.is_token, passage.may_be_token = by_token is True, by_token is not False
    return judge_user(passage, user, key, marks_here())


def judge_user(passage: RequestContext, user: Any, key: str, marks: Marks) -> Answer:
    """Let the request through, or stop it; a sign-in with a password that was changed is nobody's any more."""
    if not bind(passage, user, key):
        return turn_away(passage, key)
    verdict = RequestAuthorizer(passage, user).here(marks)
    passage.verdict = verdict
    if verdict.ask is not Ask.PASS and not _is_lifted(passage, verdict, key):
        return stop_request(passage, user, key, verdict, marks)
    passage.user_key, passage.settled = key, marks
    start_clock(passage, user, key)
    _mark_seen(passage)
    return None


def _is_lifted(passage: RequestContext, verdict: Decision, key: str) -> bool:
    """Whether the host exempts tokens from what is demanded."""
    state = passage.state
    if not passage.is_token or state.settings.tokens != "exempt":
        return False
    # SECURITY: a refusal stops tokens in every mode, and a name and password are none, whatever scheme they come by.
    if verdict.ask in {Ask.DENY, Ask.LOCKED} or carries_password(request, state.settings):
        return False
    return is_token_enough(request, state, key)


def _mark_seen(passage: RequestContext) -> None:
    live, now = passage.session, passage.state.clock()
    if live is not None and not live.is_superseded and now - live.seen_at >= IDLE_MARK_INTERVAL:
        passage.state.sign_in.sessions.touch(live)


def show_when_asked(passage: RequestContext) -> None:
    """Neither session nor store is looked at before the host asks who this is, such as a hook that guards files."""
    passage.state.host.identity.show_when_asked(lambda user: _is_let_in(passage, user))


def _is_let_in(passage: RequestContext, user: Any) -> bool:
    """Whether the app would let this user in with what this browser has proved."""
    try:
        passage.look_up()
        if passage.has_dead_id or (passage.session is not None and passage.session.is_pending):
            return False
        key = key_of(user, passage.state.host.user_key)
        return bind(passage, user, key) and RequestAuthorizer(passage, user).here(NO_MARKS).ask is Ask.PASS
    except Exception:
        # SECURITY: whatever goes wrong, the file is served as to nobody.
        log.exception("the gate could not tell whether a user may be shown, and showed nobody")
        return False

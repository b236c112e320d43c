"""Whether a user may go on with this request: judged, let in, or stopped."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from flask import Response, request

from ...domain.authorization.decision import Ask, Decision
from ...domain.marks import NO_MARKS, Marks
from ...domain.sign_in.session import IDLE_MARK_INTERVAL, GateSession
from ...services.people.persons import key_of
from ..authorization.authorizer import RequestAuthorizer
from ..client import origin_of
from ..host.passwords import carries_password
from ..host.tokens import is_made_by_token, is_token_enough
from ..request_context import RequestContext, current_context
from ..sessions.revoked import is_revoked, meet_nobody, turn_away
from ..view_marks.protection import marks_at
from .enforcement import stop_request
from .pending_sign_in import start_clock

log = logging.getLogger("flask_mfa_gate")
Answer = Response | None


def admit(passage: RequestContext) -> Answer:
    """Ask the host who this is, and judge them; nobody is let through to what nobody may see."""
    user = passage.state.host.identity.load()
    passage.is_decided = True
    if user is None:
        passage.found_nobody = passage.session is not None and not passage.session.is_superseded
        return meet_nobody(passage) if passage.has_dead_id else None
    key = key_of(user, passage.state.host.user_key)
    by_token = passage.carries_token and is_made_by_token(passage.request, passage.state, key)
    passage.is_token, passage.may_be_token = by_token is True, by_token is not False
    return judge_user(passage, user, key, marks_at(passage.here.app, passage.request.endpoint))


def judge_user(passage: RequestContext, user: Any, key: str, marks: Marks) -> Answer:
    """Let the request through, or stop it; a sign-in with a password that was changed is nobody's any more."""
    if not bind(passage, user, key):
        return turn_away(passage, key)
    verdict = RequestAuthorizer(passage, user).here(marks)
    passage.verdict = verdict
    if verdict.ask is not Ask.PASS and not _is_lifted(passage, verdict, key):
        return stop_request(passage, user, key, verdict, marks)
    passage.user_key, passage.judged, passage.settled = key, user, marks
    if passage.standing is not None and passage.standing.waiting_days is not None:
        start_clock(passage, user, key)
    _mark_seen(passage)
    return None


def bind(passage: RequestContext, user: Any, key: str) -> bool:
    """A session counts only for the user it was proved by; False when what came with this request was revoked."""
    state, stamps = passage.state, passage.state.host.stamper.stamps(user, key)
    # SECURITY: proof of one user is none of another, whatever pair of cookies a client puts together.
    if passage.session is not None and passage.session.user_key != key:
        passage.session = passage.standing = None
    if passage.session is not None and passage.session.stamp is None and stamps:
        _take_first_password(passage, passage.session, stamps)
    live = passage.session
    # SECURITY: a session that rests on the old password ends with it, also where no second factor is asked of them.
    if live is not None and live.stamp is not None and live.stamp not in stamps:
        state.sign_in.revocations.note_changed_password(key, stamps, origin=origin_of(request))
        passage.leave()
        passage.standing = None
    if passage.standing is None or passage.standing.user_key != key:
        passage.standing = state.sign_in.revocations.standing(key)
    return passage.session is not None or passage.is_token or not is_revoked(passage, key, stamps)


def _take_first_password(passage: RequestContext, live: GateSession, stamps: Sequence[str]) -> None:
    """A user who came without a password, by an upstream perhaps, has set one since."""
    # SECURITY: or no change of it would ever end this session.
    stamped = passage.state.sign_in.revocations.note_first_password(live, stamps)
    if stamped is None:
        passage.leave()
        passage.standing = None
    else:
        passage.session = stamped


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
    if live is not None and now - live.seen_at >= IDLE_MARK_INTERVAL and not live.is_superseded:
        passage.state.sign_in.sessions.touch(live)


def is_let_in(user: Any) -> bool:
    """Whether the app would let this user in with what this browser has proved.

    Neither session nor store is looked at before the host asks who this is, such as a hook that guards files.
    """
    try:
        passage = current_context()
        if passage is None:
            return False
        passage.look_up()
        if passage.has_dead_id or (passage.session is not None and passage.session.is_pending):
            return False
        key = key_of(user, passage.state.host.user_key)
        return bind(passage, user, key) and RequestAuthorizer(passage, user).here(NO_MARKS).ask is Ask.PASS
    except Exception:
        # SECURITY: whatever goes wrong, the file is served as to nobody.
        log.exception("the gate could not tell whether a user may be shown, and showed nobody")
        return False

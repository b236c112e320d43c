"""An identity that a decorator of the host makes after every hook, and that is gone with its request."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from flask import Response, request

from ...domain.authorization.decision import Ask
from ...domain.marks import Marks
from ...services.observations import Observation
from ...services.people.persons import key_of
from ..authorization.authorizer import RequestAuthorizer
from ..client import carries_token
from ..host.source import load_identity
from ..passage import Passage
from ..responses import answers
from ..sessions.revoked import is_revoked
from ..view_marks.protection import marks_here

Answer = Response | None


def ensure(passage: Passage, user: Any, key: str | None, marks: Marks) -> Answer:
    """Judge whoever is shown now, who is another than the hooks saw.

    :returns: the answer to give in place of the view's; None to go on.
    """
    if user is None or key is None:
        return answers.refuse_stranger(passage)
    answer = _judge(passage, user, key, marks)
    passage.ensured_key = key if answer is None else None
    return answer


def look_after_view(passage: Passage) -> Answer:
    """The answer in place of that of a view which ran for somebody whom nobody judged before; None for all others."""
    user = load_identity(passage.state.identity)
    key = key_of(user, passage.state.user_key) if user is not None else None
    if user is None or key is None or key in {passage.user_key, passage.ensured_key}:
        return None
    passage.state.observations.note(Observation.LATE_IDENTITY, str(request.endpoint))
    return _judge(passage, user, key, marks_here())


def _judge(passage: Passage, user: Any, key: str, marks: Marks) -> Answer:
    """Nothing is parked and nothing written: the next request has to bring it all again."""
    late = _as_this_user(passage, user, key)
    # SECURITY: a decorator may go by a cookie of a session that was revoked.
    if late.session is None and is_revoked(late, key, passage.state.stamper.stamps(user, key)):
        passage.state.identity.hide_for_now()
        return answers.refuse_stranger(late)
    verdict = RequestAuthorizer(late, user).here(marks)
    if verdict.ask is Ask.PASS:
        return None
    passage.state.identity.hide_for_now()
    return answers.stop(late, verdict, late.client)


def _as_this_user(passage: Passage, user: Any, key: str) -> Passage:
    """The same request, of which only what this user proved counts."""
    state, live = passage.state, passage.session
    # SECURITY: beside somebody's proven session another one's password may come along, and proves nothing more.
    if live is not None and (live.is_pending or live.user_key != key or state.stamper.is_stale(live.stamp, user, key)):
        live = None
    with state.store.database.read() as tx:
        standing = state.store.enrollments.standing(tx, key, now=state.clock())
    by_token = carries_token(request, state.settings)
    return replace(passage, session=live, standing=standing, is_token=False, may_be_token=by_token, granted=None)

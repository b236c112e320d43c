"""What a marked view, or a decorator of the host, asks right before its body runs, and who shows up only there."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from flask import Response, request

from ...domain.authorization.decision import Ask
from ...domain.marks import NO_MARKS, Marks
from ...services.observations import Observation
from ..authorization.authorizer import RequestAuthorizer
from ..fail_closed import UNAVAILABLE, fail_closed
from ..request_context import RequestContext, current_context
from ..responses import answers
from ..sessions.revoked import is_revoked
from ..view_marks.protection import marks_here
from .admission import judge_user

Answer = Response | None


def enforce(marks: Marks) -> Answer:
    """Called by a marked view itself, for marks and for users that the hooks could not see."""
    passage = current_context()
    if passage is None:
        return answers.problem(None, 503, "mfa_unavailable", UNAVAILABLE)
    return _enforce(passage, marks)


@fail_closed
def _enforce(passage: RequestContext, marks: Marks) -> Answer:
    user, key = passage.identify()
    # SECURITY: a decorator may have shown another user than the one whom the hooks saw.
    if key is None or key != passage.user_key:
        return ensure(passage, user, key, marks)
    settled = passage.settled or NO_MARKS
    if set(marks.resources) <= set(settled.resources) and set(marks.demands) <= set(settled.demands):
        return None
    answer = judge_user(passage, user, key, marks)
    is_nobody = answer is None and passage.user_key is None
    return answers.refuse_stranger(passage) if is_nobody else answer


def ensure_here(resource: str | None) -> Answer:
    """Called by a decorator of the host that authenticates by itself, before the view's body runs."""
    marks = marks_here()
    return enforce(replace(marks, resources=(*marks.resources, resource)) if resource is not None else marks)


def ensure(passage: RequestContext, user: Any, key: str | None, marks: Marks) -> Answer:
    """Judge the user shown now, who is another than the hooks saw.

    :returns: the answer to give in place of the view's; None to go on.
    """
    if user is None or key is None:
        return answers.refuse_stranger(passage)
    answer = _judge(passage, user, key, marks)
    passage.ensured_key = key if answer is None else None
    return answer


def look_after_view(passage: RequestContext) -> Answer:
    """The answer in place of that of a view which ran for somebody whom nobody judged before; None for all others."""
    user, key = passage.identify()
    if user is None or key is None or key in {passage.user_key, passage.ensured_key}:
        return None
    passage.state.operations.observations.note(Observation.LATE_IDENTITY, str(request.endpoint))
    return _judge(passage, user, key, marks_here())


def _judge(passage: RequestContext, user: Any, key: str, marks: Marks) -> Answer:
    """Nothing is parked and nothing written: the next request has to bring it all again."""
    late = _as_this_user(passage, user, key)
    # SECURITY: a decorator may go by a cookie of a session that was revoked.
    if late.session is None and is_revoked(late, key, passage.state.host.stamper.stamps(user, key)):
        passage.state.host.identity.hide_for_now()
        return answers.refuse_stranger(late)
    verdict = RequestAuthorizer(late, user).here(marks)
    if verdict.ask is Ask.PASS:
        return None
    passage.state.host.identity.hide_for_now()
    return answers.stop(late, verdict, late.client)


def _as_this_user(passage: RequestContext, user: Any, key: str) -> RequestContext:
    """The same request, of which only what this user proved counts."""
    state, live = passage.state, passage.session
    # SECURITY: beside somebody's proven session another one's password may come along, and proves nothing more.
    if live is not None and (
        live.is_pending or live.user_key != key or state.host.stamper.is_stale(live.stamp, user, key)
    ):
        live = None
    with state.store.database.read() as tx:
        standing = state.store.enrollments.standing(tx, key, now=state.clock())
    return replace(
        passage, session=live, standing=standing, is_token=False, may_be_token=passage.carries_token, granted=None
    )

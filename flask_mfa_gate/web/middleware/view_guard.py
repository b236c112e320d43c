"""What a marked view, or a decorator of the host, asks right before its body runs, and who shows up only there."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from flask import Response, request

from ...domain.authorization.decision import Ask
from ...domain.view_protection import NO_PROTECTION, ViewProtection
from ...services.observations import Observation
from ..authorization.authorizer import RequestAuthorizer
from ..fail_closed import UNAVAILABLE, fail_closed
from ..request_context import RequestContext, current_context
from ..responses import answers
from ..sessions.revoked import is_revoked
from ..translation import gettext
from ..view_marks.protection import marks_here
from .admission import judge_user

Answer = Response | None


def enforce(protection: ViewProtection) -> Answer:
    """Called by a marked view itself, for marks and for users that the hooks could not see."""
    context = current_context()
    if context is None:
        return answers.problem(None, 503, "mfa_unavailable", gettext(UNAVAILABLE))
    return _enforce(context, protection)


@fail_closed
def _enforce(context: RequestContext, protection: ViewProtection) -> Answer:
    user, key = context.identify()
    # SECURITY: a decorator may have shown another user than the one whom the hooks saw.
    if key is None or key != context.user_key:
        return ensure(context, user, key, protection)
    # SECURITY: scopes of a method of a class, or of a view within another, are not those that the route told of.
    if context.access is not None and protection.scopes is not None and not protection.takes(context.access.scopes):
        return answers.refuse_token("insufficient_scope", scopes=protection.scopes)
    settled = context.settled or NO_PROTECTION
    if set(protection.resources) <= set(settled.resources) and set(protection.demands) <= set(settled.demands):
        return None
    answer = judge_user(context, user, key, protection)
    is_nobody = answer is None and context.user_key is None
    return answers.refuse_anonymous(context) if is_nobody else answer


def ensure_here(resource: str | None) -> Answer:
    """Called by a decorator of the host that authenticates by itself, before the view's body runs."""
    protection = marks_here()
    return enforce(
        replace(protection, resources=(*protection.resources, resource)) if resource is not None else protection
    )


def ensure(context: RequestContext, user: Any, key: str | None, protection: ViewProtection) -> Answer:
    """Judge the user shown now, who is another than the hooks saw.

    :returns: the answer to give in place of the view's; None to go on.
    """
    if user is None or key is None:
        return answers.refuse_anonymous(context)
    answer = _judge(context, user, key, protection)
    context.ensured_key = key if answer is None else None
    return answer


def look_after_view(context: RequestContext) -> Answer:
    """The answer in place of that of a view which ran for somebody whom nobody judged before; None for all others."""
    user, key = context.identify()
    if user is None or key is None or key in {context.user_key, context.ensured_key}:
        return None
    context.state.operations.observations.note(Observation.LATE_IDENTITY, str(request.endpoint))
    return _judge(context, user, key, marks_here())


def _judge(context: RequestContext, user: Any, key: str, protection: ViewProtection) -> Answer:
    """Nothing is parked and nothing written: the next request has to bring it all again."""
    late = _as_this_user(context, user, key)
    # SECURITY: a decorator may go by a cookie of a session that was revoked.
    if late.session is None and is_revoked(late, key, context.state.host.stamper.stamps(user, key)):
        context.state.host.identity.hide_for_now()
        return answers.refuse_anonymous(late)
    decision = RequestAuthorizer(late, user).here(protection)
    if decision.ask is Ask.PASS:
        return None
    context.state.host.identity.hide_for_now()
    return answers.stop(late, decision, late.client)


def _as_this_user(context: RequestContext, user: Any, key: str) -> RequestContext:
    """The same request, of which only what this user proved counts."""
    state, live = context.state, context.session
    # SECURITY: beside somebody's proven session another one's password may come along, and proves nothing more.
    if live is not None and (
        live.is_pending or live.user_key != key or state.host.stamper.is_stale(live.stamp, user, key)
    ):
        live = None
    with state.store.database.read() as tx:
        enrollment = state.store.enrollments.state(tx, key, now=state.clock())
    return replace(
        context,
        session=live,
        enrollment=enrollment,
        is_token=False,
        token_assurance=None,
        access=None,
        may_be_token=context.carries_token,
        granted=None,
    )

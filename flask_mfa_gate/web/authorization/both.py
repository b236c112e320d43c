"""The decision where somebody acts as another user: both are judged by what the actor has proved."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ...domain.authorization.decision import Decision
from ...domain.authorization.impersonation import decide_for_both
from ...domain.enrollment.enrollment import EnrollmentState
from ...domain.sign_in.assurance import UPSTREAM, Method, methods_of
from ...domain.view_protection import ViewProtection
from ..request_context import RequestContext
from .authorizer import RequestAuthorizer


def here_for_both(
    context: RequestContext, actor: Any, subject: Any, enrollment: EnrollmentState, protection: ViewProtection
) -> Decision:
    """What this request meets.

    :param context: with the session and the enrollment state of the actor.
    :param enrollment: that of the subject.
    """
    return _of_both(context, actor, subject, enrollment, lambda authorizer: authorizer.here(protection))


def of_both(context: RequestContext, subject: Any, resource: str) -> Decision:
    """What a resource would meet at this request. Nothing comes of it."""
    enrollment = context.state.sign_in.revocations.state(str(context.user_key))
    return _of_both(context, context.shown, subject, enrollment, lambda authorizer: authorizer.of(resource))


def _of_both(
    context: RequestContext, actor: Any, subject: Any, enrollment: EnrollmentState,
    ask: Callable[[RequestAuthorizer], Decision],
) -> Decision:  # fmt: skip
    own = ask(RequestAuthorizer(context, actor))
    # A soft prompt is the user's own to answer, so it is not put to the actor.
    beside = replace(context, enrollment=enrollment, may_be_token=True)
    held = _held(context)
    theirs = ask(RequestAuthorizer(beside, subject, notes=False, lent=held))
    context.granted = beside.granted
    return decide_for_both(own, theirs, held=held)


def _held(context: RequestContext) -> frozenset[Method]:
    """What the actor can prove, with their own factors or by the provider that signed them in."""
    assert context.enrollment is not None  # noqa: S101 - it came with the session
    own = methods_of(context.enrollment.factors & context.state.rules.enabled)
    return own | {UPSTREAM} if context.state.rules.trust.can_ask(context.assurance.upstream) else own

"""Enrollment: the prompt, and the choice of factor."""

from __future__ import annotations

from datetime import datetime

from flask import Response

from ...domain.authorization.decision import Ask, Decision, Reason
from ...domain.authorization.rules import Lapse, LockoutScope, Rules
from ...domain.enrollment.enrollment import days_until
from ..endpoints import is_account_page
from ..refusal_notes import reference_here
from ..responses import answers
from ..responses.host_names import own_url
from ..responses.sentences import SENTENCES
from ..translation import gettext, marked
from .authenticated_request import AuthenticatedRequest, Route, next_step
from .factor_setup import is_shut
from .factors.registry import offers

_FOR_PAGE = marked("This page requires multi-factor authentication. Set it up to continue.")
_BY_CHOICE = marked("Multi-factor authentication protects your account even if someone learns your password.")
_LOCKED_OUT = marked("After that you can't sign in without it and may need an administrator's help to get back in.")
_PARTLY_LOCKED_OUT = marked("After that, parts of this app will be closed to you until an administrator helps.")
_FORCED = marked("After that you can't continue without it.")


def enroll(auth: AuthenticatedRequest) -> Response:
    """The prompt with the days left, and the choice of factor."""
    decision = auth.setup_decision
    is_by_choice = decision.ask is Ask.PASS and not auth.session.is_pending and not auth.enrollment.factors
    if not is_by_choice and decision.ask not in {Ask.ENROLL, Ask.PROMPT}:
        return next_step(auth, decision)
    if auth.wants_json:
        return _next_as_json(auth, decision)
    ends_at = _deferrable_until(auth, decision)
    can_defer = decision.ask is Ask.PROMPT or _is_deferrable_at_resource(auth)
    return answers.page(
        "prompt.html", auth.context, 200,
        can_defer=can_defer, days_left=days_until(ends_at, auth.state.clock()) if ends_at else None, ends_at=ends_at,
        later_url=own_url("mfa_gate.later"), offers=offers(auth), too_late=gettext(_too_late(auth, ends_at)),
        reason=gettext(_why(auth, decision, ends_at, can_defer=can_defer)),
    )  # fmt: skip


def _why(auth: AuthenticatedRequest, decision: Decision, ends_at: datetime | None, *, can_defer: bool) -> str:
    """What the user is asked for a factor by: their own requirement, the page that they came from, or nobody."""
    step_up = auth.session.step_up
    if decision.ask is Ask.PASS and not can_defer and step_up is not None and not is_account_page(step_up.endpoint):
        return _FOR_PAGE
    if decision.ask is Ask.PASS and ends_at is None:
        return _BY_CHOICE
    is_soft = ends_at is not None and (can_defer or decision.ask is Ask.PASS)
    return SENTENCES[Reason.ENROLLMENT_PERIOD if is_soft else decision.reason]


def _deferrable_until(auth: AuthenticatedRequest, decision: Decision) -> datetime | None:
    """The end of the period, or of the days of grace that a policy gives, whichever comes first."""
    period = auth.enrollment.period
    step_up = auth.session.step_up
    ends = [period.ends_at if period else None, decision.grace_ends_at, step_up.deferrable_until if step_up else None]
    return min((end for end in ends if end is not None), default=None)


def _too_late(auth: AuthenticatedRequest, ends_at: datetime | None) -> str:
    """What happens to a user who lets this moment pass."""
    period = auth.enrollment.period
    is_own = period is not None and period.ends_at == ends_at
    return _after_lapse(auth.state.rules) if is_own else _FORCED


def _after_lapse(rules: Rules) -> str:
    if rules.lapse is Lapse.CONFINED:
        return _FORCED
    return _LOCKED_OUT if rules.lockout_scope is LockoutScope.APP else _PARTLY_LOCKED_OUT


def _is_deferrable_at_resource(auth: AuthenticatedRequest) -> bool:
    step_up = auth.session.step_up
    return step_up is not None and step_up.is_deferrable(auth.state.clock()) and not auth.session.is_pending


def _next_as_json(auth: AuthenticatedRequest, decision: Decision) -> Response:
    """What is demanded; nothing may be, and the setup is open all the same."""
    if decision.ask is not Ask.PASS:
        return answers.demand_problem(decision, reference=reference_here(auth.context, decision))
    return answers.json_answer({"next": decision.ask.value, "continue_url": _first_offer(auth)})


def _first_offer(auth: AuthenticatedRequest) -> str:
    return next((one.url for one in offers(auth)), own_url("mfa_gate.enroll"))


def later(auth: AuthenticatedRequest) -> Response:
    """ "Set up later": in for this time. Where nothing is asked any more, or was put off already, it continues too."""
    decision = auth.setup_decision
    is_over = decision.ask is Ask.PASS and auth.session.step_up is None
    if is_shut(decision) or is_over:
        return next_step(auth, decision)
    entry = auth.state.factors.deferral.defer(
        auth.session, auth.enrollment, origin=auth.origin, authorizer=auth.authorizer
    )
    return auth.redirect_to(auth.resume_sign_in(entry))


ROUTES: list[Route] = [
    ("/enroll", "enroll", ["GET"], enroll),
    ("/enroll/later", "later", ["POST"], later),
]

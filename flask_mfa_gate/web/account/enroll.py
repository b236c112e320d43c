"""Enrollment: the prompt, and the choice of factor."""

from __future__ import annotations

from datetime import datetime

from flask import Response

from ...domain.authorization.decision import Ask, Decision, Reason
from ...domain.enrollment.enrollment import days_until
from ..endpoints import is_account_page
from ..refusal_notes import reference_here
from ..responses import answers
from ..responses.host_names import own_url
from .desk import Desk, Route, next_step
from .factor_setup import is_shut
from .factors.registry import offers

_FOR_PAGE = "This page requires multi-factor authentication. Set it up to continue."
_BY_CHOICE = "Multi-factor authentication protects your account even if someone learns your password."


def enroll(desk: Desk) -> Response:
    """The prompt with the days left, and the choice of factor."""
    verdict = desk.setup_verdict
    is_by_choice = verdict.ask is Ask.PASS and not desk.session.is_pending and not desk.standing.factors
    if not is_by_choice and verdict.ask not in {Ask.ENROLL, Ask.PROMPT}:
        return next_step(desk, verdict)
    if desk.wants_json:
        return _next_as_json(desk, verdict)
    ends_at = _deferrable_until(desk, verdict)
    can_defer = verdict.ask is Ask.PROMPT or _is_deferrable_at_resource(desk)
    return answers.page(
        "prompt.html", desk.passage, 200,
        can_defer=can_defer, days_left=days_until(ends_at, desk.state.clock()) if ends_at else None, ends_at=ends_at,
        later_url=own_url("mfa_gate.later"), offers=offers(desk),
        reason=_why(desk, verdict, ends_at, can_defer=can_defer),
    )  # fmt: skip


def _why(desk: Desk, verdict: Decision, ends_at: datetime | None, *, can_defer: bool) -> str:
    """What the user is asked for a factor by: their own requirement, the page that they came from, or nobody."""
    step_up = desk.session.step_up
    if verdict.ask is Ask.PASS and not can_defer and step_up is not None and not is_account_page(step_up.endpoint):
        return _FOR_PAGE
    if verdict.ask is Ask.PASS and ends_at is None:
        return _BY_CHOICE
    is_soft = ends_at is not None and (can_defer or verdict.ask is Ask.PASS)
    return answers.SENTENCES[Reason.ENROLLMENT_PERIOD if is_soft else verdict.reason]


def _deferrable_until(desk: Desk, verdict: Decision) -> datetime | None:
    """The end of the period, or of the days of grace that a policy gives, whichever comes first."""
    period = desk.standing.period
    step_up = desk.session.step_up
    ends = [period.ends_at if period else None, verdict.grace_ends_at, step_up.deferrable_until if step_up else None]
    return min((end for end in ends if end is not None), default=None)


def _is_deferrable_at_resource(desk: Desk) -> bool:
    step_up = desk.session.step_up
    return step_up is not None and step_up.is_deferrable(desk.state.clock()) and not desk.session.is_pending


def _next_as_json(desk: Desk, verdict: Decision) -> Response:
    """What is demanded; nothing may be, and the setup is open all the same."""
    if verdict.ask is not Ask.PASS:
        return answers.demand_problem(verdict, reference=reference_here(desk.passage, verdict))
    return answers.json_answer({"next": verdict.ask.value, "continue_url": _first_offer(desk)})


def _first_offer(desk: Desk) -> str:
    return next((one.url for one in offers(desk)), own_url("mfa_gate.enroll"))


def later(desk: Desk) -> Response:
    """ "Set up later": in for this time. Where nothing is asked any more, or was put off already, it continues too."""
    verdict = desk.setup_verdict
    is_over = verdict.ask is Ask.PASS and desk.session.step_up is None
    if is_shut(verdict) or is_over:
        return next_step(desk, verdict)
    entry = desk.state.factors.deferral.defer(
        desk.session, desk.standing, origin=desk.origin, authorizer=desk.authorizer
    )
    return desk.arrive(desk.go_on(entry))


ROUTES: list[Route] = [
    ("/enroll", "enroll", ["GET"], enroll),
    ("/enroll/later", "later", ["POST"], later),
]

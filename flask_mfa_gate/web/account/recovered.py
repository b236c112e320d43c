"""The page after a way back in: what is left of it, and how to replace what was lost."""

from __future__ import annotations

from flask import Response

from ...domain.sign_in.assurance import Method
from ...services.enrollment.enrollment_eligibility import FRESH
from ..responses import answers
from ..responses.targets import home
from .desk import Desk, Route, require_proved
from .factors.registry import replaceable


def recovered(desk: Desk) -> Response:
    """After a recovery code or pass: how many codes are left, and the way to replace what was lost."""
    if (stopped := require_proved(desk)) is not None:
        return stopped
    continue_url, assurance = desk.session.target or home(), desk.session.assurance
    if desk.wants_json or not assurance.proved(Method.ways_back, now=desk.state.clock(), max_age=FRESH):
        return desk.arrive(continue_url)
    companion, lost = desk.state.factors.registry.companion.method, replaceable(desk)
    challenges = desk.state.sign_in.challenges
    codes = challenges.describe(challenges.holdings(desk.session, desk.origin), companion)
    return answers.page(
        "recovered.html", desk.passage, 200, continue_url=continue_url, left=codes.left,
        low=bool(desk.standing.factors) and codes.is_low,
        lost=lost[0] if lost else None, replace_url=lost[1] if lost else None,
        by_code=companion in assurance.methods,
    )  # fmt: skip


ROUTES: list[Route] = [("/recovered", "recovered", ["GET"], recovered)]

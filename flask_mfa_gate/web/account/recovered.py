"""The page after a way back in: what is left of it, and how to replace what was lost."""

from __future__ import annotations

from flask import Response

from ...domain.sign_in.assurance import Method
from ...services.enrollment.enrollment_eligibility import FRESH
from ..responses import answers
from ..responses.targets import home
from .authenticated_request import AuthenticatedRequest, Route, require_proved
from .factors.registry import replaceable


def recovered(auth: AuthenticatedRequest) -> Response:
    """After a recovery code or pass: how many codes are left, and the way to replace what was lost."""
    if (stopped := require_proved(auth)) is not None:
        return stopped
    continue_url, assurance = auth.session.target or home(), auth.session.assurance
    if auth.wants_json or not assurance.proved(Method.ways_back, now=auth.state.clock(), max_age=FRESH):
        return auth.redirect_to(continue_url)
    companion, lost = auth.state.factors.registry.companion.method, replaceable(auth)
    challenges = auth.state.sign_in.challenges
    codes = challenges.describe(challenges.holdings(auth.session, auth.origin), companion)
    return answers.page(
        "recovered.html", auth.context, 200, continue_url=continue_url, left=codes.left,
        low=bool(auth.enrollment.factors) and codes.is_low,
        lost=lost[0] if lost else None, replace_url=lost[1] if lost else None,
        by_code=companion in assurance.methods,
    )  # fmt: skip


ROUTES: list[Route] = [("/recovered", "recovered", ["GET"], recovered)]

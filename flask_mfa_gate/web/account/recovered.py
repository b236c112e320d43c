"""The page after a way back in: what is left of it, and how to replace what was lost."""

from __future__ import annotations

from flask import Response

from ...domain.assurance import Method
from ...services.enrollment.enrollment_eligibility import FRESH
from ..responses import answers
from ..responses.targets import home
from .desk import Desk, Route, require_proved
from .factors.recovery_codes import is_low
from .factors.registry import replaceable


def recovered(desk: Desk) -> Response:
    """After a recovery code or pass: how many codes are left, and the way to replace what was lost."""
    if (stopped := require_proved(desk)) is not None:
        return stopped
    continue_url, assurance = desk.session.target or home(), desk.session.assurance
    if desk.wants_json or not assurance.proved(Method.ways_back, now=desk.state.clock(), max_age=FRESH):
        return desk.arrive(continue_url)
    left, lost = desk.state.recovery_codes.left(desk.session), replaceable(desk)
    return answers.page(
        "recovered.html", desk.passage, 200, continue_url=continue_url, left=left, low=is_low(desk, left),
        lost=lost[0] if lost else None, replace_url=lost[1] if lost else None,
        by_recovery_code=desk.state.factors.companion.method in assurance.methods,
    )  # fmt: skip


ROUTES: list[Route] = [("/recovered", "recovered", ["GET"], recovered)]

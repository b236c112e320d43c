"""Ways out, and where one stands: cancel, sign-out, status, the page for the locked."""

from __future__ import annotations

from flask import Response

from ..csrf import csrf_token
from ..responses import answers
from ..responses.targets import home
from .desk import Desk, Route, next_step


def cancel(desk: Desk) -> Response:
    """Drop a pending sign-in: nobody is signed in afterwards."""
    return _out(desk) if desk.session.is_pending else desk.arrive(home())


def sign_out(desk: Desk) -> Response:
    """Sign out of the gate and of the host."""
    return _out(desk)


def _out(desk: Desk) -> Response:
    desk.state.sign_in.sessions.end(desk.session, origin=desk.origin)
    desk.passage.leave()
    desk.state.host.identity.sign_out()
    return answers.after_sign_out(desk.passage)


def status(desk: Desk) -> Response:
    """Where the user stands, for programs."""
    now = desk.state.clock()
    described = desk.state.people.enrollments.describe(desk.standing, now=now)
    return answers.json_answer(
        {
            "status": described.status.value,
            "required": described.required,
            "days_left": described.days_left,
            "ends_at": described.ends_at.isoformat() if described.ends_at else None,
            "factors": list(described.factors),
            "next": desk.verdict.ask.value,
            "csrf_token": csrf_token(desk.state.keyring, desk.session),
        }
    )


def blocked(desk: Desk) -> Response:
    """Why nothing continues, and whom to ask; somebody let in meanwhile continues."""
    return next_step(desk)


ROUTES: list[Route] = [
    ("/cancel", "cancel", ["POST"], cancel),
    ("/sign-out", "sign_out", ["POST"], sign_out),
    ("/status", "status", ["GET"], status),
    ("/blocked", "blocked", ["GET"], blocked),
]

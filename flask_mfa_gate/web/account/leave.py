"""Ways out, and where one stands: cancel, sign-out, status, the page for the locked."""

from __future__ import annotations

from flask import Response

from ...domain.sign_in.impersonation import ImpersonationEnd
from ..csrf import csrf_token
from ..delegation.impersonation import forget, leave
from ..responses import answers
from ..responses.targets import home
from .authenticated_request import AuthenticatedRequest, Route, next_step


def cancel(auth: AuthenticatedRequest) -> Response:
    """Drop a pending sign-in: nobody is signed in afterwards."""
    return _out(auth) if auth.session.is_pending else auth.redirect_to(home())


def sign_out(auth: AuthenticatedRequest) -> Response:
    """Sign out of the gate and of the host."""
    return _out(auth)


def leave_impersonation(auth: AuthenticatedRequest) -> Response:
    """Be oneself again. A user who acts as nobody is sent on."""
    if auth.context.impersonation is not None:
        leave(auth.context, ImpersonationEnd.LEFT)
    return auth.redirect_to(home())


def _out(auth: AuthenticatedRequest) -> Response:
    forget(auth.context)
    auth.state.sign_in.sessions.end(auth.session, origin=auth.origin)
    auth.context.leave()
    auth.state.host.identity.sign_out()
    return answers.after_sign_out(auth.context)


def status(auth: AuthenticatedRequest) -> Response:
    """Where the user stands, for programs."""
    now = auth.state.clock()
    described = auth.state.people.enrollments.describe(auth.enrollment, now=now)
    return answers.json_answer(
        {
            "status": described.status.value,
            "required": described.required,
            "days_left": described.days_left,
            "ends_at": described.ends_at.isoformat() if described.ends_at else None,
            "factors": list(described.factors),
            "next": auth.decision.ask.value,
            "csrf_token": csrf_token(auth.state.keyring, auth.session),
        }
    )


def blocked(auth: AuthenticatedRequest) -> Response:
    """Why nothing continues, and whom to ask; somebody let in meanwhile continues."""
    return next_step(auth)


ROUTES: list[Route] = [
    ("/cancel", "cancel", ["POST"], cancel),
    ("/sign-out", "sign_out", ["POST"], sign_out),
    ("/impersonation/leave", "leave_impersonation", ["POST"], leave_impersonation),
    ("/status", "status", ["GET"], status),
    ("/blocked", "blocked", ["GET"], blocked),
]

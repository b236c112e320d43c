"""What answers say, for :func:`~flask_mfa_gate.web.translation.gettext`."""

from __future__ import annotations

from ...domain.authorization.decision import Ask, Reason
from ..translation import marked

SENTENCES = {
    Reason.SATISFIED: marked("No further verification is needed."),
    Reason.STRANGER: marked("Sign in to continue."),
    Reason.INACTIVE: marked("This account is disabled. Contact your administrator."),
    Reason.IMPERSONATION: marked("This account has a step to complete that only its user can do."),
    Reason.POLICY: marked("Your organization's policy doesn't allow this. Contact your administrator."),
    Reason.DEFAULT_DENY: marked("You don't have access to this page. Contact your administrator."),
    Reason.LAPSED: marked(
        "Your time to set up multi-factor authentication has ended. Contact your administrator for help."
    ),
    Reason.SIGN_IN: marked("Verify your identity to continue signing in."),
    Reason.STEP_UP: marked("For your security, verify again to continue."),
    Reason.ENROLLMENT_FORCED: marked("Set up multi-factor authentication to continue."),
    Reason.ENROLLMENT_PASS: marked(
        "Your access pass is for setting up a new authentication method. Set one up to continue."
    ),
    Reason.ENROLLMENT_PERIOD: marked(
        "Multi-factor authentication is required for your account. Set it up now or later."
    ),
}
BLOCKED_TITLES = {Ask.LOCKED: marked("Your account is locked"), Ask.DENY: marked("Access denied")}
TITLES = {
    401: marked("Sign-in failed"),
    403: marked("Access denied"),
    404: marked("Not found"),
    409: marked("That can't be done right now"),
    429: marked("Too many attempts"),
    503: marked("Temporarily unavailable"),
}
TOKEN_ERRORS = {
    "invalid_token": (401, marked("The access token is unknown, has expired or was revoked.")),
    "insufficient_scope": (403, marked("The access token lacks a scope that is needed here.")),
}
NOT_SENT = marked("Your form was not submitted. Sign in, then submit it again.")

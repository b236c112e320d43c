"""Every ``code`` of a problem document. They are stable: programs go by them."""

from __future__ import annotations

from collections.abc import Iterator

from ...domain.authorization.decision import Ask
from ...errors import MFAGateError
from .sentences import TOKEN_ERRORS

OF_ASKS = {
    Ask.CHALLENGE: "mfa_challenge_required",
    Ask.ENROLL: "mfa_enrollment_required",
    Ask.PROMPT: "mfa_enrollment_required",
    Ask.LOCKED: "mfa_enrollment_expired",
    Ask.DENY: "access_denied",
    # Pending, and nothing is demanded any more: the challenge page completes the sign-in.
    Ask.PASS: "mfa_challenge_required",
}
OF_HTTP = {404: "not_found", 405: "method_not_allowed", 413: "bad_request"}
_OTHERS = ("mfa_step_up_required", "sign_in_required", "csrf_failed")


def of_http(status: int) -> str:
    """The code of what Flask or Werkzeug refuse by themselves."""
    return OF_HTTP.get(status, "bad_request")


def all_codes() -> frozenset[str]:
    """All of them, those of errors included."""
    return frozenset({*OF_ASKS.values(), *TOKEN_ERRORS, *OF_HTTP.values(), *_OTHERS, *_of_errors(MFAGateError)})


def _of_errors(error: type[MFAGateError]) -> Iterator[str]:
    yield error.code
    for one in error.__subclasses__():
        yield from _of_errors(one)

"""What a page says of a code that was not taken, or would not be taken now."""

from __future__ import annotations

from typing import Any

from flask import Response

from ...errors import CodeInvalid, MFAGateError, Throttled
from ...factors.base import Verifier
from ...store.sign_in.holdings import Held
from ..responses import answers
from ..translation import error_text, translated
from .authenticated_request import AuthenticatedRequest


def code_page(
    template: str,
    auth: AuthenticatedRequest,
    verifier: Verifier,
    error: MFAGateError | None,
    *,
    held: Held | None = None,
    **values: Any,
) -> Response:
    """A page with a field for a code.

    It says the same of the wait whether the code was wrong and started it, came while waiting, or is yet to be typed.

    :param held: what the user has, where it was read for the page; None to look at the failures alone.
    """
    throttled = error if isinstance(error, Throttled) else _waiting(auth, verifier, held)
    status = error.status if error else 200
    response = answers.page(template, auth.context, status, **_words(error, throttled), **values)
    return answers.with_retry(response, throttled) if throttled else response


def _waiting(auth: AuthenticatedRequest, verifier: Verifier, held: Held | None) -> Throttled | None:
    attempts = auth.state.sign_in.attempts
    if held is not None:
        return attempts.refusal(verifier, held.failures, user_key=auth.session.user_key, origin=auth.origin)
    return attempts.waiting(verifier=verifier, user_key=auth.session.user_key, origin=auth.origin)


def _words(error: MFAGateError | None, throttled: Throttled | None) -> dict[str, Any]:
    """A wrong code in a sentence, the seconds to wait, and whether waiting does not help."""
    is_stopped = throttled is not None and throttled.retry_at is None
    wrong = error if isinstance(error, CodeInvalid) else None
    return {
        "error": error_text(wrong) if wrong else error_text(throttled) if throttled and is_stopped else None,
        "hint": translated(wrong.hint) if wrong and wrong.hint else None,
        "retry_after": throttled.retry_after if throttled is not None and not is_stopped else None,
        "stopped": is_stopped,
        "reference": throttled.reference if throttled is not None else None,
    }

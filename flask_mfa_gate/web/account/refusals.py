"""What a page says of a code that was not taken, or would not be taken now."""

from __future__ import annotations

from typing import Any

from flask import Response

from ...errors import CodeInvalid, MFAGateError, Throttled
from ...factors.base import Verifier
from ..responses import answers
from .desk import Desk


def code_page(template: str, desk: Desk, verifier: Verifier, error: MFAGateError | None, **values: Any) -> Response:
    """A page with a field for a code.

    It says the same of the wait whether the code was wrong and started it, came while waiting, or is yet to be typed.
    """
    throttled = error if isinstance(error, Throttled) else desk.state.sign_in.attempts.waiting(
        verifier=verifier, user_key=desk.session.user_key, origin=desk.origin
    )  # fmt: skip
    status = error.status if error else 200
    response = answers.page(template, desk.passage, status, **_words(error, throttled), **values)
    return answers.with_retry(response, throttled) if throttled else response


def _words(error: MFAGateError | None, throttled: Throttled | None) -> dict[str, Any]:
    """A wrong code in a sentence, the seconds to wait, and whether waiting does not help."""
    is_stopped = throttled is not None and throttled.retry_at is None
    wrong = error if isinstance(error, CodeInvalid) else None
    return {
        "error": str(wrong) if wrong else str(throttled) if is_stopped else None,
        "hint": wrong.hint if wrong else None,
        "retry_after": throttled.retry_after if throttled is not None and not is_stopped else None,
        "stopped": is_stopped,
        "reference": throttled.reference if throttled is not None else None,
    }

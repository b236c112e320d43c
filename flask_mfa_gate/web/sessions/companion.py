"""The companion of the host's remember cookie: Flask-Login's own is the same text each time, so nothing ends it.

It goes with that cookie to the browser and is worth something only beside it. It is signed, bound to the user, and says
how often the user's sessions had been revoked by then and when it was made.
"""

from __future__ import annotations

import hmac
from datetime import UTC, datetime

from flask import Response, request

from ..host import remember
from ..request_context import RequestContext
from ..state import GateState
from .cookies import guarded_name

_PURPOSE = "remember-companion"
_LONGEST = 128


def has_companion(context: RequestContext, key: str) -> bool:
    """Whether the host's remember cookie counts for this user: younger than any revocation, and not too old."""
    enrollment, made = context.enrollment, _read(context, key)
    if made is None or enrollment is None or enrollment.user_key != key:
        return False
    revocations, made_at = made
    lives_until = made_at + remember.life()
    return revocations == enrollment.revocations and context.state.clock() < lives_until


def send_companion(context: RequestContext, response: Response) -> None:
    """Beside the host's remember cookie when that leaves or goes, and again where a revocation left this session."""
    if context.is_over or remember.is_cleared():
        _drop(context, response)
        return
    live, enrollment = context.session, context.enrollment
    # SECURITY: only a session that is in and lives is known to be none of those that were revoked.
    if live is None or live.is_pending or enrollment is None or enrollment.user_key != live.user_key:
        return
    if remember.is_sent() or _is_left_behind(context, live.user_key, enrollment.revocations):
        _send(context, response, live.user_key, enrollment.revocations)


def _is_left_behind(context: RequestContext, key: str, revocations: int) -> bool:
    made = _read(context, key) if revocations else None
    return made is not None and made[0] < revocations


def _read(context: RequestContext, key: str) -> tuple[int, datetime] | None:
    """What the cookie says, if the gate wrote it for this user; None also where the host's own is not there."""
    sent = request.cookies.get(_name(context.state), "")
    if not sent or len(sent) > _LONGEST or not sent.isascii() or not remember.is_there():
        return None
    text, _, digest = sent.rpartition(".")
    # SECURITY: in constant time, under each key of the keyring, bound to the user: nobody's counts for another.
    rights = context.state.keyring.digests(text, purpose=_PURPOSE, row=key)
    if not any(hmac.compare_digest(digest, right) for right in rights):
        return None
    revocations, made_at = text.split(".")
    return int(revocations), datetime.fromtimestamp(int(made_at), UTC)


def _send(context: RequestContext, response: Response, key: str, revocations: int) -> None:
    state = context.state
    text = f"{revocations}.{int(state.clock().timestamp())}"
    digest = state.keyring.digest(text, purpose=_PURPOSE, row=key)
    response.set_cookie(
        _name(state), f"{text}.{digest}", max_age=int(remember.life().total_seconds()), path="/",
        domain=remember.domain(), secure=request.is_secure, httponly=True, samesite="Lax",
    )  # fmt: skip


def _drop(context: RequestContext, response: Response) -> None:
    name = _name(context.state)
    if name in request.cookies:
        response.delete_cookie(
            name, path="/", domain=remember.domain(), secure=request.is_secure, httponly=True, samesite="Lax"
        )


def _name(state: GateState) -> str:
    return guarded_name(request, f"{state.settings.cookie_name}_remember", domain=remember.domain())

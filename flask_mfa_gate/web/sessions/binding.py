"""Which session counts for which user."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import request

from ...domain.sign_in.session import GateSession
from ..client import origin_of
from ..request_context import RequestContext
from .revoked import is_revoked


def bind(passage: RequestContext, user: Any, key: str) -> bool:
    """A session counts only for the user it was proved by; False when what came with this request was revoked."""
    state, stamps = passage.state, passage.state.host.stamper.stamps(user, key)
    # SECURITY: proof of one user is none of another, whatever pair of cookies a client puts together.
    if passage.session is not None and passage.session.user_key != key:
        passage.session = passage.standing = None
    if passage.session is not None and passage.session.stamp is None and stamps:
        _take_first_password(passage, passage.session, stamps)
    live = passage.session
    # SECURITY: a session that rests on the old password ends with it, also where no second factor is asked of them.
    if live is not None and live.stamp is not None and live.stamp not in stamps:
        state.sign_in.revocations.note_changed_password(key, stamps, origin=origin_of(request))
        passage.leave()
        passage.standing = None
    if passage.standing is None or passage.standing.user_key != key:
        passage.standing = state.sign_in.revocations.standing(key)
    return passage.session is not None or passage.is_token or not is_revoked(passage, key, stamps)


def _take_first_password(passage: RequestContext, live: GateSession, stamps: Sequence[str]) -> None:
    """A user who came without a password, by an upstream perhaps, has set one since."""
    # SECURITY: or no change of it would ever end this session.
    stamped = passage.state.sign_in.revocations.note_first_password(live, stamps)
    if stamped is None:
        passage.leave()
        passage.standing = None
    else:
        passage.session = stamped

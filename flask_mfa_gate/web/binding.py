"""Which session counts for which user."""

from __future__ import annotations

from typing import Any

from .parking import end_sign_in
from .passage import Passage


def bind(passage: Passage, user: Any, key: str) -> bool:
    """A session counts only for the user it was proved by; False when it rests on a password that was changed."""
    # SECURITY: proof of one user is none of another, whatever pair of cookies a client puts together.
    if passage.session is not None and passage.session.user_key != key:
        passage.session = passage.standing = None
    live = passage.session
    # SECURITY: whoever signed in with the old password is out with it, also where no second factor is asked of him.
    if live is not None and passage.state.stamper.is_stale(live.stamp, user, key):
        end_sign_in(passage)
        if not passage.is_token:
            return False
    if passage.standing is None or passage.standing.user_key != key:
        state = passage.state
        with state.store.database.read() as tx:
            passage.standing = state.store.enrollments.standing(tx, key, now=state.clock())
    return True

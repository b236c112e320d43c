"""What a loader of the host's may go by beside the request itself, and hooks may change."""

from __future__ import annotations

from flask import current_app, g, session

from .login_manager import OWN_NAMES, USER_ID


def surroundings() -> object:
    """Equal to what it was before as long as no hook put anything into ``g`` or another manager into the app.

    Nor another user into the session, or nobody.
    """
    kept = {name: id(value) for name, value in vars(g._get_current_object()).items() if name not in OWN_NAMES}
    # SECURITY: a hook that empties the session has signed out whom it named.
    user_id = session.get(USER_ID)
    return kept, user_id, id(getattr(current_app._get_current_object(), "login_manager", None))  # type: ignore[attr-defined]

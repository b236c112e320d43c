"""Requests that nothing stops and that cost nothing: static files, and preflights that Flask answers by itself."""

from __future__ import annotations

import logging
from typing import Any

from ...domain.authorization.decision import Ask
from ...domain.marks import NO_MARKS
from ...services.people.persons import key_of
from ..authorization.authorizer import RequestAuthorizer
from ..passage import Passage
from ..sessions.binding import bind

log = logging.getLogger("flask_mfa_gate")


def show_when_asked(passage: Passage) -> None:
    """Neither session nor store is looked at before the host asks who this is, such as a hook that guards files."""
    passage.state.identity.show_when_asked(lambda user: _is_let_in(passage, user))


def _is_let_in(passage: Passage, user: Any) -> bool:
    """Whether the app would let this user in with what this browser has proved."""
    try:
        passage.look_up()
        if passage.has_dead_id or (passage.session is not None and passage.session.is_pending):
            return False
        key = key_of(user, passage.state.user_key)
        return bind(passage, user, key) and RequestAuthorizer(passage, user).here(NO_MARKS).ask is Ask.PASS
    except Exception:
        # SECURITY: whatever goes wrong, the file is served as to nobody.
        log.exception("the gate could not tell whether a user may be shown, and showed nobody")
        return False

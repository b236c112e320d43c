"""A view that changed the password of the user it ran for: this session stays, all others end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from flask import Response, request

from ...services.observations import Observation
from ...services.people.user_objects import key_of
from ..host.asking import BareRequest, ask_afresh
from ..request_context import RequestContext, current_context
from ..responses import answers
from ..state import GateState
from .password_evidence import note_told, was_changed_here


def note_own_change(context: RequestContext) -> Response | None:
    """Look whether the user has another password now than when the view of an unsafe request began.

    :returns: the refusal in place of the view's answer, where two say that they changed it; None to go on.
    """
    live, state, key = context.session, context.state, context.user_key
    if live is None or live.stamp is None or live.user_key != key:
        return None
    found = _user_now(state, live.user_key)
    if found is None or live.stamp in found.stamps:
        return None
    # SECURITY: somebody else may have changed it meanwhile, to sign out the sender; the next request is refused.
    if not was_changed_here(state.host.stamper, found.user):
        state.operations.observations.note(Observation.UNTOLD_PASSWORD, str(request.endpoint))
        return None
    kept = state.sign_in.revocations.keep(live, found.stamps)
    if not kept.stays:
        context.leave()
        state.host.identity.sign_out()
        return answers.refuse_anonymous(context)
    if kept.entry is not None:
        context.enter(kept.entry)
    context.enrollment = state.sign_in.revocations.standing_beside(context.session or live) or context.enrollment
    return None


@dataclass(frozen=True, slots=True)
class _Found:
    """A user object of the host, and what stands for its password."""

    user: Any
    stamps: Sequence[str] = field(repr=False)


def _user_now(state: GateState, key: str) -> _Found | None:
    """The user after the view; None where the host names this one no more.

    The host is asked again, since the view may have written past the object that was loaded before it.
    """
    try:
        user = ask_afresh(state.host.identity.load, BareRequest(request.environ))
        is_same = user is not None and key_of(user, state.host.user_key) == key
        return _Found(user, state.host.stamper.stamps(user, key)) if is_same else None
    except Exception:  # noqa: BLE001 - the next request finds it out
        return None


def tell_change(state: GateState, key: str) -> None:
    """The host says that a password was changed. Where the user's own view does, its session stays."""
    context = current_context()
    is_own = context is not None and context.has_reached_view and context.user_key == key
    state.people.users.password_changed(key, by=context.session if is_own and context is not None else None)
    if is_own:
        note_told()
    if context is not None and is_own and context.session is not None:
        context.enrollment = state.sign_in.revocations.standing_beside(context.session) or context.enrollment

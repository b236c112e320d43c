"""Tokens that stand for what the session proved that registered them (``MFA_GATE_TOKENS = "owner-enrolled"``)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from ...domain.sign_in.api_token import ApiToken
from ...domain.sign_in.assurance import Assurance
from ...domain.sign_in.session import GateSession
from ...errors import BadRequest, NotProved
from ..client import origin_of
from ..host.passwords import carries_password, is_password
from ..host.tokens import is_token_enough, tokens_in
from ..request_context import RequestContext, current_context

OWNER_ENROLLED = "owner-enrolled"
_NO_SESSION = "Register API tokens in a request of a signed-in user whom the gate let through."
_PASSWORD = "This is a name and a password, which are no token under any scheme."  # noqa: S105


def mark_token(token: str, *, name: str, expires_at: datetime | None) -> ApiToken:
    """Register a token of the user of this request; see :meth:`MFAGate.mark_token`."""
    context = current_context()
    live = _session_of_user(context)
    if live is None or context is None:
        raise NotProved(_NO_SESSION)
    # SECURITY: it would never count, and its owner has to know that now.
    if isinstance(token, str) and is_password(token):
        raise BadRequest(_PASSWORD)
    services = context.state.delegation.api_tokens
    return services.mark(live, token, name=name, ends_at=expires_at, origin=origin_of(context.request))


def _session_of_user(context: RequestContext | None) -> GateSession | None:
    """The session that this request's user is in with; None for tokens, pending sign-ins and everybody else."""
    live = context.session if context is not None else None
    if context is None or live is None or live.is_pending or live.is_superseded:
        return None
    # SECURITY: the user of a token must not make the next one, nor anybody whom only a hook shows.
    return live if not context.is_token and context.user_key == live.user_key else None


def assurance_of_token(context: RequestContext, user: Any, key: str) -> Assurance | None:
    """What a token proves that came with this request and alone names its user; None where none was registered."""
    state, request = context.state, context.request
    # SECURITY: a name and password prove one factor, whatever was registered.
    if state.settings.tokens != OWNER_ENROLLED or carries_password(request, state.settings):
        return None
    sent = tokens_in(request, state.settings)
    stamps, now = state.host.stamper.stamps(user, key), state.clock()
    for header, found in state.delegation.api_tokens.among(sent):
        token = state.delegation.api_tokens.bound(found, stamps) if found.user_key == key else found
        if token.is_good(key, stamps, now=now) and is_token_enough(request, state, key, header):
            state.delegation.api_tokens.note_use(token)
            return token.assurance
    return None

"""API tokens that the user registered, and the way to end one."""

from __future__ import annotations

from dataclasses import dataclass, field

from flask import Response

from ...domain.sign_in.api_token import ApiToken
from ..responses import answers
from ..responses.host_names import own_url
from ..translation import gettext
from .authenticated_request import AuthenticatedRequest, Route, require_proved


@dataclass(frozen=True, slots=True)
class TokenLine:
    """One token in the list."""

    token: ApiToken = field(repr=False)
    revoke_url: str


def api_tokens(auth: AuthenticatedRequest) -> Response:
    """Every token of this user."""
    if (stopped := require_proved(auth)) is not None:
        return stopped
    found = auth.state.delegation.api_tokens.of_user(auth.session.user_key)
    if auth.wants_json:
        return answers.json_answer({"tokens": [_as_json(one) for one in found]})
    lines = [TokenLine(one, own_url("mfa_gate.api_token_revoke", token_id=one.id)) for one in found]
    return answers.page("api_tokens.html", auth.context, 200, lines=lines, back_url=own_url("mfa_gate.security"))


def revoke(auth: AuthenticatedRequest, token_id: str) -> Response:
    """End one token."""
    if (stopped := require_proved(auth)) is not None:
        return stopped
    if not auth.state.delegation.api_tokens.revoke_own(auth.session, token_id, origin=auth.origin):
        return answers.problem(auth.context, 404, "not_found", gettext("This token isn't on your account."))
    return auth.redirect_to(own_url("mfa_gate.api_tokens"))


def _as_json(one: ApiToken) -> dict[str, object]:
    return {
        "id": one.id,
        "name": one.name,
        "created_at": one.created_at.isoformat(),
        "last_used_at": one.last_used_at.isoformat() if one.last_used_at else None,
        "expires_at": one.ends_at.isoformat() if one.ends_at else None,
        "revoke_url": own_url("mfa_gate.api_token_revoke", token_id=one.id),
    }


ROUTES: list[Route] = [
    ("/tokens", "api_tokens", ["GET"], api_tokens),
    ("/tokens/<token_id>/revoke", "api_token_revoke", ["POST"], revoke),
]

"""What :class:`MFAGate` offers of it."""

from __future__ import annotations

from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any

from ...domain.sign_in.api_token import ApiToken
from ...services.delegation.api_tokens import ApiTokenService
from ..state import current_state
from .api_tokens import mark_token
from .impersonation import declare


class DelegationCalls:
    """Tokens and admins that act in a user's stead."""

    def mark_token(self, token: str, *, name: str = "", expires_at: datetime | None = None) -> ApiToken:
        """Register an API token that the app has just made for the user of this request.

        With ``MFA_GATE_TOKENS = "owner-enrolled"`` it stands for what this session has proved, until that is revoked.

        :param token: as its owner will send it, without the name of a scheme.
        :param name: by which its owner knows it.
        :param expires_at: when the app lets it expire, with a time zone.
        :raises NotProved: outside of a session that has proved a factor.
        :raises BadRequest: for what can be no token, such as a name and a password.
        :raises Conflict: ``token-taken``, where it is registered for somebody else.
        """
        return mark_token(token, name=name, expires_at=expires_at)

    def impersonation(self, *, actor: Any, subject: Any, reason: str) -> AbstractContextManager[None]:
        """Around ``login_user(subject)`` in a view: the user who is signed in acts as another from then on.

        What the actor has proved counts, and of the decisions on the two accounts the stricter holds at each request.
        What stands against it is answered in place of the view's answer. It ends at ``/mfa/impersonation/leave``, with
        the session, or once either user's sessions are revoked. Start and end are audited with the reason.

        :param actor: user object or key of who is signed in.
        :param subject: user object or key of whom the block signs in.
        :raises NotProved: outside of a view.
        :raises BadRequest: for what names no user.
        """
        return declare(actor, subject, reason)

    @property
    def api_tokens(self) -> ApiTokenService:
        """Tokens that were registered with :meth:`mark_token`: list, revoke."""
        return current_state().delegation.api_tokens

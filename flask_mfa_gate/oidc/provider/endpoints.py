"""What clients ask about their tokens: end one (RFC 7009), tell of one (RFC 7662)."""

from __future__ import annotations

from typing import Any

from authlib.oauth2.rfc6749 import InvalidRequestError
from authlib.oauth2.rfc7009 import RevocationEndpoint
from authlib.oauth2.rfc7662 import IntrospectionEndpoint

from ...domain.oidc.client import AuthMethod
from ...domain.oidc.grant import TokenKind
from ...services.oidc.permission import Use
from .grants import METHODS
from .rows import ProviderGrant

_CONFIDENTIAL = [method.value for method in AuthMethod if method is not AuthMethod.NONE]


class _OwnTokens:
    """Whatever a hint says, a token is found by what it is."""

    server: Any

    def check_params(self, request: Any, client: Any) -> None:
        """Only the token is needed; a hint that nobody knows is passed over (RFC 7009 section 2.2)."""
        if not request.form.get("token"):
            raise InvalidRequestError("The token is missing.")

    def query_token(self, token_string: str, token_type_hint: str | None) -> ProviderGrant | None:
        """The token with its grant."""
        state = self.server.services.grants.by_token(token_string)
        return None if state is None else ProviderGrant(state, now=self.server.now)


class Revocation(_OwnTokens, RevocationEndpoint):  # type: ignore[misc]
    """A refresh token takes the whole family with it, an access token only itself."""

    CLIENT_AUTH_METHODS = METHODS

    def revoke_token(self, token: ProviderGrant, request: Any) -> None:
        """It counts no more."""
        if token.state.token is not None and token.state.token.kind is TokenKind.ACCESS:
            self.server.services.grants.end_token(request.form["token"])
        else:
            self.server.services.grants.revoke(token.grant)


class Introspection(_OwnTokens, IntrospectionEndpoint):  # type: ignore[misc]
    """Tells a client of its own tokens."""

    CLIENT_AUTH_METHODS = _CONFIDENTIAL

    def check_permission(self, token: ProviderGrant, client: Any, request: Any) -> bool:
        """Whether it is the client's own."""
        # SECURITY: of another's tokens nobody hears anything, not even that they are some.
        return token.check_client(client)

    def create_introspection_payload(self, token: ProviderGrant | None) -> dict[str, Any]:
        """Active only while its user is let in."""
        if token is None or token.is_expired() or token.is_revoked():
            return {"active": False}
        state = token.state
        assert state.token is not None  # noqa: S101 - it was asked for by one
        use = Use.ACCESS if state.token.kind is TokenKind.ACCESS else Use.REFRESH
        subject = self.server.services.permission.subject(state, use)
        return {"active": False} if subject is None else self.introspect_token(token)

    def introspect_token(self, token: ProviderGrant) -> dict[str, Any]:
        """With the strength of the sign-in (RFC 9470 section 6.2)."""
        found = token.state.token
        assert found is not None  # noqa: S101 - likewise
        facts = {
            "active": True, "client_id": token.grant.client_id, "sub": token.grant.user_key, "scope": found.scope,
            "iss": self.server.issuer, "iat": int(found.created_at.timestamp()),
            "exp": int(found.ends_at.timestamp()), "acr": token.grant.acr,
        }  # fmt: skip
        if token.grant.auth_time is not None:
            facts["auth_time"] = token.grant.auth_time
        return {**facts, "token_type": "Bearer"} if found.kind is TokenKind.ACCESS else facts

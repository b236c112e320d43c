"""The two things that clients trade for tokens: codes and refresh tokens."""

from __future__ import annotations

from typing import Any

from authlib.oauth2.rfc6749 import InvalidGrantError, InvalidRequestError
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant, RefreshTokenGrant
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oauth2.rfc7636.challenge import compare_s256_code_challenge

from ...domain.oidc.client import AuthMethod
from ...domain.oidc.grant import Asked
from ...services.oidc.grants import new_code
from ...services.oidc.permission import Use
from ...services.oidc.subjects import Subject
from .rows import ProviderGrant

# SECURITY: none comes last, or a public client would be let in beside a proof that nobody has looked at.
METHODS = [*(method.value for method in AuthMethod if method is not AuthMethod.NONE), AuthMethod.NONE.value]
LONGEST_NONCE = 512


class CodeGrant(AuthorizationCodeGrant):  # type: ignore[misc]
    """Authorization codes."""

    TOKEN_ENDPOINT_AUTH_METHODS = METHODS
    server: Any

    def generate_authorization_code(self) -> str:
        """256 random bits."""
        return new_code()

    def save_authorization_code(self, code: str, request: Any) -> None:
        """Keep the grant that the code stands for."""
        data = request.payload.data
        asked = Asked(
            client=request.client.client, scope=self.server.granted_scope(request), redirect_uri=self.redirect_uri,
            code_challenge=data["code_challenge"], nonce=data.get("nonce"),
        )  # fmt: skip
        self.server.services.grants.begin(asked, self.server.authorized, code=code)

    def query_authorization_code(self, code: str, client: Any) -> ProviderGrant | None:
        """The grant of the code; a code that was used revokes everything that came of it."""
        state = self.server.services.grants.by_code(code, client.client_id)
        return None if state is None else ProviderGrant(state, now=self.server.now)

    def delete_authorization_code(self, authorization_code: ProviderGrant) -> None:
        """Nothing: it was used up when the tokens were kept, and stays known for what it is."""

    def authenticate_user(self, authorization_code: ProviderGrant) -> Subject | None:
        """The user, where this client may still act for them."""
        # SECURITY: an address that was taken from the client since may be somebody else's by now, and so may the code.
        if not self.request.client.check_redirect_uri(authorization_code.get_redirect_uri()):
            return None
        found: Subject | None = self.server.subject(authorization_code, Use.CODE)
        return found


class RefreshGrant(RefreshTokenGrant):  # type: ignore[misc]
    """Refresh tokens, each of which is traded once."""

    TOKEN_ENDPOINT_AUTH_METHODS = METHODS
    INCLUDE_NEW_REFRESH_TOKEN = True
    server: Any

    def validate_token_request(self) -> None:
        """As ever; the strength of the new ID token is that of the grant, as beside a code."""
        super().validate_token_request()
        self.request.authorization_code = self.request.refresh_token

    def authenticate_refresh_token(self, refresh_token: str) -> ProviderGrant | None:
        """The grant of the token; one that was used revokes everything that came of it."""
        state = self.server.services.grants.by_refresh(refresh_token, self.request.client.client_id)
        return None if state is None else ProviderGrant(state, now=self.server.now)

    def authenticate_user(self, refresh_token: ProviderGrant) -> Subject:
        """The user, where this client may still act for them."""
        subject: Subject | None = self.server.subject(refresh_token, Use.REFRESH)
        if subject is None:
            raise InvalidGrantError("The sign-in behind this token has ended, or is no longer allowed.")
        return subject

    def revoke_old_credential(self, refresh_token: ProviderGrant) -> None:
        """Nothing: it was used up when the new tokens were kept."""


class S256CodeChallenge(CodeChallenge):  # type: ignore[misc]
    """PKCE (RFC 7636) of every client, by S256 alone."""

    DEFAULT_CODE_CHALLENGE_METHOD = "S256"
    SUPPORTED_CODE_CHALLENGE_METHOD = ("S256",)
    CODE_CHALLENGE_METHODS = {"S256": compare_s256_code_challenge}  # noqa: RUF012 - as Authlib has it

    def validate_code_challenge(self, grant: Any, redirect_uri: str) -> None:
        """A request without it is refused, of whichever client it is."""
        data = grant.request.payload.data
        # SECURITY: what is missing here would let anyone who sees a code trade it (RFC 9700 section 2.1.1).
        if not data.get("code_challenge") or not data.get("code_challenge_method"):
            raise InvalidRequestError("code_challenge and code_challenge_method=S256 are required.")
        if len(data["code_challenge"]) != 43:
            raise InvalidRequestError("The code_challenge is not valid for S256.")
        super().validate_code_challenge(grant, redirect_uri)
        if len(data.get("nonce", "")) > LONGEST_NONCE:
            raise InvalidRequestError("The nonce is too long.")

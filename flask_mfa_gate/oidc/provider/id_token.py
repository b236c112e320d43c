"""ID tokens."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from authlib.oidc.core import OpenIDCode, OpenIDToken

from ...services.oidc.subjects import Subject


class _IdToken:
    """What Authlib asks for an ID token, beside the code or the refresh token."""

    provider: Any

    def resolve_client_private_key(self, client: Any) -> Any:
        """The one key that signs for this client now."""
        return self.provider.signer(client).key

    def get_client_algorithm(self, client: Any) -> str:
        """As registered: RS256 or ES256, whatever a row may say."""
        return str(self.provider.signer(client).algorithm.value)

    def get_encode_header(self, client: Any) -> dict[str, str]:
        """With the name of the key, without which nobody could verify while two are published."""
        signer = self.provider.signer(client)
        return {"alg": signer.algorithm.value, "kid": signer.kid, "typ": "JWT"}

    def get_client_claims(self, client: Any) -> dict[str, Any]:
        """By the gate's clock; when the user proved anything comes from the grant."""
        now = self.provider.now
        ends_at = now + self.provider.services.grants.lifetimes.id_token
        return {
            "iss": self.provider.issuer,
            "aud": client.get_client_id(),
            "iat": int(now.timestamp()),
            "exp": int(max(ends_at, now + timedelta(seconds=1)).timestamp()),
        }

    def get_compatible_claims(self, request: Any) -> dict[str, Any]:
        """Nothing but these: what Authlib adds calls every sign-in one of this moment."""
        return self.get_client_claims(request.client)

    def get_authorization_code_claims(self, authorization_code: Any) -> dict[str, Any]:
        """Strength and sign-in, as they were when the code was made."""
        claims: dict[str, Any] = super().get_authorization_code_claims(authorization_code)  # type: ignore[misc]
        return {**claims, "sid": authorization_code.grant.sid}

    def generate_user_info(self, user: Subject, scope: str) -> dict[str, Any]:
        """Who it is; what the scopes tell of them is at the userinfo endpoint (Core 1.0 section 5.4)."""
        return {"sub": user.person.key}


class CodeIdToken(_IdToken, OpenIDCode):  # type: ignore[misc]
    """Beside a code."""

    def __init__(self, provider: Any) -> None:
        super().__init__(require_nonce=False)
        self.provider = provider

    def exists_nonce(self, nonce: str, request: Any) -> bool:
        """A nonce is the client's own; that a code counts once is seen to elsewhere."""
        return False


class RefreshedIdToken(_IdToken, OpenIDToken):  # type: ignore[misc]
    """Beside a refreshed token."""

    def __init__(self, provider: Any) -> None:
        self.provider = provider

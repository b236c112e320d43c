"""``private_key_jwt``: a client proves itself by a signature (RFC 7523, OpenID Connect Core 1.0 section 9)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from authlib.oauth2.rfc6749 import InvalidClientError
from authlib.oauth2.rfc7523 import JWTBearerClientAssertion
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from ...domain.oidc.client import AuthMethod, SigningAlgorithm

LONGEST_LIFE, LEEWAY, LONGEST_JTI = timedelta(minutes=5), timedelta(seconds=30), 255
_REFUSAL = "The client assertion is not accepted."


class ClientAssertion(JWTBearerClientAssertion):  # type: ignore[misc]
    """Checked by the gate's clock, and by keys that were registered."""

    CLIENT_AUTH_METHOD = AuthMethod.PRIVATE_KEY_JWT.value

    def __init__(self, provider: Any) -> None:
        super().__init__()
        self._provider = provider

    def __call__(self, query_client: Any, request: Any) -> Any:
        """The client that signed it, which is the one that the request names, if any (RFC 7521 section 4.2)."""
        client = super().__call__(query_client, request)
        if client is not None and request.form.get("client_id", client.client_id) != client.client_id:
            raise InvalidClientError(description=_REFUSAL, status_code=401)
        return client

    def resolve_client_public_key(self, client: Any) -> KeySet:
        """The registered keys; a client that proves itself otherwise has none here."""
        if client.client.jwks is None or client.client.token_endpoint_auth_method is not AuthMethod.PRIVATE_KEY_JWT:
            raise InvalidClientError(description=_REFUSAL, status_code=401)
        return KeySet.import_key_set(client.client.jwks)

    def process_assertion_claims(self, assertion: str, resolve_key: Any) -> Any:
        """The claims of an assertion that was signed with one of these keys."""
        try:
            # The algorithms that the metadata names, by keys of these types, which were registered.
            token = jwt.decode(assertion, resolve_key, algorithms=[one.value for one in SigningAlgorithm])
        except (JoseError, ValueError, KeyError):
            raise InvalidClientError(description=_REFUSAL, status_code=401) from None
        self.verify_claims(token.claims)
        return token.claims

    def verify_claims(self, claims: Any) -> None:
        """Whose it is, for whom, and for how long; and that it comes the first time."""
        sub, jti, exp = claims.get("sub"), claims.get("jti"), claims.get("exp")
        now = self._provider.now
        # SECURITY: for this provider alone, or another one that the client trusts could use it here.
        is_for_us = claims.get("aud") in (self._provider.issuer, [self._provider.issuer])
        is_timed = _is_number(exp) and now - LEEWAY < _moment(exp) <= now + LONGEST_LIFE + LEEWAY
        begins = [claims.get(name) for name in ("nbf", "iat") if claims.get(name) is not None]
        has_begun = all(_is_number(one) and _moment(one) <= now + LEEWAY for one in begins)
        is_named = isinstance(jti, str) and 0 < len(jti) <= LONGEST_JTI
        if claims.get("iss") != sub or not (is_for_us and is_timed and has_begun and is_named):
            raise InvalidClientError(description=_REFUSAL, status_code=401)
        if not self._provider.services.clients.try_use_assertion(str(sub), str(jti), ends_at=_moment(exp) + LEEWAY):
            raise InvalidClientError(description=_REFUSAL, status_code=401)


def _is_number(value: Any) -> bool:
    return type(value) in {int, float} and 0 <= value < 2**33


def _moment(value: Any) -> datetime:
    return datetime.fromtimestamp(value, UTC)

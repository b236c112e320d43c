"""The ID token of a provider: who made it, and that it is what was asked for."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import Any

from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import JWKRegistry, KeySet

from ...domain.oidc.id_token_claims import ExpectedToken, UntrustedToken, require_expected

# SECURITY: keys that only their owner has. What is made with the client's secret, or with none, proves nothing.
ALGORITHMS = ("RS256", "ES256", "PS256", "RS384", "ES384", "PS384", "RS512", "ES512", "PS512", "EdDSA", "Ed25519")
_LONGEST = 100_000
_HASHES = {"384": hashlib.sha384, "512": hashlib.sha512, "EdDSA": hashlib.sha512, "Ed25519": hashlib.sha512}


def read_id_token(
    token: Mapping[str, Any], keys: Callable[[bool], Mapping[str, Any]], expected: ExpectedToken, *, now: datetime
) -> Mapping[str, Any]:
    """Its claims.

    :param token: the answer of the token endpoint.
    :param keys: gives the provider's keys; fetched once more where it is told so.
    :raises UntrustedToken: for one that nobody should believe.
    """
    text, access = token.get("id_token"), token.get("access_token")
    # SECURITY: what is too long is refused before it is parsed.
    if not isinstance(text, str) or len(text) > _LONGEST or not text.isascii():
        raise UntrustedToken("there is none, or it is too long")
    try:
        found = _verified(text, keys)
    except (JoseError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise UntrustedToken(f"its signature does not hold ({type(error).__name__})") from None
    at_hash = _half_hash(str(access or ""), str(found.header.get("alg")))
    require_expected(found.claims, replace(expected, at_hash=at_hash), now=now)
    return found.claims


def _verified(text: str, keys: Callable[[bool], Mapping[str, Any]]) -> jwt.Token:
    try:
        return jwt.decode(text, _key_set(keys(False)), algorithms=list(ALGORITHMS))
    except InvalidKeyIdError:
        # The provider may have changed its keys since.
        return jwt.decode(text, _key_set(keys(True)), algorithms=list(ALGORITHMS))


def _key_set(published: Mapping[str, Any]) -> KeySet:
    """The keys that can be used; one of another kind beside them keeps nobody out (RFC 7517 section 5)."""
    found = []
    for key in published["keys"]:
        with suppress(JoseError, ValueError, TypeError, KeyError):
            found.append(JWKRegistry.import_key(key))
    return KeySet(found)


def _half_hash(access_token: str, algorithm: str) -> str:
    """``at_hash`` (OpenID Connect Core 1.0 section 3.1.3.6)."""
    make = _HASHES.get(algorithm, _HASHES.get(algorithm[2:], hashlib.sha256))
    digest = make(access_token.encode()).digest()
    return base64.urlsafe_b64encode(digest[: len(digest) // 2]).decode().rstrip("=")

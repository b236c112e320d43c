"""ID tokens that come back as hints: of this provider, whatever has become of them since."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...domain.oidc.authn_request import BadAuthnRequest
from ...domain.oidc.client import OidcClient, SigningAlgorithm
from .pages import Call

_NO_HINT = "The id_token_hint is not an ID token that this provider issued to this client."


def claims_of_hint(call: Call, hint: str) -> Mapping[str, Any] | None:
    """The claims of an ID token that this provider signed; also of one that has ended. None for anything else."""
    from joserfc import jwt  # noqa: PLC0415 - loaded with the provider
    from joserfc.errors import JoseError  # noqa: PLC0415
    from joserfc.jwk import KeySet  # noqa: PLC0415

    keys = KeySet.import_key_set({"keys": call.oidc.signing_keys.published()})
    try:
        # By our own keys, whatever key the header of the token brings along or points to.
        token = jwt.decode(hint, keys, algorithms=[algorithm.value for algorithm in SigningAlgorithm])
    except (JoseError, ValueError, TypeError, KeyError, RecursionError):
        return None
    # SECURITY: a logout token is signed by the same keys, and is no ID token.
    is_ours = token.claims.get("iss") == call.oidc.issuer and token.header.get("typ") == "JWT"
    return token.claims if is_ours else None


def subject_of_hint(call: Call, hint: str | None, client: OidcClient) -> str | None:
    """The user whom a client means; None where it names nobody.

    :raises BadAuthnRequest: for a hint that is none.
    """
    if hint is None:
        return None
    claims = claims_of_hint(call, hint)
    if claims is None or claims.get("aud") != client.client_id or not isinstance(claims.get("sub"), str):
        raise BadAuthnRequest(_NO_HINT)
    return str(claims["sub"])

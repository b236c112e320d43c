"""What a relying party looks at before it believes a logout token (OpenID Connect Back-Channel Logout 2.6)."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from joserfc.jwt import JWTClaimsRegistry

_EVENT = "http://schemas.openid.net/event/backchannel-logout"
_LEEWAY = 60


class InvalidLogoutToken(Exception):
    """Nothing is ended by it."""


@dataclass(frozen=True, slots=True)
class Logout:
    """Which session is over: one by its id, or all of a user.

    :param token_id: to know a second delivery.
    """

    subject: str | None
    session_id: str | None
    token_id: str


def read_logout_token(token: str, *, keys: Any, issuer: str, audience: str) -> Logout:
    """What it says.

    :raises InvalidLogoutToken: for one that the provider did not sign for this client, or that is none.
    """
    try:
        read = jwt.decode(token, KeySet.import_key_set(keys), algorithms=["RS256", "ES256"])
        JWTClaimsRegistry(
            now=int(time.time()), leeway=_LEEWAY, iss={"essential": True, "value": issuer},
            aud={"essential": True, "value": audience}, iat={"essential": True}, exp={"essential": True},
            jti={"essential": True},
        ).validate(read.claims)  # fmt: skip
    except (JoseError, ValueError) as error:
        raise InvalidLogoutToken(str(error)) from error
    _require_logout(read.header, read.claims)
    return Logout(read.claims.get("sub"), read.claims.get("sid"), read.claims["jti"])


def _require_logout(header: Mapping[str, Any], claims: Mapping[str, Any]) -> None:
    """An ID token is signed with the same keys, and must not sign anybody out."""
    events = claims.get("events")
    is_logout = header.get("typ") == "logout+jwt" and isinstance(events, dict) and _EVENT in events
    if not is_logout or "nonce" in claims or not (claims.get("sub") or claims.get("sid")):
        raise InvalidLogoutToken("This is not a logout token.")

"""What the claims of an ID token have to be before anything they say is looked at (OpenID Connect Core 1.0 3.1.3.7)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hmac import compare_digest
from typing import Any

from .upstream_claims import LEEWAY

_LONGEST_SUBJECT = 255


class UntrustedToken(Exception):
    """An ID token that is not what was asked for. The message names the claim and never its value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedToken:
    """What was asked for.

    :param issuer: as it is configured, and not as the provider calls itself.
    :param at_hash: of the access token beside it.
    :param max_age: how long ago the user may have authenticated; None for any time.
    """

    issuer: str
    client_id: str
    nonce: str = field(repr=False)
    at_hash: str = field(repr=False)
    max_age: timedelta | None = None


def require_expected(claims: Mapping[str, Any], expected: ExpectedToken, *, now: datetime) -> None:
    """Whether this token was made by that provider, for this client, this sign-in and this moment.

    :raises UntrustedToken: for one that was not.
    """
    # SECURITY: compared as it stands with what is configured: another provider must not speak for this one.
    _require("iss", claims.get("iss") == expected.issuer)
    _require("aud", _is_for(claims.get("aud"), claims.get("azp"), expected.client_id))
    _require("sub", _is_text(claims.get("sub"), _LONGEST_SUBJECT))
    # SECURITY: a token that was stolen, or given out for another sign-in, has another nonce.
    _require("nonce", _is_same(claims.get("nonce"), expected.nonce))
    _require("exp", _seconds(claims.get("exp")) > (now - LEEWAY).timestamp())
    _require("iat", 0 < _seconds(claims.get("iat")) <= (now + LEEWAY).timestamp())
    if "nbf" in claims:
        _require("nbf", 0 < _seconds(claims["nbf"]) <= (now + LEEWAY).timestamp())
    if "at_hash" in claims:
        _require("at_hash", _is_same(claims["at_hash"], expected.at_hash))
    if expected.max_age is not None:
        _require("auth_time", _is_young(claims.get("auth_time"), expected.max_age, now))


def _require(claim: str, holds: bool) -> None:
    if not holds:
        raise UntrustedToken(f"its {claim} is not as expected")


def _is_for(audience: object, party: object, client_id: str) -> bool:
    """Alone, or among others with this client named as the one it is for."""
    alone = audience in (client_id, [client_id])
    if alone:
        return party in (None, client_id)
    # SECURITY: a token for several is one that another client could hand in here.
    return isinstance(audience, list) and client_id in audience and party == client_id


def _is_text(value: object, longest: int) -> bool:
    return isinstance(value, str) and 0 < len(value) <= longest and value.isprintable()


def _is_same(value: object, expected: str) -> bool:
    return isinstance(value, str) and compare_digest(value.encode("utf-8", "replace"), expected.encode())


def _seconds(value: object) -> float:
    """A number of seconds; 0 for anything else."""
    return float(value) if type(value) in {int, float} and 0 < value < 1e11 else 0.0  # type: ignore[operator,arg-type]


def _is_young(value: object, max_age: timedelta, now: datetime) -> bool:
    # SECURITY: without a time the user may have authenticated at any (section 3.1.2.1: then it is required).
    if type(value) is not int or not 0 < value <= (now + LEEWAY).timestamp():
        return False
    return now - datetime.fromtimestamp(value, UTC) <= max_age

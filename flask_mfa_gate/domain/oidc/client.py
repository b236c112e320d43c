"""A relying party, in the words of RFC 7591 and of OpenID Connect Dynamic Client Registration 1.0."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

RESOURCE_PREFIX = "client:"
OPENID, OFFLINE = "openid", "offline_access"
SCOPES = (OPENID, "profile", "email", "groups", OFFLINE)


class AuthMethod(StrEnum):
    """How a client proves that it is itself (RFC 7591 section 2)."""

    BASIC = "client_secret_basic"
    POST = "client_secret_post"
    PRIVATE_KEY_JWT = "private_key_jwt"
    NONE = "none"

    @property
    def takes_secret(self) -> bool:
        """Whether a secret is made for such a client."""
        return self in {AuthMethod.BASIC, AuthMethod.POST}


class SigningAlgorithm(StrEnum):
    """What an ID token may be signed with. Never ``none``, and never a secret that both sides know."""

    RS256 = "RS256"
    ES256 = "ES256"


class GrantType(StrEnum):
    """What a client may trade for tokens."""

    CODE = "authorization_code"
    REFRESH = "refresh_token"


@dataclass(frozen=True, slots=True, kw_only=True)
class OidcClient:
    """One relying party.

    :param client_id: its public name, which policies and default access call ``client:NAME``.
    :param redirect_uris: where codes may be sent, compared character by character.
    :param scopes: what it may ask for.
    :param jwks: its public keys, for ``private_key_jwt``; they are registered and never fetched.
    :param default_max_age: seconds, where a request names none.
    :param skip_consent: whether its users are not asked to agree, as with an app of the same organization.
    :param is_configured: whether it stands in ``MFA_GATE_OIDC_CLIENTS``, and not in a row.
    """

    client_id: str
    client_name: str
    redirect_uris: tuple[str, ...]
    post_logout_redirect_uris: tuple[str, ...] = ()
    token_endpoint_auth_method: AuthMethod = AuthMethod.BASIC
    grant_types: frozenset[GrantType] = frozenset({GrantType.CODE, GrantType.REFRESH})
    scopes: frozenset[str] = frozenset(SCOPES)
    id_token_signed_response_alg: SigningAlgorithm = SigningAlgorithm.RS256
    jwks: Mapping[str, Any] | None = None
    default_max_age: int | None = None
    client_uri: str | None = None
    backchannel_logout_uri: str | None = None
    skip_consent: bool = False
    is_enabled: bool = True
    is_configured: bool = False

    @property
    def resource(self) -> str:
        """What policies and default access call it."""
        return f"{RESOURCE_PREFIX}{self.client_id}"

    @property
    def is_public(self) -> bool:
        """Whether it can keep no secret, as a page in the browser."""
        return self.token_endpoint_auth_method is AuthMethod.NONE

    @property
    def only_redirect_uri(self) -> str | None:
        """What a request without ``redirect_uri`` means; None unless there is just one."""
        return self.redirect_uris[0] if len(self.redirect_uris) == 1 else None

    def needs_consent(self, scopes: Collection[str]) -> bool:
        """Whether its users are asked for these."""
        # SECURITY: that access outlives their sign-in, users agree to of every app.
        return not self.skip_consent or OFFLINE in scopes

    def scope_of(self, asked: str) -> tuple[str, ...]:
        """The scopes of a request that this client may have, in a stable order. Unknown ones are passed over
        (OpenID Connect Core 1.0 section 3.1.2.1).
        """
        wanted = set(asked.split())
        return tuple(scope for scope in SCOPES if scope in wanted and scope in self.scopes)


@dataclass(frozen=True, slots=True)
class ClientSecret:
    """One of a client's secrets, of which two may overlap.

    :param digest: SHA-256 in hex.
    """

    id: str
    digest: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class RegisteredClient:
    """A client with what it proves itself by."""

    client: OidcClient
    secrets: Collection[ClientSecret] = field(default=(), repr=False)

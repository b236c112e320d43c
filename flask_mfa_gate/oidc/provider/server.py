"""The authorization server: made for one request, and forgotten with it."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2.rfc6749 import InvalidGrantError
from authlib.oauth2.rfc6750 import BearerTokenGenerator
from authlib.oauth2.rfc9207 import IssuerParameter

from ...crypto import new_token
from ...domain.oidc.client import OFFLINE, AuthMethod, RegisteredClient
from ...domain.oidc.grant import Authorization
from ...services.oidc.clients import ClientService
from ...services.oidc.grants import GrantService, NewTokens
from ...services.oidc.permission import GrantPermission, Use
from ...services.oidc.signing_keys import PrivateKey, SigningKeyService
from ...services.oidc.subjects import ClaimsReader, Subject
from .assertions import ClientAssertion
from .endpoints import Introspection, Revocation
from .grants import CodeGrant, RefreshGrant, S256CodeChallenge
from .id_token import CodeIdToken, RefreshedIdToken
from .request import ProviderRequest
from .rows import ProviderClient, ProviderGrant

# SECURITY: at this level and below Authlib writes access and refresh tokens into the log.
logging.getLogger("authlib").setLevel(logging.INFO)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderServices:
    """What the protocol is about."""

    clients: ClientService
    grants: GrantService
    permission: GrantPermission
    signing_keys: SigningKeyService
    claims: ClaimsReader


@dataclass(slots=True)
class ProtocolResponse:
    """What Authlib answers, before it is one of Flask's.

    :param payload: a mapping, or text without any meaning beside a redirect.
    :param location: where to go; Authlib's extensions write there.
    """

    status: int
    payload: Any = field(repr=False)
    headers: Mapping[str, str]
    location: str | None = field(repr=False)


class Provider(AuthorizationServer):  # type: ignore[misc]
    """What Authlib needs to be an OpenID provider.

    :param now: by the gate's clock.
    :ivar authorized: whom the gate let through, before a code is made.
    """

    def __init__(self, services: ProviderServices, *, issuer: str, now: datetime) -> None:
        super().__init__()
        self.services, self.issuer, self.now = services, issuer, now
        self.authorized: Authorization = None  # type: ignore[assignment]
        self.keeps_offline = False
        self._clients: dict[str, ProviderClient | None] = {}
        self._signers: dict[str, PrivateKey] = {}
        self.register_token_generator("default", self._generator())
        self.register_grant(CodeGrant, [S256CodeChallenge(required=True), CodeIdToken(self)])
        self.register_grant(RefreshGrant, [RefreshedIdToken(self)])
        self.register_endpoint(Revocation(self))
        self.register_endpoint(Introspection(self))
        self.register_client_auth_method(AuthMethod.PRIVATE_KEY_JWT.value, ClientAssertion(self))
        self.register_extension(lambda server: _Issuer(self.issuer)(server))

    def request(self, method: str, path: str, parameters: dict[str, str], headers: Any = None) -> ProviderRequest:
        """A request at an address of the issuer."""
        return ProviderRequest(method, f"{self.issuer}{path}", parameters, headers or {})

    def create_oauth2_request(self, request: Any) -> ProviderRequest:
        """Ours are made already."""
        assert isinstance(request, ProviderRequest)  # noqa: S101 - nobody else calls it
        return request

    def handle_response(self, status: int, payload: Any, headers: Any) -> ProtocolResponse:
        """As it is; the caller makes an answer of it."""
        told = dict(headers)
        return ProtocolResponse(status, payload, told, told.get("Location"))

    def knows(self, registered: RegisteredClient) -> ProviderClient:
        """A client that was looked up already."""
        found = self._clients[registered.client.client_id] = ProviderClient(registered)
        return found

    def query_client(self, client_id: str) -> ProviderClient | None:
        """An enabled client; asked for twice a request, and looked up once."""
        if client_id not in self._clients:
            found = self.services.clients.find(client_id)
            self._clients[client_id] = None if found is None else ProviderClient(found)
        return self._clients[client_id]

    def save_token(self, token: dict[str, Any], request: Any) -> None:
        """Give the tokens out, unless another request with the same code or token was first."""
        credential: ProviderGrant = request.refresh_token or request.authorization_code
        left = credential.grant.ends_at - self.now
        token["expires_in"] = min(token["expires_in"], int(left.total_seconds()))
        tokens = NewTokens(token["access_token"], token["scope"], token.get("refresh_token"))
        if not self.services.grants.try_trade(credential.state, tokens):
            raise InvalidGrantError("This has already been used.")

    def subject(self, credential: ProviderGrant, use: Use) -> Subject | None:
        """The user who may go on with it."""
        return self.services.permission.subject(credential.state, use)

    def signer(self, client: ProviderClient) -> PrivateKey:
        """The key that signs for this client; the same throughout one answer."""
        algorithm = client.client.id_token_signed_response_alg
        if algorithm not in self._signers:
            self._signers[algorithm] = self.services.signing_keys.signer(algorithm)
        return self._signers[algorithm]

    def wanted_scopes(self, scopes: Sequence[str]) -> tuple[str, ...]:
        """What may be granted of these; offline access only where its user is asked for it now."""
        # SECURITY: tokens outlive the sign-in only where its user has seen so (OpenID Connect Core 1.0 section 11).
        return tuple(scope for scope in scopes if scope != OFFLINE or self.keeps_offline)

    def granted_scope(self, request: Any) -> str:
        """The same, of a request."""
        return " ".join(self.wanted_scopes(request.scope.split()))

    def _generator(self) -> BearerTokenGenerator:
        seconds = int(self.services.grants.lifetimes.access.total_seconds())
        return BearerTokenGenerator(_random, _random, lambda client, grant_type: max(seconds, 1))


class _Issuer(IssuerParameter):  # type: ignore[misc]
    """``iss`` in every authorization response (RFC 9207)."""

    def __init__(self, issuer: str) -> None:
        self._issuer = issuer

    def get_issuer(self) -> str:
        """The provider's own."""
        return self._issuer


def _random(**_: Any) -> str:
    return new_token()

"""What Authlib calls client, code and token: values of ours with the methods that it expects."""

from __future__ import annotations

import hmac
from datetime import datetime

from authlib.oauth2.rfc6749 import ClientMixin, TokenMixin
from authlib.oidc.core import AuthorizationCodeMixin

from ...crypto import token_digest
from ...domain.oidc.client import GrantType, RegisteredClient
from ...store.oidc.grants import GrantState


class ProviderClient(ClientMixin):  # type: ignore[misc]
    """An enabled client."""

    def __init__(self, registered: RegisteredClient) -> None:
        self.client, self._secrets = registered.client, registered.secrets
        self.client_id = registered.client.client_id
        self.id_token_signed_response_alg = registered.client.id_token_signed_response_alg.value

    def get_client_id(self) -> str:
        """Its public name."""
        return self.client_id

    def get_default_redirect_uri(self) -> str | None:
        """What a request without one means, where just one is registered."""
        return self.client.only_redirect_uri

    def get_allowed_scope(self, scope: str | None) -> str | None:
        """What of a scope it may have; None where that is no sign-in."""
        allowed = self.client.scope_of(scope or "")
        return " ".join(allowed) if "openid" in allowed else None

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        """Character by character (RFC 9700 section 2.1)."""
        return redirect_uri in self.client.redirect_uris

    def check_client_secret(self, client_secret: str) -> bool:
        """Whether this is one of its secrets."""
        sent = token_digest(client_secret).encode()
        # SECURITY: digests are compared in constant time, and all of them, whichever is right.
        found = [hmac.compare_digest(sent, secret.digest.encode()) for secret in self._secrets]
        return any(found)

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        """Only the method that was registered, at every endpoint."""
        # SECURITY: else a confidential client could pass for a public one, by its name alone.
        return method == self.client.token_endpoint_auth_method

    def check_response_type(self, response_type: str) -> bool:
        """Only codes."""
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        """As registered."""
        return grant_type in {one.value for one in self.client.grant_types & set(GrantType)}


class ProviderGrant(AuthorizationCodeMixin, TokenMixin):  # type: ignore[misc]
    """A grant, as the code, the refresh token or the access token that led to it."""

    def __init__(self, state: GrantState, *, now: datetime) -> None:
        self.state, self.grant, self._now = state, state.grant, now
        self.code_challenge, self.code_challenge_method = state.grant.code_challenge, "S256"

    def get_redirect_uri(self) -> str:
        """Where the code was sent."""
        return self.grant.redirect_uri

    def get_scope(self) -> str:
        """Of the access token where it is one, else of the grant."""
        is_access = self.state.token is not None and self.state.token.kind.value == "access"
        return self.state.token.scope if is_access and self.state.token is not None else self.grant.scope

    def get_nonce(self) -> str | None:
        """Only beside the code: a refreshed ID token has none (OpenID Connect Core 1.0 section 12.2)."""
        return self.grant.nonce if self.state.token is None else None

    def get_auth_time(self) -> int | None:
        """Of the real proof, whatever was refreshed since; a claim that nobody can make is left out."""
        return self.grant.auth_time

    def get_acr(self) -> str:
        """As it was when the code was made."""
        return self.grant.acr

    def get_amr(self) -> list[str]:
        """Likewise."""
        return list(self.grant.amr)

    def check_client(self, client: ProviderClient) -> bool:
        """Whether it is this client's."""
        return self.grant.client_id == client.client_id

    def is_expired(self) -> bool:
        """Whether the token has ended by itself."""
        return self.state.token is None or self._now >= self.state.token.ends_at or self.state.token.used_at is not None

    def is_revoked(self) -> bool:
        """Whether the family is over."""
        return self.grant.is_over(self._now)

"""One provider that signs users in here, on Authlib's Flask client."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from authlib.integrations.base_client import OAuthError
from authlib.integrations.flask_client import FlaskIntegration, FlaskOAuth2App
from flask import session
from requests import RequestException

from ...clock import Clock
from ...domain.oidc.id_token_claims import ExpectedToken, UntrustedToken
from ...domain.oidc.upstream_claims import is_since
from ...domain.oidc.upstream_provider import UpstreamProvider
from ...errors import MFAGateError, SignInOver
from ...sentences import Sentence
from .http import BoundedSession
from .id_token import read_id_token

# SECURITY: at this level and below Authlib writes codes and tokens into the log.
logging.getLogger("authlib").setLevel(logging.INFO)
log = logging.getLogger("flask_mfa_gate")
_ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")
_METADATA_LIFETIME = 3600
_STATE_LIFETIME = 3600
_MOST_STATES = 3
_OVER = "This sign-in has ended, or was started in another browser. Sign in again."


class _App(FlaskOAuth2App):  # type: ignore[misc]
    client_cls = BoundedSession

    def _get_oauth_client(self, **_metadata: Any) -> Any:
        # SECURITY: Authlib takes what a provider says of itself for settings, such as verify, proxies or no PKCE.
        return super()._get_oauth_client()


@dataclass(frozen=True, slots=True)
class AuthnDemand:
    """What the provider is asked to do, beside signing the user in.

    :param max_age: how long ago the user may have authenticated there; zero asks for it now.
    """

    acr_values: tuple[str, ...] = ()
    max_age: timedelta | None = None

    @property
    def words(self) -> dict[str, str]:
        """As a request says it (OpenID Connect Core 1.0 section 3.1.2.1)."""
        words = {"acr_values": " ".join(self.acr_values)} if self.acr_values else {}
        if self.max_age is not None:
            words["max_age"] = str(int(self.max_age.total_seconds()))
            words |= {} if self.max_age else {"prompt": "login"}
        return words


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back.

    :param claims: of the validated ID token.
    :param kept: what was kept of the request in this browser's session.
    """

    claims: Mapping[str, Any] = field(repr=False)
    kept: Mapping[str, Any] = field(repr=False)

    @property
    def began_at(self) -> datetime:
        """When the user was sent there."""
        return datetime.fromtimestamp(self.kept["began_at"], UTC)

    def is_new(self, *, now: datetime) -> bool:
        """Whether the user authenticated there since then, by the provider's own clock."""
        return is_since(self.claims, self.began_at, now=now)


class TryUse(Protocol):
    """Notes that a state was answered; False when it was before."""

    def __call__(self, provider: str, state: str, *, ends_at: datetime) -> bool:
        """See :meth:`UpstreamAnswers.try_use`."""


class UpstreamClient:
    """Sends users to the provider, and takes them back.

    :param redirect_uri: where they come back to.
    :param try_use: whether a state of this provider was not answered before.
    """

    def __init__(self, provider: UpstreamProvider, *, redirect_uri: str, clock: Clock, try_use: TryUse) -> None:
        self.provider, self._redirect_uri, self._clock, self._try_use = provider, redirect_uri, clock, try_use
        self._framework = FlaskIntegration(f"mfa_gate_{provider.name}")
        self._app = _App(
            self._framework, provider.name, client_id=provider.client_id, client_secret=provider.client_secret,
            server_metadata_url=provider.configuration_url,
            client_kwargs={
                "scope": provider.scope, "code_challenge_method": "S256",
                "token_endpoint_auth_method": provider.token_endpoint_auth_method.value,
            },
        )  # fmt: skip

    def begin(self, demand: AuthnDemand, **kept: Any) -> str:
        """Where to send the user.

        :param kept: JSON values for the way back, which the browser may read and cannot change.
        :raises MFAGateError: where the provider can't be reached, or is another one.
        """
        with self._reaching():
            self._load()
            made = self._app.create_authorization_url(self._redirect_uri, **demand.words)
        self._forget_oldest()
        url = str(made.pop("url"))
        began_at = self._clock().timestamp()
        self._app.save_authorize_data(redirect_uri=self._redirect_uri, began_at=began_at, **made, **kept)
        return url

    def finish(self, sent: Mapping[str, str]) -> Answer:
        """Trade the code that came back.

        :raises SignInOver: for a state that is not this browser's, or was used, and for a token nobody should believe.
        :raises MFAGateError: where the provider can't be reached.
        """
        kept = self._take(sent.get("state"))
        with self._reaching():
            metadata = self._load()
            self._require_sender(sent.get("iss"), metadata)
            if "error" in sent or "code" not in sent:
                raise SignInOver(Sentence("%(name)s did not sign you in. Try again.", name=self.provider.label))
            token = self._app.fetch_access_token(
                self._redirect_uri, code=sent["code"], code_verifier=kept["code_verifier"]
            )
            return Answer(self._claims(token, kept), kept)

    def _claims(self, token: Mapping[str, Any], kept: Mapping[str, Any]) -> Mapping[str, Any]:
        expected = ExpectedToken(
            issuer=self.provider.issuer, client_id=self.provider.client_id, nonce=kept["nonce"], at_hash="",
            max_age=self.provider.max_age,
        )  # fmt: skip
        return read_id_token(token, lambda again: self._app.fetch_jwk_set(force=again), expected, now=self._clock())

    def _take(self, state: str | None) -> Mapping[str, Any]:
        # SECURITY: kept in this browser's session, so that nobody else's code signs it in (RFC 9700 section 4.7.1).
        kept: Mapping[str, Any] | None = self._framework.get_state_data(session, state)
        # For one answer only: what is over takes no room in a cookie.
        self._framework.clear_state_data(session, state)
        if kept is None or "nonce" not in kept:
            raise SignInOver(_OVER)
        # SECURITY: the session may live for weeks, and what was begun so long ago asked for nothing of today.
        if self._clock().timestamp() - kept["began_at"] > _STATE_LIFETIME:
            raise SignInOver(_OVER)
        # SECURITY: a browser may put back a copy of its session from before the answer.
        ends_at = datetime.fromtimestamp(kept["began_at"] + _STATE_LIFETIME, UTC)
        if not self._try_use(self.provider.name, str(state), ends_at=ends_at):
            raise SignInOver(_OVER)
        return kept

    def _forget_oldest(self) -> None:
        """A session in a cookie has room for a few."""
        mine = [name for name in session if name.startswith(f"_state_{self._framework.name}_")]
        for name in sorted(mine, key=lambda one: session[one]["exp"])[: 1 - _MOST_STATES]:
            session.pop(name)

    def _load(self) -> Mapping[str, Any]:
        """What the provider says of itself, for an hour."""
        if self._app.server_metadata.get("_loaded_at", 0) < time.time() - _METADATA_LIFETIME:
            self._app.server_metadata = {}
        metadata: Mapping[str, Any] = self._app.load_server_metadata()
        # SECURITY: what calls itself another provider is one (OpenID Connect Discovery 1.0 section 4.3).
        is_own = metadata.get("issuer") == self.provider.issuer
        if not is_own or not all(self.provider.may_name(metadata.get(name)) for name in _ENDPOINTS):
            self._app.server_metadata = {}
            raise UntrustedToken("its configuration is another provider's, or names an address without TLS")
        return metadata

    def _require_sender(self, issuer: str | None, metadata: Mapping[str, Any]) -> None:
        # SECURITY: a code of one provider must not be sent to another (RFC 9207 section 2.4).
        is_promised = metadata.get("authorization_response_iss_parameter_supported") is True
        if issuer != self.provider.issuer and (issuer is not None or is_promised):
            raise UntrustedToken("the answer is another provider's")

    @contextmanager
    def _reaching(self) -> Iterator[None]:
        """Whatever a provider does wrong is an answer that its user can act on."""
        name = self.provider.label
        try:
            yield
        except UntrustedToken as error:
            log.error("an answer of %s is not believed: %s", self.provider.issuer, error)
            sentence = Sentence("The response from %(name)s can't be trusted. Sign in again.", name=name)
            raise SignInOver(sentence) from None
        except OAuthError as error:
            log.warning("%s refused: %s", self.provider.issuer, type(error).__name__)
            raise SignInOver(Sentence("%(name)s did not sign you in. Try again.", name=name)) from None
        except (RequestException, ValueError, TypeError, KeyError, AttributeError, RuntimeError) as error:
            log.error("%s can't be reached: %s", self.provider.issuer, type(error).__name__)
            raise MFAGateError(Sentence("%(name)s is unavailable. Try again in a moment.", name=name)) from None

"""An authorization request, read: from whom it is, what it asks, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from flask import request

from ...domain.oidc.authn_request import AuthnRequest, BadAuthnRequest, Prompt, read_authn_request
from ...domain.oidc.client import OidcClient, RegisteredClient
from ...errors import BadRequest
from ...store.oidc.authorize_requests import WaitingRequest
from ..translation import prefer
from .hints import subject_of_hint
from .pages import Call
from .provider import provider_of

if TYPE_CHECKING:
    from ...oidc.provider.server import Provider

# What OpenID Connect Core 1.0 section 6 and 7.2.1 offer, and this provider never fetches, decrypts or believes.
_UNSUPPORTED = {
    "request": "request_not_supported", "request_uri": "request_uri_not_supported",
    "registration": "registration_not_supported",
}  # fmt: skip


class RefusedRequest(Exception):
    """The request can't be answered with a code.

    :param error: its name in the protocol.
    :param redirect_uri: where it may be told; None where nothing in the request may be believed.
    """

    def __init__(self, error: str, description: str, *, redirect_uri: str | None, state: str | None) -> None:
        self.error, self.description, self.redirect_uri, self.state = error, description, redirect_uri, state
        super().__init__(error)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """One request that is in order.

    :param grant: of Authlib.
    :param consent: the scopes that the user who is here agreed to.
    :param waiting: the row that it is kept in; None where it has just come.
    :param request_id: the id that it is kept under.
    """

    provider: Provider = field(repr=False)
    grant: Any = field(repr=False)
    client: OidcClient
    consent: frozenset[str]
    asked: AuthnRequest
    parameters: Mapping[str, str] = field(repr=False)
    asked_at: datetime
    waiting: WaitingRequest | None = None
    request_id: str = field(default="", repr=False)

    @property
    def scopes(self) -> tuple[str, ...]:
        """What it asks for, as far as the client may have it."""
        return tuple(self.grant.request.scope.split())

    def answer(self, name: str) -> Any:
        """What the user chose on the way."""
        return self.waiting.answers.get(name) if self.waiting is not None else None

    def refusal(self, error: str, description: str = "") -> RefusedRequest:
        """Told to the client."""
        return RefusedRequest(
            error, description, redirect_uri=self.grant.redirect_uri, state=self.parameters.get("state")
        )


def read_asking(
    call: Call, parameters: Mapping[str, str], *, waiting: WaitingRequest | None = None, request_id: str = ""
) -> Asking:
    """The request of these parameters.

    :raises RefusedRequest: for one that is not in order.
    """
    provider, live = provider_of(call), call.context.session
    found = call.oidc.clients.find_for(parameters.get("client_id", ""), live.user_key if live is not None else "")
    if found is None:
        raise RefusedRequest("invalid_client", "This app is not registered here.", redirect_uri=None, state=None)
    client, consent = found
    prefer(parameters.get("ui_locales", ""))
    provider.knows(RegisteredClient(client))
    _require_code(client, parameters)
    grant = _validated(provider, parameters)
    asking = Asking(
        provider=provider, grant=grant, client=client, consent=frozenset(consent.split()), asked=AuthnRequest(),
        parameters=parameters, asked_at=waiting.asked_at if waiting is not None else call.state.clock(),
        waiting=waiting, request_id=request_id,
    )  # fmt: skip
    asking = replace(asking, asked=_asked(call, asking))
    provider.keeps_offline = Prompt.CONSENT in asking.asked.prompts
    return asking


def _require_code(client: OidcClient, parameters: Mapping[str, str]) -> None:
    """Before Authlib, whose error would hold the client's own text, which no error description may."""
    target = parameters.get("redirect_uri", client.only_redirect_uri)
    if parameters.get("response_type") != "code" and target in client.redirect_uris:
        error, state = "unsupported_response_type", parameters.get("state")
        raise RefusedRequest(error, "Only response_type=code is supported.", redirect_uri=target, state=state)


def _validated(provider: Provider, parameters: Mapping[str, str]) -> Any:
    """What Authlib says of client, redirect URI, response type, scope and PKCE."""
    from authlib.oauth2 import OAuth2Error  # noqa: PLC0415 - loaded with the provider

    asked = provider.request("GET", request.path, dict(parameters))
    try:
        return provider.get_consent_grant(asked, end_user=True)
    except OAuth2Error as error:
        description = str(error.get_error_description() or "")
        raise RefusedRequest(
            str(error.error), description, redirect_uri=error.redirect_uri, state=parameters.get("state")
        ) from None
    except ValueError:
        # Text of the request that no error description may hold (RFC 6749 section 4.1.2.1).
        raise BadRequest("The request is invalid.") from None


def _asked(call: Call, asking: Asking) -> AuthnRequest:
    for name, error in _UNSUPPORTED.items():
        if name in asking.parameters:
            raise asking.refusal(error)
    # SECURITY: in a fragment or a form, the code would be where scripts and other pages see it.
    if asking.parameters.get("response_mode", "query") != "query":
        raise asking.refusal("invalid_request", "Only response_mode=query is supported.")
    try:
        asked = read_authn_request(asking.parameters, default_max_age=asking.client.default_max_age)
        hinted = subject_of_hint(call, asking.parameters.get("id_token_hint"), asking.client)
    except BadAuthnRequest as error:
        raise asking.refusal("invalid_request", str(error)) from None
    return asked if hinted is None else replace(asked, subject=hinted)

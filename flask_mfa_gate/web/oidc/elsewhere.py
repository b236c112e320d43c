"""Users whom another provider signs in: what an app asks of their sign-in is asked of that provider."""

from __future__ import annotations

from dataclasses import dataclass

from ...domain.oidc.authn_request import AuthnRequest, read_authn_request
from ...domain.sign_in.assurance import SignIn
from ..endpoints import OIDC, SIGN_IN
from ..responses.host_names import own_url
from ..responses.routing import inner_path, page_at
from ..state import GateState
from .asking import Asking
from .browser import browser_of
from .pages import Call


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """The way back to the provider that signed a user in.

    :param has_not_confirmed: whether the user was sent there already, and came back without the proof.
    """

    provider: str
    url: str
    has_not_confirmed: bool


def sign_in_elsewhere(call: Call, asking: Asking) -> Elsewhere | None:
    """Where this user signs in again; None for one whom no provider of this app signed in."""
    live, upstreams = call.context.session, call.state.upstreams
    if live is None or live.assurance.sign_in is not SignIn.FEDERATED or upstreams is None:
        return None
    said = live.assurance.upstream
    provider = upstreams.of_issuer(said.issuer) if said is not None else None
    if provider is None:
        return None
    page = own_url(f"{OIDC}.resume", request_id=asking.request_id)
    return Elsewhere(
        provider.label,
        own_url(f"{SIGN_IN}.start", name=provider.name, next=page),
        live.assurance.signed_in_at >= asking.asked_at,
    )


def asked_ahead(state: GateState, target: str) -> AuthnRequest:
    """What an app asks of the sign-in that leads to this page; nothing where none waits there for this browser."""
    request_id = request_ahead(target)
    if state.oidc is None or request_id is None:
        return AuthnRequest()
    waiting = state.oidc.requests.find(request_id, browser=browser_of(state.settings))
    registered = state.oidc.clients.find(waiting.client_id) if waiting is not None else None
    if waiting is None or registered is None:
        return AuthnRequest()
    return read_authn_request(waiting.parameters, default_max_age=registered.client.default_max_age)


def request_ahead(target: str) -> str | None:
    """The id of the authorization request that waits at this page."""
    page = page_at(inner_path(target.partition("?")[0]))
    return str(page.arguments["request_id"]) if page is not None and page.endpoint == f"{OIDC}.resume" else None

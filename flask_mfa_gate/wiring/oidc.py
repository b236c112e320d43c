"""Wires the OpenID provider."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

from ..domain.oidc.client import RegisteredClient
from ..domain.oidc.registration import BadClient
from ..domain.oidc.strength import AcrWords
from ..errors import ConfigError
from ..host import load_user
from ..services.actions.actions import ActionRunner
from ..services.client.flood_guard import FloodGuard
from ..services.oidc.access_tokens import AccessTokenReader
from ..services.oidc.client_overview import ClientOverviewReader
from ..services.oidc.clients import ClientService, configured_client
from ..services.oidc.connections import ConnectionService
from ..services.oidc.grants import GrantService
from ..services.oidc.logout import LogoutNotifier, LogoutTokens
from ..services.oidc.permission import GrantPermission
from ..services.oidc.requests import RequestService
from ..services.oidc.signing_keys import SigningKeyService
from ..services.oidc.subjects import ClaimsReader, SubjectReader
from ..services.policies.policies import PolicyService
from ..web.state import HostParts, OidcServices
from .base import Base

MOST_FAILURES = 30
FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class OidcParts:
    """What upkeep needs of the provider too."""

    clients: ClientService
    signing_keys: SigningKeyService
    logout: LogoutNotifier


def oidc_parts(base: Base, runner: ActionRunner) -> OidcParts | None:
    """Clients, signing keys, and what tells clients; None where the provider is off.

    :raises ConfigError: for a client whose secret could be guessed.
    """
    settings, worker, clock = base.settings, base.worker, base.clock
    if not settings.oidc or settings.base_url is None:
        return None
    clients = ClientService(base.store, worker, runner.actor, _configured(settings.oidc_clients), clock=clock)
    longest_life = settings.oidc_lifetimes.longest
    signing_keys = SigningKeyService(base.store, worker, base.keyring, clock=clock, longest_life=longest_life)
    send = partial(base.outbound.post, content_type=FORM)
    tokens = LogoutTokens(signing_keys, issuer=settings.base_url, clock=clock)
    logout = LogoutNotifier(worker, clients, tokens, idle=settings.session_idle, send=send)
    return OidcParts(clients, signing_keys, logout)


def oidc_services(
    base: Base,
    host: HostParts,
    policies: PolicyService,
    parts: OidcParts | None,
    runner: ActionRunner,
) -> OidcServices | None:
    """The provider; None where it is off."""
    settings, store, worker, clock = base.settings, base.store, base.worker, base.clock
    if parts is None or settings.base_url is None:
        return None
    subjects = SubjectReader(base.directory, host.reader, host.stamper, load_user)
    grants = GrantService(store, worker, clock=clock, lifetimes=settings.oidc_lifetimes)
    permission = GrantPermission(policies.at, subjects, base.rules, clock=clock, lifetimes=base.lifetimes)
    return OidcServices(
        issuer=settings.base_url,
        acr=AcrWords(settings.acr),
        clients=parts.clients,
        requests=RequestService(store, worker, clock=clock),
        grants=grants,
        permission=permission,
        access_tokens=AccessTokenReader(grants, parts.clients, permission, clock=clock),
        signing_keys=parts.signing_keys,
        logout=parts.logout,
        failures=FloodGuard(
            MOST_FAILURES, settings.flood_storage, name=f"mfa_gate_oidc:{settings.base_url}", clock=clock
        ),
        claims=ClaimsReader(base.host.oidc_claims),
        overview=ClientOverviewReader(worker, parts.clients),
        connections=ConnectionService(worker, runner, parts.clients),
    )


def _configured(clients: tuple[Any, ...]) -> list[RegisteredClient]:
    found = []
    for place, words in enumerate(clients):
        try:
            found.append(configured_client(words))
        except BadClient as error:
            raise ConfigError(f"MFA_GATE_OIDC_CLIENTS[{place}]", str(error).rstrip(".")) from None
    return found

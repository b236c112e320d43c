"""Wires the OpenID provider."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..domain.oidc.client import RegisteredClient
from ..domain.oidc.registration import BadClient
from ..domain.oidc.strength import AcrWords
from ..domain.people.roles import Actor, ActorLike
from ..errors import ConfigError
from ..host import load_user
from ..services.oidc.clients import ClientService, configured_client
from ..services.oidc.connections import ConnectionService
from ..services.oidc.grants import GrantService
from ..services.oidc.permission import GrantPermission
from ..services.oidc.requests import RequestService
from ..services.oidc.signing_keys import SigningKeyService
from ..services.oidc.subjects import ClaimsReader, SubjectReader
from ..services.policies.policies import PolicyService
from ..web.state import HostParts, OidcServices
from .base import Base


def oidc_services(
    base: Base, host: HostParts, policies: PolicyService, actor_of: Callable[[ActorLike], Actor]
) -> OidcServices | None:
    """The provider; None where it is switched off.

    :raises ConfigError: for a client whose secret could be guessed.
    """
    settings, store, worker, clock = base.settings, base.store, base.worker, base.clock
    if not settings.oidc or settings.base_url is None:
        return None
    subjects = SubjectReader(base.directory, host.reader, host.stamper, load_user)
    return OidcServices(
        issuer=settings.base_url,
        acr=AcrWords(settings.acr),
        clients=ClientService(store, worker, actor_of, _configured(settings.oidc_clients), clock=clock),
        requests=RequestService(store, worker, clock=clock),
        grants=GrantService(store, worker, clock=clock, lifetimes=settings.oidc_lifetimes),
        permission=GrantPermission(policies.at, subjects, base.rules, clock=clock, lifetimes=base.lifetimes),
        signing_keys=SigningKeyService(store, worker, base.keyring, clock=clock),
        claims=ClaimsReader(base.host.oidc_claims),
        connections=ConnectionService(store, worker, actor_of, clock=clock),
    )


def _configured(clients: tuple[Any, ...]) -> list[RegisteredClient]:
    found = []
    for place, words in enumerate(clients):
        try:
            found.append(configured_client(words))
        except BadClient as error:
            raise ConfigError(f"MFA_GATE_OIDC_CLIENTS[{place}]", str(error).rstrip(".")) from None
    return found

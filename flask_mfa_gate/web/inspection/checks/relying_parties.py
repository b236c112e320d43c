"""Apps that sign in here."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from ....outbound import AddressRefused
from ....sentences import Sentence
from ....services.oidc.client_overview import ClientOverview
from ..findings import Finding, warning
from ..registry import Inspection, Needs, check

_SOON = timedelta(days=7)


@check(Needs.TABLES)
def secrets_of_clients(on: Inspection) -> Iterator[Finding]:
    """Clients that can't prove themselves, or soon can't."""
    if on.state.oidc is None:
        return
    for one in on.state.oidc.overview.all():
        client = one.client
        if client.is_configured or not client.is_enabled or not client.token_endpoint_auth_method.takes_secret:
            continue
        if problem := _problem(on, one):
            yield warning(
                "client-secret", f"The client {client.client_id!r} {problem}",
                fix=f"flask mfa clients rotate-secret {client.client_id}",
            )  # fmt: skip


@check(Needs.TABLES, Needs.NETWORK)
def addresses_of_clients(on: Inspection) -> Iterator[Finding]:
    """Clients whose server this app will not tell of sign-outs."""
    if on.state.oidc is None:
        return
    for client in on.state.oidc.clients.list():
        problem = _refusal(on, client.backchannel_logout_uri)
        if problem is not None:
            yield warning(
                "client-address",
                Sentence(
                    "The client %(client)r is not told of sign-outs: %(problem)s",
                    client=client.client_id,
                    problem=problem,
                ),
                fix="If it runs in your own network, add that address to MFA_GATE_OUTBOUND_NETWORKS.",
            )


def _refusal(on: Inspection, address: str | None) -> str | None:
    try:
        if address is not None:
            on.state.operations.outbound.require_allowed(address)
    except AddressRefused as refused:
        return str(refused)
    except OSError:
        return None
    return None


def _problem(on: Inspection, one: ClientOverview) -> str:
    if not one.secrets:
        return "has no secret that works, so it signs no one in."
    ends = [secret.ends_at for secret in one.secrets if secret.ends_at is not None]
    if len(ends) == len(one.secrets) and max(ends) <= on.state.clock() + _SOON:
        return f"has no secret that works after {max(ends):%Y-%m-%d %H:%M} UTC."
    return ""

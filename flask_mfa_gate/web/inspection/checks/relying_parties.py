"""Apps that sign in here, and providers that sign users in."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import urlsplit

from ....outbound import AddressRefused
from ....sentences import Sentence
from ....services.oidc.client_overview import ClientOverview
from ..findings import Finding, error, warning
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


@check()
def reach_of_session_cookie(on: Inspection) -> Iterator[Finding]:
    """A session of the app's that its browser keeps back where other apps, or other providers, send it."""
    ways = {"/oidc/authorize": on.state.oidc is not None, "/sign-in": bool(on.settings.upstreams)}
    mounted_at = urlsplit(on.settings.base_url or "").path.rstrip("/")
    path = on.app.session_interface.get_cookie_path(on.app)
    for way in [f"{mounted_at}{on.settings.url_prefix}{way}" for way, is_open in ways.items() if is_open]:
        if not _is_sent_to(way, path):
            yield error(
                "session-cookie-path",
                Sentence("The app's session cookie is not sent to %(way)s, where its users come by.", way=way),
                fix=Sentence("Set SESSION_COOKIE_PATH to %(path)r.", path=mounted_at or "/"),
            )


def _is_sent_to(page: str, cookie_path: str) -> bool:
    """RFC 6265 section 5.1.4."""
    return page == cookie_path or page.startswith(f"{cookie_path.rstrip('/')}/")


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

"""Wires the providers that sign users in here."""

from __future__ import annotations

from importlib.util import find_spec

from ..errors import ConfigError
from ..host import Host
from ..oidc.client.clients import UpstreamClients
from ..settings import Settings

_KEY = "MFA_GATE_UPSTREAMS"


def upstream_clients(settings: Settings, host: Host) -> UpstreamClients | None:
    """Clients of every configured provider; None without any.

    :raises ConfigError: where something is missing that only the first sign-in would miss.
    """
    if not settings.upstreams:
        return None
    if host.upstream_user is None:
        raise ConfigError("init_app", f"lacks upstream_user, which {_KEY} needs", allowed="a function that finds users")
    if host.identity is not None and not callable(getattr(host.identity, "sign_in", None)):
        raise ConfigError("init_app", f"has an identity without sign_in(user), which {_KEY} needs")
    if find_spec("requests") is None:
        raise ConfigError(_KEY, "needs requests", allowed="pip install 'flask-mfa-gate[federation]'")
    base = f"{(settings.base_url or '').rstrip('/')}{settings.url_prefix}/sign-in"
    return UpstreamClients(settings.upstreams, base=base, clock=settings.clock)

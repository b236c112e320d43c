"""Wires the providers that sign users in here."""

from __future__ import annotations

from importlib.util import find_spec

from ..errors import ConfigError
from ..oidc.client.clients import UpstreamClients
from ..services.oidc.upstream_answers import UpstreamAnswers
from .base import Base

_KEY = "MFA_GATE_UPSTREAMS"


def upstream_clients(base: Base) -> UpstreamClients | None:
    """Clients of every configured provider; None without any.

    :raises ConfigError: where something is missing that only the first sign-in would miss.
    """
    settings, host = base.settings, base.host
    if not settings.upstreams:
        return None
    if host.upstream_user is None:
        raise ConfigError("init_app", f"lacks upstream_user, which {_KEY} needs", allowed="a function that finds users")
    if host.identity is not None and not callable(getattr(host.identity, "sign_in", None)):
        raise ConfigError("init_app", f"has an identity without sign_in(user), which {_KEY} needs")
    if find_spec("requests") is None:
        raise ConfigError(_KEY, "needs requests", allowed="pip install 'flask-mfa-gate[federation]'")
    pages = f"{(settings.base_url or '').rstrip('/')}{settings.url_prefix}/sign-in"
    answers = UpstreamAnswers(base.worker)
    return UpstreamClients(settings.upstreams, base=pages, clock=settings.clock, try_use=answers.try_use)

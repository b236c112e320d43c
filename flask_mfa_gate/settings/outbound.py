"""Settings of what this app tells other servers."""

from __future__ import annotations

from dataclasses import dataclass

from . import checks
from .oidc import OidcSettings
from .setting import setting


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboundSettings(OidcSettings):
    """Which servers may be told something."""

    outbound_networks: tuple[str, ...] = setting(
        (),
        "list of str",
        checks.networks,
        "Private networks with servers that the app may tell of sign-outs and events, as addresses, CIDR blocks or "
        "ranges. Without one, only public addresses are connected to.",
    )

"""Settings of what this app tells other servers."""

from __future__ import annotations

from dataclasses import dataclass

from ..domain.records.destination import Destination, SyslogServer, Webhook
from ..errors import ConfigError
from . import checks, event_checks
from .oidc import OidcSettings
from .setting import setting


@dataclass(frozen=True, slots=True, kw_only=True)
class EventSettings(OidcSettings):
    """Which servers may be told something, and which ones are told of events."""

    outbound_networks: tuple[str, ...] = setting(
        (),
        "list of str",
        checks.networks,
        "Private networks with servers that the app may tell of sign-outs and events, as addresses, CIDR blocks or "
        "ranges. Without one, only public addresses are connected to.",
    )
    webhooks: tuple[Webhook, ...] = setting(
        (),
        "list of dict",
        event_checks.webhooks,
        "Addresses that events are posted to, signed as Standard Webhooks: `url`, `secrets`, and optionally `events`, "
        "`format` (`json` or `ocsf`) and `name`.",
        secret=True,
    )
    syslog: tuple[SyslogServer, ...] = setting(
        (),
        "list of dict",
        event_checks.syslog,
        "Syslog servers that events are sent to (RFC 5424), such as a SIEM: `url` (`udp://`, `tcp://` or `tls://`), "
        "and optionally `events`, `format` (`json` or `ocsf`), `facility` and `name`.",
    )

    @property
    def destinations(self) -> tuple[Destination, ...]:
        """All servers that are told of events."""
        return (*self.webhooks, *self.syslog)

    def require_distinct_destinations(self) -> None:
        """Each of them can be told from the others.

        :raises ConfigError: for two of one name.
        """
        names = [one.name for one in self.destinations]
        for setting_name, found in (("WEBHOOKS", self.webhooks), ("SYSLOG", self.syslog)):
            for place, one in enumerate(found):
                if names.count(one.name) > 1:
                    raise ConfigError(
                        f"MFA_GATE_{setting_name}[{place}]", "has the name of another destination", given=one.name,
                        allowed="a name of its own",
                    )  # fmt: skip

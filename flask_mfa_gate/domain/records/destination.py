"""Where events are sent: webhooks and syslog servers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import urlsplit

from .event_name import EventName

LONGEST_NAME = 64
# The detail of an event about a destination that names it.
NAMED = "destination"


class EventFormat(StrEnum):
    """The words that an event is sent in."""

    JSON = "json"
    OCSF = "ocsf"


class Transport(StrEnum):
    """How syslog messages travel: RFC 5426, RFC 6587, RFC 5425."""

    UDP = "udp"
    TCP = "tcp"
    TLS = "tls"


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination(ABC):
    """A server that is told of events.

    :param name: by which waiting events, the console and the command line know it.
    :param events: the names of events that it is told of; empty for all.
    """

    name: str
    events: frozenset[str] = frozenset()
    format: EventFormat = EventFormat.JSON

    @property
    @abstractmethod
    def target(self) -> str:
        """What may be shown of its address."""

    def wants(self, event: str, details: Mapping[str, object]) -> bool:
        """Whether it is told of this event."""
        if event == EventName.TEST_EVENT_SENT:
            return details.get(NAMED) == self.name
        # That it could not be reached, sent to itself, would be the next thing that can't be delivered.
        if event == EventName.EVENTS_GIVEN_UP and details.get(NAMED) == self.name:
            return False
        return not self.events or event in self.events


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook(Destination):
    """An address that events are posted to.

    :param secrets: the keys of its signatures; every one of them signs, so that a receiver can change from one to
        another.
    """

    url: str = field(repr=False)
    secrets: tuple[bytes, ...] = field(repr=False)

    @property
    def target(self) -> str:
        """Scheme, name and port."""
        parts = urlsplit(self.url)
        # SECURITY: path and query of many receivers are a secret of theirs.
        return f"{parts.scheme}://{parts.netloc}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SyslogServer(Destination):
    """A server that takes syslog messages.

    :param facility: number of the facility (RFC 5424 section 6.2.1).
    """

    host: str
    port: int
    transport: Transport
    facility: int

    @property
    def target(self) -> str:
        """Transport, name and port."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.transport}://{host}:{self.port}"

"""One POST, of which only the status of the answer counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from types import MappingProxyType
from urllib.parse import SplitResult, urlsplit

from .channel import Channels

_NONE: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Outbound:
    """Posts to the servers of others. Proxies of the environment are not asked."""

    channels: Channels = field(default_factory=Channels)

    def post(self, url: str, body: bytes, *, content_type: str, headers: Mapping[str, str] = _NONE) -> int:
        """Send this; the status of the answer, whose body nobody reads.

        A redirect is an answer like others: nothing is sent to where it leads.

        :raises AddressRefused: where the address is not one to talk to.
        :raises OSError: where nobody answers in time, not in HTTP, or not with a certificate that can be trusted.
        """
        parts = urlsplit(url)
        sent = {"Host": parts.netloc, "Content-Type": content_type, "Connection": "close", **headers}
        host, port, tls = _server(parts)
        with self.channels.open(host, port, tls=tls) as line:
            connection = HTTPConnection(host, port)
            connection.sock = line
            try:
                connection.request("POST", _target(parts), body, sent)
                # SECURITY: an answer of any size is not read: this process has better uses for its memory.
                return connection.getresponse().status
            except HTTPException as error:
                raise ConnectionError(type(error).__name__) from error

    def require_allowed(self, url: str) -> None:
        """Look the server up, and say nothing to it.

        :raises AddressRefused: where its address is not one to talk to.
        :raises OSError: for a name that has none.
        """
        self.channels.places(*_server(urlsplit(url))[:2])


def _server(parts: SplitResult) -> tuple[str, int, bool]:
    tls = parts.scheme == "https"
    return parts.hostname or "", parts.port or (443 if tls else 80), tls


def _target(parts: SplitResult) -> str:
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")

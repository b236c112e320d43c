"""One POST, of which only the status of the answer counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPResponse
from types import MappingProxyType
from urllib.parse import SplitResult, urlsplit

from .channel import Channels

_NONE: Mapping[str, str] = MappingProxyType({})


class _Answer(HTTPResponse):
    """The last of what a server says: whatever else it announces before (RFC 9110 section 15.2) is no answer."""

    def _read_status(self) -> tuple[str, int, str]:
        version, status, reason = super()._read_status()  # type: ignore[misc]
        # The library itself skips 100 alone, and takes 103 for all that there is.
        is_early = 100 <= status < 200 and status != HTTPStatus.SWITCHING_PROTOCOLS
        return version, HTTPStatus.CONTINUE if is_early else status, reason


class _Connection(HTTPConnection):
    response_class = _Answer


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
            connection = _Connection(host, port)
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

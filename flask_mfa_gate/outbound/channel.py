"""Connections to an address that was looked at, which end when their time is over."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from ipaddress import ip_address
from threading import Timer
from typing import NamedTuple

from ..domain.outbound import may_reach
from ..domain.policy.addresses import Span, span_of
from ..errors import MFAGateError
from ..sentences import Sentence
from .patience import look_up

SETTING = "MFA_GATE_OUTBOUND_NETWORKS"
# A name may have hundreds of addresses, and each that is silent takes its time.
MOST_ADDRESSES = 3


class AddressRefused(MFAGateError):
    """A server that this app does not talk to, as its address is inside of a network that was not allowed."""


class _Place(NamedTuple):
    """One address of a server, as ``socket`` takes it."""

    family: int
    address: tuple[str, int]


@dataclass(frozen=True, slots=True)
class Channels:
    """Opens connections.

    :param networks: entries of networks that are allowed beside the internet.
    :param connect_seconds: for the connection alone, to each address, and before it for the look-up of the name.
    :param total_seconds: for all that is said, from the connection on.
    :param is_everywhere: whether any address may be reached, also without TLS: only where none but the operator can
        name one, and private ones are what is meant.
    """

    networks: tuple[str, ...] = ()
    connect_seconds: float = 5
    total_seconds: float = 10
    is_everywhere: bool = False

    @contextmanager
    def open(self, host: str, port: int, *, tls: bool) -> Iterator[socket.socket]:
        """A connection, which is cut when its time is over.

        :param tls: with a certificate of this name that can be trusted. Without, only to the same machine.
        :raises AddressRefused: where none of the addresses may be reached.
        :raises OSError: where nobody answers in time, or not with such a certificate.
        """
        places = self.places(host, port)
        if not tls and not self.is_everywhere:
            # SECURITY: what is said without TLS can be read and changed by everybody on the way.
            places = [one for one in places if ip_address(one.address[0].partition("%")[0]).is_loopback]
        line = self._connected(host, places)
        # The handshake waits until the clock runs: it is part of the time.
        if tls:
            line = trusting().wrap_socket(line, server_hostname=host, do_handshake_on_connect=False)
        with _cut_after(self.total_seconds, line), line:
            if isinstance(line, ssl.SSLSocket):
                line.do_handshake()
            yield line

    def places(self, host: str, port: int) -> list[_Place]:
        """The addresses of a server that may be reached.

        :raises AddressRefused: where there are only others.
        :raises OSError: for a name that has none, or none in time.
        """
        found = look_up(host, port, kind=socket.SOCK_STREAM, seconds=self.connect_seconds)
        allowed: list[Span] = [span_of(entry) for entry in self.networks]
        # SECURITY: what is looked at here is what is connected to; a second look-up may say something else.
        places = [_Place(one[0], one[4]) for one in found if self.is_everywhere or may_reach(str(one[4][0]), allowed)]
        if not places:
            raise AddressRefused(
                Sentence(
                    "%(host)s leads to the private address %(address)s, which %(setting)s does not allow.",
                    host=host, address=found[0][4][0], setting=SETTING,
                )
            )  # fmt: skip
        return places[:MOST_ADDRESSES]

    def _connected(self, host: str, places: list[_Place]) -> socket.socket:
        problem: OSError = ConnectionError(f"no TLS to {host}")
        for place in places:
            line = socket.socket(place.family, socket.SOCK_STREAM)
            line.settimeout(self.connect_seconds)
            try:
                line.connect(place.address)
                # A message over TLS is several small parts: each would wait for the one before to be acknowledged.
                line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            except OSError as error:
                line.close()
                problem = error
            else:
                line.settimeout(self.total_seconds)
                return line
        raise problem


@cache
def trusting() -> ssl.SSLContext:
    """TLS with whom the authorities of this machine vouch for."""
    return ssl.create_default_context()


@contextmanager
def _cut_after(seconds: float, line: socket.socket) -> Iterator[None]:
    """A caller that waits for this connection is woken then, with a TimeoutError."""
    # SECURITY: the limit of a socket is for each wait; a server that sends a byte every second would hold up whatever
    # others have to be told.
    ends = time.monotonic() + seconds
    cut = Timer(seconds, _cut, [line])
    cut.daemon = True
    cut.start()
    try:
        yield
        _require_before(ends)
    except OSError:
        _require_before(ends)
        raise
    finally:
        cut.cancel()


def _require_before(ends: float) -> None:
    """What is cut may also look like a short answer."""
    if time.monotonic() >= ends:
        raise TimeoutError("no answer in time")


def _cut(line: socket.socket) -> None:
    with suppress(OSError):
        # SECURITY: that of TLS drops the encryption first, and what is written at that moment would go in the clear.
        socket.socket.shutdown(line, socket.SHUT_RDWR)

"""A connection over TLS on which one side says that it is done, and hears what the other makes of it."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from .channel import trusting

T = TypeVar("T")
_PART = 1 << 14


class TlsLine:
    """What is read from the connection is handed to TLS here, and never by TLS itself.

    ``ssl.SSLSocket`` reads while it says goodbye, and OpenSSL takes an alert that comes then for the answer.

    :param host: the name that the certificate has to be of.
    """

    def __init__(self, line: socket.socket, host: str) -> None:
        self._line, self._incoming, self._outgoing = line, ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = trusting().wrap_bio(self._incoming, self._outgoing, server_hostname=host)
        self._until_done(self._tls.do_handshake)

    def sendall(self, message: bytes) -> None:
        """Send all of it."""
        left = memoryview(message)
        while left:
            left = left[self._until_done(lambda part=left: self._tls.write(part)) :]  # type: ignore[misc]

    def say_goodbye(self) -> None:
        """Nothing more will be sent (RFC 8446 section 6.1). The answer is not waited for.

        :raises ssl.SSLError: for an alert that came before.
        """
        # SECURITY: nothing is left to be taken for the answer. In TLS 1.3 a server refuses a client (one without a
        # certificate) only after the handshake, and what it never read would count as told.
        with suppress(ssl.SSLWantReadError, ssl.SSLZeroReturnError):
            while self._tls.read(_PART):
                pass
        with suppress(ssl.SSLWantReadError):
            self._tls.unwrap()
        self._send()

    def recv(self, _size: int) -> bytes:
        """A part of what the other side says; nothing where it is done.

        :raises ssl.SSLError: for an alert.
        """
        try:
            return self._until_done(lambda: self._tls.read(_PART))
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            return b""

    def settimeout(self, seconds: float) -> None:
        """How long each wait may take."""
        self._line.settimeout(seconds)

    def _until_done(self, act: Callable[[], T]) -> T:
        while True:
            try:
                return act()
            except ssl.SSLWantReadError:
                self._send()
                self._receive()
            finally:
                self._send()

    def _send(self) -> None:
        if said := self._outgoing.read():
            self._line.sendall(said)

    def _receive(self) -> None:
        if heard := self._line.recv(_PART):
            self._incoming.write(heard)
        else:
            self._incoming.write_eof()

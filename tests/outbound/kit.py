"""Servers of every temper, with and without TLS."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import trustme


@dataclass
class Received:
    """One request as a server saw it."""

    path: str
    headers: dict[str, str]
    body: bytes


class _Handler(BaseHTTPRequestHandler):
    server: Any
    timeout = 10

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.owner.received.append(Received(self.path, {k.lower(): v for k, v in self.headers.items()}, body))
        with suppress(OSError):
            self.server.owner.behave(self)

    def do_GET(self) -> None:
        self.server.owner.received.append(Received(f"GET {self.path}", {}, b""))
        answer(self, 200)

    def log_message(self, *_: object) -> None:
        pass


def answer(handler: BaseHTTPRequestHandler, status: int, **headers: str) -> None:
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name, value)
    handler.end_headers()


Behave = Callable[[BaseHTTPRequestHandler], None]


def status(code: int, **headers: str) -> Behave:
    return lambda handler: answer(handler, code, **headers)


def slow(seconds: float) -> Behave:
    def behave(handler: BaseHTTPRequestHandler) -> None:
        time.sleep(seconds)
        answer(handler, 200)

    return behave


def drop_by_drop(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
    for _ in range(60):
        handler.wfile.write(b"X-More: y\r\n")
        time.sleep(0.05)


def never_done(handler: BaseHTTPRequestHandler) -> None:
    """Says again and again that it is at work."""
    for _ in range(60):
        answer(handler, 102)
        time.sleep(0.05)


def endless(handler: BaseHTTPRequestHandler) -> None:
    """An answer of 64 MB; how much of it went out is noted."""
    answer(handler, 200)
    owner: HttpReceiver = handler.server.owner  # type: ignore[attr-defined]
    for _ in range(64):
        handler.wfile.write(b"x" * (1 << 20))
        owner.sent_mb += 1


def informed(code: int, *before: int) -> Behave:
    """Answers that announce another one come first."""

    def behave(handler: BaseHTTPRequestHandler) -> None:
        for early in before:
            answer(handler, early, Link="</style.css>; rel=preload")
        answer(handler, code)

    return behave


def gibberish(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"what do you mean\r\n\r\n")


def hang_up(handler: BaseHTTPRequestHandler) -> None:
    handler.close_connection = True


@dataclass
class HttpReceiver:
    """A server that keeps what it got.

    :ivar behave: what it does about a request that it has read.
    """

    url: str = ""
    behave: Behave = field(default_factory=lambda: status(204))
    received: list[Received] = field(default_factory=list)
    sent_mb: int = 0

    def waited_for(self, count: int) -> list[Received]:
        """What it got, once that is so much: a thread behind a response may send it."""
        ends = time.monotonic() + 20
        while len(self.received) < count and time.monotonic() < ends:
            time.sleep(0.01)
        return self.received


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64
    owner: HttpReceiver

    def handle_error(self, *_: Any) -> None:
        """Whoever refuses a certificate, or leaves, is no error here."""


@contextmanager
def http_receiver(authority: trustme.CA | None = None, *, name: str = "127.0.0.1") -> Iterator[HttpReceiver]:
    """A server on this machine, with a certificate of this name where there is an authority."""
    server, owner = _Server(("127.0.0.1", 0), _Handler), HttpReceiver()
    server.owner = owner
    if authority is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(name).configure_cert(context)
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    owner.url = f"http{'s' if authority else ''}://127.0.0.1:{server.server_port}"
    runner = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    runner.start()
    yield owner
    server.shutdown()
    server.server_close()
    runner.join()


@contextmanager
def trusted(authority: trustme.CA, monkeypatch: Any) -> Iterator[None]:
    """As where the operator has this authority among those of the machine."""
    from flask_mfa_gate.outbound import channel

    with authority.cert_pem.tempfile() as path:
        monkeypatch.setenv("SSL_CERT_FILE", path)
        channel.trusting.cache_clear()
        yield
    channel.trusting.cache_clear()

"""What is sent to the servers of clients: to one address, and not for long."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from flask_mfa_gate.services.oidc import logout

SEEN: list[str] = []


class Client(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        SEEN.append(self.path)
        self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/slow":
            time.sleep(1)
        if self.path == "/drop-by-drop":
            self.wfile.write(b"HTTP/1.1 200 OK\r\n")
            for _ in range(40):
                self.wfile.write(b"X-More: y\r\n")
                time.sleep(0.05)
        self.send_response({"/moved": 302, "/moved-for-good": 308, "/wrong": 400}.get(self.path, 200))
        self.send_header("Location", "/inside")
        self.end_headers()

    do_GET = do_POST  # noqa: N815

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def address() -> Iterator[str]:
    SEEN.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Client)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_form_is_posted(address: str) -> None:
    assert logout.post(f"{address}/out", b"logout_token=x") == 200
    assert SEEN == ["/out"]


@pytest.mark.parametrize("path", ["moved", "moved-for-good"])
def test_a_client_leads_nowhere_else(address: str, path: str) -> None:
    with pytest.raises(OSError, match="30"):
        logout.post(f"{address}/{path}", b"x")
    assert [f"/{path}"] == SEEN


def test_nor_does_it_keep_anybody_waiting(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logout, "PATIENCE_SECONDS", 0.1)
    with pytest.raises(OSError):  # noqa: PT011 - whatever the system says of it
        logout.post(f"{address}/slow", b"x")


def test_nor_by_answering_drop_by_drop(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logout, "PATIENCE_SECONDS", 0.2)
    began = time.monotonic()
    with suppress(OSError):
        logout.post(f"{address}/drop-by-drop", b"x")
    assert time.monotonic() - began < 1

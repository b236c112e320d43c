"""What comes together with the end of a handshake."""

from __future__ import annotations

import socket
import ssl
import threading
from contextlib import suppress

import pytest
import trustme

from flask_mfa_gate.outbound import TlsLine
from tests.outbound.kit import trusted


def refuse_at_once(line: socket.socket, context: ssl.SSLContext) -> None:
    """End the handshake of TLS 1.2 and send an alert, in one piece."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    secure, is_done = context.wrap_bio(incoming, outgoing, server_side=True), False
    while not is_done:
        incoming.write(line.recv(4096))
        with suppress(ssl.SSLWantReadError):
            secure.do_handshake()
            is_done = True
            incoming.write(b"\x17\x03\x03\x00\x20" + b"x" * 32)
            with suppress(ssl.SSLError):
                secure.read()
        line.sendall(outgoing.read())


def test_an_alert_is_no_goodbye(authority: trustme.CA, monkeypatch: pytest.MonkeyPatch) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    authority.issue_cert("127.0.0.1").configure_cert(context)
    ours, theirs = socket.socketpair()
    with trusted(authority, monkeypatch), ours, theirs:
        thread = threading.Thread(target=refuse_at_once, args=(theirs, context), daemon=True)
        thread.start()
        line = TlsLine(ours, "127.0.0.1")
        thread.join()
        line.sendall(b"hello")
        with pytest.raises(ssl.SSLError):
            line.say_goodbye()

"""Syslog servers over UDP, TCP and TLS, and what they read."""

from __future__ import annotations

import json
import re
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
import trustme

from tests.conftest import StillClock, key_of, state_of
from tests.events.kit import act, rows, send, states
from tests.mail.kit import free_port
from tests.outbound.kit import trusted

# RFC 5424 section 6: PRI and VERSION, TIMESTAMP, HOSTNAME, APP-NAME, PROCID, MSGID, STRUCTURED-DATA, MSG.
MESSAGE = re.compile(
    rb"<(\d{1,3})>1 (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z) ([!-~]{1,255}) ([!-~]{1,48}) - ([!-~]{1,32}) - (.*)"
)


@contextmanager
def udp_server() -> Iterator[tuple[int, Callable[[], bytes]]]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.bind(("127.0.0.1", 0))
        line.settimeout(10)
        yield line.getsockname()[1], lambda: line.recv(65_535)


@contextmanager
def tcp_server(context: ssl.SSLContext | None = None, *, resets: bool = False) -> Iterator[tuple[int, list[bytes]]]:
    """Keeps what each connection said, up to its end."""
    listening, heard = socket.create_server(("127.0.0.1", 0)), list[bytes]()

    def take(line: socket.socket) -> None:
        with suppress(OSError), line:
            if resets:
                line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                return
            if context is None:
                heard.append(all_of(line))
                return
            with context.wrap_socket(line, server_side=True, do_handshake_on_connect=False) as secure:
                secure.do_handshake()
                heard.append(all_of(secure))
                secure.unwrap()

    def serve() -> None:
        with suppress(OSError):
            while True:
                take(listening.accept()[0])

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield listening.getsockname()[1], heard
    listening.shutdown(socket.SHUT_RDWR)
    listening.close()
    thread.join()


@contextmanager
def refusing_server(context: ssl.SSLContext) -> Iterator[int]:
    """Looks at the client's certificate only when the first message is already here, as TLS 1.3 lets it."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    secure = context.wrap_bio(incoming, outgoing, server_side=True)

    def serve() -> None:
        with listening.accept()[0] as line:
            incoming.write(line.recv(4096))
            with suppress(ssl.SSLWantReadError):
                secure.do_handshake()
            line.sendall(outgoing.read())
            time.sleep(0.1)
            incoming.write(line.recv(4096))
            with suppress(ssl.SSLError):
                secure.do_handshake()
            line.sendall(outgoing.read())
            all_of(line)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listening.getsockname()[1]
        thread.join()


def all_of(line: socket.socket) -> bytes:
    said = b""
    while part := line.recv(4096):
        said += part
    return said


def unframed(said: bytes) -> bytes:
    """RFC 6587 section 3.4.1: the length in octets, a space, the message."""
    length, _, message = said.partition(b" ")
    assert int(length) == len(message)
    return message


def fields(message: bytes) -> dict[str, Any]:
    found = MESSAGE.fullmatch(message)
    assert found is not None, message
    return {"priority": int(found[1]), "at": found[2], "app": found[4], "event": found[5], "said": json.loads(found[6])}


def test_over_udp(make_app: Any) -> None:
    with udp_server() as (port, receive):
        app = make_app(MFA_GATE_SYSLOG=[{"url": f"udp://127.0.0.1:{port}"}], MFA_GATE_ISSUER="Pörtal of X")
        act(app, "frank", reason="Zürich\nsecond line")
        assert send(app) == (1, 0)
        found = fields(receive())
    assert (found["priority"], found["app"], found["event"]) == (10 * 8 + 6, b"P_rtal_of_X", b"enrollment_started")
    assert found["at"] == b"2026-03-02T09:00:00.250000Z"
    assert found["said"]["data"]["reason"] == "Zürich\nsecond line"


def test_over_tcp_with_octet_counting(make_app: Any) -> None:
    with tcp_server() as (port, heard):
        app = make_app(MFA_GATE_SYSLOG=[{"url": f"tcp://127.0.0.1:{port}", "facility": "local3", "format": "ocsf"}])
        act(app, "frank", "erin")
        assert send(app) == (2, 0)
        found = [fields(unframed(said)) for said in heard]
    assert [one["priority"] for one in found] == [19 * 8 + 6] * 2
    assert [one["said"]["class_uid"] for one in found] == [3001, 3001]


def test_over_tls(make_app: Any, authority: trustme.CA, monkeypatch: pytest.MonkeyPatch) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with tcp_server(context) as (port, heard):
        app = make_app(MFA_GATE_SYSLOG=[{"url": f"tls://127.0.0.1:{port}"}])
        act(app, "frank")
        assert send(app) == (0, 1), "an authority that nobody knows"
        assert rows(app)[0].problem == "certificate not trusted"
    with trusted(authority, monkeypatch), tcp_server(context) as (port, heard):
        app = make_app(MFA_GATE_SYSLOG=[{"url": f"tls://127.0.0.1:{port}", "name": "siem"}])
        act(app, "frank", renew=True)
        assert send(app)[0] == 1
        assert fields(unframed(heard[0]))["event"] == b"enrollment_started"


def test_severities_follow_the_event(make_app: Any) -> None:
    from flask_mfa_gate.events.ocsf import Severity
    from flask_mfa_gate.events.syslog import _SEVERITIES

    assert set(_SEVERITIES) == set(Severity)
    assert sorted(_SEVERITIES.values()) == [3, 4, 5, 6]


@pytest.mark.parametrize("how", ["down", "resets"])
def test_a_server_that_takes_nothing_is_tried_again(make_app: Any, clock: StillClock, how: str) -> None:
    with tcp_server(resets=True) as (port, _):
        app = make_app(MFA_GATE_SYSLOG=[{"url": f"tcp://127.0.0.1:{port if how == 'resets' else free_port()}"}])
        act(app, "frank", "erin")
        assert send(app) == (0, 1)
        assert states(app) == ["waiting", "waiting"]
    with tcp_server() as (port, heard):
        again = make_app(MFA_GATE_SYSLOG=[{"url": f"tcp://127.0.0.1:{port}", "name": rows(app)[0].destination}])
        clock.forward(minutes=1)
        assert send(again) == (2, 0)
        assert len(heard) == 2


def test_one_that_holds_on_has_it_all_the_same(make_app: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        app = make_app(MFA_GATE_SYSLOG=[{"url": f"tcp://127.0.0.1:{listening.getsockname()[1]}"}])
        act(app, "frank")
        assert send(app) == (1, 0)


def test_a_server_that_refuses_the_client_behind_the_handshake_has_nothing(
    make_app: Any, authority: trustme.CA, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    context.verify_mode = ssl.CERT_REQUIRED
    with trusted(authority, monkeypatch), refusing_server(context) as port:
        app = make_app(MFA_GATE_SYSLOG=[{"url": f"tls://127.0.0.1:{port}"}])
        act(app, "frank")
        assert send(app) == (0, 1)
    assert states(app) == ["waiting"]


@pytest.mark.parametrize("kind", [ssl.SSLSocket, ssl.SSLObject])
def test_nor_one_that_refuses_it_at_the_very_goodbye(
    make_app: Any, authority: trustme.CA, monkeypatch: pytest.MonkeyPatch, kind: type[Any]
) -> None:
    """OpenSSL reads while it says goodbye, and takes an alert for the answer."""
    unwrap = kind.unwrap

    def late(self: Any) -> Any:
        time.sleep(0.3)
        return unwrap(self)

    monkeypatch.setattr(kind, "unwrap", late)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    context.verify_mode = ssl.CERT_REQUIRED
    with trusted(authority, monkeypatch), refusing_server(context) as port:
        app = make_app(MFA_GATE_SYSLOG=[{"url": f"tls://127.0.0.1:{port}"}])
        act(app, "frank")
        assert send(app) == (0, 1)


def test_a_server_that_answers_over_tls_and_one_that_just_hangs_up_have_it(
    make_app: Any, authority: trustme.CA, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    heard = []

    def serve() -> None:
        for is_polite in (True, False):
            line = listening.accept()[0]
            with context.wrap_socket(line, server_side=True) as secure:
                secure.sendall(b"welcome")
                heard.append(all_of(secure))
                if is_polite:
                    secure.unwrap()

    with trusted(authority, monkeypatch), socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        app = make_app(MFA_GATE_SYSLOG=[{"url": f"tls://127.0.0.1:{listening.getsockname()[1]}"}])
        table = state_of(app).store.tables.outgoing_event
        act(app, "frank", "erin")
        long = {"details": {"added": ["x" * 66_000]}}
        with state_of(app).store.database.write() as tx:
            tx.execute(table.update().where(table.c.id == rows(app)[0].id).values(facts=long))
        assert send(app) == (2, 0)
        thread.join()
    assert sorted(len(unframed(said)) > 66_000 for said in heard) == [False, True]


def test_a_message_that_is_too_long_for_udp_keeps_no_other(make_app: Any) -> None:
    with udp_server() as (port, receive):
        app = make_app(MFA_GATE_SYSLOG=[{"url": f"udp://127.0.0.1:{port}"}])
        act(app, "frank", "erin")
        table = state_of(app).store.tables.outgoing_event
        with state_of(app).store.database.write() as tx:
            long = {"details": {"added": ["x" * 66_000]}}
            tx.execute(table.update().where(table.c.id == rows(app)[0].id).values(facts=long))
        assert send(app) == (1, 1)
        assert fields(receive())["said"]["data"]["subject"] == key_of(app, "erin")
    assert rows(app)[0].problem == "too long for UDP"

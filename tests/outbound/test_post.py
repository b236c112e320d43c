"""What is sent to the servers of others: to one address that was looked at, over TLS, and not for long."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
import trustme

from flask_mfa_gate.outbound import AddressRefused, Channels, Outbound
from tests.outbound import kit
from tests.outbound.kit import HttpReceiver, http_receiver

HERE = Outbound(Channels(("127.0.0.0/8", "::1")))
HASTY = Outbound(Channels(("127.0.0.0/8",), connect_seconds=0.3, total_seconds=0.3))
TEXT = "text/plain"


@pytest.fixture
def plain() -> Iterator[HttpReceiver]:
    with http_receiver() as found:
        yield found


def lead(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> list[str]:
    """Have names lead to these addresses, another list at each look-up; the names that were asked for."""
    asked: list[str] = []

    def look_up(host: str, port: int, **_: Any) -> list[Any]:
        found = answers[min(len(asked), len(answers) - 1)]
        asked.append(host)
        return [
            (socket.AF_INET6 if ":" in one else socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port)) for one in found
        ]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return asked


def test_a_body_goes_out_and_the_status_comes_back(receiver: HttpReceiver) -> None:
    assert HERE.post(f"{receiver.url}/in?a=b", b"hello", content_type=TEXT, headers={"X-One": "1"}) == 204
    (seen,) = receiver.received
    assert (seen.path, seen.body) == ("/in?a=b", b"hello")
    assert seen.headers["host"] == receiver.url.removeprefix("https://")
    assert (seen.headers["content-type"], seen.headers["x-one"]) == (TEXT, "1")


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_a_redirect_leads_nowhere(receiver: HttpReceiver, code: int) -> None:
    receiver.behave = kit.status(code, Location=f"{receiver.url}/inside")
    assert HERE.post(f"{receiver.url}/out", b"x", content_type=TEXT) == code
    assert [one.path for one in receiver.received] == ["/out"]


@pytest.mark.parametrize("before", [[102], [103], [100, 102, 103, 199]])
@pytest.mark.parametrize("code", [204, 400])
def test_what_is_said_meanwhile_is_no_answer(receiver: HttpReceiver, code: int, before: list[int]) -> None:
    receiver.behave = kit.informed(code, *before)
    assert HERE.post(receiver.url, b"x", content_type=TEXT) == code


class TestPrivateAddresses:
    @pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "169.254.169.254", "0x7f000001", "2130706433"])
    def test_are_refused_with_the_setting_that_allows_them(self, host: str) -> None:
        with pytest.raises(AddressRefused, match="MFA_GATE_OUTBOUND_NETWORKS"):
            Outbound().post(f"https://{host}/", b"x", content_type=TEXT)

    def test_a_name_that_leads_there_too(self, monkeypatch: pytest.MonkeyPatch) -> None:
        lead(monkeypatch, ["10.0.0.1", "fd00::1"])
        with pytest.raises(AddressRefused, match=r"hooks\.example\.org leads to the private address 10\.0\.0\.1"):
            Outbound().post("https://hooks.example.org/", b"x", content_type=TEXT)

    def test_a_name_that_leads_elsewhere_at_the_second_look_is_not_looked_up_again(
        self, receiver: HttpReceiver, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """DNS rebinding: a public address to be looked at, and a private one to be connected to."""
        port = int(receiver.url.rpartition(":")[2])
        asked = lead(monkeypatch, ["198.51.100.1"], ["127.0.0.1"])
        monkeypatch.setattr("flask_mfa_gate.outbound.channel.may_reach", lambda address, _: address != "127.0.0.1")
        with pytest.raises(OSError):  # noqa: PT011 - nobody is at an address of the documentation
            Outbound(Channels(connect_seconds=0.2)).post(f"https://hooks.example.org:{port}/", b"x", content_type=TEXT)
        assert asked == ["hooks.example.org"]
        assert receiver.received == []

    def test_of_several_addresses_only_those_that_are_allowed(
        self, receiver: HttpReceiver, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        port = int(receiver.url.rpartition(":")[2])
        lead(monkeypatch, ["10.0.0.1", "127.0.0.1"])
        assert [one.address[0] for one in HERE.channels.places("x", port)] == ["127.0.0.1"]


class TestTls:
    def test_an_authority_that_nobody_knows(self, authority: trustme.CA) -> None:
        with http_receiver(authority) as found, pytest.raises(OSError, match="certificate verify failed"):
            HERE.post(found.url, b"x", content_type=TEXT)
        assert found.received == []

    def test_a_certificate_of_another_name(self, receiver: HttpReceiver, authority: trustme.CA) -> None:
        with http_receiver(authority, name="other.example.org") as found, pytest.raises(OSError, match=r"127\.0\.0\.1"):
            HERE.post(found.url, b"x", content_type=TEXT)
        assert found.received == []

    def test_none_only_to_the_same_machine(self, plain: HttpReceiver, monkeypatch: pytest.MonkeyPatch) -> None:
        assert HERE.post(plain.url, b"x", content_type=TEXT) == 204
        lead(monkeypatch, ["203.0.113.1"])
        monkeypatch.setattr("flask_mfa_gate.outbound.channel.may_reach", lambda *_: True)
        with pytest.raises(OSError, match="no TLS to"):
            HERE.post("http://hooks.example.org/", b"x", content_type=TEXT)


class TestPatience:
    @pytest.mark.parametrize("behave", [kit.slow(1.5), kit.drop_by_drop, kit.never_done])
    def test_ends(self, receiver: HttpReceiver, behave: kit.Behave) -> None:
        receiver.behave = behave
        began = time.monotonic()
        with pytest.raises(TimeoutError):
            HASTY.post(receiver.url, b"x", content_type=TEXT)
        assert time.monotonic() - began < 1.2

    def test_ends_with_a_name_that_nobody_knows_yet(self, monkeypatch: pytest.MonkeyPatch) -> None:
        answered = threading.Event()
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: answered.wait(10))
        began = time.monotonic()
        with pytest.raises(TimeoutError):
            HASTY.post("https://hooks.example.org/", b"x", content_type=TEXT)
        assert time.monotonic() - began < 1.2
        answered.set()

    def test_ends_in_a_handshake_drawn_out(self) -> None:
        began = time.monotonic()
        with dawdling() as port, pytest.raises(OSError):  # noqa: PT011 - whatever TLS calls it
            HASTY.post(f"https://127.0.0.1:{port}/", b"x", content_type=TEXT)
        assert time.monotonic() - began < 1.2

    def test_the_handshake_is_part_of_the_time(self, receiver: HttpReceiver, monkeypatch: pytest.MonkeyPatch) -> None:
        shake_hands = ssl.SSLSocket.do_handshake
        monkeypatch.setattr(ssl.SSLSocket, "do_handshake", lambda line: (time.sleep(0.2), shake_hands(line)))
        receiver.behave = kit.slow(0.2)
        with pytest.raises(TimeoutError):
            HASTY.post(receiver.url, b"x", content_type=TEXT)

    def test_what_is_cut_is_still_encrypted(self, receiver: HttpReceiver) -> None:
        port = int(receiver.url.rpartition(":")[2])
        with suppress(TimeoutError), HASTY.channels.open("127.0.0.1", port, tls=True) as line:
            assert isinstance(line, ssl.SSLSocket)
            time.sleep(0.6)
            assert line.version() == "TLSv1.3"

    def test_an_answer_of_any_size_is_left_alone(self, receiver: HttpReceiver) -> None:
        receiver.behave = kit.endless
        assert HERE.post(receiver.url, b"x", content_type=TEXT) == 200
        assert receiver.sent_mb < 32

    @pytest.mark.parametrize("behave", [kit.gibberish, kit.hang_up])
    def test_what_is_no_answer_is_an_error_of_the_connection(self, receiver: HttpReceiver, behave: kit.Behave) -> None:
        receiver.behave = behave
        with pytest.raises(ConnectionError):
            HERE.post(receiver.url, b"x", content_type=TEXT)

    def test_few_of_many_addresses_are_tried(self, monkeypatch: pytest.MonkeyPatch) -> None:
        lead(monkeypatch, [f"127.0.0.{number}" for number in range(1, 200)])
        assert len(HERE.channels.places("x", 1)) == 3


@contextmanager
def dawdling() -> Iterator[int]:
    """A server that says the beginning of a TLS record, a byte at a time."""
    listening = socket.create_server(("127.0.0.1", 0))

    def dawdle() -> None:
        with suppress(OSError):
            line, _ = listening.accept()
            with line:
                for byte in bytes([22, 3, 3, 64, 0, *[2] * 60]):
                    line.sendall(bytes([byte]))
                    time.sleep(0.05)

    thread = threading.Thread(target=dawdle, daemon=True)
    thread.start()
    yield int(listening.getsockname()[1])
    listening.close()
    thread.join()


@pytest.mark.parametrize("host", ["a..example", f"{'a' * 64}.example", "."])
def test_a_name_that_can_not_be_one_is_not_found(host: str) -> None:
    with pytest.raises(socket.gaierror):
        HERE.require_allowed(f"https://{host}/")


def test_no_part_waits_for_the_one_before_to_be_acknowledged(receiver: HttpReceiver) -> None:
    """Which takes 40 ms each on Linux, for every event over TLS."""
    port = int(receiver.url.rpartition(":")[2])
    with HERE.channels.open("127.0.0.1", port, tls=True) as line:
        assert line.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)

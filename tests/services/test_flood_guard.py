"""The flood guard by itself: counted by address and minute, in memory or on a real Redis server, never a lockout of all."""

from __future__ import annotations

import logging
import socket
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from threading import Event, Thread

import pytest

from flask_mfa_gate.errors import ConfigError
from flask_mfa_gate.services.client.flood_guard import PAUSE, FloodGuard
from tests.conftest import StillClock, at_once, require_or_skip
from tests.servers import REDIS, is_redis_reachable

LIMIT = 20


@pytest.fixture(params=["memory", "redis"])
def guard(request: pytest.FixtureRequest, clock: StillClock) -> FloodGuard:
    if request.param == "redis":
        require_or_skip("redis", is_redis_reachable())
    uri = REDIS if request.param == "redis" else None
    return FloodGuard(LIMIT, uri, name=f"test:{uuid.uuid4().hex}", clock=clock)


def passed(guard: FloodGuard, times: int, address: str | None = "203.0.113.9") -> int:
    return [guard.excess(address) for _ in range(times)].count(None)


def test_an_address_has_its_budget_a_minute(guard: FloodGuard, clock: StillClock) -> None:
    assert passed(guard, LIMIT + 10) == LIMIT
    refusal = guard.excess("203.0.113.9")
    assert refusal is not None
    assert (refusal.code, refusal.status, refusal.retry_after) == ("mfa_throttled", 429, 60)
    assert passed(guard, 5, "203.0.113.10") == 5, "another address has its own"
    clock.forward(seconds=59)
    late = guard.excess("203.0.113.9")
    assert late is not None
    assert late.retry_after == 1
    clock.forward(seconds=late.retry_after)
    assert passed(guard, LIMIT + 10) == LIMIT, "when Retry-After is over"
    clock.forward(days=-2)
    assert passed(guard, 3) == 3, "a clock that was set back keeps nobody out for longer than a minute"


def test_what_counts_as_one_address(guard: FloodGuard) -> None:
    assert sum(passed(guard, 1, f"2001:db8::{number:x}") for number in range(LIMIT + 10)) == LIMIT
    assert passed(guard, 1, "2001:db8:0:1::1") == 1
    unreadable = [None, "", "@", "unix:", "203.0.113.9.5"]
    assert sum(passed(guard, 1, unreadable[number % 5]) for number in range(LIMIT + 10)) == LIMIT
    assert passed(guard, LIMIT + 1, "::ffff:198.51.100.4") + passed(guard, 1, "198.51.100.4") == LIMIT


@pytest.fixture
def hurried_threads() -> Iterator[None]:
    """They take turns after every few steps, not only every 5 ms."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("hurried_threads")
def test_many_threads_share_one_budget(guard: FloodGuard, clock: StillClock) -> None:
    for _ in range(20):
        assert sum(at_once([lambda: passed(guard, 4)] * 16)) == LIMIT
        clock.forward(minutes=1)


def test_the_first_excess_of_a_minute_is_logged_and_no_other(
    guard: FloodGuard, caplog: pytest.LogCaptureFixture
) -> None:
    passed(guard, LIMIT)
    assert caplog.messages == []
    passed(guard, LIMIT)
    assert caplog.messages == [f"more than {LIMIT} sign-ins and forms within a minute from 203.0.113.9"]


def test_without_a_limit_nothing_is_counted(clock: StillClock) -> None:
    guard = FloodGuard(None, None, name="test", clock=clock)
    assert passed(guard, 1000) == 1000
    assert guard.failure() is None


# In a process of its own: a start without any other thread, then workers that are forked before the first request and
# after it. Each says by its exit status how many requests it let through.
PROCESSES = """
import os, sys, threading, warnings
from datetime import UTC, datetime
from flask_mfa_gate.services.client.flood_guard import FloodGuard
warnings.simplefilter("ignore")  # of forks beside threads

def guard_on(uri):
    return FloodGuard(20, uri, name=sys.argv[2], clock=lambda: datetime(2026, 3, 2, 9, tzinfo=UTC))

def passed(guard, times):
    return [guard.excess("203.0.113.9") for _ in range(times)].count(None)

def workers(guard, count):
    children = []
    for _ in range(count):
        child = os.fork()
        if not child:
            os._exit(passed(guard, 15))
        children.append(child)
    return sum(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children)

memory, shared = guard_on(None), guard_on(sys.argv[1])
threads = threading.active_count()
print(threads, workers(shared, 3), passed(shared, 1), passed(memory, 19), workers(memory, 2), passed(memory, 2))
"""


def test_several_processes() -> None:
    require_or_skip("redis", is_redis_reachable())
    arguments = [sys.executable, "-c", PROCESSES, REDIS, f"test:{uuid.uuid4().hex}"]
    said = subprocess.run(arguments, capture_output=True, text=True, check=True).stdout
    threads, on_redis, one_more, by_itself, forked, left = map(int, said.split())
    assert threads == 1, "a start connects to nothing and starts nothing that a fork would lose"
    assert (on_redis, one_more) == (LIMIT, 0), "they share one budget"
    assert (by_itself, forked, left) == (19, 15 + 15, 1), "each has its own, also after requests before the fork"


def test_apps_on_one_server_count_apart(clock: StillClock) -> None:
    require_or_skip("redis", is_redis_reachable())
    one, other = (FloodGuard(LIMIT, REDIS, name=f"test:{uuid.uuid4().hex}", clock=clock) for _ in range(2))
    assert (passed(one, LIMIT + 1), passed(other, LIMIT + 1)) == (LIMIT, LIMIT)


# A server that is down


@pytest.fixture
def closed_port() -> Iterator[int]:
    """Nobody listens there."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


def test_a_server_that_is_down_neither_locks_out_nor_lifts_the_limit(
    closed_port: int, clock: StillClock, caplog: pytest.LogCaptureFixture
) -> None:
    guard = FloodGuard(LIMIT, f"redis://127.0.0.1:{closed_port}/0", name="test", clock=clock)
    with caplog.at_level(logging.WARNING):
        assert passed(guard, LIMIT + 10) == LIMIT
        clock.forward(seconds=PAUSE.total_seconds() + 30)
        assert passed(guard, LIMIT + 10) == LIMIT
    down = [message for message in caplog.messages if "each process counts by itself" in message]
    assert len(down) == 1, "one warning an outage"
    assert guard.failure() is not None


class Recovering:
    """A storage that fails until it is mended, and notes how often it was asked."""

    def __init__(self) -> None:
        self.asked, self.is_down = 0, True

    def incr(self, _key: str, _expiry: int) -> int:
        self.asked += 1
        if self.is_down:
            raise ConnectionError("gone")
        return 1


def test_a_server_that_fails_is_left_alone_for_a_while_and_then_asked_again(
    clock: StillClock, caplog: pytest.LogCaptureFixture
) -> None:
    guard = FloodGuard(LIMIT, "redis://127.0.0.1:1/0", name="test", clock=clock)
    guard._shared = storage = Recovering()  # type: ignore[assignment]
    passed(guard, 5)
    assert storage.asked == 1, "not every request waits for a server that does not answer"
    clock.forward(hours=-1)
    passed(guard, 5)
    assert storage.asked == 2, "a clock that was set back does not leave it alone for hours"
    storage.is_down = False
    clock.forward(seconds=PAUSE.total_seconds())
    passed(guard, 5)
    assert storage.asked == 7
    assert caplog.messages[-1] == "the storage of MFA_GATE_FLOOD_STORAGE answers again"


class Trickling:
    """A server that answers with one byte at a time, until it is told to stop, or the test would never end."""

    PAUSE_SECONDS, MOST_BYTES = 0.1, 80

    def __init__(self) -> None:
        self.is_told, self.at_end, self.asked = Event(), Event(), 0
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.uri = f"redis://127.0.0.1:{self._socket.getsockname()[1]}/0"
        self._thread = Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                self.asked += 1
                with connection, suppress(OSError):
                    self._trickle(connection)

    def _trickle(self, connection: socket.socket) -> None:
        connection.sendall(b"$1000\r\n")
        for _ in range(self.MOST_BYTES):
            if self.is_told.wait(self.PAUSE_SECONDS):
                return
            connection.sendall(b"x")
        self.at_end.set()

    def stop(self) -> None:
        self.is_told.set()
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join()


@pytest.fixture
def trickling() -> Iterator[Trickling]:
    server = Trickling()
    yield server
    server.stop()


def test_a_server_that_answers_byte_by_byte_holds_nobody(
    trickling: Trickling, clock: StillClock, caplog: pytest.LogCaptureFixture
) -> None:
    guard = FloodGuard(LIMIT, trickling.uri, name="test", clock=clock)
    assert passed(guard, LIMIT + 10) == LIMIT
    clock.forward(seconds=PAUSE.total_seconds())
    assert passed(guard, 1, "203.0.113.10") == 1
    assert guard.failure() == "no answer within 1 s"
    assert not trickling.at_end.is_set(), "nobody waited for the whole answer"
    assert trickling.asked == 1, "nor is another thread sent after the one that still waits"
    assert len(caplog.messages) == 2, "the outage, and the address that sent too much"


# What can't be used


@pytest.mark.parametrize(
    "uri",
    ["memcached://localhost", "memory://", "localhost:6379", "redis://:secret@localhost:port/0", "redis://[secret/0"],
)
def test_an_address_of_no_redis_server_stops_the_start(uri: str, clock: StillClock) -> None:
    with pytest.raises(ConfigError, match=r"^MFA_GATE_FLOOD_STORAGE is no address of a Redis server\.") as caught:
        FloodGuard(LIMIT, uri, name="test", clock=clock)
    assert "secret" not in str(caught.value)


def test_without_the_package_the_start_says_what_to_install(clock: StillClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "redis.backoff", None)
    with pytest.raises(ConfigError, match=r"needs the package redis\..*flask-mfa-gate\[redis\]"):
        FloodGuard(LIMIT, "redis://localhost", name="test", clock=clock)


def test_the_minute_is_that_of_the_clock(clock: StillClock) -> None:
    guard = FloodGuard(1, None, name="test", clock=clock)
    clock.now = clock.now.replace(second=59, microsecond=0)
    assert passed(guard, 2) == 1
    clock.now += timedelta(seconds=1)
    assert passed(guard, 2) == 1


def test_a_late_one_of_the_minute_before_takes_nothing_back(clock: StillClock) -> None:
    guard = FloodGuard(1, None, name="test", clock=clock)
    clock.now = clock.now.replace(second=0, microsecond=0)
    assert passed(guard, 2) == 1
    clock.now -= timedelta(seconds=1)
    assert passed(guard, 2) == 1
    clock.now += timedelta(seconds=1)
    assert passed(guard, 2) == 0


def test_a_minute_that_is_over_leaves_nothing_behind(clock: StillClock) -> None:
    guard = FloodGuard(1, None, name="test", clock=clock)
    for minute in range(3):
        guard.excess(f"198.51.100.{minute}")
        clock.now += timedelta(minutes=1)
    (counters,) = guard._memory._by_process.values()
    assert len(counters.by_key) == 1


def test_counting_in_memory_starts_no_thread(clock: StillClock, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[Thread] = []
    monkeypatch.setattr(Thread, "start", started.append)
    assert passed(FloodGuard(1, None, name="test", clock=clock), 2) == 1
    assert started == []

"""How many sign-ins and forms one address may send a minute, before any of them is written down or mailed about.

This bounds the rows and mails that clients without a proof can cause; wrong codes have the throttle. Requests of
sessions that passed a factor are never counted.
"""

from __future__ import annotations

import logging
import os
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, cast

from ...clock import Clock
from ...domain.address import counted_place
from ...errors import ConfigError, Throttled

if TYPE_CHECKING:
    from limits.storage import Storage

KEY = "MFA_GATE_FLOOD_STORAGE"
WINDOW = timedelta(minutes=1)
PAUSE = timedelta(seconds=30)
_PATIENCE_SECONDS = 0.5
_LONGEST_WAIT_SECONDS = 1.0
_SCHEMES = ("redis://", "rediss://", "redis+unix://")
_ALLOWED = "the address of a Redis server, e.g. redis://localhost:6379/0, or None"
_LATE = f"no answer within {_LONGEST_WAIT_SECONDS:g} s"
_SENTENCE = "Too many sign-ins from your network. Try again in a minute."
log = logging.getLogger("flask_mfa_gate")
T = TypeVar("T")


class _Key(NamedTuple):
    """What is counted, and the minute since 1970 that it is counted in, which is also part of its name."""

    minute: int
    name: str


class FloodGuard:
    """Counts by address and minute of the gate's clock: in the memory of each process, or in Redis for all of them.

    :param limit: requests a minute; None counts nothing.
    :param uri: of a Redis server; None for memory.
    :param name: keeps this app's counters apart from those of others on the same server.
    :raises ConfigError: for a storage that can't be used.
    """

    def __init__(self, limit: int | None, uri: str | None, *, name: str, clock: Clock) -> None:
        self._limit, self._name = limit, name
        self._shared = _redis(uri) if uri is not None else None
        self._memory, self._clock = _Memory(), clock
        self._failed_at: datetime | None = None
        self._overdue: Thread | None = None

    def excess(self, address: str | None, *, about: str = "") -> Throttled | None:
        """Count this request; the refusal when its address has sent too many in this minute.

        IPv6 addresses count by their /64, and all that can't be read as one.

        :param about: what is counted apart from everything else of that address.
        """
        if self._limit is None:
            return None
        place, length = counted_place(address), int(WINDOW.total_seconds())
        count = self._count(self._key(place, about), length)
        if count == self._limit + 1:
            log.warning("more than %d sign-ins and forms within a minute from %s", self._limit, place)
        return self._refusal() if count > self._limit else None

    def refusal(self, address: str | None, *, about: str = "") -> Throttled | None:
        """The refusal of an address that has sent too many in this minute, without counting this request."""
        if self._limit is None:
            return None
        count = self._read(self._key(counted_place(address), about))
        return self._refusal() if count >= self._limit else None

    def _key(self, place: str, about: str) -> _Key:
        minute = int(self._clock().timestamp()) // int(WINDOW.total_seconds())
        return _Key(minute, f"{self._name}/{place}/{minute}/{about}")

    def _refusal(self) -> Throttled:
        length, now = int(WINDOW.total_seconds()), self._clock()
        wait = length - int(now.timestamp()) % length
        return Throttled(_SENTENCE, retry_at=now + timedelta(seconds=wait), retry_after=wait)

    def _read(self, key: _Key) -> int:
        if self._shared is None or self._is_paused():
            return self._memory.read(key)
        try:
            return int(self._shared.get(key.name))
        except Exception as error:  # noqa: BLE001 - drivers raise what they like
            self._note_failure(error)
            return self._memory.read(key)

    def failure(self) -> str | None:
        """Why the shared storage does not answer, asked now; None where it does, or there is none."""
        if self._limit is None or self._shared is None:
            return None
        try:
            self._ask(partial(self._shared.get, f"{self._name}/doctor"))
        except Exception as error:  # noqa: BLE001 - whatever it is, the doctor tells it
            return _words(error)
        return None

    def _count(self, key: _Key, length: int) -> int:
        shared = self._shared
        if shared is None or self._is_paused():
            return self._memory.increase(key)
        try:
            count = self._ask(partial(shared.incr, key.name, length))
        # SECURITY: a server that is down neither locks everybody out nor lifts the limit.
        except Exception as error:  # noqa: BLE001 - drivers raise what they like
            self._note_failure(error)
            return self._memory.increase(key)
        if self._failed_at is not None:
            self._failed_at = None
            log.warning("the storage of %s answers again", KEY)
        return count

    def _ask(self, question: Callable[[], T]) -> T:
        """What the shared storage answers in time.

        :raises Exception: what the driver raises; ``TimeoutError`` also while an older question is still unanswered.
        """
        # SECURITY: the driver's patience is for each byte, so a server that sends them singly would hold every sign-in.
        if self._overdue is not None and self._overdue.is_alive():
            raise TimeoutError(_LATE)
        answer: Future[T] = Future()
        asking = Thread(target=_answer, args=(answer, question), daemon=True)
        asking.start()
        try:
            return answer.result(_LONGEST_WAIT_SECONDS)
        except TimeoutError:
            self._overdue = asking
            raise TimeoutError(_LATE) from None

    def _is_paused(self) -> bool:
        """Whether the storage just failed, so that not every request waits for it."""
        return self._failed_at is not None and timedelta(0) <= self._clock() - self._failed_at < PAUSE

    def _note_failure(self, error: Exception) -> None:
        if self._failed_at is None:
            log.warning("the storage of %s can't be used, each process counts by itself: %s", KEY, _words(error))
        self._failed_at = self._clock()


@dataclass(slots=True)
class _Counters:
    """Those of one process, of the minute in which one was last increased."""

    lock: Lock = field(default_factory=Lock)
    minute: int = 0
    by_key: Counter[str] = field(default_factory=Counter)


class _Memory:
    """Counters by process, since a lock that another thread holds during a fork stays locked in the child.

    The memory storage of ``limits`` starts a thread to expire its keys at each count that comes alone.
    """

    def __init__(self) -> None:
        self._by_process: dict[int, _Counters] = {}

    def increase(self, key: _Key) -> int:
        process = os.getpid()
        counters = self._by_process.get(process) or self._by_process.setdefault(process, _Counters())
        with counters.lock:
            # SECURITY: one of the minute before that comes late must not lift the limit of this one.
            if key.minute not in {counters.minute, counters.minute - 1}:
                counters.minute, counters.by_key = key.minute, Counter()
            counters.by_key[key.name] += 1
            return counters.by_key[key.name]

    def read(self, key: _Key) -> int:
        """How many there were in this process."""
        counters = self._by_process.get(os.getpid())
        return counters.by_key[key.name] if counters is not None else 0


def _answer(answer: Future[T], question: Callable[[], T]) -> None:
    try:
        answer.set_result(question())
    except Exception as error:  # noqa: BLE001 - raised where it was asked
        answer.set_exception(error)


def _redis(uri: str) -> Storage:
    """Nothing is connected here; the address is only read."""
    if not uri.startswith(_SCHEMES):
        raise ConfigError(KEY, "is no address of a Redis server", allowed=_ALLOWED)
    try:
        from limits.storage import storage_from_string  # noqa: PLC0415 - only an app with such a server needs it here
        from redis.backoff import NoBackoff  # noqa: PLC0415
        from redis.retry import Retry  # noqa: PLC0415
    except ImportError:
        raise ConfigError(KEY, "needs the package redis", allowed="pip install 'flask-mfa-gate[redis]'") from None
    options: dict[str, Any] = {
        "socket_timeout": _PATIENCE_SECONDS, "socket_connect_timeout": _PATIENCE_SECONDS,
        "retry": Retry(NoBackoff(), 1),
    }  # fmt: skip
    try:
        return cast("Storage", storage_from_string(uri, **options))
    except ValueError:
        # The address may carry a password, and the error repeats parts of it.
        raise ConfigError(KEY, "is no address of a Redis server", allowed=_ALLOWED) from None


def _words(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__

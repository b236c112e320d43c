"""An end to what has none of its own, such as looking a name up."""

from __future__ import annotations

import socket
from collections.abc import Callable
from concurrent.futures import Future
from contextvars import copy_context
from threading import Thread
from typing import Any, TypeVar

T = TypeVar("T")


def within(seconds: float, act: Callable[[], T]) -> T:
    """What ``act`` gives, or raises. After that time nobody waits for it any longer.

    :raises TimeoutError: then; the act ends in a thread of its own.
    """
    done: Future[T] = Future()

    def run() -> None:
        try:
            done.set_result(act())
        except Exception as error:  # noqa: BLE001 - the caller is told of it
            done.set_exception(error)

    Thread(target=copy_context().run, args=(run,), daemon=True).start()
    return done.result(timeout=seconds)


def look_up(host: str, port: int, *, kind: socket.SocketKind, seconds: float) -> list[tuple[Any, ...]]:
    """The addresses of a server, as ``socket.getaddrinfo`` gives them.

    :raises OSError: for a name that has none, or none in time.
    """
    # SECURITY: a name server that is silent holds up a look-up for minutes, and with it whatever waits behind.
    try:
        return within(seconds, lambda: socket.getaddrinfo(host, port, type=kind))
    except UnicodeError:
        # A label of it is empty or too long: Python itself refuses the name, and asks nobody.
        raise socket.gaierror(socket.EAI_NONAME, "no name of a server") from None

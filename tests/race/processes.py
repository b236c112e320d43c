"""Real processes: some that do jobs at once from one starting line, and one whose children are killed at any moment."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from itertools import cycle
from typing import Any

from flask import Flask

from example_app import create_app
from tests.conftest import StillClock, portal_config

PROCESSES = 4
# Each process is a fork of one that has only imported all this, so nothing is shared that the test made.
CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload([__name__])
PATIENCE_SECONDS = 120


@dataclass(frozen=True)
class Job:
    """A function of a module with a portal on this database as its first argument, at this time."""

    uri: str
    now: datetime
    function: Callable[..., Any]
    arguments: tuple[Any, ...] = ()
    mail_port: int | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

    def run(self) -> Any:
        app, clock = portal_at(self.uri, self.mail_port)
        clock.now = self.now
        with app.app_context():
            return self.function(app, *self.arguments, **self.options)


@dataclass(frozen=True)
class Unhandled:
    """What a job raised: no test expects one."""

    trace: str


@cache
def portal_at(uri: str, mail_port: int | None) -> tuple[Flask, StillClock]:
    clock = StillClock()
    config = portal_config(uri, clock)
    if mail_port is not None:
        config |= {"MAIL_SUPPRESS_SEND": False, "MAIL_SERVER": "127.0.0.1", "MAIL_PORT": mail_port}
    return create_app(config), clock


def _at_once(jobs: Any, line: Any, answers: Any) -> None:
    for job in iter(jobs.get, None):
        portal_at(job.uri, job.mail_port)
        line.wait(PATIENCE_SECONDS)
        try:
            answers.put(job.run())
        except Exception:  # noqa: BLE001 - the test shows whatever it was
            answers.put(Unhandled(traceback.format_exc()))


@contextmanager
def processes() -> Iterator[Callable[[list[Job]], list[Any]]]:
    """Does jobs in turn, always one in each process at once; as many as processes, or a multiple."""
    line, answers = CONTEXT.Barrier(PROCESSES), CONTEXT.Queue()
    queues = [CONTEXT.Queue() for _ in range(PROCESSES)]
    workers = [CONTEXT.Process(target=_at_once, args=(jobs, line, answers), daemon=True) for jobs in queues]
    for one in workers:
        one.start()

    def run(jobs: list[Job]) -> list[Any]:
        assert len(jobs) % PROCESSES == 0
        for queue, job in zip(cycle(queues), jobs, strict=False):
            queue.put(job)
        found = [answers.get(timeout=PATIENCE_SECONDS) for _ in jobs]
        assert not [one for one in found if isinstance(one, Unhandled)], found
        return found

    yield run
    for queue in queues:
        queue.put(None)
    for one in workers:
        one.join(30)


def _parent_of_the_killed(pipe: Any) -> None:
    """Forks for each job: a portal that is there already starts quicker than a new one."""
    for job, life in iter(pipe.recv, None):
        portal_at(job.uri, job.mail_port)
        child = os.fork()
        if not child:
            _live(job)
        pipe.send(_end(child, life))


def _live(job: Job) -> None:
    code = 1
    try:
        job.run()
        code = 0
    except BaseException:  # noqa: BLE001 - shown in the output of the test
        traceback.print_exc()
    finally:
        os._exit(code)


def _end(child: int, life: float | None) -> tuple[int, float]:
    """How it ended, and after how long."""
    began = time.monotonic()
    while True:
        pid, status = os.waitpid(child, os.WNOHANG)
        lived = time.monotonic() - began
        if pid:
            return os.waitstatus_to_exitcode(status), lived
        if life is not None and lived >= life:
            os.kill(child, signal.SIGKILL)
            life = None
        time.sleep(0.001)


@contextmanager
def mortal_process() -> Iterator[Callable[..., tuple[int, float]]]:
    """Runs a job in a process that ``kill -9`` ends after so many seconds; its exit code and how long it lived."""
    pipe, other_end = CONTEXT.Pipe()
    parent = CONTEXT.Process(target=_parent_of_the_killed, args=(other_end,), daemon=True)
    parent.start()

    def run(job: Job, *, life: float | None = None) -> tuple[int, float]:
        pipe.send((job, life))
        assert pipe.poll(PATIENCE_SECONDS)
        code, lived = pipe.recv()
        assert code in {0, -signal.SIGKILL}, code
        return code, lived

    yield run
    pipe.send(None)
    parent.join(30)

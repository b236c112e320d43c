"""Many at once with one right code: exactly one is let in. Threads in one process, and real processes."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import cache
from itertools import cycle
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from example_app import create_app
from tests.conftest import IS_SOAK, Browser, Phone, StillClock, at_once, portal_config, recovery_codes_in, state_of

ROUNDS = 200 if IS_SOAK else 10
pytestmark = [pytest.mark.soak] if IS_SOAK else []
THREADS, PROCESSES = 8, 4


def pending(app: Flask, count: int) -> list[tuple[Browser, str]]:
    """Sign-ins of dave from different addresses, each with its form token."""
    found = []
    for number in range(count):
        browser = Browser(app)
        browser.client.environ_base["REMOTE_ADDR"] = f"198.51.100.{number}"
        browser.sign_in("dave")
        found.append((browser, browser.status()["csrf_token"]))
    return found


def post(browser: Browser, token: str, code: str, factor: str = "totp") -> int:
    return browser.client.post("/mfa/challenge", data={"csrf_token": token, "factor": factor, "code": code}).status_code


def test_threads_with_one_code(app: Flask, clock: StillClock, phone: Phone) -> None:
    for _ in range(ROUNDS):
        clock.forward(seconds=60)
        code = phone.code()
        seen = at_once([lambda one=one, code=code: post(*one, code) for one in pending(app, THREADS)])  # type: ignore[misc]
        assert sorted(seen) == [303] + [422] * (THREADS - 1)
        with app.app_context():
            state_of(app).enrollments.unlock("4")


def test_threads_in_one_pending_sign_in(app: Flask, clock: StillClock, phone: Phone) -> None:
    for _ in range(ROUNDS):
        clock.forward(seconds=60)
        ((browser, token),) = pending(app, 1)
        gate_id = browser.cookie() or ""
        code = phone.code()

        def double_click(gate_id: str = gate_id, token: str = token, code: str = code) -> int:
            client = app.test_client()
            client.set_cookie("mfa_gate", gate_id)
            return client.post("/mfa/challenge", data={"csrf_token": token, "code": code}).status_code

        seen = at_once([double_click] * 4)
        assert seen.count(303) == 1
        assert set(seen) <= {303, 409, 422}
        with app.app_context():
            state_of(app).enrollments.unlock("4")


def new_recovery_codes(app: Flask, clock: StillClock, phone: Phone) -> list[str]:
    clock.forward(seconds=60)
    browser = Browser(app)
    browser.sign_in("dave")
    browser.send("/mfa/challenge", code=phone.code())
    return recovery_codes_in(browser.send("/mfa/recovery-codes").text)


def test_threads_with_one_recovery_code(app: Flask, clock: StillClock, phone: Phone) -> None:
    for _ in range(ROUNDS):
        code = new_recovery_codes(app, clock, phone)[0]
        seen = at_once([lambda one=one, code=code: post(*one, code, "recovery_code") for one in pending(app, THREADS)])  # type: ignore[misc]
        assert sorted(seen) == [303] + [422] * (THREADS - 1)
        with app.app_context():
            state_of(app).enrollments.unlock("4")


def test_parallel_guesses_get_no_more_tries(app: Flask, phone: Phone, clock: StillClock) -> None:
    for _ in range(max(1, ROUNDS // 10)):
        clock.forward(days=31)
        sign_ins = []
        for _number in range(12):
            browser = Browser(app)
            browser.sign_in("dave")
            sign_ins.append((browser, browser.status()["csrf_token"]))
        wrong = phone.wrong_code()
        seen = at_once([lambda one=one, wrong=wrong: post(*one, wrong) for one in sign_ins])  # type: ignore[misc]
        assert seen.count(422) == 6
        assert seen.count(429) == 6


def test_threads_confirm_keys_of_two_browsers(app: Flask, clock: StillClock) -> None:
    for number in range(max(2, ROUNDS // 5)):
        with app.app_context():
            state_of(app).enrollments.reset("6")
            state_of(app).enrollments.require("6", days=7)
        browsers = [Browser(app) for _ in range(2)]
        tasks = []
        for place, browser in enumerate(browsers):
            browser.client.environ_base["REMOTE_ADDR"] = f"198.51.100.{place}"
            browser.sign_in("frank")
            code = Phone(clock, browser.begin_setup()["secret"]).code()
            token = browser.status()["csrf_token"]
            tasks.append(
                lambda b=browser, t=token, c=code: (
                    b.client.post("/mfa/enroll/totp", data={"csrf_token": t, "code": c}).status_code
                )
            )
        seen = at_once(tasks)
        assert seen.count(200) == 1, (number, seen)
        with state_of(app).store.database.read() as tx:
            assert len(state_of(app).store.factors.confirmed(tx, "6")) == 1


Job = tuple[str, str | None, datetime, dict[str, str]]


@cache
def portal_at(uri: str) -> tuple[FlaskClient, StillClock]:
    clock = StillClock()
    return create_app(portal_config(uri, clock)).test_client(), clock


def worker(jobs: Any, line: Any, answers: Any) -> None:
    """A process of its own. A job is a database, a cookie, the time and a form."""
    for uri, gate_id, now, form in iter(jobs.get, None):
        client, clock = portal_at(uri)
        clock.now = now
        client.set_cookie("mfa_gate", gate_id)
        line.wait(60)
        answers.put(client.post("/mfa/challenge", data=form).status_code)


@pytest.fixture(scope="module")
def in_processes() -> Iterator[Callable[[list[Job]], list[int]]]:
    """Does jobs in turn on all processes, always one on each at once, and says how they were answered, sorted."""
    context = multiprocessing.get_context("spawn")
    line, answers = context.Barrier(PROCESSES), context.Queue()
    queues = [context.Queue() for _ in range(PROCESSES)]
    workers = [context.Process(target=worker, args=(jobs, line, answers), daemon=True) for jobs in queues]
    for one in workers:
        one.start()

    def run(jobs: list[Job]) -> list[int]:
        for queue, job in zip(cycle(queues), jobs, strict=False):
            queue.put(job)
        return sorted(answers.get(timeout=60) for _ in jobs)

    yield run
    for queue in queues:
        queue.put(None)
    for one in workers:
        one.join(30)


@pytest.mark.parametrize("factor", ["totp", "recovery_code"])
def test_processes_with_one_code(
    app: Flask, clock: StillClock, phone: Phone, portal_uri: str, in_processes: Any, factor: str
) -> None:
    recovery_codes: list[str] = []
    for _ in range(ROUNDS):
        if factor == "recovery_code" and not recovery_codes:
            recovery_codes = new_recovery_codes(app, clock, phone)
        clock.forward(seconds=120)
        code = phone.code() if factor == "totp" else recovery_codes.pop()
        jobs = [
            (portal_uri, browser.cookie(), clock(), {"csrf_token": token, "factor": factor, "code": code})
            for browser, token in pending(app, PROCESSES)
        ]
        assert in_processes(jobs) == [303] + [422] * (PROCESSES - 1)
        with app.app_context():
            state_of(app).enrollments.unlock("4")


def test_guesses_in_processes_get_no_more_tries(
    app: Flask, clock: StillClock, phone: Phone, portal_uri: str, in_processes: Any
) -> None:
    for _ in range(max(1, ROUNDS // 10)):
        clock.forward(days=31)
        jobs = [
            (portal_uri, browser.cookie(), clock(), {"csrf_token": token, "code": phone.wrong_code()})
            for browser, token in pending(app, 3 * PROCESSES)
        ]
        assert in_processes(jobs) == [422] * 6 + [429] * 6

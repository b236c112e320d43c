"""Many at once with one right code: exactly one is let in. Threads in one process, and real processes."""

from __future__ import annotations

import multiprocessing
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from example_app import create_app
from tests.conftest import IS_SOAK, Browser, Phone, StillClock, at_once, recovery_codes_in, state_of

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


def test_threads_with_one_recovery_code(app: Flask, clock: StillClock, phone: Phone) -> None:
    owner = Browser(app)
    owner.sign_in("dave")
    owner.send("/mfa/challenge", code=phone.code())
    for _ in range(ROUNDS):
        clock.forward(seconds=60)
        fresh = Browser(app)
        fresh.sign_in("dave")
        fresh.send("/mfa/challenge", code=phone.code())
        code = recovery_codes_in(fresh.send("/mfa/recovery-codes").text)[0]
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


def worker(folder: str, jobs: Any, line: Any, answers: Any) -> None:
    """A process of its own on the same files; a job is a cookie, a form token, a code and the time."""
    clock = StillClock()
    app = create_app(
        {"TESTING": True, "SQLALCHEMY_DATABASE_URI": f"sqlite:///{folder}/portal.sqlite3", "MFA_GATE_CLOCK": clock}
    )
    client = app.test_client()
    for gate_id, token, code, now in iter(jobs.get, None):
        clock.now = now
        client.set_cookie("mfa_gate", gate_id)
        line.wait()
        answers.put(client.post("/mfa/challenge", data={"csrf_token": token, "code": code}).status_code)


def test_processes_with_one_code(app: Flask, clock: StillClock, phone: Phone, tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    line, answers = context.Barrier(PROCESSES), context.Queue()
    queues = [context.Queue() for _ in range(PROCESSES)]
    workers = [
        context.Process(target=worker, args=(str(tmp_path), jobs, line, answers), daemon=True) for jobs in queues
    ]
    for one in workers:
        one.start()
    for _ in range(ROUNDS):
        clock.forward(seconds=120)
        for jobs, (browser, token) in zip(queues, pending(app, PROCESSES), strict=True):
            jobs.put((browser.cookie(), token, phone.code(), clock()))
        assert sorted(answers.get(timeout=60) for _ in range(PROCESSES)) == [303] + [422] * (PROCESSES - 1)
        with app.app_context():
            state_of(app).enrollments.unlock("4")
    for jobs in queues:
        jobs.put(None)
    for one in workers:
        one.join(30)

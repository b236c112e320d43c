"""Many at once with one right code: exactly one is let in. Threads in one process, and real processes."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from example_app.past import enroll_with_key
from example_app.people import DAVES_KEY
from flask_mfa_gate.domain.sign_in.session import GRANT_LIFETIME, act_of
from tests.conftest import IS_SOAK, Browser, Phone, StillClock, at_once, recovery_codes_in, state_of
from tests.race.processes import PROCESSES, Job

ROUNDS = 200 if IS_SOAK else 4
PROCESS_ROUNDS = 200 if IS_SOAK else 2
pytestmark = [pytest.mark.soak] if IS_SOAK else []
THREADS = 8


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
            state_of(app).people.enrollments.unlock("4")


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
            state_of(app).people.enrollments.unlock("4")


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
            state_of(app).people.enrollments.unlock("4")


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
            state_of(app).people.enrollments.reset("6")
            state_of(app).people.enrollments.require("6", days=7)
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


def challenge(app: Flask, gate_id: str, form: dict[str, str], address: str) -> int:
    """The post of a browser, in another process."""
    client = app.test_client()
    client.set_cookie("mfa_gate", gate_id)
    return client.post("/mfa/challenge", data=form, environ_base={"REMOTE_ADDR": address}).status_code


def challenges(
    uri: str, clock: StillClock, sign_ins: list[tuple[Browser, str]], code: str, factor: str = "totp", *, net: str = ""
) -> list[Job]:
    """One code in each of these sign-ins; from as many addresses when ``net`` is their beginning."""
    return [
        Job(
            uri, clock(), challenge,
            (browser.cookie(), {"csrf_token": token, "factor": factor, "code": code}, net and f"{net}{place}"),
        )
        for place, (browser, token) in enumerate(sign_ins)
    ]  # fmt: skip


def counted(app: Flask, clock: StillClock) -> tuple[int, int]:
    """Dave's failures on record, and how many of them the audit log tells."""
    store = state_of(app).store
    failed = (store.tables.audit.c.subject == "4", store.tables.audit.c.event == "challenge_failed")
    with store.database.read() as tx:
        failures = store.failures.count(tx, "4", place="", now=clock())
        return failures.in_total, int(tx.execute(select(func.count()).where(*failed)).scalar_one())


@pytest.mark.parametrize("factor", ["totp", "recovery_code", "access_pass"])
def test_processes_with_one_code(
    app: Flask, clock: StillClock, phone: Phone, portal_uri: str, in_processes: Any, factor: str
) -> None:
    recovery_codes: list[str] = []
    for _ in range(PROCESS_ROUNDS):
        if factor == "recovery_code" and not recovery_codes:
            recovery_codes = new_recovery_codes(app, clock, phone)
        clock.forward(seconds=120)
        if factor == "access_pass":
            with app.app_context():
                code = state_of(app).people.access_passes.issue("4", actor="cli")
        else:
            code = phone.code() if factor == "totp" else recovery_codes.pop()
        jobs = challenges(portal_uri, clock, pending(app, PROCESSES), code, factor, net="198.51.100.")
        assert sorted(in_processes(jobs)) == [303] + [422] * (PROCESSES - 1)
        with app.app_context():
            state_of(app).people.enrollments.unlock("4")


def test_guesses_in_processes_get_no_more_tries(
    app: Flask, clock: StillClock, phone: Phone, portal_uri: str, in_processes: Any
) -> None:
    for _ in range(max(1, ROUNDS // 10)):
        clock.forward(days=31)
        before = counted(app, clock)
        sign_ins = [one for _ in range(3) for one in pending(app, PROCESSES)]
        jobs = challenges(portal_uri, clock, sign_ins, phone.wrong_code(), net="")
        assert sorted(in_processes(jobs)) == [422] * 6 + [429] * 6
        after = counted(app, clock)
        assert (after[0], after[1] - before[1]) == (6, 6)


def test_guesses_from_many_addresses_are_counted_exactly(
    app: Flask, clock: StillClock, phone: Phone, portal_uri: str, in_processes: Any
) -> None:
    for _ in range(max(1, ROUNDS // 10)):
        clock.forward(days=31)
        before = counted(app, clock)
        wrong = phone.wrong_code()
        tries = [challenges(portal_uri, clock, pending(app, PROCESSES), wrong, net="203.0.113.") for _ in range(5)]
        assert in_processes([job for jobs in tries for job in jobs]) == [422] * 5 * PROCESSES
        after = counted(app, clock)
        assert (after[0], after[1] - before[1]) == (5 * PROCESSES, 5 * PROCESSES)


def reset_dave(app: Flask) -> int:
    state_of(app).people.enrollments.reset("4", actor="cli")
    return 0


def test_no_session_survives_a_reset_beside_the_right_code(
    app: Flask, clock: StillClock, phone: Phone, portal_uri: str, in_processes: Any
) -> None:
    for _ in range(PROCESS_ROUNDS):
        clock.forward(seconds=120)
        sign_ins = pending(app, PROCESSES - 1)
        jobs = challenges(portal_uri, clock, sign_ins, phone.code(), net="198.51.100.")
        answers = in_processes([*jobs, Job(portal_uri, clock(), reset_dave)])
        assert max(answers) < 500, answers
        with state_of(app).store.database.read() as tx:
            assert state_of(app).store.sessions.of_user(tx, "4") == []
            assert state_of(app).store.factors.confirmed(tx, "4") == []
        with app.app_context():
            enroll_with_key(app, "4", DAVES_KEY)
            state_of(app).people.enrollments.unlock("4")


def test_threads_with_one_grant(app: Flask, clock: StillClock, phone: Phone) -> None:
    browser = Browser(app)
    browser.sign_in("dave")
    browser.send("/mfa/challenge", code=phone.code())
    state, act = state_of(app), act_of("pay", {"number": 1})
    found = state.sign_in.sessions.find(browser.cookie() or "")
    assert found is not None
    live, expires_at = found[0], clock() + GRANT_LIFETIME
    for _ in range(ROUNDS):
        state.worker.run(lambda work: state.store.grants.put(work.tx, live.lineage, act, expires_at=expires_at))
        seen = at_once([lambda: state.sign_in.sessions.try_use_grant(live, act)] * THREADS)
        assert sorted(seen) == [False] * (THREADS - 1) + [True]

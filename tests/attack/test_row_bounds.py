"""How many rows and mails each kind of request can make: bounded by user, address, hour and kind, not by requests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text

from flask_mfa_gate.domain.sign_in.session_bounds import MOST_UNPROVEN
from tests.conftest import PASSWORD, Browser, Phone, StillClock, key_of, state_of
from tests.policy_kit import policy, prove, put, rows, signed_in

Make = Callable[..., Flask]
Requests = Callable[[], Any]
TIMES = 30
# What a first sign-in of somebody leaves anyway.
ONCE = {"person": 1, "person_word": 5, "noted": 4, "audit": 3, "sign_in": 1, "mark": 1, "enrollment": 1}


def count_rows(app: Flask) -> dict[str, int]:
    store = state_of(app).store
    with store.database.read() as tx:
        return {
            table.name.removeprefix("mfa_gate_"): tx.execute(text(f"SELECT count(*) FROM {table.name}")).scalar_one()
            for table in store.tables.metadata.sorted_tables
        }


def made_by(app: Flask, request: Requests, times: int = TIMES) -> dict[str, int]:
    before = count_rows(app)
    for _ in range(times):
        request()
    after = count_rows(app)
    return {name: after[name] - before[name] for name in after if after[name] != before[name]}


def password_only(app: Flask, username: str) -> Requests:
    return lambda: Browser(app).sign_in(username)


def host_cookie_only(app: Flask, path: str) -> Requests:
    session = signed_in(app, "frank").cookie("session") or ""

    def request() -> None:
        client = app.test_client()
        client.set_cookie("session", session)
        client.get(path)

    return request


def denied_page(app: Flask) -> Requests:
    put(app, policy(action="deny", on=["payroll"]))
    browser = signed_in(app, "frank")
    return lambda: browser.get("/payroll")


def denied_sign_in(app: Flask) -> Requests:
    put(app, policy(action="deny"))
    return password_only(app, "frank")


def signs_in_again_in_one_browser(app: Flask) -> Requests:
    browser = signed_in(app, "frank")
    return lambda: browser.sign_in("frank")


def starts_a_setup(app: Flask) -> Requests:
    return lambda: signed_in(app, "frank").get("/mfa/enroll/totp")


def signs_in_and_out(app: Flask, username: str) -> Requests:
    def request() -> None:
        browser = Browser(app)
        browser.sign_in(username)
        browser.send("/mfa/sign-out")

    return request


def without_jar(app: Flask) -> Any:
    """A client that sends the cookies that it is told to; any other sends those of its jar, or none."""
    return app.test_client(use_cookies=False)


KINDS: dict[str, tuple[Callable[[Flask], Requests], dict[str, int]]] = {
    "password of somebody enrolled": (lambda app: password_only(app, "dave"), {"session": 20}),
    "password of somebody in a period": (lambda app: password_only(app, "bob"), {"session": 20}),
    "password of somebody lapsed": (lambda app: password_only(app, "carol"), {"session": 20}),
    "password of somebody not required": (lambda app: password_only(app, "frank"), {"session": TIMES}),
    "host's cookie alone, a page": (lambda app: host_cookie_only(app, "/"), {"session": TIMES}),
    "host's cookie alone, an own page": (lambda app: host_cookie_only(app, "/mfa/"), {"session": TIMES}),
    "host's cookie alone, a step-up": (lambda app: host_cookie_only(app, "/transfer"), {"session": TIMES}),
    "a denied page": (denied_page, {"session": 1}),
    "a denied sign-in": (denied_sign_in, {"session": 20}),
    "signing in again in one browser": (signs_in_again_in_one_browser, {"session": 21}),
    "starting a setup": (starts_a_setup, {"session": TIMES, "factor": TIMES}),
    "signing in and out": (lambda app: signs_in_and_out(app, "frank"), {"session": TIMES, "noted": 5, "audit": 4}),
    "signing out while pending": (lambda app: signs_in_and_out(app, "dave"), {"session": TIMES}),
    "a wrong password": (lambda app: lambda: app.test_client().post("/login", data={"username": "dave", "password": "x"}), {}),
    "a stranger at the own pages": (lambda app: lambda: app.test_client().get("/mfa/challenge"), {}),
    "a stranger with a made-up cookie": (
        lambda app: lambda: without_jar(app).get("/", headers={"Cookie": "mfa_gate=x; session=y"}), {},
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_rows_of_each_kind_of_request(app: Flask, kind: str) -> None:
    make, most = KINDS[kind]
    made = made_by(app, make(app))
    allowed = {**ONCE, **most} if most else {}
    assert {name: count for name, count in made.items() if count > allowed.get(name, 0)} == {}


@pytest.mark.parametrize("kind", ["password of somebody not required", "host's cookie alone, a page"])
def test_unproven_sessions_have_an_end_too(app: Flask, kind: str) -> None:
    assert made_by(app, KINDS[kind][0](app), times=110).get("session", 0) <= 100


def test_what_is_left_of_ended_sign_ins_has_an_end_too(app: Flask) -> None:
    made = made_by(app, KINDS["signing out while pending"][0](app), times=110)
    assert made["session"] <= MOST_UNPROVEN + 1, "the last one ends after the rest was counted"


def test_keys_of_sessions_that_are_no_more_go_with_them(app: Flask) -> None:
    made = made_by(app, KINDS["starting a setup"][0](app), times=110)
    assert made["factor"] <= MOST_UNPROVEN


def test_a_clock_that_was_set_back_makes_nobody_wait_for_days(app: Flask, clock: StillClock) -> None:
    browser = Browser(app)
    browser.sign_in("dave")
    for _ in range(6):
        browser.send("/mfa/challenge", code="000000")
    clock.forward(days=-3)
    thief = Browser(app)
    thief.sign_in("dave")
    assert thief.send("/mfa/challenge", code="000000").status_code == 422, "tried"
    told = thief.send("/mfa/challenge", code="000000")
    assert (told.status_code, told.headers["Retry-After"]) == (429, "60"), "the earlier ones still count"


def test_the_next_hour_and_another_address_are_written_once_more(app: Flask, clock: StillClock) -> None:
    from_elsewhere = {"environ_base": {"REMOTE_ADDR": "2001:db8::1"}}
    login = {"data": {"username": "dave", "password": PASSWORD}}
    assert made_by(app, lambda: app.test_client().post("/login", **login), 3)["audit"] == 1  # type: ignore[arg-type]
    assert made_by(app, lambda: app.test_client().post("/login", **login, **from_elsewhere), 3)["audit"] == 1  # type: ignore[arg-type]
    nearby = {"environ_base": {"REMOTE_ADDR": "2001:db8::2"}}
    assert "audit" not in made_by(app, lambda: app.test_client().post("/login", **login, **nearby), 3)  # type: ignore[arg-type]
    clock.forward(hours=1)
    assert made_by(app, lambda: app.test_client().post("/login", **login), 3)["audit"] == 1  # type: ignore[arg-type]


def test_the_mail_about_a_try_is_withdrawn_when_that_sign_in_is_proved(make_app: Make, phone: Phone) -> None:
    app = make_app(MFA_GATE_BREAK_GLASS=["4"])
    owner = signed_in(app, "dave")
    assert uses_and_tries(app) == (0, 1)
    assert owner.send("/mfa/challenge", code=phone.code()).status_code == 303
    assert uses_and_tries(app) == (1, 0)
    signed_in(app, "dave")
    assert uses_and_tries(app) == (1, 1), "the next try is told of again"
    state_of(app).clock.forward(seconds=30)  # type: ignore[attr-defined]
    prove(app, phone)
    assert uses_and_tries(app) == (2, 1), "another sign-in was proved"


def uses_and_tries(app: Flask) -> tuple[int, int]:
    """Mails to the account about its uses, and about tries with the password alone."""
    store = state_of(app).store
    outbox = store.tables.outbox
    with store.database.read() as tx:
        mine = outbox.select().where(outbox.c.user_key == "4", outbox.c.kind == "break-glass")
        proved = [row.facts["proved"] for row in tx.execute(mine)]
    return proved.count(True), proved.count(False)


def test_every_signal_is_sent_though_the_log_holds_one(app: Flask, signals: list[Any]) -> None:
    for _ in range(3):
        Browser(app).sign_in("dave")
    assert [event.name for event in signals].count("signed_in") == 3
    assert [row["event"] for row in rows(app, "audit")].count("signed_in") == 1


def test_what_is_proved_is_never_left_out(app: Flask, phone: Phone, clock: StillClock) -> None:
    for _ in range(3):
        prove(app, phone)
        clock.forward(seconds=30)
        Browser(app).sign_in("dave")
    assert [row["event"] for row in rows(app, "audit")].count("challenge_passed") == 3
    records = rows(app, "sign_in")
    assert [row["proved_at"] is not None for row in records].count(True) == 3
    assert [row["proved_at"] is not None for row in records].count(False) == 1


def test_a_proof_in_a_sign_in_that_gave_way_is_on_record(app: Flask, phone: Phone) -> None:
    """A thief's sign-in from the same place must not take the owner's record along."""
    owner = signed_in(app, "dave")
    Browser(app).sign_in("dave")
    assert owner.send("/mfa/challenge", code=phone.code()).status_code == 303
    assert [row["proved_at"] is not None for row in rows(app, "sign_in")].count(True) == 1
    with state_of(app).store.database.read() as tx:
        (proven,) = state_of(app).store.sign_ins.proven(tx, key_of(app, "dave"), since=rows_began(app))
    assert proven.address == "127.0.0.1"


def rows_began(app: Flask) -> Any:
    from datetime import timedelta

    return state_of(app).clock() - timedelta(days=1)


def test_proven_sessions_outlive_a_flood(app: Flask, phone: Phone) -> None:
    owner = prove(app, phone)
    for _ in range(25):
        Browser(app).sign_in("dave")
    assert owner.is_in()


@pytest.mark.parametrize("username", ["dave", "frank"])
def test_tries_on_a_break_glass_account_are_one_mail_an_hour(
    make_app: Make, username: str, clock: StillClock, signals: list[Any]
) -> None:
    app = make_app(MFA_GATE_BREAK_GLASS=["4", "6"])
    with app.app_context():
        state_of(app).gate.users.sync()
    mails = 2  # to the account and to the one admin
    for hours in range(1, 3):
        for address in ("203.0.113.1", "203.0.113.2", "2001:db8::1"):
            for _ in range(3):
                signed_in(app, username, REMOTE_ADDR=address)
        assert [row["kind"] for row in rows(app, "outbox")].count("break-glass") == mails * hours
        clock.forward(hours=1)
    assert "break_glass_used" not in {event.name for event in signals}
    assert "break_glass_used" not in {row["event"] for row in rows(app, "audit")}


def test_what_a_password_alone_has_left_is_swept(app: Flask, phone: Phone, clock: StillClock) -> None:
    prove(app, phone)
    before = count_rows(app)
    starts = starts_a_setup(app)
    for _ in range(3):
        starts()
    clock.forward(days=2)
    with app.app_context():
        state_of(app).gate.run_due()
    after = count_rows(app)
    assert (after["factor"], after["noted"]) == (before["factor"], 0), "confirmed keys stay"

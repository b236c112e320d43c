"""The challenge: right codes, wrong codes, replays, waits and stops."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from example_app.people import PASSWORD
from flask_mfa_gate.factors.totp import TotpFactor
from flask_mfa_gate.services.sign_in.attempts import AttemptService
from flask_mfa_gate.signals import Event
from tests.conftest import JSON, Browser, Phone, StillClock, key_of, recovery_codes_in, state_of


def pending(app: Flask) -> Browser:
    browser = Browser(app)
    assert browser.sign_in("dave").location == "/mfa/challenge"
    return browser


def test_a_right_code_lets_in_and_rotates_the_id(app: Flask, phone: Phone, signals: list[Event]) -> None:
    browser = pending(app)
    before = browser.cookie()
    assert browser.send("/mfa/challenge", code=phone.code()).location == "/"
    assert browser.cookie() != before
    assert browser.is_in()
    assert [event.name for event in signals] == ["signed_in", "challenge_passed"]


@pytest.mark.parametrize("steps", [-1, 0, 1])
def test_codes_of_the_window_are_accepted(app: Flask, phone: Phone, steps: int) -> None:
    assert pending(app).send("/mfa/challenge", code=phone.code(steps=steps)).status_code == 303


@pytest.mark.parametrize(("steps", "hints"), [(-2, True), (-15, True), (2, False), (15, False)])
def test_codes_outside_are_refused_and_only_past_ones_hint_at_the_clock(
    app: Flask, phone: Phone, steps: int, hints: bool
) -> None:
    """A hint at a code that is yet to come would tell a guesser when to try it again."""
    answer = pending(app).send("/mfa/challenge", code=phone.code(steps=steps))
    assert answer.status_code == 422
    assert ("clock" in answer.text) == hints


def test_a_window_of_zero_takes_only_this_step(make_app: Any, phone: Phone) -> None:
    app = make_app(MFA_GATE_TOTP_WINDOW=0)
    assert pending(app).send("/mfa/challenge", code=phone.code(steps=-1)).status_code == 422
    assert pending(app).send("/mfa/challenge", code=phone.code()).status_code == 303


def test_a_code_works_once_however_it_is_written(app: Flask, phone: Phone, clock: StillClock) -> None:
    code = phone.code()
    assert pending(app).send("/mfa/challenge", code=code).status_code == 303
    clock.forward(seconds=5)
    again = pending(app)
    for spelling in (
        code,
        f" {code[:3]} {code[3:]} ",
        f"{code[:3]}-{code[3:]}",
        "".join(chr(ord(d) + 0xFEE0) for d in code),
    ):
        assert again.send("/mfa/challenge", code=spelling).status_code == 422


def test_an_older_step_is_refused_after_a_newer(app: Flask, phone: Phone) -> None:
    assert pending(app).send("/mfa/challenge", code=phone.code(steps=1)).status_code == 303
    assert pending(app).send("/mfa/challenge", code=phone.code()).status_code == 422


def test_the_confirming_code_is_burned_too(app: Flask, clock: StillClock) -> None:
    browser = Browser(app)
    browser.sign_in("bob")
    phone = Phone(clock, browser.begin_setup()["secret"])
    browser.send("/mfa/enroll/totp", code=phone.code())
    other = Browser(app)
    other.sign_in("bob")
    assert other.send("/mfa/challenge", code=phone.code()).status_code == 422


def test_spaces_and_hyphens_are_welcome(app: Flask, phone: Phone, clock: StillClock) -> None:
    for write in (lambda code: f" {code[:3]} {code[3:]} ", lambda code: f"{code[:3]}-{code[3:]}"):
        assert pending(app).send("/mfa/challenge", code=write(phone.code())).status_code == 303
        clock.forward(seconds=30)


def test_a_clock_that_went_back_reuses_nothing(app: Flask, phone: Phone, clock: StillClock) -> None:
    assert pending(app).send("/mfa/challenge", code=phone.code()).status_code == 303
    clock.forward(seconds=-60)
    assert pending(app).send("/mfa/challenge", code=phone.code()).status_code == 422


def guess(browser: Browser, phone: Phone, times: int) -> list[int]:
    return [browser.send("/mfa/challenge", code=phone.wrong_code()).status_code for _ in range(times)]


def test_five_are_free_the_sixth_starts_the_wait(app: Flask, phone: Phone, clock: StillClock) -> None:
    browser = pending(app)
    assert guess(browser, phone, 7) == [422] * 6 + [429]
    waiting = browser.send("/mfa/challenge", code=phone.code())
    assert waiting.status_code == 429, "the right code while waiting is not tried"
    assert waiting.headers["Retry-After"] == "30"
    assert "Try again in" in waiting.text
    assert browser.get("/mfa/challenge").headers["Retry-After"] == "30"
    clock.forward(seconds=30)
    assert browser.send("/mfa/challenge", code=phone.code()).status_code == 303


def test_the_wait_doubles_to_fifteen_minutes_and_guesses_do_not_prolong_it(
    app: Flask, phone: Phone, clock: StillClock
) -> None:
    waits = []
    guess(pending(app), phone, 6)
    for _ in range(7):
        waits.append(int(pending(app).send("/mfa/challenge", code=phone.wrong_code()).headers["Retry-After"]))
        clock.forward(seconds=waits[-1])
        assert pending(app).send("/mfa/challenge", code=phone.wrong_code()).status_code == 422
    assert waits == [30, 60, 120, 240, 480, 900, 900]


def test_the_counter_is_one_whatever_browser_session_or_verifier(app: Flask, phone: Phone) -> None:
    seen = []
    for number in range(7):
        factor = "recovery_code" if number % 2 else "totp"
        answer = pending(app).send_json(
            "/mfa/challenge", {"factor": factor, "code": "A" * 16 if number % 2 else phone.wrong_code()}
        )
        seen.append(answer.status_code)
    assert seen == [422] * 6 + [429]


def test_enroll_confirm_counts_too(app: Flask, clock: StillClock) -> None:
    browser = Browser(app)
    browser.sign_in("bob")
    phone = Phone(clock, browser.begin_setup()["secret"])
    seen = [browser.send("/mfa/enroll/totp", code=phone.wrong_code()).status_code for _ in range(7)]
    assert seen == [422] * 6 + [429]
    assert browser.send("/mfa/enroll/totp", code=phone.code()).status_code == 429


def test_success_clears_only_its_own_address(app: Flask, phone: Phone, clock: StillClock) -> None:
    thief, owner = pending(app), pending(app)
    thief.client.environ_base["REMOTE_ADDR"] = "203.0.113.66"
    guess(thief, phone, 6)
    assert owner.send("/mfa/challenge", code=phone.code()).status_code == 303, "a stranger does not lock the owner out"
    assert guess(thief, phone, 1) == [429]


def test_a_hundred_failures_from_anywhere_stop_codes_until_unlocked(
    app: Flask, phone: Phone, clock: StillClock
) -> None:
    setup = pending(app)
    setup.send("/mfa/challenge", code=phone.code())
    codes = recovery_codes_in(setup.send("/mfa/recovery-codes").text)
    for number in range(100):
        thief = pending(app)
        thief.client.environ_base["REMOTE_ADDR"] = f"203.0.113.{number % 25}"
        assert guess(thief, phone, 1) == [422]
        clock.forward(hours=1)
    owner = pending(app)
    stopped = owner.send("/mfa/challenge", code=phone.code())
    assert stopped.status_code == 429
    assert "recovery code" in stopped.text
    assert owner.send("/mfa/challenge", factor="recovery_code", code=codes[0]).status_code == 303
    with app.app_context():
        state_of(app).people.enrollments.unlock(key_of(app, "dave"))
    assert pending(app).send("/mfa/challenge", code=phone.code()).status_code == 303


def test_failures_are_forgotten_after_thirty_days(app: Flask, phone: Phone, clock: StillClock) -> None:
    guess(pending(app), phone, 6)
    clock.forward(days=31)
    assert guess(pending(app), phone, 6) == [422] * 6


def test_an_unreadable_address_is_one_address(app: Flask, phone: Phone) -> None:
    seen = []
    for address in ("garbage", "10.0.0.1:99999999", "", "also garbage", "x", "y", "z"):
        browser = pending(app)
        browser.client.environ_base["REMOTE_ADDR"] = address
        seen += guess(browser, phone, 1)
    assert seen == [422] * 6 + [429]


def test_a_success_clears_no_failure_of_an_unreadable_address(app: Flask, phone: Phone, clock: StillClock) -> None:
    """Behind a socket without ProxyFix the owner and a thief look alike."""

    def from_socket() -> Browser:
        browser = pending(app)
        browser.client.environ_base["REMOTE_ADDR"] = ""
        return browser

    assert guess(from_socket(), phone, 1) == [422]
    store, key = state_of(app).store, key_of(app, "dave")
    with store.database.write() as tx:
        for _ordinal in range(2, 99):
            store.failures.add(tx, key, place="unknown", now=clock())
    for steps in (0, 1):
        clock.forward(minutes=15)
        assert from_socket().send("/mfa/challenge", code=phone.code()).status_code == 303, steps
    assert guess(from_socket(), phone, 1) == [422], "a success leaves no failure, and clears none"
    clock.forward(minutes=15)
    assert guess(from_socket(), phone, 1) == [422]
    clock.forward(minutes=15)
    stopped = from_socket().send("/mfa/challenge", code=phone.code())
    assert (stopped.status_code, "Retry-After" in stopped.headers) == (429, True)


def test_a_network_of_ipv6_is_one_address(app: Flask, phone: Phone, clock: StillClock) -> None:
    def at(address: str) -> Browser:
        browser = pending(app)
        browser.client.environ_base["REMOTE_ADDR"] = address
        return browser

    seen = [code for number in range(1, 8) for code in guess(at(f"2001:db8::{number:x}:1"), phone, 1)]
    assert seen == [422] * 6 + [429]
    assert guess(at("2001:db8:0:1::1"), phone, 1) == [422], "the next network is another"
    assert guess(at("198.51.100.7"), phone, 4) == [422] * 4
    assert at("::ffff:198.51.100.7").send("/mfa/challenge", code=phone.code()).status_code == 303
    assert guess(at("198.51.100.7:443"), phone, 6) == [422] * 6, "the success under a mapped address has cleared it"
    clock.forward(seconds=31)
    assert at("2001:db8::ffff").send("/mfa/challenge", code=phone.code(steps=1)).status_code == 303
    assert guess(at("2001:db8::1"), phone, 6) == [422] * 6


@pytest.mark.parametrize("code", ["", None, 123456, 1.5, True, [], {}, ["123456"], "1" * 65, "1" * 50_000])
def test_what_is_no_code_is_400_and_does_not_count(app: Flask, phone: Phone, code: Any) -> None:
    browser = pending(app)
    for _ in range(8):
        answer = browser.send_json("/mfa/challenge", {"code": code})
        assert (answer.status_code, answer.json["code"]) == (400, "bad_request")  # type: ignore[index]
    assert browser.send("/mfa/challenge", code=phone.code()).status_code == 303


@pytest.mark.parametrize(
    "code", ["12345", "1234567", "abcdef", "١٢٣٤٥٦", "００５９２４", "005924\0", "005\u200b924", "1" * 64]
)
def test_a_wrong_shape_is_422_and_counts(app: Flask, phone: Phone, code: str) -> None:
    browser = pending(app)
    seen = [browser.send_json("/mfa/challenge", {"code": code}).status_code for _ in range(7)]
    assert seen == [422] * 6 + [429]


def test_a_huge_body_and_repeated_fields_are_400(app: Flask) -> None:
    browser = pending(app)
    token = browser.status()["csrf_token"]
    assert browser.client.post("/mfa/challenge", data={"csrf_token": token, "code": "1" * 1_000_000}).status_code == 400
    assert (
        browser.client.post("/mfa/challenge", data={"csrf_token": token, "code": ["111111", "222222"]}).status_code
        == 400
    )
    twice = b'{"code": "111111", "code": "222222"}'
    options: dict[str, Any] = {"content_type": "application/json", "headers": {"X-CSRFToken": token}}
    assert browser.client.post("/mfa/challenge", data=twice, **options).status_code == 400
    assert browser.client.post("/mfa/challenge", data=b"[" * 50_000, **options).status_code == 400
    assert browser.client.post("/mfa/challenge", data=b'"text"', **options).status_code == 400
    assert browser.client.post("/mfa/challenge", data=b"\xff\xfe", **options).status_code == 400


def test_an_unknown_method_is_refused(app: Flask) -> None:
    for word in ("oidc", "access_pass2", "TOTP", "None"):
        assert pending(app).send("/mfa/challenge", factor=word, code="123456").status_code == 400


@pytest.mark.parametrize(("part", "name"), [(TotpFactor, "verify"), (AttemptService, "_record_failure")])
def test_the_failure_stays_counted_when_the_answer_fails(
    app: Flask, phone: Phone, monkeypatch: Any, part: type, name: str
) -> None:
    def broken(*_args: Any, **_options: Any) -> None:
        raise RuntimeError("after the count")

    browser = pending(app)
    with monkeypatch.context() as patch:
        patch.setattr(part, name, broken)
        for _ in range(6):
            assert browser.send("/mfa/challenge", code=phone.wrong_code()).status_code == 503
    assert browser.send("/mfa/challenge", code=phone.code()).status_code == 429


def test_twenty_five_good_sign_ins_count_as_no_failure(app: Flask, phone: Phone, clock: StillClock) -> None:
    for _ in range(25):
        assert pending(app).send("/mfa/challenge", code=phone.code()).status_code == 303
        clock.forward(seconds=30)


def test_recovery_codes_are_bound_to_their_user(app: Flask, clock: StillClock, phone: Phone) -> None:
    bob = Browser(app)
    bob.sign_in("bob")
    codes = recovery_codes_in(bob.send("/mfa/enroll/totp", code=Phone(clock, bob.begin_setup()["secret"]).code()).text)
    assert pending(app).send("/mfa/challenge", factor="recovery_code", code=codes[0]).status_code == 422
    clock.forward(seconds=30)
    other = Browser(app)
    other.sign_in("bob")
    assert other.send("/mfa/challenge", factor="recovery_code", code=codes[0]).status_code == 303, "and not consumed"


def test_recovery_codes_forgive_case_grouping_and_look_alikes(app: Flask, clock: StillClock) -> None:
    browser = Browser(app)
    browser.sign_in("bob")
    codes = recovery_codes_in(
        browser.send("/mfa/enroll/totp", code=Phone(clock, browser.begin_setup()["secret"]).code()).text
    )
    for code, write in zip(
        codes,
        (
            str.lower,
            lambda c: c.replace("-", " "),
            lambda c: c.replace("-", "").replace("O", "0").replace("I", "1").replace("B", "8"),
        ),
        strict=False,
    ):
        other = Browser(app)
        other.sign_in("bob")
        assert other.send("/mfa/challenge", factor="recovery_code", code=write(code)).status_code == 303


def test_cancel_leaves_nobody_signed_in(app: Flask, phone: Phone) -> None:
    browser = pending(app)
    assert browser.send("/mfa/cancel").location == "/login"
    assert not browser.is_in()
    assert browser.cookie() is None


def test_a_pending_sign_in_lives_ten_minutes(app: Flask, phone: Phone, clock: StillClock) -> None:
    browser = pending(app)
    token = browser.status()["csrf_token"]
    clock.forward(minutes=9, seconds=59)
    assert browser.get("/mfa/challenge").status_code == 200
    clock.forward(seconds=1)
    late = browser.client.post("/mfa/challenge", data={"csrf_token": token, "code": phone.code()})
    assert late.status_code == 401
    assert not browser.is_in()
    assert browser.sign_in("dave").location == "/mfa/challenge", "signing in again works at once"


def test_the_login_page_does_not_clear_the_pending_sign_in(app: Flask, phone: Phone) -> None:
    browser = pending(app)
    assert browser.get("/login").status_code == 200
    assert browser.send("/mfa/challenge", code=phone.code()).status_code == 303


def test_signing_in_again_replaces_the_pending_one(app: Flask, phone: Phone) -> None:
    browser = pending(app)
    token = browser.status()["csrf_token"]
    browser.sign_in("bob")
    assert browser.status()["next"] == "prompt"
    answer = browser.client.post("/mfa/challenge", data={"csrf_token": token, "code": phone.code()})
    assert answer.status_code == 400, "a form of another pending sign-in"
    assert answer.json is None


def test_a_second_tab_is_told(app: Flask, phone: Phone) -> None:
    browser = pending(app)
    old_id, token = browser.cookie(), browser.status()["csrf_token"]
    browser.send("/mfa/challenge", code=phone.code())
    tab = app.test_client()
    tab.set_cookie("mfa_gate", old_id or "")
    late = tab.post("/mfa/challenge", data={"csrf_token": token, "code": phone.code(steps=1)}, headers=JSON)
    assert (late.status_code, late.json["code"]) == (409, "conflict")  # type: ignore[index]
    assert browser.send("/mfa/challenge", code=phone.code(steps=1)).status_code == 303, "its code was not spent"


def test_the_old_id_keeps_its_old_assurance_for_thirty_seconds(app: Flask, phone: Phone, clock: StillClock) -> None:
    browser = pending(app)
    old = app.test_client()
    old.set_cookie("mfa_gate", browser.cookie() or "")
    browser.send("/mfa/challenge", code=phone.code())
    answer = old.get("/api/me", headers=JSON)
    assert (answer.status_code, answer.json["code"]) == (401, "mfa_challenge_required")  # type: ignore[index]
    assert "Set-Cookie" not in answer.headers
    clock.forward(seconds=30)
    assert old.get("/mfa/status", headers=JSON).status_code == 401


def test_wrong_password_leaks_nothing(app: Flask) -> None:
    for name in ("dave", "carol", "bob", "frank", "nobody"):
        browser = Browser(app)
        answer = browser.sign_in(name, password=f"not {PASSWORD}")
        assert (answer.status_code, browser.cookie()) == (401, None)


def test_the_challenge_page_helps_phones_and_managers(app: Flask) -> None:
    page = pending(app).get("/mfa/challenge").text
    assert 'inputmode="numeric"' in page
    assert 'autocomplete="one-time-code"' in page
    assert "factor=access_pass" in page

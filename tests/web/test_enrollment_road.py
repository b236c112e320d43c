"""One user's life with a soft enrollment, from the prompt to the recovery code."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from tests.conftest import JSON, Browser, Phone, StillClock, key_of, recovery_codes_in, state_of

Make = Callable[..., Flask]


def act(app: Flask, action: str, username: str, **options: Any) -> Any:
    with app.app_context():
        return getattr(state_of(app).people.enrollments, action)(key_of(app, username), **options)


def test_the_whole_road(app: Flask, clock: StillClock) -> None:
    browser = Browser(app)
    answer = browser.sign_in("bob")
    assert (answer.status_code, answer.location) == (303, "/mfa/enroll")
    page = browser.get("/mfa/enroll").text
    assert "7</b> days" in page
    assert "9 March 2026, 09:00 UTC" in page
    assert "Set up later" in page
    assert browser.send("/mfa/enroll/later").location == "/"
    assert "7 days left" in browser.get("/").text

    clock.forward(days=7)
    assert browser.get("/").status_code == 403, "locked at the next request, not at the next sign-in"
    fresh = Browser(app)
    assert fresh.sign_in("bob").location == "/mfa/blocked"
    assert "locked" in fresh.get("/mfa/blocked").text
    assert fresh.get("/mfa/enroll/totp").status_code == 403, "nothing can be set up after the lapse"

    act(app, "extend", "bob", days=2)
    assert fresh.get("/mfa/blocked").location == "/mfa/enroll", "somebody let in again goes on"
    setup = fresh.begin_setup()
    phone = Phone(clock, setup["secret"])
    done = fresh.send("/mfa/enroll/totp", code=phone.code())
    codes = recovery_codes_in(done.text)
    assert done.status_code == 200
    assert len(set(codes)) == 10
    assert fresh.is_in()
    assert act(app, "status", "bob").status == "ENROLLED"

    clock.forward(seconds=30)
    again = Browser(app)
    assert again.sign_in("bob").location == "/mfa/challenge"
    assert not again.is_in()
    assert again.send("/mfa/challenge", code=phone.code()).location == "/"
    assert again.is_in()

    lost = Browser(app)
    lost.sign_in("bob")
    assert lost.send("/mfa/challenge", factor="recovery_code", code=codes[0].lower()).location == "/"
    assert lost.is_in()
    thief = Browser(app)
    thief.sign_in("bob")
    assert thief.send("/mfa/challenge", factor="recovery_code", code=codes[0]).status_code == 422


def test_later_returns_at_every_sign_in(app: Flask) -> None:
    for _ in range(2):
        browser = Browser(app)
        assert browser.sign_in("bob").location == "/mfa/enroll"
        browser.send("/mfa/enroll/later")
        assert browser.is_in()


def test_prompt_interval_makes_it_rarer_but_not_on_the_last_day(make_app: Make, clock: StillClock) -> None:
    from datetime import timedelta

    app = make_app(MFA_GATE_PROMPT_INTERVAL=timedelta(days=30))
    first = Browser(app)
    first.sign_in("bob")
    first.send("/mfa/enroll/later")
    assert Browser(app).sign_in("bob").location == "/"
    clock.forward(days=6)
    assert Browser(app).sign_in("bob").location == "/mfa/enroll"


def test_forced_enrollment_knows_no_later(app: Flask) -> None:
    act(app, "require", "frank", days=0)
    browser = Browser(app)
    assert browser.sign_in("frank").location == "/mfa/enroll"
    assert "Set up later" not in browser.get("/mfa/enroll").text
    assert browser.send("/mfa/enroll/later").status_code == 409
    assert not browser.is_in()


def test_default_access_require_forces_everybody(make_app: Make) -> None:
    app = make_app(MFA_GATE_DEFAULT_ACCESS="require")
    assert Browser(app).sign_in("frank").location == "/mfa/enroll"
    assert act(app, "status", "frank").required_by == "default-access"


def test_default_access_deny_and_allow(make_app: Make) -> None:
    denied = Browser(make_app(MFA_GATE_DEFAULT_ACCESS="deny"))
    assert denied.sign_in("frank").location == "/mfa/blocked"
    assert denied.get("/").status_code == 403
    allowed = make_app(MFA_GATE_DEFAULT_ACCESS={"app": "allow"})
    assert Browser(allowed).sign_in("dave").location == "/", "allow drops the challenge of a holder"
    assert Browser(allowed).sign_in("bob").location == "/mfa/enroll", "and never the prompt"
    assert Browser(allowed).sign_in("carol").location == "/mfa/blocked", "nor a lockout"


def test_challenge_unrequired_can_be_switched_off(make_app: Make) -> None:
    app = make_app(MFA_GATE_CHALLENGE_UNREQUIRED=False)
    assert Browser(app).sign_in("dave").location == "/mfa/challenge"
    act(app, "remove", "dave")
    assert Browser(app).sign_in("dave").location == "/"


def test_lapsed_confined_forces_enrollment(make_app: Make) -> None:
    browser = Browser(make_app(MFA_GATE_LAPSED="confined"))
    assert browser.sign_in("carol").location == "/mfa/enroll"
    assert "Set up later" not in browser.get("/mfa/enroll").text
    assert browser.begin_setup()["secret"]


def test_the_pending_key_survives_reloads_wrong_codes_and_tabs(app: Flask, clock: StillClock) -> None:
    browser = Browser(app)
    browser.sign_in("bob")
    secret = browser.begin_setup()["secret"]
    assert browser.send("/mfa/enroll/totp", code=Phone(clock, secret).wrong_code()).status_code == 422
    assert browser.begin_setup()["secret"] == secret
    assert (
        "".join(__import__("re").findall(r"<code>([A-Z2-7]{4})</code>", browser.get("/mfa/enroll/totp").text)) == secret
    )
    other = Browser(app)
    other.sign_in("bob")
    assert other.begin_setup()["secret"] != secret, "another sign-in is shown its own"


def test_the_first_confirmation_wins_and_voids_the_others(app: Flask, clock: StillClock) -> None:
    one, two = Browser(app), Browser(app)
    one.sign_in("bob")
    two.sign_in("bob")
    first, second = one.begin_setup()["secret"], two.begin_setup()["secret"]
    assert one.send("/mfa/enroll/totp", code=Phone(clock, first).code()).status_code == 200
    late = two.client.post("/mfa/enroll/totp", data={"code": Phone(clock, second).code()})
    assert late.status_code in {303, 401}, "the other sign-in ended with the confirmation"
    three = Browser(app)
    three.sign_in("bob")
    clock.forward(seconds=30)
    assert three.send("/mfa/challenge", code=Phone(clock, second).code()).status_code == 422


def test_a_pending_key_expires(app: Flask, clock: StillClock) -> None:
    browser = Browser(app)
    browser.sign_in("bob")
    browser.send("/mfa/enroll/later")
    secret = browser.begin_setup()["secret"]
    for _ in range(25):
        clock.forward(minutes=59)
        state_of(app)
    clock.now = clock.now
    late = Browser(app)
    late.sign_in("bob")
    assert late.begin_setup()["secret"] != secret


def test_replacing_needs_a_fresh_proof_and_keeps_the_old_key_until_confirmed(
    app: Flask, clock: StillClock, phone: Phone
) -> None:
    browser = Browser(app)
    browser.sign_in("dave")
    assert browser.get("/mfa/enroll/totp").location == "/mfa/challenge", "a password alone shows no new key"
    browser.send("/mfa/challenge", code=phone.code())
    clock.forward(minutes=16)
    assert browser.get("/mfa/enroll/totp").location == "/mfa/challenge"
    assert browser.send("/mfa/challenge", code=phone.code()).location == "/mfa/enroll/totp"
    new = Phone(clock, browser.begin_setup()["secret"])
    clock.forward(seconds=30)
    tab = Browser(app)
    tab.sign_in("dave")
    assert tab.send("/mfa/challenge", code=phone.code()).location == "/", "the old key lives until then"
    assert browser.send("/mfa/enroll/totp", code=new.code()).status_code == 200
    clock.forward(seconds=30)
    after = Browser(app)
    after.sign_in("dave")
    assert after.send("/mfa/challenge", code=phone.code()).status_code == 422
    assert after.send("/mfa/challenge", code=new.code()).location == "/"


def test_a_first_factor_needs_a_sign_in_of_the_last_minutes(app: Flask, clock: StillClock) -> None:
    browser = Browser(app)
    browser.sign_in("frank")
    clock.forward(minutes=16)
    page = browser.get("/mfa/enroll/totp")
    assert page.status_code == 401
    assert "Sign in again" in page.text
    assert browser.get("/mfa/enroll/totp", headers=JSON).json["code"] == "sign_in_again"  # type: ignore[index]
    assert browser.send("/mfa/sign-out").location == "/login"
    assert not browser.is_in()


def test_a_remember_me_browser_enrolls_no_first_factor(app: Flask) -> None:
    browser = Browser(app)
    browser.sign_in("frank", remember="1")
    token = browser.cookie("remember_token")
    act(app, "require", "frank", days=0)
    other = Browser(app)
    other.client.set_cookie("remember_token", token or "")
    assert other.get("/").location == "/mfa/enroll"
    assert other.get("/mfa/enroll/totp").status_code == 401


def test_prefetch_and_head_make_no_key(app: Flask) -> None:
    browser = Browser(app)
    browser.sign_in("bob")
    browser.get("/mfa/enroll/totp", headers={"Sec-Purpose": "prefetch"})
    browser.client.head("/mfa/enroll/totp")
    assert not any(_pending_keys(app))
    browser.get("/mfa/enroll/totp")
    assert len(_pending_keys(app)) == 1


def test_status_tells_a_shown_key_for_a_day(app: Flask, clock: StillClock) -> None:
    browser = Browser(app)
    browser.sign_in("frank")
    assert browser.status()["status"] == "NOT_ENROLLED"
    browser.begin_setup()
    assert browser.status()["status"] == "PENDING_ACTIVATION"
    clock.forward(hours=24)
    browser = Browser(app)
    browser.sign_in("frank")
    assert browser.status()["status"] == "NOT_ENROLLED"


def test_json_all_the_way(app: Flask, clock: StillClock) -> None:
    browser = Browser(app)
    answer = browser.client.post(
        "/login", data={"username": "bob", "password": "correct horse battery staple"}, headers=JSON
    )
    assert answer.status_code == 403
    assert answer.json["code"] == "mfa_enrollment_required"  # type: ignore[index]
    assert answer.json["next"] == "prompt"  # type: ignore[index]
    setup = browser.begin_setup()
    assert setup["otpauth_uri"].startswith("otpauth://totp/Example%20Portal:bob%40example.org?secret=")
    assert setup["qr_svg"].startswith("<svg")
    done = browser.send_json("/mfa/enroll/totp", {"code": Phone(clock, setup["secret"]).code()})
    assert done.status_code == 200
    assert len(done.json["recovery_codes"]) == 10  # type: ignore[index]
    assert (done.json["next"], done.json["continue_url"]) == ("pass", "/")  # type: ignore[index]
    assert browser.get("/api/me", headers=JSON).json["username"] == "bob"  # type: ignore[index]


@pytest.mark.parametrize("target", ["/payroll?x=1&y=2", "/wiki"])
def test_the_page_first_asked_for_survives_enrollment(app: Flask, clock: StillClock, target: str) -> None:
    browser = Browser(app)
    login = browser.get(target).location
    browser.client.post(login, data={"username": "bob", "password": "correct horse battery staple"})
    done = browser.send("/mfa/enroll/totp", code=Phone(clock, browser.begin_setup()["secret"]).code())
    assert f'href="{target.replace("&", "&amp;")}"' in done.text


def _pending_keys(app: Flask) -> list[Any]:
    from sqlalchemy import text

    with state_of(app).store.database.read() as tx:
        return list(tx.execute(text("SELECT id FROM mfa_gate_factor WHERE confirmed_at IS NULL")))

"""Resources and step-up on a live session."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from flask_mfa_gate.errors import ConfigError
from tests.conftest import JSON, Browser, Phone, StillClock, recovery_codes_in, state_of


@pytest.fixture
def proved(app: Flask, phone: Phone) -> Browser:
    return prove(app, phone)


def prove(app: Flask, phone: Phone) -> Browser:
    browser = Browser(app)
    browser.sign_in("dave")
    assert browser.send("/mfa/challenge", code=phone.code()).status_code == 303
    return browser


def test_an_old_proof_is_asked_again_with_the_way_back(proved: Browser, phone: Phone, clock: StillClock) -> None:
    assert proved.get("/transfer").status_code == 200
    clock.forward(minutes=5, seconds=1)
    assert proved.get("/transfer?to=bob").location == "/mfa/challenge"
    assert proved.is_in(), "the session stays"
    assert "verify again" in proved.get("/mfa/challenge").text
    assert proved.send("/mfa/challenge", code=phone.code()).location == "/transfer?to=bob"
    assert proved.get("/transfer").status_code == 200


def test_a_stopped_post_goes_back_to_its_page(proved: Browser, phone: Phone, clock: StillClock) -> None:
    clock.forward(minutes=6)
    page = {"Referer": "http://localhost/transfer"}
    stopped = proved.client.post("/transfer", data={"amount": "5"}, headers=page)
    assert stopped.status_code == 403
    assert "Verify first" in stopped.text
    assert proved.send("/mfa/challenge", code=phone.code()).location == "/transfer"
    assert proved.client.post("/transfer", data={"amount": "5"}).status_code == 302


def test_a_foreign_referer_leads_nowhere(proved: Browser, phone: Phone, clock: StillClock) -> None:
    clock.forward(minutes=6)
    proved.client.post("/transfer", headers={"Referer": "https://evil.example/transfer"})
    assert proved.send("/mfa/challenge", code=phone.code()).location == "/"


def test_programs_are_told_the_age(proved: Browser, clock: StillClock) -> None:
    clock.forward(minutes=6)
    answer = proved.get("/transfer", headers=JSON)
    assert (answer.status_code, answer.json["code"], answer.json["max_age"]) == (401, "mfa_step_up_required", 300)  # type: ignore[index]
    assert 'max_age="300"' in answer.headers["WWW-Authenticate"]


def test_a_recovery_code_signs_in_and_never_steps_up(app: Flask, proved: Browser, clock: StillClock) -> None:
    codes = recovery_codes_in(proved.send("/mfa/recovery-codes").text)
    browser = Browser(app)
    browser.sign_in("dave")
    assert browser.send("/mfa/challenge", factor="recovery_code", code=codes[0]).location == "/"
    assert browser.get("/transfer").location == "/mfa/challenge"
    assert "recovery code" not in browser.get("/mfa/challenge").text.lower().replace("recovery codes", "")
    refused = browser.send("/mfa/challenge", factor="recovery_code", code=codes[1])
    assert refused.status_code == 400
    assert browser.get("/mfa/recovery-codes", headers=JSON).json["left"] == 9, "and is not spent on one"  # type: ignore[index]


def test_a_recovery_code_is_the_fresh_proof_for_replacing_a_factor(
    app: Flask, proved: Browser, clock: StillClock
) -> None:
    codes = recovery_codes_in(proved.send("/mfa/recovery-codes").text)
    browser = Browser(app)
    browser.sign_in("dave")
    browser.send("/mfa/challenge", factor="recovery_code", code=codes[0])
    new = Phone(clock, browser.begin_setup()["secret"])
    assert browser.send("/mfa/enroll/totp", code=new.code()).status_code == 200
    assert browser.get("/transfer").status_code == 200


def test_a_user_without_a_factor_is_sent_to_enroll_and_back(app: Flask, clock: StillClock) -> None:
    browser = Browser(app)
    browser.sign_in("frank")
    assert browser.get("/transfer").location == "/mfa/enroll"
    done = browser.send("/mfa/enroll/totp", code=Phone(clock, browser.begin_setup()["secret"]).code())
    assert 'href="/transfer"' in done.text
    assert browser.get("/transfer").status_code == 200


def test_a_user_in_a_soft_period_is_forced_there(app: Flask) -> None:
    browser = Browser(app)
    browser.sign_in("bob")
    browser.send("/mfa/enroll/later")
    assert browser.get("/transfer").location == "/mfa/enroll"
    assert "Set up later" not in browser.get("/mfa/enroll").text
    assert browser.is_in()


def test_default_access_of_a_resource(make_app: Any, phone: Phone, clock: StillClock) -> None:
    app = make_app(MFA_GATE_DEFAULT_ACCESS={"payroll": "require", "wiki": "deny"})
    browser = prove(app, phone)
    assert browser.get("/payroll").status_code == 200
    denied = browser.get("/wiki")
    assert denied.status_code == 403
    assert "default-access-deny" in denied.text
    assert browser.get("/wiki", headers=JSON).json["code"] == "access_denied"  # type: ignore[index]
    assert browser.is_in()
    frank = Browser(app)
    frank.sign_in("frank")
    assert frank.get("/payroll").location == "/mfa/enroll"


def test_a_mark_hidden_by_a_careless_decorator_still_holds(make_app: Any, phone: Phone, clock: StillClock) -> None:
    app: Flask = make_app()
    gate = state_of(app).gate
    app._got_first_request = False

    def careless(view: Any) -> Any:
        return lambda *args, **kwargs: view(*args, **kwargs)

    @gate.require_mfa(max_age=timedelta(minutes=5))
    def hidden() -> str:
        return "hidden content"

    app.add_url_rule("/hidden", "hidden", careless(hidden))
    assert Browser(app).get("/hidden").location.startswith("/login")
    browser = prove(app, phone)
    assert browser.get("/hidden").text == "hidden content"
    clock.forward(minutes=6)
    assert browser.get("/hidden").location == "/mfa/challenge"


def test_marks_refuse_what_makes_no_sense(app: Flask) -> None:
    gate = state_of(app).gate
    with pytest.raises(ConfigError, match="sms"):
        gate.require_mfa(factors={"sms"})
    with pytest.raises(ConfigError, match="max_age"):
        gate.require_mfa(max_age=timedelta(seconds=-1))


def test_assurance_and_verdict_for_the_hosts_own_code(make_app: Any, phone: Phone) -> None:
    app: Flask = make_app(MFA_GATE_DEFAULT_ACCESS={"wiki": "deny"})
    gate = state_of(app).gate
    app._got_first_request = False

    @app.get("/facts")
    def facts() -> Any:
        known = gate.assurance()
        return {
            "amr": known.amr if known else None,
            "wiki": gate.current_verdict("wiki").word,
            "app": gate.current_verdict().word,
        }

    assert Browser(app).get("/facts").json == {"amr": None, "wiki": "deny", "app": "deny"}
    assert prove(app, phone).get("/facts").json == {"amr": ["pwd", "otp", "mfa"], "wiki": "deny", "app": "pass"}

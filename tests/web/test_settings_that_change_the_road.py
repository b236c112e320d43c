"""Settings that lead a user another way: how far a lapse locks, which factors count, how often one is asked."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from flask_mfa_gate import ConfigError
from flask_mfa_gate.domain.sign_in.assurance import FactorKind
from flask_mfa_gate.services.enrollment.factor_enrollment import Setup
from tests.conftest import JSON, Browser, NoPolicies, Phone, StillClock, at_once, recovery_codes_in, state_of
from tests.web.kit import act, hand_in, hold_security_key, issue, kinds, signed_in

Make = Callable[..., Flask]
PROTECTED = {"MFA_GATE_LOCKOUT_SCOPE": "protected", "MFA_GATE_DEFAULT_ACCESS": {"payroll": "require"}}
BOTH = {"MFA_GATE_FACTORS": ["totp", "webauthn"]}
EITHER = {**BOTH, "MFA_GATE_PERIOD_SATISFIED_BY": ["totp", "webauthn"]}
KEYS_ONLY = {"MFA_GATE_FACTORS": ["webauthn"], "MFA_GATE_PERIOD_SATISFIED_BY": ["webauthn"]}


def status(app: Flask, username: str) -> str:
    return str(act(app, "status", username).status.value)


# --- LOCKOUT_SCOPE


def test_a_lapse_locks_only_what_is_protected(make_app: Make) -> None:
    app = make_app(**PROTECTED)
    browser = Browser(app)
    assert browser.sign_in("carol").location == "/"
    home = browser.get("/")
    assert home.status_code == 200
    assert "ended on" in home.text, "the banner says so"
    assert browser.get("/wiki").status_code == 200
    for path in ("/payroll", "/transfer"):
        locked = browser.get(path)
        assert locked.status_code == 403
        assert "locked" in locked.text
        told = browser.get(path, headers=JSON)
        assert (told.status_code, told.json["code"]) == (403, "mfa_enrollment_expired")  # type: ignore[index]
    assert browser.is_in(), "the session stays"


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({}, "you can't sign in without it"),
        (PROTECTED, "parts of this app will be closed to you"),
        ({"MFA_GATE_LAPSED": "confined"}, "you can't continue without it"),
    ],
)
def test_the_prompt_says_what_a_lapse_does_here(make_app: Make, config: dict[str, Any], words: str) -> None:
    browser = Browser(make_app(**config))
    browser.sign_in("bob")
    assert words in browser.get("/mfa/enroll").text.replace("&#39;", "'")


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_lapse_is_not_mended_by_a_late_setup(make_app: Make, clock: StillClock, method: str) -> None:
    app = make_app(**PROTECTED)
    browser = Browser(app)
    browser.sign_in("carol")
    if method == "GET":
        assert browser.get("/mfa/enroll/totp").status_code == 403
        assert browser.get("/mfa/enroll").status_code == 403
        told = browser.get("/mfa/enroll/totp", headers=JSON)
        assert "secret" not in told.text
        assert told.json["code"] == "mfa_enrollment_expired"  # type: ignore[index]
        return
    assert browser.send("/mfa/enroll/totp", code="123456").status_code == 403
    assert browser.send("/mfa/enroll/later").status_code == 403


def test_a_key_shown_before_the_lapse_is_not_confirmed_after_it(make_app: Make, clock: StillClock) -> None:
    from flask_mfa_gate.domain.people.person import NOWHERE
    from flask_mfa_gate.errors import Conflict

    app = make_app(**PROTECTED)
    act(app, "require", "bob", days=1)
    clock.forward(hours=23, minutes=55)
    browser = signed_in(app, "bob")
    phone = Phone(clock, browser.begin_setup()["secret"])
    browser.send("/mfa/enroll/later")
    clock.forward(minutes=6)
    assert browser.is_in()
    assert browser.send("/mfa/enroll/totp", code=phone.code()).status_code == 403
    found = state_of(app).sign_in.sessions.find(browser.cookie() or "")
    assert found is not None
    with app.app_context(), pytest.raises(Conflict):
        state_of(app).factors.enrollment.confirm(
            Setup(
                found[0], state_of(app).factors.registry.factors[FactorKind("totp")], NOWHERE, NoPolicies(state_of(app))
            ),
            phone.code(),
        )
    assert status(app, "bob") == "ENROLLMENT_EXPIRED"
    act(app, "extend", "bob", days=1)
    again = signed_in(app, "bob")
    again.send("/mfa/enroll/totp", code=Phone(clock, again.begin_setup()["secret"]).code())
    assert status(app, "bob") == "ENROLLED"


def test_a_pass_is_not_spent_on_it_either(make_app: Make) -> None:
    app = make_app(**PROTECTED)
    browser = Browser(app)
    browser.sign_in("carol")
    code = issue(app, "carol")
    assert hand_in(browser, code).status_code == 403
    act(app, "extend", "carol", days=1)
    assert hand_in(signed_in(app, "carol"), code).status_code == 303


def test_another_factor_of_the_user_is_asked_where_it_protects(make_app: Make) -> None:
    app = make_app(**PROTECTED, **BOTH)
    hold_security_key(app, "carol")
    browser = Browser(app)
    assert browser.sign_in("carol").location == "/mfa/challenge", "held factors are asked at the sign-in"
    assert hand_in(browser, issue(app, "carol")).location == "/"
    assert browser.get("/payroll").location == "/mfa/challenge", "and at what is protected"
    assert browser.get("/payroll", headers=JSON).json["code"] == "mfa_step_up_required"  # type: ignore[index]


def test_when_everybody_must_the_app_itself_is_protected(make_app: Make) -> None:
    app = make_app(MFA_GATE_LOCKOUT_SCOPE="protected", MFA_GATE_DEFAULT_ACCESS="require")
    browser = Browser(app)
    assert browser.sign_in("carol").location == "/mfa/blocked"


# --- LAPSED


def test_confined_forces_instead_of_locking(make_app: Make, clock: StillClock) -> None:
    app = make_app(MFA_GATE_LAPSED="confined")
    browser = Browser(app)
    assert browser.sign_in("carol").location == "/mfa/enroll"
    assert "Set up later" not in browser.get("/mfa/enroll").text
    assert browser.send("/mfa/enroll/later").status_code == 409
    for path in ("/", "/payroll", "/mfa/", "/mfa/sessions"):
        assert browser.get(path).location == "/mfa/enroll", path
    assert browser.get("/api/me", headers=JSON).json["code"] == "mfa_enrollment_required"  # type: ignore[index]
    phone = Phone(clock, browser.begin_setup()["secret"])
    assert len(recovery_codes_in(browser.send("/mfa/enroll/totp", code=phone.code()).text)) == 10
    assert browser.is_in()
    assert status(app, "carol") == "ENROLLED"


# --- FACTORS


def test_a_factor_that_is_switched_off_counts_nowhere(make_app: Make, phone: Phone) -> None:
    app = make_app(**KEYS_ONLY)
    assert {status(app, name) for name in ("dave", "bob", "carol", "frank")} == {"DISABLED"}
    browser = signed_in(app, "dave")
    assert not browser.is_in(), "dave is required, and what he holds is nothing here"
    assert browser.status()["next"] == "enroll"
    for answer in (browser.get("/mfa/enroll/totp"), browser.send("/mfa/enroll/totp", code=phone.code())):
        assert answer.status_code in {303, 409}
        assert "otpauth" not in answer.text
    assert browser.send("/mfa/challenge", factor="totp", code=phone.code()).status_code == 400
    assert browser.send("/mfa/challenge", code=phone.code()).status_code == 400
    assert not browser.is_in()


def test_the_setup_page_of_a_factor_that_is_switched_off(make_app: Make) -> None:
    app = make_app(**KEYS_ONLY)
    browser = signed_in(app, "frank")
    assert browser.get("/mfa/enroll/totp").status_code == 409
    assert browser.get("/mfa/enroll/totp", headers=JSON).json["code"] == "conflict"  # type: ignore[index]
    assert browser.send("/mfa/enroll/totp", code="123456").status_code == 409


def test_the_phone_of_a_user_who_holds_a_security_key_too_is_not_taken(make_app: Make, phone: Phone) -> None:
    app = make_app(**KEYS_ONLY)
    hold_security_key(app, "dave")
    browser = signed_in(app, "dave")
    assert browser.status()["next"] == "challenge"
    page = browser.get("/mfa/challenge")
    assert page.status_code == 200
    assert "authenticator app" not in page.text.lower()
    for fields in ({"code": phone.code()}, {"code": phone.code(), "factor": "totp"}):
        assert browser.send("/mfa/challenge", **fields).status_code in {400, 422}
        assert browser.send_json("/mfa/challenge", fields).status_code in {400, 422}
    assert not browser.is_in()
    assert hand_in(browser, issue(app, "dave")).location == "/"


def test_a_proof_by_a_factor_that_was_switched_off_is_none(make_app: Make, phone: Phone) -> None:
    before = make_app(**BOTH)
    hold_security_key(before, "dave")
    browser = signed_in(before, "dave", phone)
    after = Browser(make_app(**KEYS_ONLY, MFA_GATE_DEFAULT_ACCESS={"payroll": "require"}))
    for name in ("session", "mfa_gate"):
        after.client.set_cookie(name, browser.cookie(name) or "")
    assert after.get("/transfer").location == "/mfa/challenge"
    assert not after.is_in()


@pytest.mark.parametrize(
    "config",
    [
        {"MFA_GATE_FACTORS": ["webauthn"]},
        {"MFA_GATE_PERIOD_SATISFIED_BY": ["webauthn"]},
        {"MFA_GATE_FACTORS": []},
        {"MFA_GATE_PERIOD_SATISFIED_BY": []},
        {"MFA_GATE_FACTORS": ["totp", "push"]},
        {"MFA_GATE_FACTORS": "webauthn", "MFA_GATE_PERIOD_SATISFIED_BY": "totp"},
        {"MFA_GATE_LAPSED": "confine"},
        {"MFA_GATE_LOCKOUT_SCOPE": "all"},
        {"MFA_GATE_PROMPT_INTERVAL": timedelta(seconds=-1)},
        {"MFA_GATE_CHALLENGE_UNREQUIRED": "no"},
        {"MFA_GATE_FIRST_ENROLLMENT": "sign_in"},
    ],
)
def test_what_makes_no_sense_is_an_error_at_the_start(make_app: Make, config: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        make_app(**config)


# --- PERIOD_SATISFIED_BY


def test_another_factor_does_not_end_the_period(make_app: Make, clock: StillClock) -> None:
    """The default: the prompt comes back, and the lapse locks."""
    app = make_app(**BOTH)
    hold_security_key(app, "bob")
    browser = signed_in(app, "bob")
    assert browser.status()["next"] == "challenge"
    assert hand_in(browser, issue(app, "bob", lifetime=timedelta(days=30))).location == "/mfa/enroll"
    assert "Set up later" in browser.get("/mfa/enroll").text
    clock.forward(days=7)
    assert Browser(app).sign_in("bob").location == "/mfa/blocked"


def test_a_factor_of_the_list_stands_for_the_period(make_app: Make, clock: StillClock) -> None:
    app = make_app(**EITHER)
    hold_security_key(app, "bob")
    browser = signed_in(app, "bob")
    assert hand_in(browser, issue(app, "bob")).location == "/", "nothing prompts"
    clock.forward(days=7)
    assert Browser(app).sign_in("bob").location == "/mfa/challenge", "nothing locks"


def test_who_holds_one_gets_no_period(make_app: Make) -> None:
    app = make_app(**EITHER)
    hold_security_key(app, "frank")
    assert act(app, "require", "frank", days=7).done
    found = act(app, "status", "frank")
    assert (found.required, found.days_left, found.ends_at) == (True, None, None)
    assert kinds(app, "frank") == []


def test_the_last_factor_of_the_list_stays_while_required(make_app: Make, phone: Phone) -> None:
    app = make_app(**BOTH)
    security_key = hold_security_key(app, "dave")
    browser = signed_in(app, "dave", phone)
    lines = {line["kind"]: line for line in browser.get("/mfa/", headers=JSON).json["factors"]}  # type: ignore[index]
    assert {kind: line["removable"] for kind, line in lines.items()} == {"totp": False, "webauthn": True}
    assert browser.send(lines["totp"]["remove_url"]).status_code == 409
    assert browser.send(f"/mfa/factors/{security_key}/remove").location == "/mfa/"
    assert browser.status()["factors"] == ["totp"]


def test_with_both_in_the_list_one_may_go_and_then_the_other_stays(make_app: Make, phone: Phone) -> None:
    app = make_app(**EITHER)
    security_key = hold_security_key(app, "dave")
    browser = signed_in(app, "dave", phone)
    assert browser.send(f"/mfa/factors/{security_key}/remove").location == "/mfa/"
    (totp,) = browser.get("/mfa/", headers=JSON).json["factors"]  # type: ignore[index]
    assert browser.send(totp["remove_url"]).status_code == 409


def test_two_removals_at_once_leave_one(make_app: Make, phone: Phone) -> None:
    app = make_app(**EITHER)
    hold_security_key(app, "dave")
    browser = signed_in(app, "dave", phone)
    token = browser.status()["csrf_token"]
    urls = [line["remove_url"] for line in browser.get("/mfa/", headers=JSON).json["factors"]]  # type: ignore[index]
    cookie = browser.cookie() or ""

    def remove(url: str) -> int:
        client = app.test_client()
        client.set_cookie("mfa_gate", cookie)
        return client.post(url, data={"csrf_token": token}).status_code

    assert sorted(at_once([lambda url=url: remove(url) for url in urls])) == [303, 409]


# --- PROMPT_INTERVAL


def test_the_prompt_comes_as_often_as_told_and_daily_at_the_end(make_app: Make, clock: StillClock) -> None:
    app = make_app(MFA_GATE_PROMPT_INTERVAL=timedelta(days=3))
    act(app, "require", "frank", days=7)
    assert Browser(app).sign_in("frank").location == "/mfa/enroll"
    deferring = signed_in(app, "frank")
    assert deferring.send("/mfa/enroll/later").location == "/"
    assert Browser(app).sign_in("frank").location == "/"
    clock.forward(days=2, hours=23, minutes=59)
    assert Browser(app).sign_in("frank").location == "/"
    clock.forward(minutes=1)
    again = Browser(app)
    assert again.sign_in("frank").location == "/mfa/enroll"
    again.send("/mfa/enroll/later")
    clock.forward(days=2, hours=23)
    assert Browser(app).sign_in("frank").location == "/", "day six"
    clock.forward(hours=1)
    for _ in range(2):
        last = Browser(app)
        assert last.sign_in("frank").location == "/mfa/enroll", "the last day asks each time"
        assert last.send("/mfa/enroll/later").location == "/"


def test_an_interval_longer_than_the_period_still_asks_on_the_last_day(make_app: Make, clock: StillClock) -> None:
    app = make_app(MFA_GATE_PROMPT_INTERVAL=timedelta(days=400))
    signed_in(app, "bob").send("/mfa/enroll/later")
    clock.forward(days=5, hours=23, minutes=59, seconds=59)
    assert Browser(app).sign_in("bob").location == "/"
    clock.forward(seconds=1)
    assert Browser(app).sign_in("bob").location == "/mfa/enroll"


def test_a_new_period_asks_at_once(make_app: Make) -> None:
    app = make_app(MFA_GATE_PROMPT_INTERVAL=timedelta(days=3))
    signed_in(app, "bob").send("/mfa/enroll/later")
    act(app, "require", "bob", days=7)
    assert Browser(app).sign_in("bob").location == "/mfa/enroll"


# --- CHALLENGE_UNREQUIRED


def test_only_those_who_must_are_asked(make_app: Make, phone: Phone, clock: StillClock) -> None:
    app = make_app(MFA_GATE_CHALLENGE_UNREQUIRED=False, MFA_GATE_DEFAULT_ACCESS={"payroll": "require"})
    assert Browser(app).sign_in("dave").location == "/mfa/challenge"
    act(app, "remove", "dave")
    browser = Browser(app)
    assert browser.sign_in("dave").location == "/"
    assert browser.is_in()
    assert browser.get("/payroll").location == "/mfa/challenge"
    assert browser.get("/mfa/enroll/totp").location == "/mfa/challenge", "the password alone replaces no key"
    for path in ("/mfa/recovery-codes", browser.get("/mfa/", headers=JSON).json["factors"][0]["remove_url"]):  # type: ignore[index]
        assert browser.send(path).location == "/mfa/challenge", path
    assert browser.send("/mfa/challenge", code=phone.code()).status_code == 303
    assert browser.get("/payroll").status_code == 200
    act(app, "require", "dave", days=0)
    assert Browser(app).sign_in("dave").location == "/mfa/challenge"


def test_when_everybody_must_everybody_is_asked(make_app: Make) -> None:
    app = make_app(MFA_GATE_CHALLENGE_UNREQUIRED=False, MFA_GATE_DEFAULT_ACCESS="require")
    act(app, "remove", "dave")
    assert Browser(app).sign_in("dave").location == "/mfa/challenge"

"""The first factor of those whose password alone must not buy one: admins by default, everybody by a setting."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from flask_mfa_gate.services.enrollment.factor_enrollment import Setup
from tests.conftest import JSON, Browser, NoPolicies, Phone, StillClock, recovery_codes_in, state_of
from tests.web.kit import act, change_user, hand_in, issue, signed_in

Make = Callable[..., Flask]
PASS_PAGE = "/mfa/challenge?factor=access_pass"
BY_PASS = {"MFA_GATE_ADMIN_ENROLLMENT": "pass"}


@pytest.fixture
def guarded(make_app: Make) -> Flask:
    """With what the setting is where nobody sets it; the portal of the demo does."""
    from flask_mfa_gate.settings import Settings

    assert Settings().admin_enrollment == "pass"
    assert Settings().first_enrollment == "sign-in"
    return make_app(**BY_PASS)


def put(app: Flask, username: str, state: str) -> None:
    if state == "forced":
        act(app, "require", username, days=0)
    elif state == "in period":
        act(app, "require", username, days=3)


def key_in(answer: Any) -> bool:
    return "otpauth" in answer.text or "secret" in answer.text or "data:image" in answer.text or "<svg" in answer.text


@pytest.mark.parametrize("state", ["forced", "in period", "not required"])
@pytest.mark.parametrize("name", ["ada", "grace", "hugo"])
def test_the_password_of_an_admin_shows_no_key(guarded: Flask, name: str, state: str) -> None:
    put(guarded, name, state)
    browser = signed_in(guarded, name)
    page = browser.get("/mfa/enroll/totp")
    assert (page.status_code, page.location) == (303, PASS_PAGE)
    told = browser.get("/mfa/enroll/totp", headers=JSON)
    assert (told.status_code, told.json["code"]) == (401, "mfa_step_up_required")  # type: ignore[index]
    assert told.json["factors"] == ["access_pass"]  # type: ignore[index]
    assert not key_in(told)
    for answer in (
        browser.send("/mfa/enroll/totp", code="123456"),
        browser.send_json("/mfa/enroll/totp", {"code": "123456"}),
    ):
        assert not key_in(answer)
    assert browser.status()["factors"] == []
    assert browser.status()["status"] != "PENDING_ACTIVATION"


@pytest.mark.parametrize("wants", [{}, JSON])
def test_a_key_shown_before_the_role_was_given_is_not_confirmed(
    guarded: Flask, clock: StillClock, wants: dict[str, str]
) -> None:
    browser = signed_in(guarded, "frank")
    phone = Phone(clock, browser.begin_setup()["secret"])
    token = browser.status()["csrf_token"]
    change_user(guarded, "frank", role="admin")
    answer = browser.client.post("/mfa/enroll/totp", data={"csrf_token": token, "code": phone.code()}, headers=wants)
    assert answer.status_code == (401 if wants else 303)
    assert browser.status()["factors"] == []
    assert browser.get("/mfa/enroll/totp").location == PASS_PAGE


def test_nor_when_the_role_comes_between_page_and_lock(guarded: Flask, clock: StillClock) -> None:
    from flask_mfa_gate.domain.people.person import NOWHERE
    from flask_mfa_gate.domain.sign_in.assurance import FactorKind
    from flask_mfa_gate.errors import Conflict

    browser = signed_in(guarded, "frank")
    phone = Phone(clock, browser.begin_setup()["secret"])
    found = state_of(guarded).sign_in.sessions.find(browser.cookie() or "")
    assert found is not None
    change_user(guarded, "frank", role="auditor")
    with guarded.app_context(), pytest.raises(Conflict, match="Sign in again"):
        state_of(guarded).factors.enrollment.confirm(
            Setup(
                found[0],
                state_of(guarded).factors.registry.factors[FactorKind("totp")],
                NOWHERE,
                NoPolicies(state_of(guarded)),
            ),
            phone.code(),
        )


@pytest.mark.parametrize("scope", ["full", "enroll-only"])
@pytest.mark.parametrize("state", ["forced", "in period", "not required"])
def test_the_way_with_a_pass(guarded: Flask, clock: StillClock, state: str, scope: str) -> None:
    put(guarded, "ada", state)
    code = issue(guarded, "ada", actor="cli", scope=scope)
    browser = signed_in(guarded, "ada")
    assert browser.get("/mfa/enroll/totp").location == PASS_PAGE
    assert browser.get(PASS_PAGE).status_code == 200
    answer = hand_in(browser, code)
    assert answer.location in {"/mfa/enroll", "/mfa/enroll/totp"}
    phone = Phone(clock, browser.begin_setup()["secret"])
    done = browser.send("/mfa/enroll/totp", code=phone.code())
    assert len(recovery_codes_in(done.text)) == 10
    assert browser.is_in()
    clock.forward(hours=1)
    assert not browser.is_in(), "what the pass opened has ended with it"
    again = signed_in(guarded, "ada", phone)
    assert again.get("/transfer").status_code == 200


def test_programs_go_the_same_way(guarded: Flask, clock: StillClock) -> None:
    put(guarded, "ada", "forced")
    browser = signed_in(guarded, "ada")
    told = browser.send_json("/mfa/challenge", {"factor": "access_pass", "code": issue(guarded, "ada")})
    assert told.json == {"next": "enroll", "continue_url": "/mfa/enroll"}
    phone = Phone(clock, browser.begin_setup()["secret"])
    done = browser.send_json("/mfa/enroll/totp", {"code": phone.code()})
    assert (done.json["next"], done.json["continue_url"]) == ("pass", "/")  # type: ignore[index]


def test_handed_in_first_it_needs_no_way_round(guarded: Flask) -> None:
    """An admin who was given the pass types it at the challenge before any page asks for it."""
    browser = signed_in(guarded, "ada")
    assert hand_in(browser, issue(guarded, "ada")).status_code == 303
    assert browser.get("/mfa/enroll/totp").status_code == 200


def test_the_pass_has_to_be_fresh(guarded: Flask, clock: StillClock) -> None:
    browser = signed_in(guarded, "ada")
    hand_in(browser, issue(guarded, "ada"))
    clock.forward(minutes=15, seconds=1)
    assert browser.get("/mfa/enroll/totp").location == PASS_PAGE


def test_a_wrong_pass_and_the_pass_of_another_open_nothing(guarded: Flask) -> None:
    browser = signed_in(guarded, "ada")
    browser.get("/mfa/enroll/totp")
    for code in ("AAAA-AAAA-AAAA-AAAA", issue(guarded, "frank")):
        assert hand_in(browser, code).status_code == 422
    assert browser.get("/mfa/enroll/totp").location == PASS_PAGE


def test_a_recovery_code_is_no_pass(guarded: Flask, clock: StillClock) -> None:
    browser = signed_in(guarded, "ada")
    browser.get("/mfa/enroll/totp")
    for factor in ("recovery_code", "totp"):
        browser.send("/mfa/challenge", factor=factor, code="AAAA-AAAA-AAAA-AAAA")
    assert browser.get("/mfa/enroll/totp").location == PASS_PAGE


def test_an_admin_without_a_factor_again_needs_a_pass_again(guarded: Flask, clock: StillClock) -> None:
    browser = signed_in(guarded, "ada")
    hand_in(browser, issue(guarded, "ada"))
    browser.send("/mfa/enroll/totp", code=Phone(clock, browser.begin_setup()["secret"]).code())
    act(guarded, "reset", "ada")
    again = signed_in(guarded, "ada")
    assert again.get("/mfa/enroll/totp").location == PASS_PAGE


def test_people_without_a_role_need_none(guarded: Flask, clock: StillClock) -> None:
    browser = signed_in(guarded, "frank")
    phone = Phone(clock, browser.begin_setup()["secret"])
    assert browser.send("/mfa/enroll/totp", code=phone.code()).status_code == 200


def test_a_role_that_was_taken_away_needs_none(guarded: Flask) -> None:
    browser = signed_in(guarded, "ada")
    change_user(guarded, "ada", role="")
    assert browser.get("/mfa/enroll/totp").status_code == 200


def test_a_role_that_cannot_be_told_lets_nobody_on(guarded: Flask) -> None:
    browser = signed_in(guarded, "frank")
    change_user(guarded, "frank", role="emperor")
    assert browser.get("/mfa/enroll/totp").status_code == 503
    told = browser.get("/mfa/enroll/totp", headers=JSON)
    assert (told.status_code, told.json["code"]) == (503, "mfa_unavailable")  # type: ignore[index]
    assert Browser(guarded).sign_in("frank").status_code == 503


@pytest.mark.parametrize("state", ["forced", "in period", "not required"])
def test_first_enrollment_by_pass_is_for_everybody(make_app: Make, clock: StillClock, state: str) -> None:
    app = make_app(MFA_GATE_FIRST_ENROLLMENT="pass")
    put(app, "frank", state)
    browser = signed_in(app, "frank")
    assert browser.get("/mfa/enroll/totp").location == PASS_PAGE
    assert not key_in(browser.send_json("/mfa/enroll/totp", {"code": "123456"}))
    hand_in(browser, issue(app, "frank"))
    phone = Phone(clock, browser.begin_setup()["secret"])
    assert browser.send("/mfa/enroll/totp", code=phone.code()).status_code == 200
    assert browser.is_in()


def test_a_replacement_takes_the_factor_and_no_pass(make_app: Make, phone: Phone, clock: StillClock) -> None:
    app = make_app(MFA_GATE_FIRST_ENROLLMENT="pass")
    browser = signed_in(app, "dave", phone)
    new = Phone(clock, browser.begin_setup()["secret"])
    assert browser.send("/mfa/enroll/totp", code=new.code()).status_code == 200


def test_a_demand_for_a_factor_leads_to_the_pass_and_back(make_app: Make, clock: StillClock) -> None:
    app = make_app(MFA_GATE_FIRST_ENROLLMENT="pass", MFA_GATE_DEFAULT_ACCESS={"payroll": "require"})
    browser = signed_in(app, "frank")
    assert browser.get("/payroll").location == "/mfa/enroll"
    assert browser.get("/mfa/enroll/totp").location == PASS_PAGE
    assert hand_in(browser, issue(app, "frank")).location == "/mfa/enroll/totp?next=/payroll"
    assert browser.get("/payroll").location == "/mfa/enroll", "the pass itself opens no resource"


def test_remember_me_is_not_even_asked_for_a_pass(make_app: Make) -> None:
    """A pass stands for the sign-in, so a browser that was only remembered may hand one in too."""
    app = make_app(MFA_GATE_FIRST_ENROLLMENT="pass")
    browser = Browser(app)
    browser.sign_in("frank", remember="on")
    for name in ("session", "mfa_gate"):
        browser.client.delete_cookie(name)
    act(app, "require", "frank", days=0)
    assert browser.get("/").location == "/mfa/enroll"
    assert browser.get("/mfa/enroll/totp").location == PASS_PAGE
    hand_in(browser, issue(app, "frank"))
    assert browser.get("/mfa/enroll/totp").status_code == 200

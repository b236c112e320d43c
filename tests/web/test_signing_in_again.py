"""Who is signed in already signs in again: what was proved stands, and the sign-in is fresh."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask, redirect, request
from flask_login import confirm_login, current_user, login_user, logout_user
from sqlalchemy import text

from tests.conftest import JSON, Browser, Phone, StillClock, key_of, state_of
from tests.web.kit import events, signed_in

SETUP = "/mfa/enroll/totp"


@pytest.fixture
def remembered(app: Flask) -> Browser:
    """Frank, who owes nothing, in a browser that was only remembered."""
    first = Browser(app)
    first.sign_in("frank", remember="1")
    browser = Browser(app)
    browser.client.set_cookie("remember_token", first.cookie("remember_token") or "")
    assert browser.is_in()
    return browser


def add_view(app: Flask, view: Any) -> None:
    app.add_url_rule("/host-view", "host_view", view, methods=["GET", "POST"])


def again() -> str:
    login_user(current_user._get_current_object())
    return "the view's own answer"


def test_a_remembered_user_signs_in_and_sets_a_first_factor_up(remembered: Browser) -> None:
    assert "Sign in again" in remembered.get(SETUP).text
    assert remembered.sign_in("frank").location == "/"
    remembered.client.delete_cookie("remember_token")
    assert remembered.get(SETUP).status_code == 200


@pytest.fixture
def bouncer(app: Flask, remembered: Browser) -> Browser:
    """The sign-in view of many apps sends back whoever is signed in, as that of the Mega-Tutorial does."""
    ordinary = app.view_functions["portal.login"]

    def login() -> Any:
        return redirect(request.args.get("next", "/")) if current_user.is_authenticated else ordinary()

    app.view_functions["portal.login"] = login
    return remembered


@pytest.mark.parametrize("path", ["/mfa/", "/mfa/sessions"])
def test_whom_only_the_app_knows_is_no_stranger_to_the_gate(bouncer: Browser, path: str) -> None:
    assert bouncer.get(path).status_code == 200
    assert bouncer.status()["next"] == "pass"


def test_nor_is_one_whose_sign_in_the_gate_forgot(app: Flask, clock: StillClock) -> None:
    browser = signed_in(app, "frank")
    clock.forward(hours=2)
    assert browser.get("/mfa/").status_code == 200


def test_where_the_login_sends_back_the_way_leads_out_and_in_again(bouncer: Browser) -> None:
    assert bouncer.get(SETUP).status_code == 401
    assert bouncer.send("/mfa/sign-out").location == "/login"
    assert bouncer.sign_in("frank").location == "/"
    assert bouncer.get(SETUP).status_code == 200


def test_a_user_met_there_still_owes_what_the_app_asks(app: Flask, phone: Phone, clock: StillClock) -> None:
    browser = signed_in(app, "dave", phone)
    clock.forward(hours=2)
    assert browser.get("/mfa/").location == "/mfa/challenge"
    assert browser.get("/mfa/sessions").location == "/mfa/challenge"
    assert not browser.is_in()
    assert browser.send("/mfa/challenge", code=phone.code()).location == "/"


def test_a_picture_on_another_site_parks_nobody_there(app: Flask, phone: Phone) -> None:
    first = Browser(app)
    first.sign_in("dave", remember="1")
    first.send("/mfa/challenge", code=phone.code())
    browser = Browser(app)
    browser.client.set_cookie("remember_token", first.cookie("remember_token") or "")
    picture = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}
    answer = browser.get("/mfa/", headers=picture)
    assert answer.status_code == 401
    assert answer.headers.getlist("Set-Cookie") == []


def test_a_loader_that_fails_there_finds_nobody(
    app: Flask, remembered: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_key: str) -> Any:
        raise RuntimeError("no g.db")

    monkeypatch.setattr(app.login_manager, "_user_callback", broken)  # type: ignore[attr-defined]
    assert remembered.get("/mfa/").location.startswith("/login")


def test_a_sign_in_that_grew_old_is_fresh_again(app: Flask, clock: StillClock) -> None:
    browser = signed_in(app, "frank")
    clock.forward(minutes=16)
    assert browser.get(SETUP).status_code == 401
    assert browser.sign_in("frank").location == "/"
    assert browser.get(SETUP).status_code == 200


def test_what_was_proved_stands_and_is_no_younger(app: Flask, phone: Phone, clock: StillClock) -> None:
    browser = signed_in(app, "dave", phone)
    clock.forward(minutes=10)
    before = browser.cookie()
    assert browser.sign_in("dave").location == "/"
    assert browser.is_in()
    assert browser.cookie() != before, "whoever kept the old id is not signed in again with it"
    assert browser.get("/transfer").location == "/mfa/challenge", "the step-up asks for a proof of 5 minutes"


def test_each_time_is_on_record(app: Flask) -> None:
    browser = signed_in(app, "frank")
    browser.sign_in("frank")
    assert [row.details["sign_in"] for row in events(app, "frank", "signed_in")] == ["password", "password"]
    with state_of(app).store.database.read() as tx:
        rows = "SELECT count(*) FROM mfa_gate_session WHERE superseded_at IS NULL"
        assert tx.execute(text(rows)).scalar() == 1


@pytest.mark.parametrize("way", [again, lambda: confirm_login() or "confirmed"])
def test_whatever_the_view_is_called(app: Flask, clock: StillClock, way: Any) -> None:
    add_view(app, way)
    browser = signed_in(app, "frank")
    clock.forward(minutes=16)
    assert browser.get("/host-view").status_code == 200
    assert browser.get(SETUP).status_code == 200


def test_a_hook_that_names_the_user_at_each_request_signs_nobody_in(app: Flask, clock: StillClock) -> None:
    @app.before_request
    def name_again() -> None:
        if current_user.is_authenticated:
            login_user(current_user._get_current_object())

    browser = signed_in(app, "frank")
    clock.forward(minutes=16)
    browser.get("/")
    assert browser.get(SETUP).status_code == 401


def test_a_session_that_was_ended_meanwhile_is_not_renewed(app: Flask, phone: Phone, clock: StillClock) -> None:
    def end_all_and_sign_in() -> str:
        state_of(app).gate.password_changed(current_user.get_id())
        return again()

    add_view(app, end_all_and_sign_in)
    browser = signed_in(app, "dave", phone)
    assert browser.send("/host-view").location == "/mfa/challenge"
    assert not browser.is_in()
    clock.forward(seconds=30)
    browser.send("/mfa/challenge", code=phone.code())
    assert browser.is_in()


def test_in_and_out_again_is_out(app: Flask, phone: Phone) -> None:
    def in_and_out() -> str:
        again()
        logout_user()
        return "gone"

    add_view(app, in_and_out)
    browser = signed_in(app, "dave", phone)
    browser.get("/host-view")
    assert browser.get("/").location.startswith("/login")


def test_a_json_client_gets_the_answer_of_its_own_login(app: Flask, clock: StillClock) -> None:
    browser = signed_in(app, "frank")
    clock.forward(minutes=16)
    problem = browser.get(SETUP, headers=JSON).json
    assert problem is not None
    assert problem["code"] == "sign_in_again"
    browser.client.post(problem["continue_url"], data={"username": "frank", "password": "correct horse battery staple"})
    assert "secret" in (browser.get(SETUP, headers=JSON).json or {})


def test_an_emergency_account_is_told_of_each_time(make_app: Any, phone: Phone) -> None:
    app = make_app(MFA_GATE_BREAK_GLASS=["4"])
    assert key_of(app, "dave") == "4"
    browser = signed_in(app, "dave", phone)
    browser.sign_in("dave")
    assert len(events(app, "dave", "break_glass_used")) == 2

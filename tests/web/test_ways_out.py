"""The app's own sign-out is open to whoever has not proved anything, or not lately."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask, jsonify, session
from flask_login import login_required, logout_user

from tests.conftest import JSON, Browser, Phone, StillClock
from tests.policy_kit import policy, put
from tests.web.kit import act, events, signed_in

pytestmark = pytest.mark.pages


def add_guarded_sign_out(app: Flask) -> None:
    """As the documentation of Flask-Login writes it: its view runs for the signed-in only."""

    @app.get("/leave", endpoint="guarded_logout")
    @login_required
    def leave() -> str:
        logout_user()
        return "gone"


def remembered(app: Flask, phone: Phone) -> Browser:
    browser = Browser(app)
    browser.sign_in("dave", remember="1")
    browser.send("/mfa/challenge", code=phone.code())
    assert browser.cookie("remember_token")
    return browser


def is_gone(browser: Browser) -> bool:
    return browser.cookie() is None and not browser.cookie("remember_token") and browser.get("/").status_code == 302


@pytest.mark.parametrize("path", ["/logout", "/leave"])
def test_a_proof_that_ran_out_keeps_nobody_in(app: Flask, phone: Phone, clock: StillClock, path: str) -> None:
    add_guarded_sign_out(app)
    browser = remembered(app, phone)
    clock.forward(hours=2)
    assert browser.get(path).location.startswith("/login"), "no code is asked for"
    assert is_gone(browser)
    assert len(events(app, "dave", "signed_in")) == 1, "leaving is no sign-in"


@pytest.mark.parametrize("path", ["/logout", "/leave"])
def test_nor_does_a_remember_cookie_of_a_pending_sign_in(
    app: Flask, phone: Phone, clock: StillClock, path: str
) -> None:
    add_guarded_sign_out(app)
    browser = remembered(app, phone)
    clock.forward(hours=2)
    assert browser.get("/").location == "/mfa/challenge"
    assert browser.get(path).location.startswith("/login")
    assert is_gone(browser)


def test_a_script_signs_out_too(app: Flask, phone: Phone, clock: StillClock) -> None:
    browser = remembered(app, phone)
    clock.forward(hours=2)
    assert browser.client.post("/logout", headers=JSON).status_code == 302
    assert is_gone(browser)


def test_the_locked_can_leave(app: Flask, clock: StillClock) -> None:
    browser = signed_in(app, "bob")
    browser.send("/mfa/enroll/later")
    clock.forward(days=8)
    assert browser.get("/logout").location == "/login"
    assert is_gone(browser)


def test_a_user_of_whom_a_setup_is_asked_now_can_leave(app: Flask) -> None:
    browser = signed_in(app, "frank")
    act(app, "require", "frank", days=0)
    assert browser.get("/logout").location == "/login"
    assert is_gone(browser)


def test_a_copied_session_is_empty_after_it(app: Flask, phone: Phone) -> None:
    """The keys of its owner must not stay behind for nobody."""
    add_guarded_sign_out(app)

    @app.get("/keep")
    def keep() -> Any:
        session["token"] = "4711"
        return "kept"

    @app.get("/show")
    def show() -> Any:
        return jsonify(token=session.get("token"))

    owner = signed_in(app, "dave", phone)
    owner.get("/keep")
    thief = Browser(app)
    thief.client.set_cookie("session", owner.cookie("session") or "")
    thief.get("/leave")
    assert thief.get("/show").json == {"token": None}


def test_what_a_policy_asks_of_writes_is_not_asked_of_it(app: Flask, phone: Phone, clock: StillClock) -> None:
    put(app, policy("writes", when={"request": {"methods": ["POST"]}}, max_age=60))
    browser = signed_in(app, "dave", phone)
    clock.forward(minutes=5)
    assert browser.client.post("/transfer").status_code == 403
    assert browser.client.post("/logout").location == "/login"
    assert is_gone(browser)

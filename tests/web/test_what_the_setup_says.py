"""The setup pages say what is true in each state, and every button on them leads on."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from tests.conftest import JSON, Browser, Phone, StillClock, recovery_codes_in
from tests.policy_kit import policy, put
from tests.web.kit import act, signed_in

pytestmark = pytest.mark.pages

PROMPT, LATER, SETUP = "/mfa/enroll", "/mfa/enroll/later", "/mfa/enroll/totp"


def test_by_choice(app: Flask) -> None:
    page = signed_in(app, "frank").get(PROMPT).text
    assert "Multi-factor authentication protects your account" in page
    assert "Not now" in page
    assert "Set up later" not in page


@pytest.mark.parametrize("username", ["frank", "bob"])
def test_a_page_that_needs_a_factor_is_named_as_the_reason(app: Flask, username: str) -> None:
    browser = signed_in(app, username)
    if username == "bob":
        browser.send(LATER)
    assert browser.get("/transfer").location == PROMPT
    page = browser.get(PROMPT).text
    assert "This page requires multi-factor authentication" in page
    assert "or later" not in page
    assert "Not now" in page


def test_put_off_already(app: Flask) -> None:
    browser = signed_in(app, "bob")
    browser.send(LATER)
    page = browser.get(PROMPT).text
    assert "required for your account" in page
    assert "Not now" in page


def test_a_second_later_goes_on_like_the_first(app: Flask) -> None:
    browser = signed_in(app, "bob")
    assert [browser.send(LATER).location for _ in range(2)] == ["/", "/"]
    assert browser.send_json(LATER, {}).json == {"next": "pass", "continue_url": "/"}


@pytest.mark.parametrize("way", ["reload", "later"])
def test_a_requirement_that_is_removed_meanwhile_lets_the_user_in(app: Flask, way: str) -> None:
    browser = signed_in(app, "bob")
    act(app, "remove", "bob")
    answer = browser.get(PROMPT) if way == "reload" else browser.send(LATER)
    assert answer.location == "/mfa/challenge"
    assert browser.get("/mfa/challenge").location == "/"
    assert browser.is_in()


def test_one_that_is_forced_meanwhile_has_no_later(app: Flask) -> None:
    browser = signed_in(app, "bob")
    act(app, "require", "bob", days=0)
    assert browser.send(LATER).status_code == 409
    assert "Set up later" not in browser.get(PROMPT).text


def confirm(browser: Browser, clock: StillClock) -> str:
    code = Phone(clock, browser.begin_setup()["secret"]).code()
    assert len(recovery_codes_in(browser.send(SETUP, code=code).text)) == 10
    return code


@pytest.mark.parametrize("username", ["bob", "frank"])
def test_a_reload_of_the_codes_says_that_it_is_done_and_offers_new_ones(
    app: Flask, clock: StillClock, username: str
) -> None:
    browser = signed_in(app, username)
    code = confirm(browser, clock)
    again = browser.send(SETUP, code=code)
    assert again.status_code == 409
    assert "is set up" in again.text
    assert "Open the setup page again" not in again.text
    assert 'href="/mfa/recovery-codes">Create new recovery codes' in again.text
    assert len(recovery_codes_in(browser.send("/mfa/recovery-codes").text)) == 10
    token = browser.status()["csrf_token"]
    told = browser.client.post(SETUP, json={"code": code}, headers={"X-CSRFToken": token, **JSON}).json
    assert told is not None
    assert (told["code"], told["reason"]) == ("conflict", "set-up-already")


def test_a_key_of_long_ago_is_no_news(app: Flask, clock: StillClock) -> None:
    browser = signed_in(app, "frank")
    code = confirm(browser, clock)
    clock.forward(minutes=14)
    assert "is set up" in browser.send(SETUP, code=code).text
    clock.forward(minutes=2)
    assert "is set up" not in browser.send(SETUP, code=code).text


def test_a_policy_that_forces_within_the_period_speaks_of_no_later(app: Flask) -> None:
    browser = signed_in(app, "bob")
    assert "now or later" in browser.get(PROMPT).text
    put(app, policy())
    page = browser.get(PROMPT).text
    assert "Set up multi-factor authentication to continue." in page
    assert "later" not in page


def test_without_a_pass_the_way_leads_back_to_later(make_app: Any) -> None:
    browser = signed_in(make_app(MFA_GATE_FIRST_ENROLLMENT="pass"), "bob")
    asked = browser.get(SETUP)
    assert asked.location == "/mfa/challenge?factor=access_pass"
    assert f'href="{PROMPT}">Back' in browser.get(asked.location).text
    assert "Set up later" in browser.get(PROMPT).text
    assert browser.send(LATER).location == "/"

"""Forms of the gate that are sent when their sign-in is over, or has become another."""

from __future__ import annotations

import pytest
from flask import Flask

from tests.conftest import JSON, Phone, StillClock
from tests.web.kit import signed_in

pytestmark = pytest.mark.pages

FORMS = ["/mfa/challenge", "/mfa/enroll/totp", "/mfa/enroll/later", "/mfa/cancel", "/mfa/sign-out"]


@pytest.mark.parametrize("path", FORMS)
def test_a_pending_sign_in_that_ran_out_says_so_and_leads_to_a_new_one(
    app: Flask, clock: StillClock, path: str
) -> None:
    browser = signed_in(app, "bob")
    token = browser.status()["csrf_token"]
    clock.forward(minutes=10)
    late = browser.client.post(path, data={"csrf_token": token, "code": "123456"})
    assert late.status_code == 401
    assert "This page has expired" in late.text
    assert 'href="/mfa/">Continue' in late.text
    assert browser.get("/mfa/").location == "/login?next=%2Fmfa%2F"


def test_who_is_signed_in_to_the_app_all_the_same_is_led_to_the_page_again(app: Flask, clock: StillClock) -> None:
    browser = signed_in(app, "frank")
    token = browser.status()["csrf_token"]
    clock.forward(hours=2)
    late = browser.client.post("/mfa/sign-out", data={"csrf_token": token})
    assert "This page has expired" in late.text
    assert browser.get("/mfa/").status_code == 200
    assert browser.send("/mfa/sign-out").location == "/login"
    assert not browser.is_in()


def test_a_program_is_told_where_it_signs_in(app: Flask, phone: Phone, clock: StillClock) -> None:
    browser = signed_in(app, "dave")
    clock.forward(minutes=10)
    told = browser.client.post("/mfa/challenge", json={"code": phone.code()}).json
    assert told is not None
    assert (told["code"], told["continue_url"]) == ("sign_in_required", "/login")


def test_a_program_without_a_token_is_told_where_one_is(app: Flask, phone: Phone) -> None:
    browser = signed_in(app, "dave")
    told = browser.client.post("/mfa/challenge", json={"code": phone.code()}).json
    assert told is not None
    assert told["code"] == "csrf_failed"
    token = browser.get(told["token_url"], headers=JSON).json["csrf_token"]  # type: ignore[index]
    headers = {"X-CSRFToken": token}
    assert browser.client.post("/mfa/challenge", json={"code": phone.code()}, headers=headers).status_code == 200

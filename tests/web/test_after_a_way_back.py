"""Whoever got in by a recovery code or an access pass is told what to do about the lost phone, while the proof is fresh."""

from __future__ import annotations

import pytest
from flask import Flask

from tests.conftest import JSON, Browser, Phone, StillClock, recovery_codes_in
from tests.web.kit import hand_in, issue, signed_in

pytestmark = pytest.mark.pages

CHALLENGE, RECOVERED, SETUP, CODES = "/mfa/challenge", "/mfa/recovered", "/mfa/enroll/totp", "/mfa/recovery-codes"
REPLACE = "Lost your phone? Replace your authenticator app"


@pytest.fixture
def codes(app: Flask, phone: Phone, clock: StillClock) -> list[str]:
    """Dave's recovery codes."""
    found = recovery_codes_in(signed_in(app, "dave", phone).send(CODES).text)
    clock.forward(seconds=31)
    return found


def navigating(browser: Browser) -> Browser:
    """As real browsers say of what a person does."""
    browser.client.environ_base["HTTP_SEC_FETCH_MODE"] = "navigate"
    return browser


def back_in(app: Flask, code: str, *, to: str = "/") -> Browser:
    browser = navigating(Browser(app))
    browser.client.post(f"/login?next={to}", data={"username": "dave", "password": "correct horse battery staple"})
    assert browser.send(CHALLENGE, factor="recovery_code", code=code).location == RECOVERED
    return browser


def test_it_says_how_many_codes_are_left_and_leads_on_to_the_page_first_asked_for(app: Flask, codes: list[str]) -> None:
    browser = back_in(app, codes[0], to="/wiki?page=2")
    page = browser.get(RECOVERED).text
    assert "9 of 10 codes left" in page
    assert "running low" not in page
    assert 'href="/wiki?page=2">Continue' in page
    assert browser.get("/wiki?page=2").status_code == 200


def test_the_last_codes_are_running_low_and_none_is_none(app: Flask, codes: list[str]) -> None:
    pages = [back_in(app, code).get(RECOVERED).text for code in codes]
    assert ["running low" in page for page in pages] == [False] * 6 + [True] * 3 + [False]
    assert "You have no codes left" in pages[-1]


def test_the_app_is_replaced_with_that_proof_alone(app: Flask, codes: list[str], clock: StillClock) -> None:
    browser = back_in(app, codes[0])
    assert f'href="{SETUP}"' in browser.get(RECOVERED).text
    key = browser.begin_setup()["secret"]
    assert "Your new app is ready" in browser.send(SETUP, code=Phone(clock, key).code()).text


def test_an_access_pass_is_followed_by_the_same_page(app: Flask, codes: list[str]) -> None:
    browser = navigating(signed_in(app, "dave"))
    assert hand_in(browser, issue(app, "dave")).location == RECOVERED
    page = browser.get(RECOVERED).text
    assert "Replace your authenticator app" in page
    assert "You used a recovery code" not in page


def test_what_does_not_say_that_it_is_a_person_s_page_goes_straight_on(app: Flask, codes: list[str]) -> None:
    assert signed_in(app, "dave").send(CHALLENGE, factor="recovery_code", code=codes[1]).location == "/"


def test_a_program_goes_straight_on(app: Flask, codes: list[str]) -> None:
    browser = signed_in(app, "dave")
    answer = browser.send_json(CHALLENGE, {"factor": "recovery_code", "code": codes[0]})
    assert answer.json == {"next": "pass", "continue_url": "/"}
    assert browser.get(RECOVERED, headers=JSON).json == {"next": "pass", "continue_url": "/"}


def test_the_page_is_for_those_alone(app: Flask, phone: Phone, clock: StillClock, codes: list[str]) -> None:
    assert signed_in(app, "dave", phone).get(RECOVERED).location == "/", "who has the phone"
    assert signed_in(app, "dave").get(RECOVERED).location == CHALLENGE, "who proved nothing"
    assert "next=%2Fmfa%2Frecovered" in str(Browser(app).get(RECOVERED).location), "who is not signed in"
    browser = back_in(app, codes[0])
    clock.forward(minutes=16)
    assert browser.get(RECOVERED).location == "/", "whose proof is no longer fresh"


def test_a_step_up_without_the_phone_is_no_dead_end(app: Flask, codes: list[str], clock: StillClock) -> None:
    browser = back_in(app, codes[0])
    assert browser.get("/transfer").location == CHALLENGE
    page = browser.get(CHALLENGE).text
    assert REPLACE in page
    assert "Use a recovery code" not in page, "it would not help here"
    assert browser.send(CODES).location == CHALLENGE
    assert REPLACE in browser.get(CHALLENGE).text
    clock.forward(minutes=16)
    assert browser.get(SETUP).location == CHALLENGE
    page = browser.get(CHALLENGE).text
    assert "Use a recovery code" in page, "which replaces the app, now that the first proof is old"
    assert REPLACE not in page


def test_a_sign_in_offers_no_replacement(app: Flask, codes: list[str]) -> None:
    assert REPLACE not in signed_in(app, "dave").get(CHALLENGE).text


def test_recovery_is_offered_only_to_those_who_have_codes(app: Flask, codes: list[str]) -> None:
    assert "Use a recovery code" in signed_in(app, "dave").get(CHALLENGE).text
    for code in codes:
        back_in(app, code)
    assert "Use a recovery code" not in signed_in(app, "dave").get(CHALLENGE).text


def test_nor_to_those_who_never_had_any(app: Flask) -> None:
    page = signed_in(app, "dave").get(CHALLENGE).text
    assert "Use a recovery code" not in page
    assert "Use an access pass" in page

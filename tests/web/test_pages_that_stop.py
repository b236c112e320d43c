"""Pages that stop somebody say where help is, and have one way out each."""

from __future__ import annotations

from typing import Any

import pytest
from bs4 import BeautifulSoup
from flask import Flask

from flask_mfa_gate.errors import ConfigError
from flask_mfa_gate.settings import Settings
from tests.conftest import JSON, Browser, Phone
from tests.policy_kit import policy, put
from tests.web.kit import signed_in

pytestmark = pytest.mark.pages

HELP = "https://help.example.org/mfa"


def links(text: str) -> list[tuple[str, str]]:
    soup = BeautifulSoup(text, "html.parser")
    return [(" ".join(one.text.split()), str(one["href"])) for one in soup.select("main a, footer a")]


def buttons(text: str) -> list[str]:
    return [" ".join(one.text.split()) for one in BeautifulSoup(text, "html.parser").select("button")]


def test_the_locked_sign_out_once_and_are_shown_help(make_app: Any) -> None:
    app = make_app(MFA_GATE_HELP_LINK=HELP)
    page = signed_in(app, "carol").get("/mfa/blocked").text
    assert buttons(page) == ["Sign out"]
    assert links(page) == [("Get help", HELP)]


def test_without_a_help_link_there_is_none(app: Flask) -> None:
    assert links(signed_in(app, "carol").get("/mfa/blocked").text) == []


def test_the_link_of_a_policy_comes_before_that_of_the_app(make_app: Any) -> None:
    app = make_app(MFA_GATE_HELP_LINK=HELP)
    put(app, policy("No payroll", "deny", on=["payroll"], help_link="https://help.example.org/pay"))
    page = signed_in(app, "frank").get("/payroll").text
    assert links(page) == [("Get help", "https://help.example.org/pay"), ("Back to Example Portal", "/")]


def test_every_page_of_somebody_who_is_in_leads_back_to_the_app(app: Flask, phone: Phone) -> None:
    browser = signed_in(app, "dave", phone)
    for path in ("/mfa/", "/mfa/sessions", "/mfa/recovery-codes"):
        assert ("Back to Example Portal", "/") in links(browser.get(path).text), path
    assert ("Back to Example Portal", "/") not in links(signed_in(app, "dave").get("/mfa/challenge").text), (
        "it would not"
    )


def test_what_is_done_already_leads_to_new_codes_and_speaks_no_numbers(app: Flask, clock: Any) -> None:
    browser = signed_in(app, "frank")
    code = Phone(clock, browser.begin_setup()["secret"]).code()
    browser.send("/mfa/enroll/totp", code=code)
    answer = browser.send("/mfa/enroll/totp", code=code)
    assert answer.status_code == 409
    assert links(answer.text)[0] == ("Create new recovery codes", "/mfa/recovery-codes")
    assert "409" not in answer.text
    assert "conflict" not in answer.text
    assert browser.send_json("/mfa/enroll/totp", {"code": code}).json["code"] == "conflict"  # type: ignore[index]


def test_a_form_that_was_stopped_names_the_step(app: Flask) -> None:
    browser = Browser(app)
    browser.sign_in("dave")
    page = browser.client.post("/transfer", data={"amount": "1"}).text
    assert "Your form was not submitted." in page
    assert links(page)[0] == ("Verify", "/mfa/challenge")


@pytest.mark.parametrize(
    "value", ["https://h.example", "http://h.example/x?y", "mailto:help@example.org", "/help", None]
)
def test_a_help_link(value: str | None) -> None:
    assert Settings.from_mapping({"MFA_GATE_HELP_LINK": value}).help_link == value


@pytest.mark.parametrize(
    "value", ["javascript:alert(1)", "//evil.example", "/\\evil.example", "data:x", "help", "", 7, "/a b"]
)
def test_no_help_link(value: Any) -> None:
    with pytest.raises(ConfigError, match="MFA_GATE_HELP_LINK is not valid"):
        Settings.from_mapping({"MFA_GATE_HELP_LINK": value})


def test_a_program_is_told_to_sign_in_and_of_no_form(app: Flask) -> None:
    answer = Browser(app).get("/mfa/", headers=JSON)
    assert (answer.status_code, answer.json["detail"]) == (401, "Sign in to continue.")  # type: ignore[index]

"""Where a user goes after the pass: to a page, never to what a script, a picture or the sign-in itself asked for."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from example_app.people import PASSWORD
from tests.conftest import JSON, Browser, Phone, StillClock
from tests.web.kit import act, signed_in

pytestmark = pytest.mark.pages

FETCH = {"Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty", "Referer": "http://localhost/wiki?page=2"}
PICTURE = {"Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image", "Referer": "http://localhost/wiki?page=2"}
XHR = {"X-Requested-With": "XMLHttpRequest", "Referer": "http://localhost/wiki?page=2"}
FORM = {"Referer": "http://localhost/wiki?page=2"}


@pytest.fixture
def due(app: Flask) -> Browser:
    """Frank, signed in, when a factor is demanded of him."""
    browser = signed_in(app, "frank")
    act(app, "require", "frank", days=7)
    return browser


@pytest.mark.parametrize("headers", [FETCH, PICTURE, XHR])
def test_a_script_or_picture_that_was_stopped_first_leads_to_its_page(due: Browser, headers: dict[str, str]) -> None:
    assert due.get("/api/me", headers=headers).status_code == 403
    assert due.send("/mfa/enroll/later").location == "/wiki?page=2"


def test_one_that_hides_its_page_leads_home(due: Browser) -> None:
    due.get("/api/me", headers={"Sec-Fetch-Mode": "cors"})
    assert due.send("/mfa/enroll/later").location == "/"


def test_a_program_without_a_page_goes_on_where_it_was(due: Browser) -> None:
    due.get("/api/me", headers=JSON)
    assert due.send_json("/mfa/enroll/later", {}).json["continue_url"] == "/api/me"


def test_a_form_that_was_stopped_leads_back_to_its_page(due: Browser) -> None:
    assert due.client.post("/transfer", data={"amount": "5"}, headers=FORM).status_code == 403
    assert due.send("/mfa/enroll/later").location == "/wiki?page=2"


@pytest.mark.parametrize("page", ["/login", "/login?next=/wiki", "/logout", "/mfa/"])
def test_a_page_that_leads_round_in_circles_is_no_way_back(due: Browser, page: str) -> None:
    due.client.post("/transfer", headers={"Referer": f"http://localhost{page}"})
    assert due.send("/mfa/enroll/later").location == "/"


def test_nor_is_the_sign_in_page_itself(due: Browser) -> None:
    assert due.get("/login?next=/wiki").location == "/mfa/enroll"
    assert due.send("/mfa/enroll/later").location == "/"


def test_a_step_up_that_a_script_ran_into_leads_to_its_page(app: Flask, phone: Phone, clock: StillClock) -> None:
    browser = signed_in(app, "dave", phone)
    clock.forward(minutes=6)
    assert browser.get("/transfer", headers=FETCH).status_code == 401
    assert browser.send("/mfa/challenge", code=phone.code()).location == "/wiki?page=2"


def test_a_form_sent_after_hours_leads_to_its_page_and_that_to_the_code(
    app: Flask, phone: Phone, clock: StillClock
) -> None:
    """Nothing is parked by it, so its page has to be asked for first."""
    browser = signed_in(app, "dave", phone)
    clock.forward(hours=2)
    stopped = browser.client.post("/transfer", data={"amount": "5"}, headers=FORM)
    assert stopped.status_code == 403
    assert 'href="/wiki?page=2">Verify' in stopped.text
    assert browser.get("/wiki?page=2").location == "/mfa/challenge"
    assert browser.send("/mfa/challenge", code=phone.code()).location == "/wiki?page=2"


def test_a_script_after_hours_is_told_a_page_that_asks_for_the_code(
    app: Flask, phone: Phone, clock: StillClock
) -> None:
    browser = signed_in(app, "dave", phone)
    clock.forward(hours=2)
    told = browser.get("/api/me", headers=FETCH).json
    assert told is not None
    assert browser.get(told["continue_url"], headers=FORM).status_code == 200
    assert browser.send("/mfa/challenge", code=phone.code()).location == "/wiki?page=2"


@pytest.mark.parametrize(
    ("page", "target"), [("/wiki?page=2", "/wiki?page=2"), ("/login", "/"), ("/api/login", "/"), ("", "/")]
)
def test_a_script_that_signed_in_leads_to_its_page(app: Flask, phone: Phone, page: str, target: str) -> None:
    def api_login() -> Any:
        app.view_functions["portal.login"]()
        return {"ok": True}

    app.add_url_rule("/api/login", "api_login", api_login, methods=["GET", "POST"])
    browser = Browser(app)
    data = {"username": "dave", "password": PASSWORD}
    headers = {**FETCH, "Referer": f"http://localhost{page}"} if page else {"Sec-Fetch-Mode": "cors"}
    assert browser.client.post("/api/login", data=data, headers=headers).status_code == 401
    assert browser.send("/mfa/challenge", code=phone.code()).location == target


def test_a_sign_in_page_that_takes_arguments_stops_nobody(app: Flask, phone: Phone, monkeypatch: Any) -> None:
    app.add_url_rule("/<lang>/login", "login_in_words", lambda lang: lang)
    monkeypatch.setattr(app.login_manager, "login_view", "login_in_words")  # type: ignore[attr-defined]
    browser = Browser(app)
    assert browser.sign_in("dave").location == "/mfa/challenge"
    assert browser.send("/mfa/challenge", code=phone.code()).location == "/"


@pytest.mark.parametrize(
    ("location", "target"),
    [
        ("wiki", "/wiki"), ("./wiki?page=2", "/wiki?page=2"), ("?next=/wiki", "/"), ("", "/"),
        ("//evil.example", "/"), ("\\\\evil.example", "/"), ("/\\evil.example", "/"), (".//evil.example", "/evil.example"),
        ("http:wiki", "/"), ("javascript:alert(1)", "/"), ("https://evil.example/wiki", "/"), ("..//evil.example", "/"),
    ],
)  # fmt: skip
def test_a_sign_in_view_may_say_where_to_go_from_its_own_page(
    app: Flask, phone: Phone, location: str, target: str
) -> None:
    ordinary = app.view_functions["portal.login"]

    def login() -> Any:
        answer = app.make_response(ordinary())
        answer.headers["Location"] = location
        return answer

    app.view_functions["portal.login"] = login
    browser = Browser(app)
    browser.sign_in("dave")
    assert browser.send("/mfa/challenge", code=phone.code()).location == target

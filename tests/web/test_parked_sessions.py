"""A session that is stopped on its way goes on at its next request, of any kind, and is none the younger for it."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from flask_login import current_user, login_required

from flask_mfa_gate import Policy
from tests.conftest import JSON, Browser, Phone, StillClock, at_once, state_of
from tests.web.kit import change_user, events, signed_in

NAME = "Nobody for now"
OFFICE, AWAY = {"REMOTE_ADDR": "10.20.0.9"}, {"REMOTE_ADDR": "203.0.113.9"}
KINDS: dict[str, Any] = {
    "navigation": lambda browser, **options: browser.client.get("/", **options),
    "json": lambda browser, **options: browser.client.get("/api/me", headers=JSON, **options),
    "form": lambda browser, **options: browser.client.post("/form", **options),
}
any_kind = pytest.mark.parametrize("kind", KINDS)


def save(app: Flask, action: str, *, state: str = "on", **conditions: Any) -> None:
    policy = {
        "name": NAME, "state": state, "users": {"include": ["user:4", "user:6"]}, "conditions": conditions, "effect": {"action": action},
    }  # fmt: skip
    with app.app_context():
        state_of(app).access.policies.save(Policy.from_document(policy), actor="cli")


def make(make_app: Any, **config: Any) -> Flask:
    app: Flask = make_app(**config)
    app._got_first_request = False
    app.add_url_rule("/form", "form", login_required(lambda: f"form of {current_user.username}"), methods=["POST"])
    return app


@pytest.fixture
def app(make_app: Any) -> Flask:
    return make(make_app)


@any_kind
@pytest.mark.parametrize("decide", ["first", "last"])
@pytest.mark.parametrize("name", ["frank", "dave"])
def test_a_deny_that_is_lifted(make_app: Any, phone: Phone, kind: str, name: str, decide: str) -> None:
    app = make(make_app, MFA_GATE_DECIDE=decide)
    browser = signed_in(app, name, phone if name == "dave" else None)
    before = browser.cookie()
    save(app, "deny")
    assert [KINDS[one](browser).status_code for one in KINDS] == [403, 403, 403]
    save(app, "deny", state="off")
    assert KINDS[kind](browser).status_code == 200
    assert browser.cookie() != before
    assert [KINDS[one](browser).status_code for one in KINDS] == [200, 200, 200]


@any_kind
def test_a_demand_that_is_dropped(app: Flask, kind: str) -> None:
    browser = signed_in(app, "frank")
    save(app, "require")
    assert browser.get("/").location == "/mfa/enroll"
    save(app, "require", state="off")
    assert KINDS[kind](browser).status_code == 200


@any_kind
def test_a_network_that_was_left_for_longer_than_a_sign_in_may_take(app: Flask, clock: StillClock, kind: str) -> None:
    """A code is asked everywhere but in the office."""
    save(app, "allow", network=["10.20.0.0/16"])
    browser = Browser(app)
    browser.client.environ_base.update(OFFICE)
    browser.sign_in("dave")
    assert browser.is_in()
    browser.client.environ_base.update(AWAY)
    assert browser.get("/api/me", headers=JSON).status_code == 401
    clock.forward(minutes=11)
    assert browser.get("/api/me", headers=JSON).json["code"] == "mfa_challenge_required"  # type: ignore[index]
    browser.client.environ_base.update(OFFICE)
    assert KINDS[kind](browser).status_code == 200


def test_it_lives_no_longer_than_it_would_have(app: Flask, phone: Phone, clock: StillClock) -> None:
    browser = signed_in(app, "dave", phone)
    save(app, "deny")
    browser.get("/")
    clock.forward(minutes=59, seconds=59)
    assert browser.get("/mfa/status").status_code == 200
    clock.forward(seconds=1)
    assert browser.get("/mfa/status").status_code == 401
    save(app, "deny", state="off")
    assert browser.get("/").location.startswith("/login")


def test_a_sign_in_that_was_never_in_lives_for_ten_minutes(app: Flask, clock: StillClock) -> None:
    browser = signed_in(app, "dave")
    clock.forward(minutes=10)
    assert browser.get("/mfa/status").status_code == 401


@pytest.mark.parametrize("how", ["any page", "the page of the gate"])
def test_the_absolute_lifetime_runs_from_the_last_proof(app: Flask, phone: Phone, clock: StillClock, how: str) -> None:
    """Whatever is done to a session on its way, only evidence makes it younger."""
    browser = signed_in(app, "dave", phone)
    for _ in range(23):
        clock.forward(minutes=30)
        save(app, "deny")
        assert not browser.is_in()
        save(app, "deny", state="off")
        if how.endswith("gate"):
            assert browser.get("/mfa/challenge").location == "/"
        assert browser.is_in()
    clock.forward(minutes=29, seconds=59)
    assert browser.is_in()
    clock.forward(seconds=1)
    assert not browser.is_in()


def test_a_step_up_makes_it_younger(app: Flask, phone: Phone, clock: StillClock) -> None:
    browser = signed_in(app, "dave", phone)
    for _ in range(20):
        clock.forward(minutes=30)
        assert browser.is_in()
    assert browser.get("/transfer").location == "/mfa/challenge"
    browser.send("/mfa/challenge", code=phone.code())
    for _ in range(23):
        clock.forward(minutes=30)
        assert browser.is_in()
    clock.forward(minutes=30)
    assert not browser.is_in()


def test_all_that_a_page_asks_at_once_goes_on(app: Flask) -> None:
    """The host's session is the browser's cookie: each request comes with the one that was emptied."""
    browser = signed_in(app, "frank")
    save(app, "deny")
    browser.get("/")
    save(app, "deny", state="off")
    cookies = "; ".join(f"{one.key}={one.value}" for one in (browser.client._cookies or {}).values())
    answers = []

    def ask() -> None:
        client = app.test_client(use_cookies=False)
        answers.append(client.get("/api/me", headers={"Cookie": cookies, **JSON}))

    at_once([ask] * 3)
    assert [answer.status_code for answer in answers] == [200, 200, 200]
    written = [one for answer in answers for one in answer.headers.getlist("Set-Cookie") if one.startswith("mfa_gate=")]
    assert len(written) == 1, "one of them went on, the others with it"


def test_an_account_that_was_switched_off_stays_out(app: Flask) -> None:
    browser = signed_in(app, "frank")
    change_user(app, "frank", enabled=False)
    assert browser.get("/").status_code == 403
    seen = browser.cookie()
    assert [KINDS[one](browser).status_code for one in KINDS] == [403, 403, 403]
    assert browser.cookie() == seen, "nothing is written for it"
    assert len(events(app, "frank", "access_denied")) == 1
    change_user(app, "frank", enabled=True)
    assert browser.is_in()


def test_a_password_that_was_changed_meanwhile_ends_it(app: Flask) -> None:
    browser = signed_in(app, "frank")
    save(app, "deny")
    browser.get("/")
    change_user(app, "frank", password_hash="scrypt:another")
    save(app, "deny", state="off")
    assert not browser.is_in()
    assert browser.get("/mfa/status").status_code == 401


def test_a_loader_that_fails_leaves_nobody_in_the_session(app: Flask) -> None:
    browser = signed_in(app, "frank")
    save(app, "deny")
    browser.get("/")
    save(app, "deny", state="off")
    loader = app.login_manager._user_callback  # type: ignore[attr-defined]
    app.login_manager._user_callback = lambda _: 1 / 0  # type: ignore[attr-defined]
    assert browser.get("/").status_code == 503
    app.login_manager._user_callback = loader  # type: ignore[attr-defined]
    thief = app.test_client()
    thief.set_cookie("session", browser.cookie("session") or "")
    assert thief.get("/").location.startswith("/login")
    assert browser.is_in()


def test_what_is_signed_out_while_it_is_parked_does_not_come_back(app: Flask) -> None:
    browser = signed_in(app, "frank")
    save(app, "deny")
    browser.get("/")
    gate = browser.cookie() or ""
    browser.send("/mfa/sign-out")
    save(app, "deny", state="off")
    browser.client.set_cookie("mfa_gate", gate)
    assert not browser.is_in()

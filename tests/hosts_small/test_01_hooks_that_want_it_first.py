"""Demand 1: own pages and the decision come before any hook of the host; an identity made by a hook is parked."""

from __future__ import annotations

from typing import Any

import pytest
from flask import abort, g, redirect, request
from flask_login import current_user, login_user

from tests.hosts_small.kit import Host, User


def hostile(*, gate_first: bool) -> Host:
    """Sends every anonymous request to its login page, and wants a token in its own header even on GET."""
    host = Host()
    if gate_first:
        host.gate.init_app(host.app)
    host.with_login_manager()

    @host.app.before_request
    def guard() -> Any:
        if request.endpoint == "login":
            return None
        if not current_user.is_authenticated:
            return redirect("/login")
        if "X-Host-Token" not in request.headers:
            abort(400)
        return None

    @host.app.post("/login")
    def login() -> str:
        login_user(User("1"))
        return "api token 4711"

    @host.app.get("/")
    def home() -> str:
        return f"hello {current_user.id}"

    if not gate_first:
        host.gate.init_app(host.app)
    host.enroll()
    return host


@pytest.mark.parametrize("gate_first", [True, False])
def test_own_pages_and_the_decision_come_first(gate_first: bool) -> None:
    host = hostile(gate_first=gate_first)
    client = host.client()
    answer = client.post("/login")
    assert (answer.status_code, answer.location) == (303, "/mfa/challenge")
    assert "4711" not in answer.text
    assert client.get("/mfa/challenge").status_code == 200
    with client.get("/mfa/static/mfa_gate.css") as file:
        assert file.status_code == 200
    assert client.get("/").location == "/mfa/challenge"
    assert host.pass_challenge(client).status_code == 303
    assert client.get("/", headers={"X-Host-Token": "x"}).text == "hello 1"


def made_by_hook() -> Host:
    """An identity born in a host's hook, as with a proxy's header."""
    host = Host()
    host.gate.init_app(host.app)
    host.with_login_manager()

    @host.app.before_request
    def sign_in_by_header() -> None:
        if request.headers.get("X-Remote-User") and not current_user.is_authenticated:
            login_user(User(request.headers["X-Remote-User"]))

    @host.app.get("/")
    def home() -> str:
        return f"hello {current_user.id}"

    host.enroll()
    return host


def test_an_identity_made_by_a_hook_is_parked_before_the_view() -> None:
    host = made_by_hook()
    client = host.client()
    answer = client.get("/", headers={"X-Remote-User": "1"})
    assert (answer.status_code, answer.location) == (303, "/mfa/challenge")
    assert "hello" not in answer.text
    assert client.get("/").location == "/mfa/challenge"
    assert host.pass_challenge(client).location == "/"
    assert client.get("/").text == "hello 1"
    assert host.client().get("/", headers={"X-Remote-User": "2"}).text == "hello 2", "nothing is demanded of user 2"


def test_it_is_no_password_sign_in() -> None:
    host = made_by_hook()
    client = host.client()
    client.get("/", headers={"X-Remote-User": "2"})
    assert client.get("/mfa/enroll/totp").status_code == 401


def with_a_loader_that_needs_hooks(decide: str) -> Host:
    """The loader needs ``g.db``, which a hook opens."""
    host = Host(MFA_GATE_DECIDE=decide)
    manager = host.with_login_manager()
    host.gate.init_app(host.app)

    @manager.user_loader
    def load(key: str) -> User:
        return g.db[key]  # type: ignore[no-any-return]

    @host.app.before_request
    def open_db() -> None:
        g.db = {"1": User("1")}

    @host.app.post("/login")
    def login() -> str:
        login_user(g.db["1"])
        return "in"

    @host.app.get("/")
    def home() -> str:
        return f"hello {current_user.id}" if current_user.is_authenticated else "hello stranger"

    host.enroll()
    return host


def test_a_loader_that_fails_first_is_refused_with_the_sentence_that_helps() -> None:
    host = with_a_loader_that_needs_hooks("first")
    client = host.client()
    client.post("/login")
    assert host.pass_challenge(client).status_code == 303
    answer = client.get("/")
    assert answer.status_code == 503
    assert "MFA_GATE_DECIDE" in answer.text


def test_decide_last_is_directly_before_the_view() -> None:
    host = with_a_loader_that_needs_hooks("last")
    client = host.client()
    assert client.get("/").text == "hello stranger"
    assert client.post("/login").location == "/mfa/challenge"
    assert client.get("/").location == "/mfa/challenge"
    assert host.pass_challenge(client).status_code == 303
    assert client.get("/").text == "hello 1"
    copy = host.client()
    copy.set_cookie("session", client.get_cookie("session").value)  # type: ignore[union-attr]
    assert copy.get("/").status_code == 401
    assert client.get("/").text == "hello 1"


def test_decide_last_and_a_hook_that_answers_itself_touch_no_proof() -> None:
    host = with_a_loader_that_needs_hooks("last")

    @host.app.before_request
    def maintenance() -> str | None:
        return "back soon" if "maintenance" in request.args else None

    client = host.client()
    client.post("/login")
    host.pass_challenge(client)
    assert client.get("/?maintenance").text == "back soon"
    assert client.get("/").text == "hello 1"

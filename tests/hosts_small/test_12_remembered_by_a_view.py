"""Demand 12, hosts with long-lived cookies of their own, of which a view makes a session or a younger cookie."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Request, Response, abort, request
from flask_login import current_user, login_user

from tests.conftest import JSON
from tests.hosts_small.kit import Host, User

KEPT, SHORT = "kept_token", "short_token"


class ByCookie:
    """A host whose user is named by a cookie of a few minutes, and can be named again by one of a month."""

    def load(self, asked: Request) -> User | None:
        key = asked.cookies.get(SHORT)
        return User(key) if key else None

    def is_fresh(self, asked: Request) -> bool:
        return asked.endpoint != "back"


def with_cookies() -> Host:
    host = Host()
    host.gate.init_app(host.app, identity=ByCookie(), user_key=lambda user: user.id)

    def answer(key: str, *names: str) -> Response:
        response = Response("in")
        for name in names:
            response.set_cookie(name, key)
        return response

    @host.app.post("/in")
    def enter() -> Response:
        return answer(request.form["user"], SHORT, KEPT)

    @host.app.post("/back")
    def back() -> Response:
        return answer(request.cookies.get(KEPT) or abort(401), SHORT)

    @host.app.get("/")
    def home() -> str:
        return f"page for {request.cookies.get(SHORT)}"

    return host


def with_flask_login() -> Host:
    host = Host()
    host.with_login_manager().session_protection = None
    host.gate.init_app(host.app)

    @host.app.post("/in")
    def enter() -> Response:
        login_user(User(request.form["user"]))
        response = Response("in")
        response.set_cookie(KEPT, request.form["user"])
        return response

    @host.app.post("/back")
    def back() -> str:
        login_user(User(request.cookies.get(KEPT) or abort(401)), fresh=False)
        return "in"

    @host.app.get("/")
    def home() -> str:
        return f"page for {current_user.get_id()}"

    return host


HOSTS = [with_cookies, with_flask_login]


def remembered(host: Host, key: str) -> Any:
    """A client with nothing but the long-lived cookie."""
    client = host.client()
    client.set_cookie(KEPT, key)
    return client


@pytest.mark.parametrize("make", HOSTS)
def test_it_is_a_sign_in_that_sets_up_no_first_factor(make: Callable[[], Host]) -> None:
    host = make()
    client = remembered(host, "2")
    assert client.post("/back").text == "in"
    assert client.get("/").text == "page for 2"
    assert client.get("/mfa/enroll/totp").status_code == 401
    with_password = host.client()
    assert with_password.post("/in", data={"user": "2"}).text == "in"
    assert with_password.get("/mfa/enroll/totp").status_code == 200


@pytest.mark.parametrize("headers", [{}, JSON])
@pytest.mark.parametrize("make", HOSTS)
def test_after_a_revocation_it_opens_nothing(make: Callable[[], Host], headers: dict[str, str]) -> None:
    host = make()
    host.enroll("2")
    with host.app.app_context():
        host.gate.enrollments.reset("2", actor="host", reason="lost")
    client = remembered(host, "2")
    answer = client.post("/back", headers=headers)
    assert (answer.text != "in", client.get_cookie(SHORT)) == (True, None)
    assert client.get("/").text == "page for None"
    assert client.post("/in", data={"user": "2"}).text == "in"
    assert client.get("/").text == "page for 2"

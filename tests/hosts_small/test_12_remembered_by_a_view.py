"""Demand 12, hosts with long-lived cookies of their own, of which a view makes a session or a younger cookie."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Request, Response, abort, request
from flask_jwt_extended import (
    JWTManager,
    create_access_token,
    create_refresh_token,
    get_jwt_identity,
    jwt_required,
    set_access_cookies,
    set_refresh_cookies,
    verify_jwt_in_request,
)
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


def with_cookies(source: Any = None) -> Host:
    host = Host()
    host.gate.init_app(host.app, identity=source or ByCookie(), user_key=lambda user: user.id)

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


class Wordless:
    """A host that tells no fresh sign-in from another."""

    def load(self, asked: Request) -> User | None:
        key = asked.cookies.get(SHORT)
        return User(key) if key else None


def unasked(host: Host) -> list[str]:
    with host.app.app_context():
        return [one.sentence for one in host.gate.doctor() if one.code == "unasked-sign-in"]


def test_where_the_host_has_no_word_on_it_the_doctor_tells_which_view_does_so() -> None:
    host = with_cookies(Wordless())
    host.client().post("/in", data={"user": "2"})
    assert unasked(host) == []
    remembered(host, "2").post("/back")
    (found,) = unasked(host)
    assert "The view back signs users in" in found


@pytest.mark.parametrize("make", HOSTS)
def test_and_nothing_where_it_has(make: Callable[[], Host]) -> None:
    host = make()
    remembered(host, "2").post("/back")
    assert unasked(host) == []


def with_jwts() -> Host:
    """As in the quick start of Flask-JWT-Extended, with cookies."""
    host = Host(
        JWT_SECRET_KEY="a key of thirty-two bytes at least", JWT_TOKEN_LOCATION=["cookies"],
        JWT_COOKIE_CSRF_PROTECT=False,
    )  # fmt: skip
    JWTManager(host.app)

    class OfToken:
        def load(self, _asked: Request) -> User | None:
            verify_jwt_in_request(optional=True)
            key = get_jwt_identity()
            return User(key) if key else None

    host.gate.init_app(host.app, identity=OfToken(), user_key=lambda user: user.id)

    @host.app.post("/in")
    def enter() -> Response:
        answer = Response("in")
        set_access_cookies(answer, create_access_token(request.form["user"]))
        set_refresh_cookies(answer, create_refresh_token(request.form["user"]))
        return answer

    @host.app.post("/back")
    @jwt_required(refresh=True)
    def back() -> Response:
        answer = Response("in")
        set_access_cookies(answer, create_access_token(get_jwt_identity()))
        return answer

    return host


def test_a_refresh_token_of_flask_jwt_extended_is_known_without_a_word() -> None:
    host = with_jwts()
    client = host.client()
    assert client.post("/in", data={"user": "2"}).text == "in"
    assert client.get("/mfa/enroll/totp").status_code == 200
    thief = host.client()
    kept = client.get_cookie("refresh_token_cookie", path="/")
    assert kept is not None
    thief.set_cookie("refresh_token_cookie", kept.value)
    assert thief.post("/back").text == "in"
    assert thief.get("/mfa/enroll/totp").status_code == 401
    assert unasked(host) == []

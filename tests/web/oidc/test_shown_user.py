"""The gate's cookie alone makes no code: the host has to show its user, on hosts of every kind."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from html import unescape
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from flask import g, request, session
from flask.testing import FlaskClient
from flask_login import current_user, login_user, logout_user
from werkzeug.test import TestResponse

from tests.conftest import JSON
from tests.hosts_small.kit import Host, User
from tests.oidc_kit import BOARD, CHALLENGE, PROVIDER

pytestmark = pytest.mark.pages
ASKED = {
    "client_id": "board", "response_type": "code", "redirect_uri": BOARD, "scope": "openid", "state": "s",
    "code_challenge": CHALLENGE, "code_challenge_method": "S256",
}  # fmt: skip


def by_flask_login() -> Host:
    host = Host(**PROVIDER)
    host.with_login_manager()
    host.app.add_url_rule(
        "/login", "login", lambda: str(login_user(User(request.form["user"]))), methods=["GET", "POST"]
    )
    host.gate.init_app(host.app)
    return host


class OfSession:
    """An ``identity=`` object."""

    def load(self, _request: Any) -> User | None:
        return User(session["uid"]) if "uid" in session else None


class OfHooks(OfSession):
    """One that needs the host's hooks."""

    def load(self, asked: Any) -> User | None:
        return super().load(asked) if "tenant" in g else None


class WrongUntilHooks(OfSession):
    """One that names the user of another tenant before the hooks have found the right one."""

    def load(self, asked: Any) -> User | None:
        found = super().load(asked)
        return found if found is None or "tenant" in g else User(f"other-{found.id}")


def by_identity(source: type[OfSession] = OfSession, **config: Any) -> Host:
    host = Host(**PROVIDER, **config)

    def login() -> str:
        session["uid"] = request.form["user"]
        return "in"

    host.app.before_request(lambda: setattr(g, "tenant", "acme"))
    host.app.add_url_rule("/login", "login", login, methods=["GET", "POST"])
    host.gate.init_app(host.app, identity=source(), user_key=lambda user: user.id)
    return host


def by_hooks() -> Host:
    return by_identity(OfHooks, MFA_GATE_DECIDE="last")


def by_late_hook() -> Host:
    """A hook that names the user, when the gate has looked already."""
    host = Host(**PROVIDER)
    manager = host.with_login_manager()

    def login() -> str:
        session["who"] = request.form["user"]
        return "in"

    @host.app.before_request
    def name_user() -> None:
        if "who" in session:
            manager._update_request_context_with_user(User(session["who"]))

    host.app.add_url_rule("/login", "login", login, methods=["GET", "POST"])
    host.app.add_url_rule("/", "home", lambda: "home")
    host.gate.init_app(host.app)
    return host


def wrong_until_hooks() -> Host:
    return by_identity(WrongUntilHooks, MFA_GATE_DECIDE="last")


HOSTS = pytest.mark.parametrize("make", [by_flask_login, by_identity, by_hooks, by_late_hook, wrong_until_hooks])
EARLY = pytest.mark.parametrize("make", [by_flask_login, by_identity, by_hooks, wrong_until_hooks])


def signed_in(host: Host, user: str) -> FlaskClient:
    client = host.client()
    client.post("/login", data={"user": user})
    client.get("/")
    return client


def proved(host: Host) -> FlaskClient:
    """User "1", with a factor."""
    host.enroll()
    client = signed_in(host, "1")
    assert host.pass_challenge(client).status_code == 303
    return client


def ask(client: FlaskClient, **changed: str) -> TestResponse:
    return client.get(f"/mfa/oidc/authorize?{urlencode({**ASKED, **changed})}")


def told(answer: TestResponse) -> dict[str, str]:
    assert answer.location.startswith(BOARD), answer.location
    return dict(parse_qsl(urlsplit(answer.location).query))


def swap_host_session(client: FlaskClient, other: FlaskClient) -> None:
    """The gate's cookie of one user, beside the host's session of another."""
    cookie = other.get_cookie("session")
    assert cookie is not None
    client.set_cookie("session", cookie.value)


@HOSTS
def test_its_own_user_gets_a_code(make: Any) -> None:
    client = proved(make())
    assert "code" in told(ask(client))


@HOSTS
def test_a_gate_cookie_beside_the_session_of_another_user_makes_no_code_of_its_user(make: Any) -> None:
    host = make()
    client = proved(host)
    swap_host_session(client, signed_in(host, "2"))
    answer = ask(client, claims=json.dumps({"id_token": {"sub": {"value": "1"}}}), prompt="none")
    assert told(answer)["error"] == "login_required"


@HOSTS
def test_a_gate_cookie_alone_makes_no_code(make: Any) -> None:
    host = make()
    client = proved(host)
    client.delete_cookie("session")
    assert told(ask(client, prompt="none"))["error"] == "login_required"
    kept = ask(client).location
    assert client.get(kept).location.startswith("/login?")


@EARLY
def test_own_pages_speak_of_the_user_whom_the_host_shows(make: Any) -> None:
    host = make()
    client = proved(host)
    assert client.get("/mfa/status").json["factors"] == ["totp"]  # type: ignore[index]
    swap_host_session(client, signed_in(host, "2"))
    answer = client.get("/mfa/status")
    assert answer.status_code == 401 or answer.json["factors"] == []  # type: ignore[index]


@EARLY
def test_nothing_is_changed_for_the_user_of_a_gate_cookie_beside_another_session(make: Any) -> None:
    host = make()
    client = proved(host)
    token: Any = client.get("/mfa/status").json
    swap_host_session(client, signed_in(host, "2"))
    headers = {**JSON, "X-CSRFToken": token["csrf_token"]}
    assert client.post("/mfa/recovery-codes", headers=headers).status_code == 401
    assert client.post("/mfa/apps/board/disconnect", headers=headers).status_code == 401


@EARLY
def test_a_user_of_whom_no_sign_in_was_seen_goes_round_in_no_circles(make: Any) -> None:
    host = make()
    client = signed_in(host, "2")
    client.delete_cookie("mfa_gate")
    assert "code" in told(ask(client))
    host.enroll()
    proven = proved(host)
    proven.delete_cookie("mfa_gate")
    assert told(ask(proven, prompt="none"))["error"] in {"login_required", "interaction_required"}


@pytest.mark.parametrize("decide", ["first", "last"])
@pytest.mark.parametrize("end", [logout_user, lambda: session.clear()], ids=["logout_user", "clear"])
def test_whom_a_hook_signs_out_after_some_time_is_nobody(end: Callable[[], object], decide: str) -> None:
    host, is_idle = Host(**PROVIDER, MFA_GATE_DECIDE=decide), list[str]()
    host.with_login_manager()

    @host.app.before_request
    def watch() -> None:
        if is_idle:
            end()

    host.app.add_url_rule("/login", "login", lambda: str(login_user(User(request.form["user"]))), methods=["POST"])
    host.app.add_url_rule("/who", "who", lambda: str(current_user.is_authenticated))
    host.gate.init_app(host.app)
    client = proved(host)
    assert "code" in told(ask(client))
    is_idle.append("now")
    assert told(ask(client, prompt="none"))["error"] == "login_required"
    assert client.get("/who").text == "False"


def test_a_loader_that_fails_makes_no_code() -> None:
    host = by_flask_login()
    client = proved(host)

    def fail(_key: str) -> User:
        raise OSError("no connection")

    host.app.login_manager.user_loader(fail)  # type: ignore[attr-defined]
    answer = ask(client, prompt="none")
    assert answer.status_code == 503
    assert "Location" not in answer.headers


def test_a_strict_cookie_comes_with_the_second_look() -> None:
    """A browser keeps it back from a request that the app's site began, and sends it from a page of the portal's."""
    host = by_flask_login()
    host.app.config["SESSION_COOKIE_SAMESITE"] = "Strict"
    client = proved(host)
    cookie = client.get_cookie("session")
    assert cookie is not None
    client.delete_cookie("session")
    address = f"/mfa/oidc/authorize?{urlencode({**ASKED, 'prompt': 'none'})}"
    page = client.get(address, headers={"Sec-Fetch-Site": "cross-site"})
    assert page.status_code == 200
    again = re.search('content="0;url=([^"]+)"', page.text)
    assert again is not None
    assert unescape(again[1]) == address
    client.set_cookie("session", cookie.value)
    back = client.get(address, headers={"Sec-Fetch-Site": "same-origin"})
    assert "code=" in back.text
    client.delete_cookie("session")
    assert client.get(address, headers={"Sec-Fetch-Site": "same-origin"}).text.count("error=login_required")


def test_what_waits_for_its_user_goes_on_for_nobody_else() -> None:
    host = by_flask_login()
    client = proved(host)
    kept = ask(client, prompt="consent").location
    token: Any = client.get("/mfa/status").json
    swap_host_session(client, signed_in(host, "2"))
    answer = client.post(kept, data={"csrf_token": token["csrf_token"], "act": "consent"})
    assert answer.status_code == 400

"""Demands 3 and 4, further hosts: sessions older than the gate, writes that fail, hooks that run after the view."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask, redirect, request, session
from flask.testing import FlaskClient
from flask_login import LoginManager, current_user, login_user, logout_user, user_logged_in, user_logged_out
from sqlalchemy.exc import OperationalError

from flask_mfa_gate.errors import StoreError
from tests.conftest import JSON, state_of
from tests.hosts_small.kit import Host, User


def add_views(app: Flask) -> None:
    """What the app looked like before it got a gate."""

    @app.post("/login")
    def login() -> Any:
        login_user(User("1"), remember=True)
        session["cart"] = ["apple"]
        return {"token": "4711"}

    @app.post("/logout")
    def logout() -> str:
        logout_user()
        return "out"

    @app.route("/", methods=["GET", "POST"])
    def home() -> Any:
        return {"user": current_user.is_authenticated, "cart": session.get("cart")}


def gated(**config: Any) -> Host:
    host = Host(**config)
    host.gate.init_app(host.app)
    host.with_login_manager()
    add_views(host.app)
    host.app.add_url_rule(
        "/healthz",
        "healthz",
        host.gate.exempt(lambda: {"user": current_user.is_authenticated, "cart": session.get("cart")}),
    )
    host.enroll()
    return host


def cookies_from_before(name: str) -> str:
    """A cookie of the twin app without the gate."""
    twin = Flask("twin")
    twin.config.update(SECRET_KEY="host", TESTING=True)
    LoginManager(twin).user_loader(User)
    add_views(twin)
    client = twin.test_client()
    client.post("/login")
    cookie = client.get_cookie(name)
    assert cookie is not None
    return str(cookie.value)


def old_client(host: Host, name: str = "session") -> FlaskClient:
    client = host.client()
    client.set_cookie(name, cookies_from_before(name))
    return client


@pytest.mark.parametrize("name", ["session", "remember_token"])
def test_cookies_older_than_the_gate_are_one_factor(name: str) -> None:
    """A session and a remember cookie of the app before the gate was put in."""
    host = gated()
    assert old_client(host, name).get("/").location == "/mfa/challenge"
    assert old_client(host, name).get("/", headers=JSON).status_code == 401
    write = old_client(host, name).post("/")
    assert (write.status_code, "apple" in write.text) == (403, False)
    assert old_client(host, name).get("/healthz").json == {"user": False, "cart": None}
    client = old_client(host, name)
    client.get("/")
    host.pass_challenge(client)
    assert client.get("/").json["user"]  # type: ignore[index]


def test_a_session_older_than_the_gate_is_no_fresh_sign_in() -> None:
    """It enrolls no first factor, and after its proof it has its contents back."""
    host = gated()
    client = old_client(host)
    client.get("/")
    with client.session_transaction() as stored:
        assert "_user_id" not in stored
        assert "cart" not in stored
    host.pass_challenge(client)
    assert client.get("/").json == {"user": True, "cart": ["apple"]}


FAILURES = [StoreError("no space"), OperationalError("INSERT", {}, Exception("disk full")), RuntimeError("anything")]


def break_writes(host: Host, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def broken(*_args: Any, **_options: Any) -> None:
        raise error

    sessions = type(state_of(host.app).store.sessions)
    monkeypatch.setattr(sessions, "add", broken)
    monkeypatch.setattr(sessions, "park", broken)


@pytest.mark.parametrize("error", FAILURES, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("accept", [{}, JSON])
def test_a_parking_write_that_fails_signs_nobody_in(
    monkeypatch: pytest.MonkeyPatch, error: Exception, accept: dict[str, str]
) -> None:
    """503, nothing of the view's answer, no cookie that is worth anything, whatever failed."""
    host = gated()
    client = host.client()
    with monkeypatch.context() as patch:
        break_writes(host, patch, error)
        answer = client.post("/login", headers=accept)
    assert answer.status_code == 503
    assert "4711" not in answer.text + str(answer.headers)
    assert client.get_cookie("remember_token") is None
    assert client.get_cookie("mfa_gate") is None
    assert client.get("/").json == {"user": False, "cart": None}


@pytest.mark.parametrize("error", FAILURES, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("name", ["session", "remember_token"])
def test_a_write_that_fails_for_an_older_session_shows_nobody(
    monkeypatch: pytest.MonkeyPatch, error: Exception, name: str
) -> None:
    """The view doesn't run, and an exempt one isn't told either."""
    host = gated()
    client, other = old_client(host, name), old_client(host, name)
    with monkeypatch.context() as patch:
        break_writes(host, patch, error)
        assert client.get("/").status_code == 503
        assert b"apple" not in other.get("/healthz").data
    assert client.get("/").json != {"user": True, "cart": ["apple"]}


def test_a_failed_write_of_a_proof_that_ran_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """A live session that can't be parked is shown to nobody."""
    host = gated()
    client = host.client()
    client.post("/login")
    host.pass_challenge(client)
    host.clock.forward(hours=1)
    with monkeypatch.context() as patch:
        break_writes(host, patch, StoreError("no space"))
        assert client.get("/").status_code == 503
    assert client.get("/").status_code != 200 or client.get("/").json["user"] is False  # type: ignore[index]


def test_receivers_run_once_and_see_the_user() -> None:
    """``user_logged_in`` at the sign-in, not again at the pass; ``user_logged_out`` only when the host says so."""
    host = gated()
    heard: list[tuple[str, bool]] = []

    def came(_sender: Any, user: Any) -> None:
        heard.append(("in", bool(current_user.is_authenticated and current_user.id == user.id)))

    def went(_sender: Any, user: Any) -> None:
        heard.append(("out", bool(user.is_authenticated)))

    with user_logged_in.connected_to(came, host.app), user_logged_out.connected_to(went, host.app):
        client = host.client()
        client.post("/login")
        client.get("/")
        client.get("/mfa/challenge")
        assert heard == [("in", True)]
        host.pass_challenge(client)
        client.get("/")
        assert heard == [("in", True)]
        client.post("/logout")
    assert heard == [("in", True), ("out", True)]


def test_hooks_after_the_view_see_nobody() -> None:
    """``after_request`` and teardown of the host run when the identity is parked already."""
    host = gated()
    torn_down: list[bool] = []

    @host.app.after_request
    def tell(answer: Any) -> Any:
        answer.headers["X-User"] = current_user.id if current_user.is_authenticated else "nobody"
        answer.headers["X-Cart"] = str(session.get("cart"))
        return answer

    @host.app.teardown_request
    def note(_error: Any) -> None:
        torn_down.append(current_user.is_authenticated)

    client = host.client()
    answer = client.post("/login")
    assert (answer.headers["X-User"], answer.headers["X-Cart"]) == ("nobody", "None")
    for path in ("/", "/mfa/challenge", "/healthz", "/nothing"):
        assert client.get(path).headers["X-User"] == "nobody", path
    assert torn_down
    assert not any(torn_down)
    host.pass_challenge(client)
    assert client.get("/").headers["X-User"] == "1"


def test_an_identity_made_after_the_gate_has_looked_waits_for_the_next_request() -> None:
    """A host's ``after_request`` that signs in: the cookie that it sends is one factor."""
    host = gated()

    @host.app.after_request
    def sign_in(answer: Any) -> Any:
        if "late" in request.args:
            login_user(User("1"))
        return answer

    client = host.client()
    client.get("/healthz?late")
    assert client.get("/").location == "/mfa/challenge"
    assert client.get("/healthz").json == {"user": False, "cart": None}


def test_keys_that_were_there_change_back_while_pending() -> None:
    """Added, changed, deep inside, and taken away: the old values are there until the pass, the new ones after it."""
    host = gated()

    @host.app.get("/fill")
    def fill() -> str:
        session.update(same=1, changed="old", deep={"list": [1]}, gone="soon")
        return "ok"

    @host.app.post("/login2")
    def login2() -> str:
        login_user(User("1"))
        session["changed"] = "new"
        session["deep"]["list"].append(2)
        session["added"] = True
        session.pop("gone")
        session.modified = True
        return "in"

    @host.app.get("/keys")
    @host.gate.exempt
    def keys() -> Any:
        return {key: value for key, value in session.items() if not key.startswith("_")}

    client = host.client()
    client.get("/fill")
    client.post("/login2")
    pending = dict(client.get("/keys").json or {})
    pending.pop("gone", None)
    assert pending == {"same": 1, "changed": "old", "deep": {"list": [1]}}
    host.pass_challenge(client)
    assert client.get("/keys").json == {"same": 1, "changed": "new", "deep": {"list": [1, 2]}, "added": True}


def test_a_sign_out_view_that_signs_somebody_in_is_a_sign_in() -> None:
    """Leaving one account for another by a view called logout: every change of identity needs its proof."""
    host = gated()

    @host.app.post("/back/logout", endpoint="back_logout")
    def back() -> Any:
        login_user(User("1"), remember=True)
        session["cart"] = ["pear"]
        return {"token": "4711"}

    client = host.client()
    client.post("/login")
    answer = client.post("/back/logout")
    assert "4711" not in answer.text
    assert client.get_cookie("remember_token") is None
    assert client.get("/healthz").json == {"user": False, "cart": None}


def test_a_reset_that_signs_out_first_and_then_in() -> None:
    """A password reset: the old user goes, the session is emptied, the new one comes, all in one view."""
    host = gated()
    host.enroll("2")

    @host.app.post("/reset/<key>")
    def reset(key: str) -> Any:
        logout_user()
        session.clear()
        login_user(User(key))
        return redirect("/done")

    client = host.client()
    client.post("/login")
    host.pass_challenge(client)
    assert client.get("/").json["user"]  # type: ignore[index]
    assert client.post("/reset/2").location == "/mfa/challenge"
    assert client.get("/").location == "/mfa/challenge"
    assert host.pass_challenge(client).location == "/done"

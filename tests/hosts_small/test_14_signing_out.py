"""Demand 14: signing out at the host means its ``user_logged_out`` receivers and its whole session."""

from __future__ import annotations

from typing import Any

import pytest
from blinker import Namespace
from flask import redirect, session
from flask_login import LoginManager, current_user, login_required, login_user
from flask_login import user_logged_out as flask_logins_own

from tests.conftest import JSON
from tests.hosts_small.kit import Host, User
from tests.hosts_small.server_sessions import ServerSessions

user_logged_out = Namespace().signal("user-logged-out")


class Fork(LoginManager):
    """Its module has signals of its own, as a fork of Flask-Login has."""


def host_with(manager: type[LoginManager], *, lazy: bool = True) -> Host:
    host = Host()
    host.app.session_interface = ServerSessions(lazy=lazy)
    manager(host.app).user_loader(User)
    host.gate.init_app(host.app)

    @host.app.post("/login")
    def login() -> Any:
        login_user(User("1"), remember=True)
        session["role"] = "admin"
        return redirect("/")

    @host.app.get("/")
    def home() -> str:
        return f"{current_user.get_id()} {session.get('role')}"

    return host


@pytest.fixture(params=[(LoginManager, flask_logins_own), (Fork, user_logged_out)], ids=["Flask-Login", "fork"])
def host_and_heard(request: pytest.FixtureRequest) -> Any:
    """A host that writes its session only when somebody signs out, and hears of it by its own signal."""
    manager, signal = request.param
    host, heard = host_with(manager), []

    def hear(_sender: Any, user: Any = None) -> None:
        assert current_user == user
        session.force_write = True  # type: ignore[attr-defined]
        heard.append(user.get_id())

    signal.connect(hear, host.app, weak=False)
    return host, heard


def sign_out(client: Any) -> Any:
    token = client.get("/mfa/status").json["csrf_token"]
    return client.post("/mfa/sign-out", data={"csrf_token": token})


def test_the_gates_sign_out_does_what_the_hosts_does(host_and_heard: Any) -> None:
    host, heard = host_and_heard
    client = host.client()
    client.post("/login")
    assert client.get("/").text == "1 admin"
    assert client.get_cookie("remember_token")
    assert sign_out(client).status_code == 303
    assert heard == ["1"]
    assert client.get("/").text == "None None"
    assert not client.get_cookie("remember_token")


def test_who_leaves_without_having_proved_anything_is_heard_of_too(host_and_heard: Any) -> None:
    host, heard = host_and_heard
    host.app.add_url_rule("/logout", "logout", login_required(lambda: "out"), methods=["POST"])
    client = host.client()
    client.post("/login")
    host.enroll()
    client.post("/logout")
    assert heard == ["1"]
    assert client.get("/").text == "None None"


def test_a_pending_sign_in_is_told_to_nobody(host_and_heard: Any) -> None:
    host, heard = host_and_heard
    host.client().get("/")
    host.enroll()
    client = host.client()
    client.post("/login")
    assert sign_out(client).status_code == 303
    assert heard == []


@pytest.mark.parametrize("failing", ["loader", "receiver"])
def test_out_all_the_same_where_the_host_fails(failing: str) -> None:
    host = host_with(LoginManager, lazy=False)
    client = host.client()
    client.post("/login")
    token = client.get("/mfa/status").json["csrf_token"]  # type: ignore[index]

    def fail(*_: Any, **__: Any) -> Any:
        raise RuntimeError("the directory is away")

    if failing == "loader":
        host.app.login_manager.user_loader(fail)  # type: ignore[attr-defined]
    else:
        flask_logins_own.connect(fail, host.app)
    assert client.post("/mfa/sign-out", data={"csrf_token": token}, headers=JSON).json == {
        "next": "sign-in",
        "continue_url": "/",
    }
    host.app.login_manager.user_loader(User)  # type: ignore[attr-defined]
    assert client.get("/").text == "None None"

"""Demand 2, hosts that keep who is signed in where neither the session nor an answer shows it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask, Request, Response, request, session
from flask.sessions import SessionInterface, SessionMixin
from flask_login import current_user, login_required

from tests.hosts_small.kit import Host, User


class Table:
    """Sessions of the host's own, by a cookie that each browser has from its first request on."""

    def __init__(self) -> None:
        self.users: dict[str, str] = {}

    def load(self, asked: Request) -> User | None:
        key = self.users.get(asked.cookies.get("sid", ""))
        return User(key) if key else None


def by_identity(host: Host, table: Table) -> None:
    host.gate.init_app(host.app, identity=table, user_key=lambda user: user.id)


def by_request_loader(host: Host, table: Table) -> None:
    host.with_login_manager().request_loader(table.load)
    host.gate.init_app(host.app)


def with_a_table(start: Callable[[Host, Table], None]) -> tuple[Host, Any]:
    host, table = Host(), Table()
    start(host, table)

    @host.app.post("/login")
    def login() -> str:
        table.users[request.cookies["sid"]] = "1"
        return "secret of 1"

    @host.app.get("/")
    def home() -> Any:
        user = table.load(request)
        return f"{user.id if user else 'nobody'}, {session.get('cart')}"

    @host.app.post("/cart")
    def cart() -> str:
        session["cart"] = "full"
        return "kept"

    client = host.client()
    client.set_cookie("sid", "a browser")
    client.post("/cart")
    return host, client


BOTH = pytest.mark.parametrize("start", [by_identity, by_request_loader])


@BOTH
def test_a_sign_in_that_only_a_table_knows_of_is_seen(start: Callable[[Host, Table], None]) -> None:
    host, client = with_a_table(start)
    host.enroll()
    answer = client.post("/login")
    assert (answer.location, "secret" in answer.text) == ("/mfa/challenge", False)
    assert client.get("/").location == "/mfa/challenge"
    host.pass_challenge(client)
    assert client.get("/").text == "1, full"


@BOTH
def test_it_is_a_sign_in_that_may_set_up_a_first_factor(start: Callable[[Host, Table], None]) -> None:
    host, client = with_a_table(start)
    with host.app.app_context():
        host.gate.enrollments.require("1", days=0, actor="cli")
    assert client.post("/login").location == "/mfa/enroll"
    assert client.get("/mfa/enroll/totp").status_code == 200


@BOTH
def test_of_whom_nothing_is_asked_the_session_stays(start: Callable[[Host, Table], None]) -> None:
    host, client = with_a_table(start)
    assert client.post("/login").text == "secret of 1"
    assert client.get("/").text == "1, full"
    with host.app.app_context():
        assert "late-identity" not in [one.code for one in host.gate.doctor()]


class ReadAtFirstUse(dict[str, Any], SessionMixin):
    """A session that is empty until somebody asks for one of its keys."""

    modified = True

    def __init__(self, kept: dict[str, Any]) -> None:
        super().__init__()
        self._kept: dict[str, Any] | None = kept

    def _read(self) -> None:
        kept, self._kept = self._kept, None
        self.update(kept or {})

    def __contains__(self, key: object) -> bool:
        self._read()
        return super().__contains__(key)

    def __getitem__(self, key: str) -> Any:
        self._read()
        return super().__getitem__(key)

    def get(self, key: str, default: Any = None) -> Any:
        self._read()
        return super().get(key, default)


class OneSession(SessionInterface):
    """The same session for everybody, in which somebody has been signed in for long."""

    def __init__(self) -> None:
        self.kept: dict[str, Any] = {"_user_id": "1", "_fresh": True}

    def open_session(self, app: Flask, request: Request) -> ReadAtFirstUse:
        return ReadAtFirstUse(self.kept)

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        self.kept = dict(session)


def test_a_session_that_is_read_at_its_first_use_names_its_user() -> None:
    host, done = Host(), list[Any]()
    host.app.session_interface = OneSession()
    host.with_login_manager().session_protection = None
    host.gate.init_app(host.app)
    host.app.add_url_rule("/", "act", login_required(lambda: (done.append(current_user.get_id()), "done")[1]))
    host.enroll()
    assert host.client().get("/").location == "/mfa/challenge"
    assert done == []

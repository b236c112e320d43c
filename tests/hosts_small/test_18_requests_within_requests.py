"""A host asks its own app while it answers: what the gate knows of one request says nothing of the other."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from flask import Flask, copy_current_request_context, redirect, request, session, stream_with_context
from flask.testing import FlaskClient
from flask_login import current_user, login_required, login_user

from tests.hosts_small.kit import Host, User

BOTH = pytest.mark.parametrize("decide", ["first", "last"])


def ask_inside(app: Flask) -> None:
    """By a client of its own, which knows nobody."""
    app.test_client().get("/ping")


def ask_with_own_environment(app: Flask) -> None:
    """As a forward does that hands its own environment on."""
    app.wsgi_app({**request.environ, "PATH_INFO": "/ping", "REQUEST_METHOD": "GET"}, lambda *_: lambda _: None)


def ask_with_the_very_environment(app: Flask) -> None:
    path = request.environ["PATH_INFO"]
    request.environ["PATH_INFO"] = "/ping"
    app.wsgi_app(request.environ, lambda *_: lambda _: None)
    request.environ["PATH_INFO"] = path


def ask_without_a_server(app: Flask) -> None:
    with app.test_request_context("/ping"):
        app.preprocess_request()


WAYS = pytest.mark.parametrize(
    "ask", [ask_inside, ask_with_own_environment, ask_with_the_very_environment, ask_without_a_server]
)


class Asking(Host):
    """It warms itself up before a page, and notes whose transfers it made."""

    def __init__(self, decide: str, ask: Any) -> None:
        super().__init__(MFA_GATE_DECIDE=decide)
        self.with_login_manager()
        self.transfers: list[str | None] = []
        app = self.app

        @app.before_request
        def warm() -> None:
            if request.path in {"/", "/transfer"}:
                ask(app)

        self.gate.init_app(app)

        @app.post("/login")
        def login() -> Any:
            ask(app)
            login_user(User("1"))
            return redirect("/")

        @app.get("/")
        @login_required
        def home() -> str:
            ask(app)
            return f"in as {current_user.get_id()}"

        @app.post("/transfer")
        def transfer() -> str:
            self.transfers.append(current_user.get_id() if current_user.is_authenticated else None)
            return f"transferred {session.get('_user_id')}"

        @app.get("/ping")
        def ping() -> str:
            return f"pong {current_user.is_authenticated}"

        @app.get("/parts")
        @login_required
        def parts() -> Any:
            def many() -> Any:
                yield "part "
                yield str(self.gate.assurance().amr)  # type: ignore[union-attr]

            return stream_with_context(many())

        @app.get("/thread")
        @login_required
        def in_a_thread() -> str:
            seen: list[Any] = []

            @copy_current_request_context
            def work() -> None:
                seen.append((current_user.get_id(), self.gate.assurance().amr))  # type: ignore[union-attr]

            one = threading.Thread(target=work)
            one.start()
            one.join()
            return str(seen)

    def signed_in(self) -> FlaskClient:
        client = self.client()
        client.post("/login")
        return client

    def force(self) -> None:
        with self.app.app_context():
            self.gate.enrollments.require("1", days=0, actor="cli")


@BOTH
@WAYS
def test_whoever_has_to_set_mfa_up_is_stopped(decide: str, ask: Any) -> None:
    host = Asking(decide, ask)
    client = host.signed_in()
    assert client.get("/").text == "in as 1"
    host.force()
    assert client.post("/transfer").status_code == 403
    assert host.transfers == []
    assert client.get("/").location == "/mfa/enroll"


@BOTH
@WAYS
def test_whoever_proved_goes_on(decide: str, ask: Any) -> None:
    host = Asking(decide, ask)
    host.client().get("/ping")
    host.enroll()
    client = host.signed_in()
    assert client.post("/transfer").status_code == 403
    assert host.pass_challenge(client).status_code == 303
    for _ in range(2):
        assert client.get("/").text == "in as 1"
        assert client.post("/transfer").text == "transferred 1"
    assert host.transfers == ["1", "1"]


def test_an_identity_of_a_hook_is_seen_in_spite_of_it() -> None:
    host = Host()
    host.with_login_manager()
    host.gate.init_app(host.app)
    ran: list[Any] = []

    @host.app.before_request
    def sso() -> None:
        if name := request.headers.get("X-Sso-User"):
            login_user(User(name))
            ask_inside(host.app)

    @host.app.post("/transfer")
    def transfer() -> str:
        ran.append(current_user.get_id())
        return "transferred"

    host.app.add_url_rule("/ping", "ping", lambda: "pong")
    host.client().get("/ping")
    host.enroll()
    assert host.client().post("/transfer", headers={"X-Sso-User": "1"}).location == "/mfa/challenge"
    assert ran == []


def test_the_inner_request_is_nobodys() -> None:
    host = Host()
    host.with_login_manager()
    host.gate.init_app(host.app)
    host.app.add_url_rule("/login", "login", lambda: (login_user(User("1")), "in")[1], methods=["POST"])
    host.app.add_url_rule("/who", "who", lambda: str(current_user.get_id()))
    host.app.add_url_rule(
        "/ask", "ask", login_required(lambda: f"{host.app.test_client().get('/who').text} {current_user.get_id()}")
    )
    client = host.client()
    client.post("/login")
    assert client.get("/ask").text == "None 1"


def test_the_outer_request_knows_its_user_afterwards() -> None:
    """Also one whom no session names, such as the owner of a token."""
    host = Host()
    manager = host.with_login_manager()
    host.gate.init_app(host.app)
    host.app.add_url_rule("/who", "who", lambda: str(current_user.get_id()))

    @host.app.get("/ask")
    def by_token() -> str:
        manager._update_request_context_with_user(User("7"))
        return f"{host.app.test_client().get('/who').text} {current_user.get_id()}"

    assert host.client().get("/ask").text == "None 7"


def test_an_event_knows_nobody_whom_a_request_within_it_named() -> None:
    host = Host()
    host.with_login_manager()
    host.gate.init_app(host.app)
    host.app.add_url_rule("/login", "login", lambda: (login_user(User("1")), "in")[1], methods=["POST"])
    host.app.add_url_rule("/who", "who", lambda: str(current_user.get_id()))
    client = host.client()
    client.post("/login")
    for _ in range(2):
        with host.app.test_request_context("/socket"):
            assert client.get("/who").text == "1"
            assert current_user.get_id() is None


def test_requests_that_share_an_app_context_are_not_one() -> None:
    host = Asking("first", ask_inside)
    with host.app.app_context():
        one, two = host.client(), host.client()
        one.post("/login")
        assert one.get("/").text == "in as 1"
        assert two.get("/ping").text == "pong False"
        assert two.get("/").status_code == 401
        assert one.get("/").text == "in as 1"


@BOTH
def test_what_goes_on_after_the_view_knows_the_session(decide: str) -> None:
    host = Asking(decide, ask_inside)
    host.client().get("/ping")
    host.enroll()
    client = host.signed_in()
    host.pass_challenge(client)
    assert client.get("/parts").text == "part ('pwd', 'otp', 'mfa')"
    assert client.get("/thread").text == "[('1', ('pwd', 'otp', 'mfa'))]"

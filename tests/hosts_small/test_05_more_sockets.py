"""Demand 5, further hosts: whatever loads the user of a request without hooks, unproven ones are nobody."""

from __future__ import annotations

from typing import Any

import pytest
from blinker import Namespace
from flask import current_app, g, session
from flask.testing import FlaskClient
from flask_login import AnonymousUserMixin, LoginManager, current_user, login_user

from flask_mfa_gate.errors import NotProved
from tests.hosts_small.kit import Host, User

user_accessed = Namespace().signal("accessed")


class HostsOwnLoginManager(LoginManager):
    """Many hosts have a subclass of their own, in a module of their own that knows no signals."""

    __module__ = "example_app.people"


class Fork:
    """No relation to Flask-Login; its signals are its own."""

    def __init__(self, app: Any) -> None:
        app.login_manager = self

    def user_loader(self, load: Any) -> None:
        self._user_callback = load

    def anonymous_user(self) -> Any:
        return AnonymousUserMixin()

    def _load_user(self) -> None:
        user_accessed.send(current_app._get_current_object())  # type: ignore[attr-defined]
        key = session.get("_user_id")
        g._login_user = self._user_callback(key) if key else self.anonymous_user()


def socket_host(manager: Any = LoginManager, **config: Any) -> Host:
    host = Host(**config)
    host.gate.init_app(host.app)
    manager(host.app).user_loader(User)

    @host.app.post("/login")
    def login() -> str:
        session["_user_id"] = "1"
        g._login_user = User("1")
        return "in"

    host.app.add_url_rule("/", "home", lambda: "home")
    host.enroll()
    return host


def event(host: Host, cookies: dict[str, str], **headers: str) -> str | None:
    """Who a websocket's event is from, in ``app.request_context`` without any hook."""
    cookie = "; ".join(f"{name}={value}" for name, value in cookies.items())
    with host.app.test_request_context("/socket", headers={"Cookie": cookie, **headers}):
        return current_user.id if current_user.is_authenticated else None


def cookies_of(client: FlaskClient) -> dict[str, str]:
    kept = [client.get_cookie(name) for name in ("session", "mfa_gate")]
    return {one.key: one.value for one in kept if one}


def unproven(host: Host, key: str = "1") -> dict[str, str]:
    """A host session that names a user and was never seen by the gate."""
    signer = host.app.session_interface.get_signing_serializer(host.app)  # type: ignore[attr-defined]
    return {"session": signer.dumps({"_user_id": key})}


@pytest.mark.parametrize("manager", [LoginManager, HostsOwnLoginManager, Fork])
def test_only_a_proved_session_is_a_user(manager: Any) -> None:
    """With Flask-Login itself, with a subclass of it, with a fork."""
    host = socket_host(manager)
    client = host.client()
    client.get("/")
    assert event(host, unproven(host)) is None
    client.post("/login")
    assert event(host, cookies_of(client)) is None
    host.pass_challenge(client)
    assert event(host, cookies_of(client)) == "1"
    assert event(host, {"session": cookies_of(client)["session"]}) is None
    assert event(host, {**cookies_of(client), **unproven(host, "2")}) is None, "the proof is of another user"


def test_a_manager_that_another_takes_the_place_of_is_heard_too() -> None:
    host = socket_host()
    client = host.client()
    client.get("/")
    Fork(host.app).user_loader(User)
    client.get("/")
    assert event(host, unproven(host)) is None


def test_so_is_one_that_comes_after_the_first_file() -> None:
    host = Host()
    host.gate.init_app(host.app)
    host.enroll()
    assert host.client().get("/static/none.css").status_code == 404
    manager = LoginManager()
    manager.user_loader(User)
    host.app.login_manager = manager  # type: ignore[attr-defined]
    assert event(host, unproven(host)) is None


def test_the_very_first_thing_a_process_does_may_be_an_event() -> None:
    """After a restart sockets connect again before any page is asked for."""
    host = socket_host()
    assert event(host, unproven(host)) is None


def test_an_event_fails_for_a_user_made_by_request_loader_without_proof() -> None:
    """A cookie of the host's own that a ``request_loader`` reads is one factor here too."""
    host = socket_host()
    host.app.login_manager.request_loader(  # type: ignore[attr-defined]
        lambda request: User(request.cookies["jwt"]) if "jwt" in request.cookies else None
    )
    host.client().get("/")
    with pytest.raises(NotProved):
        event(host, {"jwt": "1"})


def test_what_one_user_proved_opens_nothing_for_another_whom_request_loader_names() -> None:
    host = socket_host()
    host.app.login_manager.request_loader(  # type: ignore[attr-defined]
        lambda request: User(request.cookies["jwt"]) if "jwt" in request.cookies else None
    )
    client = host.client()
    client.post("/login")
    host.pass_challenge(client)
    proof = {"mfa_gate": cookies_of(client)["mfa_gate"]}
    assert event(host, {**proof, "jwt": "1"}) == "1"
    with pytest.raises(NotProved):
        event(host, {**proof, "jwt": "2"})
    with host.app.test_request_context("/socket", headers={"Cookie": f"mfa_gate={proof['mfa_gate']}; jwt=2"}):
        assert not host.gate.still_ok()


def test_a_user_who_owes_nothing_is_the_user() -> None:
    """Nothing is demanded of user 2, so a socket shows them as pages do."""
    host = socket_host()

    @host.app.post("/login2")
    def login2() -> str:
        login_user(User("2"))
        return "in"

    client = host.client()
    client.post("/login2")
    assert event(host, cookies_of(client)) == "2"


def test_still_ok_ends_with_the_sign_in() -> None:
    """An open socket keeps the cookies of its handshake: sign-out, lapse and idle time end what it may."""
    host = socket_host()
    client = host.client()
    client.post("/login")
    host.pass_challenge(client)
    handshake = "; ".join(f"{name}={value}" for name, value in cookies_of(client).items())

    def is_ok() -> bool:
        with host.app.test_request_context("/socket", headers={"Cookie": handshake}):
            return host.gate.still_ok()

    assert is_ok()
    host.clock.forward(hours=2)
    assert not is_ok()
    host.clock.forward(hours=-2)
    assert is_ok()
    token = client.get("/mfa/status").json["csrf_token"]  # type: ignore[index]
    client.post("/mfa/sign-out", data={"csrf_token": token})
    assert not is_ok()

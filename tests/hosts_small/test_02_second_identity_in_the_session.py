"""Demand 2, hosts that keep a second identity in the session, beside that of Flask-Login, as Flask-Principal does."""

from __future__ import annotations

from typing import Any

from flask import request, session
from flask.testing import FlaskClient
from flask_login import current_user, login_user

from tests.hosts_small.kit import Host, User

SECOND = "identity.id"


def with_roles() -> Host:
    """A host whose views go by the second one alone."""
    host = Host()
    host.with_login_manager().session_protection = None
    host.gate.init_app(host.app)

    @host.app.post("/login")
    def login() -> str:
        login_user(User(request.form["user"]))
        session[SECOND] = request.form["user"]
        return "in"

    @host.app.get("/basket")
    def basket() -> str:
        session["basket"] = "full"
        return "kept"

    @host.app.get("/admin")
    def admin() -> Any:
        return (f"inside as {session[SECOND]}", 200) if SECOND in session else ("no", 403)

    host.enroll("1")
    host.enroll("2")
    return host


def drop_cookie_of_gate(client: FlaskClient) -> None:
    client.delete_cookie("mfa_gate")


def test_a_pending_sign_in_leaves_none_of_it_in_a_session_that_comes_beside() -> None:
    host = with_roles()
    client = host.client()
    client.post("/login", data={"user": "1"})
    with client.session_transaction() as stolen:
        stolen.update({"_user_id": "1", "_fresh": True, SECOND: "1"})
    assert client.get("/admin").location == "/mfa/challenge"
    drop_cookie_of_gate(client)
    assert client.get("/admin").status_code == 403


def test_nor_does_the_sign_in_of_another_user() -> None:
    host = with_roles()
    client = host.client()
    client.post("/login", data={"user": "1"})
    host.pass_challenge(client)
    assert client.get("/admin").text == "inside as 1"
    client.post("/login", data={"user": "2"})
    drop_cookie_of_gate(client)
    assert client.get("/admin").status_code == 403


def test_what_nobody_had_kept_stays() -> None:
    host = with_roles()
    client = host.client()
    client.get("/basket")
    client.post("/login", data={"user": "1"})
    host.pass_challenge(client)
    with client.session_transaction() as kept:
        assert (kept["basket"], kept[SECOND]) == ("full", "1")


def test_signing_in_again_beside_such_a_session_goes_on() -> None:
    host = with_roles()
    client = host.client()
    client.post("/login", data={"user": "1"})
    with client.session_transaction() as old:
        old.update({"_user_id": "1", "_fresh": True, SECOND: "1"})
    assert client.post("/login", data={"user": "1"}).location == "/mfa/challenge"
    assert host.pass_challenge(client).status_code == 303
    assert client.get("/admin").text == "inside as 1"


def test_nor_does_an_event_of_a_socket_see_it() -> None:
    host = with_roles()
    with host.app.test_request_context("/socket"):
        session.update({"_user_id": "1", "_fresh": True, SECOND: "1"})
        assert (current_user.get_id(), SECOND in session) == (None, False)

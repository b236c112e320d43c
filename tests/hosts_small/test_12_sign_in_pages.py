"""Demand 12: the host's sign-in page is found wherever Flask-Login was told of it."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, redirect
from flask_login import login_user

from tests.hosts_small.kit import Host, User


def by_blueprint(**views: str) -> Host:
    """An app without a login view of its own; each blueprint has one."""
    host = Host()
    host.with_login_manager().blueprint_login_views = {name: f"{name}.login" for name in views}
    for name, prefix in views.items():
        part = Blueprint(name, __name__, url_prefix=prefix)

        @part.route("/login", methods=["GET", "POST"], endpoint="login")
        def login() -> Any:
            login_user(User("1"))
            return redirect("/")

        @part.get("/marked", endpoint="marked")
        @host.gate.require_mfa()
        def marked() -> str:
            return "marked"

        host.app.register_blueprint(part)
    host.gate.init_app(host.app)
    host.enroll()
    return host


def test_a_marked_view_sends_to_the_sign_in_of_its_blueprint() -> None:
    client = by_blueprint(staff="/staff", shop="/shop").client()
    assert client.get("/staff/marked").location == "/staff/login?next=%2Fstaff%2Fmarked"
    assert client.get("/shop/marked").location == "/shop/login?next=%2Fshop%2Fmarked"


def test_pages_of_the_gate_send_to_one_that_is_there() -> None:
    client = by_blueprint(staff="/staff").client()
    assert client.get("/mfa/").location.startswith("/staff/login")
    client.post("/staff/login")
    token = client.get("/mfa/status").json["csrf_token"]  # type: ignore[index]
    assert client.post("/mfa/cancel", data={"csrf_token": token}).location == "/staff/login"

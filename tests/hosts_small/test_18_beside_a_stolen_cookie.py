"""Demand 18: a hook shows the owner of an API key, and beside the key comes somebody else's cookie."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Request, flash, g, request, session
from flask_login import login_user

from tests.hosts_small.kit import Host, User


class KeyOrSession:
    """A host's object that goes by what its hook left, else by the session."""

    def load(self, _asked: Request) -> User | None:
        key = g.get("owner") or session.get("_user_id")
        return User(key) if key else None


def with_identity(host: Host) -> None:
    host.gate.init_app(host.app, identity=KeyOrSession(), user_key=lambda user: user.id)


def with_manager(host: Host) -> None:
    host.with_login_manager().session_protection = None
    host.gate.init_app(host.app)


@pytest.mark.parametrize("start", [with_identity, with_manager])
@pytest.mark.parametrize("decide", ["first", "last"])
@pytest.mark.parametrize("is_required", [False, True])
def test_the_cookie_is_no_password(start: Callable[[Host], None], decide: str, is_required: bool) -> None:
    """Whoever holds a copied cookie sets up no first factor with it, whatever key of their own they send along."""
    host = Host(MFA_GATE_DECIDE=decide)
    start(host)

    @host.app.before_request
    def show_owner() -> None:
        if key := request.headers.get("X-Api-Key"):
            g.owner = key
            g._login_user = User(key)

    host.app.add_url_rule("/note", "note", lambda: (flash("noted"), "noted")[1])
    if is_required:
        with host.app.app_context():
            host.gate.enrollments.require("victim", days=0, actor="cli")
    thief = host.client()
    with thief.session_transaction() as stolen:
        stolen["_user_id"], stolen["_fresh"] = "victim", True
    thief.get("/note", headers={"X-Api-Key": "thief"})
    answer = thief.get("/mfa/enroll/totp")
    assert answer.status_code == 401
    assert "secret" not in answer.text


def test_a_change_of_the_user_in_a_view_is_still_a_password() -> None:
    host = Host()
    with_manager(host)
    host.app.add_url_rule(
        "/login/<key>", "login", lambda key: (login_user(User(key)), "in")[1], methods=["POST"]
    )  # fmt: skip
    with host.app.app_context():
        host.gate.enrollments.require("2", days=0, actor="cli")
    client: Any = host.client()
    client.post("/login/1")
    assert client.post("/login/2").location == "/mfa/enroll"
    assert client.get("/mfa/enroll/totp").status_code == 200

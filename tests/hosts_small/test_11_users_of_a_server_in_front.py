"""Demand 11: a server in front names the user in each request; no view ever signs them in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import request, session
from flask_login import current_user, login_required

from flask_mfa_gate.web.inspection.doctor import findings
from tests.conftest import JSON, Phone, state_of
from tests.hosts_small.kit import Host, User


class OfTheServer:
    """An ``identity=`` object."""

    def load(self, request: Any) -> User | None:
        return named(request)


def named(request: Any) -> User | None:
    name = request.remote_user or request.headers.get("X-Sso")
    return User(name) if name else None


def by_loader(host: Host) -> None:
    host.with_login_manager().request_loader(named)
    host.app.add_url_rule("/", "home", login_required(lambda: f"inside as {current_user.get_id()}"))
    host.gate.init_app(host.app)


def by_identity(host: Host) -> None:
    def home() -> str:
        session["seen"] = True
        user = named(request)
        return f"inside as {user.id if user else None}"

    host.app.add_url_rule("/", "home", home)
    host.gate.init_app(host.app, identity=OfTheServer(), user_key=lambda user: user.id)


ENVIRON: dict[str, Any] = {"environ_overrides": {"REMOTE_USER": "1"}}
HEADER: dict[str, Any] = {"headers": {"X-Sso": "1"}}


@pytest.mark.parametrize("front", [ENVIRON, HEADER], ids=["remote_user", "header"])
@pytest.mark.parametrize("set_up", [by_loader, by_identity])
def test_a_first_factor_takes_an_access_pass_and_the_page_says_so(
    set_up: Callable[[Host], None], front: dict[str, Any]
) -> None:
    host = Host()
    set_up(host)
    client = host.client()
    assert client.get("/", **front).text == "inside as 1", "nothing is required yet, and the session may hold something"
    with host.app.app_context():
        host.gate.enrollments.require("1", days=0)
        code = host.gate.access_passes.issue("1", actor="cli", reason="first factor")
    assert client.get("/", **front).location == "/mfa/enroll"
    page = client.get("/mfa/enroll/totp", **front)
    assert (page.status_code, "access pass" in page.text) == (401, True)
    as_json = client.get("/mfa/enroll/totp", **{**front, "headers": {**JSON, **front.get("headers", {})}})
    assert (as_json.status_code, as_json.json["factors"]) == (401, ["access_pass"])  # type: ignore[index]

    token = client.get("/mfa/status", **front).json["csrf_token"]  # type: ignore[index]
    handed_in = client.post(
        "/mfa/challenge", data={"csrf_token": token, "factor": "access_pass", "code": code}, **front
    )  # fmt: skip
    assert handed_in.location == "/mfa/enroll"
    secret = client.get("/mfa/enroll/totp", **{**front, "headers": {**JSON, **front.get("headers", {})}}).json["secret"]  # type: ignore[index]
    token = client.get("/mfa/status", **front).json["csrf_token"]  # type: ignore[index]
    phone = Phone(host.clock, secret)
    assert client.post("/mfa/enroll/totp", data={"csrf_token": token, "code": phone.code()}, **front).status_code == 200
    assert client.get("/", **front).text == "inside as 1"

    host.phone, other = phone, host.client()
    assert other.get("/", **front).location == "/mfa/challenge"
    assert host.pass_challenge(other, **front).status_code == 303
    assert other.get("/", **front).text == "inside as 1"


def test_the_doctor_says_who_was_stopped() -> None:
    host = Host()
    by_loader(host)
    client = host.client()
    with host.app.app_context():
        host.gate.enrollments.require("1", days=0)
    for front in (ENVIRON, HEADER):
        client = host.client()
        client.get("/", **front)
        client.get("/mfa/enroll/totp", **front)
    with host.app.app_context():
        told = [one.sentence for one in findings(host.app, state_of(host.app)) if one.code == "upstream-user"]
    assert len(told) == 2
    assert "REMOTE_USER" in told[0]


def test_whoever_may_sign_in_again_is_sent_there() -> None:
    """A browser whose sign-in with the password is too long ago."""
    host = Host()
    host.with_login_manager()
    host.app.add_url_rule("/", "home", login_required(lambda: "inside"))
    host.gate.init_app(host.app)
    client = host.client()
    with client.session_transaction() as kept:
        kept.update({"_user_id": "1", "_fresh": True})
    with host.app.app_context():
        host.gate.enrollments.require("1", days=0)
    client.get("/")
    page = client.get("/mfa/enroll/totp")
    assert (page.status_code, "Sign in again" in page.text, "access pass" in page.text) == (401, True, False)

"""Offline access on hosts where nothing but a request tells of a user: a changed password ends it all the same."""

from __future__ import annotations

from typing import Any

import pytest
from flask import request, session
from flask.testing import FlaskClient

from tests.hosts_small.kit import Host
from tests.oidc_kit import BOARD, PROVIDER, VERIFIER, refresh
from tests.web.oidc.test_shown_user import ask, told

pytestmark = pytest.mark.pages
PASSWORDS = {"1": "old"}


class Account:
    """A user object of the host."""

    is_active = True

    def __init__(self, key: str) -> None:
        self.id, self.password_hash = key, PASSWORDS[key]


class OfSession:
    """An ``identity=`` object; neither model nor loader nor directory is there."""

    def load(self, _request: Any) -> Account | None:
        return Account(session["uid"]) if "uid" in session else None


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Host:
    monkeypatch.setitem(PASSWORDS, "1", "old")
    host = Host(**PROVIDER)

    def login() -> str:
        session["uid"] = request.form["user"]
        return "in"

    host.app.add_url_rule("/login", "login", login, methods=["GET", "POST"])
    host.app.add_url_rule("/", "home", lambda: "home")
    host.gate.init_app(host.app, identity=OfSession(), user_key=lambda user: user.id)
    return host


def sign_in(host: Host) -> FlaskClient:
    client = host.client()
    client.post("/login", data={"user": "1"})
    client.get("/mfa/status")
    return client


def offline_token(host: Host) -> str:
    """A refresh token that outlives the sign-in."""
    client = sign_in(host)
    kept = ask(client, scope="openid offline_access", prompt="consent").location
    state: Any = client.get("/mfa/status").json
    client.post(kept, data={"csrf_token": state["csrf_token"], "act": "consent"})
    page = client.get(kept)
    code = page.text.partition("?code=")[2].partition("&")[0] if page.status_code == 200 else told(page)["code"]
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": BOARD, "code_verifier": VERIFIER}
    answer: Any = host.client().post("/mfa/oidc/token", data={"client_id": "board", **form}).json
    client.post("/mfa/sign-out", data={"csrf_token": state["csrf_token"]})
    return str(answer["refresh_token"])


def test_it_outlives_the_sign_in(host: Host) -> None:
    assert refresh(host.app, offline_token(host))[0] == 200


def test_it_ends_when_the_host_says_that_the_password_was_changed(host: Host) -> None:
    token = offline_token(host)
    with host.app.app_context():
        host.gate.password_changed("1")
    assert refresh(host.app, token)[1]["error"] == "invalid_grant"


def test_it_ends_when_the_user_comes_by_with_another_password(host: Host) -> None:
    token = offline_token(host)
    PASSWORDS["1"] = "new"
    sign_in(host)
    assert refresh(host.app, token)[1]["error"] == "invalid_grant"

"""Forms of the gate whose answers lead on to another site: browsers hold the whole chain against ``form-action``."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask, redirect, request
from flask_login import login_required, login_user
from selenium.webdriver import Chrome

from tests.browser.conftest import Screen, served
from tests.conftest import Phone
from tests.hosts_small.kit import SECRET, Host, User

pytestmark = pytest.mark.parametrize("scripts", [False], indirect=True, ids=["no-script"])


def now() -> datetime:
    return datetime.now(UTC)


def provider(elsewhere: str) -> Host:
    """A host that is an OAuth provider itself, and whose own sign-in is at another site when it is over."""
    host = Host(MFA_GATE_LOGIN_URL="/sso")
    host.app.config["MFA_GATE_CLOCK"] = now
    host.with_login_manager().login_view = "login"

    @host.app.route("/login", methods=["GET", "POST"])
    def login() -> Any:
        if request.method == "POST":
            login_user(User("1"))
            return redirect(request.args.get("next") or "/")
        return '<main><form method="post"><button>Sign in</button></form></main>'

    host.app.add_url_rule("/oauth/authorize", "authorize", login_required(lambda: redirect(f"{elsewhere}/callback")))
    host.app.add_url_rule("/sso", "sso", lambda: redirect(f"{elsewhere}/sign-in"))
    host.gate.init_app(host.app)
    host.enroll()
    return host


@pytest.fixture
def road(chrome: Chrome) -> Iterator[Screen]:
    """At the challenge, on the way to the client of the provider."""
    client = Flask("client")
    client.add_url_rule("/callback", view_func=lambda: "client got the code")
    client.add_url_rule("/sign-in", "sign_in", lambda: "single sign-on")
    with served(client) as elsewhere, served(provider(elsewhere).app) as base:
        screen = Screen(chrome, base)
        screen.open("/oauth/authorize?client=wiki")
        screen.press("Sign in")
        screen.expect("Enter your code")
        yield screen


def test_the_code_leads_on_to_another_site(road: Screen) -> None:
    road.type("code", Phone(now, SECRET).code())
    road.press("Verify")
    road.expect("client got the code")


def test_cancelling_leads_on_to_another_site(road: Screen) -> None:
    road.press("Cancel")
    road.expect("single sign-on")

"""The doctor looks for the way to the host's sign-in page, and for who finds its users."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Blueprint, Flask
from flask_login import LoginManager
from werkzeug.routing import Map

from tests.conftest import state_of
from tests.web.inspection.kit import Make, found, sentence

SOUND = {"key-file": "warning"}


@pytest.mark.parametrize("named", ["login", "/login"])
def test_a_page_that_is_there_is_well(make: Make, named: str) -> None:
    assert found(make(MFA_GATE_LOGIN_URL=named)) == SOUND


@pytest.mark.parametrize("named", ["/signin", "/login/"])
def test_a_page_that_is_not_there_is_an_error(make: Make, named: str) -> None:
    app = make(MFA_GATE_LOGIN_URL=named)
    assert found(app) == {**SOUND, "login-url": "error"}
    assert repr(named) in sentence(app, "login-url")


def test_a_page_where_nobody_can_sign_in_is_an_error(make: Make) -> None:
    for named, code in (("/mfa/challenge", "login-url"), ("logout", "login-url"), ("/login", "marked-login")):
        app = make(MFA_GATE_LOGIN_URL=None if named == "logout" else named)
        app._got_first_request = False
        app.add_url_rule("/logout", "logout", lambda: "out")
        app.login_manager.login_view = named  # type: ignore[attr-defined]
        if code == "marked-login":
            app.view_functions["login"] = state_of(app).gate.require_mfa()(app.view_functions["login"])
        assert found(app) == {**SOUND, code: "error"}
        assert named.rpartition("/")[2] in sentence(app, code)


def test_the_page_of_a_marked_blueprint_is_one_too(make: Make) -> None:
    app = make()
    app._got_first_request = False
    staff = state_of(app).gate.resource("staff")(Blueprint("staff", __name__, url_prefix="/staff"))
    staff.add_url_rule("/in", "enter", lambda: "in")
    app.register_blueprint(staff)
    app.login_manager.blueprint_login_views = {"staff": "staff.enter"}  # type: ignore[attr-defined]
    assert found(app) == {**SOUND, "marked-login": "error"}
    assert "/staff/in" in sentence(app, "marked-login")


def test_an_endpoint_that_is_not_there_is_named_too(make: Make) -> None:
    assert found(make(MFA_GATE_LOGIN_URL="auth.login")) == {**SOUND, "unknown-endpoint": "error"}


def test_a_login_view_that_names_no_endpoint_is_a_warning(make: Make) -> None:
    app = make()
    app.login_manager.login_view = "signin"  # type: ignore[attr-defined]
    assert found(app) == {**SOUND, "login-view": "warning"}
    app.login_manager.login_view = "login"  # type: ignore[attr-defined]
    assert found(app) == SOUND


def test_no_sign_in_page_at_all_is_a_warning(make: Make) -> None:
    app = make()
    without(app, "login")
    assert found(app) == {**SOUND, "no-login-page": "warning"}


def without(app: Flask, endpoint: str) -> None:
    rules: list[Any] = [rule.empty() for rule in app.url_map.iter_rules() if rule.endpoint != endpoint]
    app.url_map = Map(rules)
    del app.view_functions[endpoint]


def test_flask_login_without_a_user_loader_is_an_error(make: Make) -> None:
    app = make(login=False)
    LoginManager(app)
    assert found(app) == {**SOUND, "no-user-loader": "error"}
    app.login_manager.request_loader(lambda request: None)  # type: ignore[attr-defined]
    assert found(app) == SOUND

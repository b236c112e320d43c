"""Demand 1, loaders that don't fail before the host's hooks have run, and name another user then."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Blueprint, g, request
from flask_login import LoginManager, current_user, login_required, login_user

from tests.hosts_small.kit import Host, User

USERS = {"public": {"1": "boss"}, "acme": {"1": "clerk"}, "empty": dict[str, str]()}


class Member(User):
    """A user of one tenant, whose ids restart in each."""

    def __init__(self, key: str, name: str) -> None:
        super().__init__(key)
        self.name = name


def with_tenants(*, by_preprocessor: bool) -> Host:
    host = Host()
    manager = host.with_login_manager()

    @manager.user_loader
    def load(key: str) -> Member | None:
        name = USERS[g.get("tenant", "public")].get(key)
        return Member(key, name) if name else None

    def find_tenant(*_: Any) -> None:
        g.tenant = request.headers.get("X-Tenant", "public")

    (host.app.url_value_preprocessor if by_preprocessor else host.app.before_request)(find_tenant)
    host.gate.init_app(host.app, groups=lambda user: [user.name])
    host.app.add_url_rule("/login", "login", lambda: (login_user(Member("1", "boss")), "in")[1], methods=["POST"])
    host.app.add_url_rule("/", "home", login_required(lambda: current_user.name))
    host.app.register_error_handler(401, lambda _error: ("nobody", 401))
    return host


@pytest.mark.parametrize("by_preprocessor", [False, True])
def test_the_view_sees_whom_the_loader_names_after_the_hooks(by_preprocessor: bool) -> None:
    host = with_tenants(by_preprocessor=by_preprocessor)
    client = host.client()
    client.post("/login")
    assert client.get("/").text == "boss"
    assert client.get("/", headers={"X-Tenant": "acme"}).text == "clerk"
    assert client.get("/", headers={"X-Tenant": "empty"}).text == "nobody"


def test_another_user_with_the_same_key_is_judged_anew() -> None:
    host = with_tenants(by_preprocessor=False)
    client = host.client()
    client.post("/login")

    class Off(Member):
        """Whom the view alone would let in."""

        is_active, is_authenticated = False, True

    host.app.login_manager.user_loader(  # type: ignore[attr-defined]
        lambda key: (Off if g.get("tenant") == "acme" else Member)(key, "anybody")
    )
    assert client.get("/").text == "anybody"
    assert client.get("/", headers={"X-Tenant": "acme"}).status_code != 200


def test_a_hook_that_puts_another_manager_in_place() -> None:
    """Whoever is somebody to the first is nobody to the second."""
    host, done = Host(), list[Any]()
    host.with_login_manager()
    host.gate.init_app(host.app)
    first, second = host.app.login_manager, LoginManager()  # type: ignore[attr-defined]
    second.user_loader(lambda _key: None)
    staff = Blueprint("staff", __name__)

    @host.app.before_request
    def choose() -> None:
        host.app.login_manager = second if request.blueprint == "staff" else first  # type: ignore[attr-defined]

    staff.add_url_rule("/staff", "act", lambda: (done.append(current_user.get_id()), "done")[1])
    host.app.register_blueprint(staff)
    host.app.add_url_rule("/login", "login", lambda: (login_user(User("1")), "in")[1], methods=["POST"])
    client = host.client()
    client.post("/login")
    client.get("/staff")
    assert done == [None]


@pytest.mark.parametrize("asks", [False, True])
def test_a_loader_is_asked_as_often_as_the_hooks_give_reason_to(asks: bool) -> None:
    host, asked = Host(), list[str]()
    host.with_login_manager().user_loader(lambda key: (asked.append(key), User(key))[1])

    @host.app.before_request
    def hook() -> None:
        if asks:
            current_user.get_id()

    host.gate.init_app(host.app)
    host.app.add_url_rule("/login", "login", lambda: (login_user(User("1")), "in")[1], methods=["POST"])
    host.app.add_url_rule("/", "home", lambda: f"home of {current_user.get_id()}")
    client = host.client()
    client.post("/login")
    asked.clear()
    assert client.get("/").text == "home of 1"
    assert asked == ["1"] * (1 + asks)

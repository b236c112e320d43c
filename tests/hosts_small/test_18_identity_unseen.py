"""Demand 18: whom the app knows in a way of its own, and the gate does not see, the doctor tells of."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask, Response, g, request, session
from flask_login import LoginManager, login_user

from flask_mfa_gate.web.inspection.doctor import findings
from tests.conftest import state_of
from tests.hosts_small.kit import Host, User


def by_session() -> Any:
    session["admin_id"] = "1"
    return "in"


def by_cookie() -> Any:
    answer = Response("in")
    answer.set_cookie("admin_session", "opaque")
    return answer


def by_g() -> Any:
    g.user = User("1")
    return "in"


def by_login_user() -> Any:
    login_user(User("1"))
    session["username"] = "ada"
    return "in"


def by_nothing() -> Any:
    g.user, session["cart"], session["user_id"] = None, ["1"], None
    g.identity = SimpleNamespace(id=None)  # as Flask-Principal says that it is nobody
    g._jwt_extended_jwt_user = {"loaded_user": None}  # of a token that is optional, and did not come
    return "a page"


def told(app: Flask) -> list[tuple[str, str]]:
    codes = {"unseen-identity", "second-login-manager", "no-identity"}
    with app.app_context():
        return [(one.code, one.sentence) for one in findings(app, state_of(app)) if one.code in codes]


VIEWS: list[tuple[Callable[[], Any], str | None]] = [
    (by_session, "session['admin_id'], written by enter"),
    (by_cookie, "the cookie admin_session, set by enter"),
    (by_g, "flask.g.user"),
    (by_login_user, None),
    (by_nothing, None),
]


@pytest.mark.parametrize(("view", "sign"), VIEWS)
def test_the_doctor_tells_of_signs_of_another_sign_in(view: Callable[[], Any], sign: str | None) -> None:
    host = Host()
    host.with_login_manager()
    host.app.add_url_rule("/in", "enter", view, methods=["POST"])
    host.gate.init_app(host.app)
    assert host.client().post("/in").status_code == 200
    found = told(host.app)
    assert [code for code, _ in found] == ([] if sign is None else ["unseen-identity"])
    assert sign is None or sign in found[0][1]


@pytest.mark.parametrize(
    ("name", "value"),
    [("flask_httpauth_user", "ada"), ("_jwt_extended_jwt", {"sub": "1"}), ("oidc_id_token", {"sub": "1"})],
)
def test_and_of_what_well_known_extensions_keep_in_g(name: str, value: Any) -> None:
    host = Host()
    host.with_login_manager()
    host.app.add_url_rule("/", "home", lambda: (setattr(g, name, value), "in")[1])
    host.gate.init_app(host.app)
    host.client().get("/")
    ((code, sentence),) = told(host.app)
    assert (code, f"flask.g.{name}" in sentence) == ("unseen-identity", True)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CAS_USERNAME", "ada"), ("simple_username", "ada"), ("oidc_auth_profile", {"sub": "1"}), ("samlNameId", "ada"),
        ("_logged_in_user", {"oid": "1"}), ("identity.id", "1"), ("jwt_payload", {"sub": "1"}), ("google_oauth_token", {"access_token": "x"}),
    ],
)  # fmt: skip
def test_and_of_what_they_keep_in_the_session(name: str, value: Any) -> None:
    def enter() -> str:
        session[name] = value
        return "in"

    host = Host()
    host.with_login_manager()
    host.app.add_url_rule("/in", "enter", enter, methods=["POST"])
    host.gate.init_app(host.app)
    host.client().post("/in")
    ((code, sentence),) = told(host.app)
    assert (code, f"session[{name!r}]" in sentence) == ("unseen-identity", True)


def test_and_of_a_server_in_front() -> None:
    host = Host()
    host.with_login_manager()
    host.app.add_url_rule("/", "home", lambda: f"hello {request.remote_user}")
    host.gate.init_app(host.app)
    host.client().get("/", environ_overrides={"REMOTE_USER": "ada"})
    ((code, sentence),) = told(host.app)
    assert code == "unseen-identity"
    assert "REMOTE_USER" in sentence


def test_and_of_the_security_functions_of_connexion() -> None:
    host = Host()
    host.with_login_manager()
    host.app.add_url_rule("/", "home", lambda: "inside")
    host.gate.init_app(host.app)
    scope: dict[str, Any] = {"extensions": {"connexion_context": {"user": None}}}
    host.client().get("/", environ_overrides={"asgi.scope": scope})
    host.client().get("/", environ_overrides={"asgi.scope": {}})
    assert told(host.app) == []
    scope["extensions"]["connexion_context"]["user"] = "1"
    host.client().get("/", environ_overrides={"asgi.scope": scope})
    ((code, sentence),) = told(host.app)
    assert (code, "connexion" in sentence) == ("unseen-identity", True)


def of_basic(asked: Any) -> User | None:
    given = asked.authorization
    return User(given.username) if given is not None and given.password == "right" else None


def with_a_door(*, is_seen: bool) -> Host:
    """A view that asks for name and password by itself, and keeps whom it found nowhere."""
    host = Host()
    manager = host.with_login_manager()
    if is_seen:
        manager.request_loader(of_basic)

    @host.app.get("/door")
    def door() -> Any:
        user = of_basic(request)
        return f"inside as {user.id}" if user else Response("who?", 401, {"WWW-Authenticate": "Basic"})

    @host.app.get("/open")
    def public() -> str:
        return "for all"

    host.gate.init_app(host.app)
    return host


@pytest.mark.parametrize("is_seen", [True, False])
def test_and_of_a_view_that_asks_for_a_password_by_itself(is_seen: bool) -> None:
    host = with_a_door(is_seen=is_seen)
    client = host.client()
    for path in ("/open", "/door"):
        client.get(path)
        client.get(path, auth=("2", "wrong"))
    assert told(host.app) == [], "so far nobody came in"
    assert client.get("/door", auth=("2", "right")).text == "inside as 2"
    assert [code for code, sentence in told(host.app) if "door asks" in sentence] == (
        [] if is_seen else ["unseen-identity"]
    )


def test_and_of_no_server_whose_users_are_seen() -> None:
    host = Host()
    host.with_login_manager().request_loader(
        lambda request: User(request.remote_user) if request.remote_user else None
    )  # fmt: skip
    host.app.add_url_rule("/", "home", lambda: "hello")
    host.gate.init_app(host.app)
    assert host.client().get("/", environ_overrides={"REMOTE_USER": "ada"}).text == "hello"
    assert told(host.app) == []


class Holder:
    """An extension that brings a manager of its own."""

    def __init__(self, manager: Any) -> None:
        self.login_manager = manager


def _none(_app: Flask) -> None:
    pass


def _twice(app: Flask) -> None:
    app.login_manager.init_app(app)  # type: ignore[attr-defined]


def _second(app: Flask) -> None:
    staff = LoginManager()
    staff.user_loader(User)
    app.after_request(staff._update_remember_cookie)


def _taking_its_place(app: Flask) -> None:
    LoginManager(app).user_loader(User)


def _in_an_extension(app: Flask) -> None:
    app.extensions["staff"] = Holder(LoginManager())


def _its_own_in_an_extension(app: Flask) -> None:
    app.extensions["security"] = Holder(app.login_manager)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("add", "code"),
    [
        (_none, None), (_twice, None), (_its_own_in_an_extension, None), (_second, "second-login-manager"),
        (_taking_its_place, "second-login-manager"), (_in_an_extension, "second-login-manager"),
    ],
)  # fmt: skip
def test_and_of_every_login_manager_but_one(add: Callable[[Flask], None], code: str | None) -> None:
    host = Host()
    host.with_login_manager()
    add(host.app)
    host.gate.init_app(host.app)
    assert [found for found, _ in told(host.app)] == ([] if code is None else [code])

"""Revoked means out on hosts that know their users by more than session and remember cookie; and no owner is put out."""

from __future__ import annotations

import secrets
from typing import Any

import pytest
from flask import Response, g, make_response, redirect, request, session
from flask.testing import FlaskClient
from flask_login import current_user, login_user

from tests.conftest import JSON, state_of
from tests.hosts_small.kit import Host, User
from tests.hosts_small.server_sessions import ServerSessions

ASK: dict[str, Any] = {
    "navigation": lambda client, **options: client.get("/", **options),
    "json": lambda client, **options: client.get("/", headers=JSON, **options),
    "form": lambda client, **options: client.post("/", **options),
}
PASSWORDS: dict[str, str] = {}


class Stamped(User):
    """A user whose password can be changed."""

    @property
    def password(self) -> str | None:
        return PASSWORDS.get(self.id)


class ByCookie:
    """A host that knows its users by a cookie of its own, and by what a server in front says."""

    def __init__(self, *, path: str = "/login", parts: int = 1, **config: Any) -> None:
        PASSWORDS.clear()
        self.host, self.kept, self.parts, self.path = Host(**config), {}, parts, path
        self.asked = 0
        self.host.gate.init_app(self.host.app, identity=self)
        self.host.app.add_url_rule("/", "home", self.show, methods=["GET", "POST"])
        self.host.app.add_url_rule(path, "enter", self.enter, methods=["GET", "POST"])
        with self.host.app.app_context():
            self.host.gate.upgrade()

    kept: dict[str, str]

    def load(self, request: Any) -> Stamped | None:
        self.asked += 1
        token = "".join(request.cookies.get(f"jwt{part}", "") for part in range(self.parts))
        who = self.kept.get(token) or request.environ.get("REMOTE_USER")
        return Stamped(who) if who else None

    def show(self) -> str:
        user = self.load(request)
        return str(user and user.id)

    def enter(self) -> Response | str:
        if request.method == "GET":
            session["form"] = "1"
            return "form"
        if session.get("form") != "1":
            return make_response("forged", 400)
        token = secrets.token_hex(8)
        self.kept[token] = "1"
        answer = make_response(redirect("/"))
        for part in range(self.parts):
            size = len(token) // self.parts
            answer.set_cookie(f"jwt{part}", token[part * size : (part + 1) * size])
        return answer

    def sign_in(self, client: FlaskClient, *, has_phone: bool) -> None:
        client.get(self.path)
        client.post(self.path)
        if has_phone:
            self.host.pass_challenge(client)
        assert client.get("/").text == "1"

    def revoke(self) -> None:
        with self.host.app.app_context():
            self.host.gate.password_changed("1")


@pytest.mark.parametrize("has_phone", [False, True])
@pytest.mark.parametrize("noise", [0, 30])
@pytest.mark.parametrize("parts", [1, 2])
def test_a_cookie_of_the_hosts_own(has_phone: bool, noise: int, parts: int) -> None:
    place = ByCookie(parts=parts)
    if has_phone:
        place.host.enroll()
    victim = place.host.client()
    place.sign_in(victim, has_phone=has_phone)
    copied = {f"jwt{part}": victim.get_cookie(f"jwt{part}").value for part in range(parts)}  # type: ignore[union-attr]
    place.revoke()
    for kind in ASK:
        thief = place.host.client()
        for name, value in {**{f"noise{number}": "1" for number in range(noise)}, **copied}.items():
            thief.set_cookie(name, value)
        place.asked = 0
        answers = [ASK[kind](thief) for _ in range(2)]
        assert place.asked <= 20, "however many cookies there are"
        assert "1" not in {answer.text for answer in answers}, kind
        assert kind == "navigation" or answers[1].status_code == 401, kind


@pytest.mark.parametrize("path", ["/login", "/enter"])
@pytest.mark.parametrize("has_phone", [False, True])
def test_whoever_was_put_out_signs_in_again_in_the_same_browser(path: str, has_phone: bool) -> None:
    """Also where the gate was restarted and can't know which page the sign-in is."""
    place = ByCookie(path=path)
    if has_phone:
        place.host.enroll()
    browser = place.host.client()
    place.sign_in(browser, has_phone=has_phone)
    place.revoke()
    with state_of(place.host.app).store.database.write() as tx:
        state_of(place.host.app).store.checkpoints.drop(tx, "login-view")
    place.host.clock.forward(minutes=1)
    assert browser.get("/").text == "None"
    place.sign_in(browser, has_phone=has_phone)
    assert [ask(browser).text for ask in ASK.values()] == ["1"] * 3


@pytest.mark.parametrize("kind", ASK)
@pytest.mark.parametrize("how", ["told", "seen"])
def test_a_server_in_front_is_no_way_around_the_factor(kind: str, how: str) -> None:
    """The view reads by itself who this is, so nothing but an answer of the gate keeps it from them."""
    place, front = ByCookie(), {"environ_overrides": {"REMOTE_USER": "1"}}
    PASSWORDS["1"] = "first"
    place.host.enroll()
    browser = place.host.client()
    assert browser.get("/", **front).location == "/mfa/challenge"
    place.host.pass_challenge(browser, **front)
    assert browser.get("/", **front).text == "1"
    if how == "told":
        place.revoke()
    else:
        PASSWORDS["1"] = "second"
    assert ASK[kind](browser, **front).text != "1"
    assert browser.get("/", **front).location == "/mfa/challenge"
    place.host.pass_challenge(browser, **front)
    assert [ask(browser, **front).text for ask in ASK.values()] == ["1"] * 3


def front_host(*, by: str) -> Host:
    """A host with Flask-Login that goes by what a server in front says."""
    host = Host(**({"MFA_GATE_DECIDE": "last"} if by == "loader after hooks" else {}))
    manager = host.with_login_manager()
    host.gate.init_app(host.app)

    @host.app.before_request
    def open_all() -> None:
        g.opened = True
        if by == "hook":
            g._login_user = User(request.environ["REMOTE_USER"])

    @manager.request_loader
    def load(asked: Any) -> User | None:
        return User(asked.environ["REMOTE_USER"]) if by != "hook" and g.opened else None

    host.app.add_url_rule("/", "home", lambda: str(current_user.get_id()), methods=["GET", "POST"])
    with host.app.app_context():
        host.gate.upgrade()
    return host


@pytest.mark.parametrize("by", ["hook", "loader after hooks"])
def test_nobody_is_put_out_of_what_a_server_in_front_says(by: str) -> None:
    host, front = front_host(by=by), {"environ_overrides": {"REMOTE_USER": "1"}}
    browser = host.client()
    browser.set_cookie("theme", "dark")
    assert browser.get("/", **front).text == "1"
    with host.app.app_context():
        host.gate.password_changed("1")
    assert [ask(browser, **front).text for ask in ASK.values()] == ["1"] * 3


@pytest.mark.parametrize("has_phone", [False, True])
@pytest.mark.parametrize("by", ["session", "login_user"])
def test_a_hook_that_makes_a_session_of_a_cookie_brings_nobody_back(has_phone: bool, by: str) -> None:
    host, kept = Host(), {"secret": "1"}
    host.with_login_manager()
    host.gate.init_app(host.app)

    @host.app.before_request
    def look() -> None:
        if request.endpoint == "home" and request.cookies.get("sid") in kept:
            if by == "login_user":
                login_user(User("1"))
            else:
                session["_user_id"] = "1"
                g.pop("_login_user", None)

    host.app.add_url_rule("/", "home", lambda: str(current_user.get_id()), methods=["GET", "POST"])
    with host.app.app_context():
        host.gate.upgrade()
        host.gate.password_changed("1")
    if has_phone:
        host.enroll()
    for kind in ASK:
        thief = host.client()
        thief.set_cookie("sid", "secret")
        first, second = ASK[kind](thief), ASK[kind](thief)
        assert (first.text, first.status_code) == ("None", 200) if kind == "navigation" else first.status_code == 401
        assert second.text != "1", kind


@pytest.mark.parametrize("has_phone", [False, True])
def test_a_copied_id_of_a_session_on_the_server_does_not_sign_its_owner_out(has_phone: bool) -> None:
    host = Host()
    host.app.session_interface = ServerSessions()
    host.with_login_manager()
    host.gate.init_app(host.app)
    host.app.add_url_rule("/", "home", lambda: str(current_user.get_id()), methods=["GET", "POST"])
    host.app.add_url_rule("/login", "login", lambda: login_user(User("1")) and "in", methods=["POST"])
    with host.app.app_context():
        host.gate.upgrade()
        host.gate.password_changed("1")
    if has_phone:
        host.enroll()
    owner = host.client()
    owner.post("/login")
    if has_phone:
        host.pass_challenge(owner)
    assert owner.get("/").text == "1"
    copied = owner.get_cookie("session")
    assert copied is not None
    for kind in ASK:
        thief = host.client()
        thief.set_cookie("session", copied.value)
        assert ASK[kind](thief).text != "1", kind
        assert [ask(owner).text for ask in ASK.values()] == ["1"] * 3, kind

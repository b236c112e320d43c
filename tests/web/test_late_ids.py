"""An id that is over: who comes with one is told so, and nothing is taken from anybody for it."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Blueprint, Flask, g, redirect, session
from flask_login import login_required, login_user

from tests.conftest import JSON, Browser, Phone, StillClock, state_of
from tests.hosts_small.kit import Host, User
from tests.hosts_small.server_sessions import ServerSessions
from tests.web.kit import signed_in

FETCH = {"Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"}


def twin(app: Flask, browser: Browser, *names: str) -> Any:
    """Another client with these cookies."""
    client = app.test_client()
    for name in names:
        client.set_cookie(name, browser.cookie(name) or "")
    return client


@pytest.fixture
def late(app: Flask, phone: Phone, clock: StillClock) -> Any:
    """The cookies of a pending sign-in whose place another id took half a minute ago."""
    browser = signed_in(app, "dave")
    client = twin(app, browser, "session", "mfa_gate")
    browser.send("/mfa/challenge", code=phone.code())
    clock.forward(seconds=31)
    return client


@pytest.mark.parametrize("headers", [JSON, FETCH, {"X-Requested-With": "XMLHttpRequest"}])
@pytest.mark.parametrize("path", ["/api/me", "/", "/payroll"])
def test_a_script_with_a_late_id_hears_of_it(late: Any, headers: dict[str, str], path: str) -> None:
    answer = late.get(path, headers=headers)
    assert answer.status_code == 401
    assert answer.json["code"] == "sign_in_required"
    assert answer.headers.getlist("Set-Cookie") == []


def test_so_does_a_form(late: Any) -> None:
    answer = late.post("/transfer", data={"amount": "1"})
    assert answer.status_code == 401
    assert answer.headers.getlist("Set-Cookie") == []


def test_a_visit_goes_its_way_and_keeps_the_cookie_that_may_be_newer(late: Any) -> None:
    answer = late.get("/")
    assert answer.location.startswith("/login")
    assert not [one for one in answer.headers.getlist("Set-Cookie") if one.startswith("mfa_gate=")]


@pytest.mark.parametrize("path", ["/healthz", "/static/portal.css", "/nowhere"])
def test_what_is_open_stays_open(late: Any, path: str) -> None:
    with late.get(path, headers=JSON) as answer:
        assert answer.status_code == (404 if path == "/nowhere" else 200)


def test_a_marked_view_is_open_by_neither_name_nor_exemption(app: Flask, late: Any) -> None:
    """Here in a blueprint that came after the first request, when contradictions are no longer looked for."""
    gate, closed = state_of(app).gate, Blueprint("closed", __name__, url_prefix="/closed")
    closed.add_url_rule("/a", "logout", lambda: "ran")
    closed.add_url_rule("/b", "exempt", gate.exempt(lambda: "ran"))
    closed.add_url_rule("/c/<filename>", "static", lambda filename: "ran")
    app._got_first_request = False
    app.register_blueprint(gate.resource("closed")(closed))
    app._got_first_request = True
    answers = [late.get(path, headers=JSON) for path in ("/closed/a", "/closed/b", "/closed/c/d")]
    assert [(answer.status_code, "ran" in answer.text) for answer in answers] == [(401, False)] * 3
    pending = signed_in(app, "dave")
    assert {pending.get(path).location for path in ("/closed/a", "/closed/a", "/closed/b")} == {"/mfa/challenge"}


def test_who_has_one_can_sign_in(app: Flask, clock: StillClock) -> None:
    browser = signed_in(app, "dave")
    clock.forward(minutes=11)
    assert browser.client.get("/api/me", headers=JSON).status_code == 401
    assert browser.sign_in("dave").location == "/mfa/challenge"


def test_a_visit_drops_an_id_that_nobody_knows(app: Flask) -> None:
    client = app.test_client()
    client.set_cookie("mfa_gate", "x" * 43)
    assert client.get("/api/me", headers=JSON).status_code == 401
    client.get("/login")
    assert client.get_cookie("mfa_gate") is None


def test_an_app_of_one_page_signs_in_where_it_did(clock: StillClock) -> None:
    """It asks for the password again without ever leaving its page."""
    host = Host()
    host.with_login_manager()
    host.gate.init_app(host.app)

    @host.app.post("/api/sign-in")
    def sign_in() -> dict[str, bool]:
        login_user(User("1"))
        return {"done": True}

    host.app.add_url_rule("/api/me", "me", login_required(lambda: {"me": True}))
    client = host.client()
    assert client.post("/api/sign-in", json={}).status_code == 200
    with host.app.app_context():
        host.gate.password_changed("1")
    assert client.get("/api/me", headers=JSON).status_code == 401
    assert client.post("/api/sign-in", json={}).json == {"done": True}
    assert client.get("/api/me", headers=JSON).json == {"me": True}


@pytest.fixture
def shared() -> Any:
    """A host that keeps its sessions on the server, and the owner of one."""
    host = Host()
    interface = host.app.session_interface = ServerSessions()
    host.with_login_manager().login_view = "login"
    host.gate.init_app(host.app)

    @host.app.route("/login", methods=["GET", "POST"])
    def login() -> Any:
        login_user(User("1"))
        session["cart"] = "full"
        return redirect("/")

    host.app.add_url_rule("/", "home", login_required(lambda: f"{session['cart']}"), methods=["GET", "POST"])
    host.client().get("/nowhere")
    host.enroll()
    owner = host.client()
    owner.post("/login")
    host.pass_challenge(owner)
    return host, owner, interface


@pytest.mark.parametrize("gate", [None, "x" * 43, "signed out", "rotated"])
@pytest.mark.parametrize("path", ["/", "/mfa/", "/mfa/challenge", "/mfa/status", "/mfa/enroll"])
@pytest.mark.parametrize("how", ["get", "json", "post", "head"])
def test_who_knows_only_the_id_of_a_session_signs_nobody_out(
    shared: Any, gate: str | None, path: str, how: str
) -> None:
    host, owner, interface = shared
    sid, kept = owner.get_cookie("session").value, dict(interface.kept)
    if gate == "signed out":
        other = host.client()
        other.post("/login")
        gate = other.get_cookie("mfa_gate").value
        other.post("/mfa/sign-out", data={"csrf_token": other.get("/mfa/status").json["csrf_token"]})
    elif gate == "rotated":
        gate = owner.get_cookie("mfa_gate").value
        host.pass_challenge(owner)
        host.clock.forward(seconds=31)
    thief = host.client()
    thief.set_cookie("session", sid)
    if gate is not None:
        thief.set_cookie("mfa_gate", gate)
    ask = {"get": thief.get, "post": thief.post, "head": thief.head}.get(how)
    answer = ask(path) if ask else thief.get(path, headers=JSON)
    assert answer.status_code in {303, 401, 405}
    assert "full" not in answer.text
    assert interface.kept[sid] == kept[sid]
    assert owner.get("/").text == "full"


def test_they_come_to_the_login_and_no_further(shared: Any) -> None:
    """As somebody whom the host's login would send back at once, they would go in circles."""
    host, owner, _ = shared
    thief = host.client()
    thief.set_cookie("session", owner.get_cookie("session").value)
    assert thief.get("/").location == "/login?next=%2F"
    assert thief.get("/", headers=JSON).status_code == 401
    assert thief.post("/").status_code == 401


def test_a_browser_that_was_closed_goes_on_where_no_other_is_in(shared: Any) -> None:
    host, owner, _ = shared
    host.clock.forward(hours=1)
    owner.delete_cookie("mfa_gate")
    assert owner.get("/").location == "/mfa/challenge"
    host.pass_challenge(owner)
    assert owner.get("/").text == "full"


def test_who_is_known_by_the_server_in_front_is_never_locked_out() -> None:
    """Nothing of it is a session, and nothing of it can be revoked here."""
    host = Host()
    host.with_login_manager().request_loader(
        lambda request: User(request.environ["REMOTE_USER"]) if "REMOTE_USER" in request.environ else None
    )
    host.gate.init_app(host.app)
    host.app.add_url_rule("/", "home", login_required(lambda: "home"))
    host.client().get("/nowhere")
    with host.app.app_context():
        host.gate.enrollments.reset("1")
    client = host.client()
    client.set_cookie("theme", "dark")
    assert client.get("/", environ_base={"REMOTE_USER": "1"}).text == "home"


def test_a_cookie_of_the_hosts_own_making_is_revoked_as_well() -> None:
    """A JWT, say, from which a request loader makes the user."""
    host = Host()
    host.with_login_manager().request_loader(
        lambda request: User(request.cookies["who"]) if "who" in request.cookies else None
    )
    host.gate.init_app(host.app)

    @host.app.post("/login")
    def login() -> Any:
        g.user = login_user(User("1"))
        answer = redirect("/")
        answer.set_cookie("who", "1")
        return answer

    host.app.add_url_rule("/", "home", login_required(lambda: "home"))
    thief = host.client()
    thief.set_cookie("who", "1")
    assert thief.get("/").text == "home"
    with host.app.app_context():
        host.gate.enrollments.reset("1")
    assert thief.get("/").status_code == 401
    assert thief.get("/", headers=JSON).status_code == 401
    owner = host.client()
    owner.post("/login")
    assert owner.get("/").text == "home"


def test_ended_rows_are_kept_as_long_as_a_cookie_may_come_back(app: Flask, clock: StillClock) -> None:
    state, browser = state_of(app), signed_in(app, "frank")
    token = browser.cookie() or ""
    with app.app_context():
        state.gate.enrollments.reset("6")
        clock.forward(days=364)
        state.gate.run_due()
        dead = state.sign_in.sessions.look_up(token).dead
        assert dead is not None
        assert dead.is_revoked
        clock.forward(days=2)
        state.gate.run_due()
        assert state.sign_in.sessions.look_up(token).dead is None
    thief = twin(app, browser, "session", "mfa_gate")
    assert thief.get("/").location.startswith("/login"), "what is counted at the user stays"

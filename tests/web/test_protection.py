"""Marks outrank names: no exemption, sign-out name, parked view or static name waives what a view itself asks."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from flask import Blueprint, redirect, session
from flask.testing import FlaskClient
from flask.views import MethodView
from flask_login import current_user, login_user, logout_user

from tests.hosts_small.kit import Host, User

JSON = {"Accept": "application/json"}
BOTH = pytest.mark.parametrize("decide", ["first", "last"])
SIGN_OUT_NAMES = ["logout", "force_logout", "signout", "sign_out"]


def who() -> str:
    return f"ran for {current_user.get_id()} {session.get('_user_id')}"


def make_host(**config: Any) -> Host:
    host = Host(**config)
    manager = host.with_login_manager()
    manager.request_loader(lambda request: User("1") if request.headers.get("Authorization") == "Bearer one" else None)
    host.gate.init_app(host.app, resources=["closed"])

    @host.app.post("/login")
    def login() -> Any:
        login_user(User("1"))
        return redirect("/")

    host.app.add_url_rule("/", "home", who)
    return host


def signed_in(host: Host, *, proved: bool = False) -> FlaskClient:
    host.app._got_first_request = False
    client = host.client()
    if proved:
        client.get("/")
        host.enroll()
    client.post("/login")
    if proved:
        assert host.pass_challenge(client).status_code == 303
    return client


def careless(view: Any) -> Any:
    """A decorator that hides marks."""
    return lambda *args, **kwargs: view(*args, **kwargs)


def plain(view: Any) -> Any:
    return view


@BOTH
@pytest.mark.parametrize("hide", [plain, careless])
@pytest.mark.parametrize("name", SIGN_OUT_NAMES)
def test_a_mark_holds_at_a_view_that_is_called_like_a_sign_out(name: str, hide: Any, decide: str) -> None:
    host = make_host(MFA_GATE_DEFAULT_ACCESS={"closed": "deny"}, MFA_GATE_DECIDE=decide)
    gate, add = host.gate, host.app.add_url_rule
    add("/stale", f"stale_{name}", hide(gate.require_mfa(max_age=timedelta(minutes=5))(who)), methods=["GET", "POST"])
    add("/closed", f"closed_{name}", hide(gate.resource("closed")(who)), methods=["GET", "POST", "OPTIONS"])
    add("/open", f"open_{name}", hide(gate.resource("open")(who)))
    client = signed_in(host, proved=True)
    assert client.post("/stale").text == "ran for 1 1"
    host.clock.forward(minutes=6)
    for method in ("GET", "POST", "HEAD"):
        assert client.open("/stale", method=method, headers=JSON).status_code == 401
        assert client.open("/closed", method=method, headers=JSON).status_code == 403
    assert client.options("/closed", headers=JSON).status_code == 403
    assert client.get("/open").text == "ran for 1 1"
    assert client.get("/").text == "ran for 1 1", "the session goes on"


@BOTH
@pytest.mark.parametrize("mark", ["view", "blueprint", "outer", "class"])
def test_wherever_the_mark_stands(mark: str, decide: str) -> None:
    host = make_host(MFA_GATE_DEFAULT_ACCESS={"closed": "deny"}, MFA_GATE_DECIDE=decide)
    closed = host.gate.resource("closed")
    outer, inner = Blueprint("outer", __name__), Blueprint("inner", __name__)
    if mark == "class":

        @closed
        class Leave(MethodView):
            def get(self) -> str:
                return who()

        inner.add_url_rule("/leave", view_func=Leave.as_view("logout"))
    else:
        inner.add_url_rule("/leave", "logout", closed(who) if mark == "view" else who)
    outer.register_blueprint(closed(inner) if mark == "blueprint" else inner)
    host.app.register_blueprint(closed(outer) if mark == "outer" else outer)
    client = signed_in(host)
    assert client.get("/leave", headers=JSON).status_code == 403
    assert client.get("/").text == "ran for 1 1"


@BOTH
def test_a_marked_view_is_no_way_out_while_the_code_is_due(decide: str) -> None:
    host = make_host(MFA_GATE_DECIDE=decide)
    host.app.add_url_rule("/all/logout", "all_logout", host.gate.resource("open")(who))
    host.client().get("/")
    host.enroll()
    client = signed_in(host)
    assert client.get("/all/logout").location == "/mfa/challenge"
    assert host.pass_challenge(client).status_code == 303, "the sign-in still waits"
    assert client.get("/all/logout").text == "ran for 1 1"


@BOTH
def test_leaving_stays_open(decide: str) -> None:
    host = make_host(MFA_GATE_DECIDE=decide, MFA_GATE_DEFAULT_ACCESS={"app": "deny"})
    host.app.add_url_rule("/logout", "logout", lambda: (logout_user(), who())[1])
    host.app.add_url_rule("/marked", "leave_logout", host.gate.resource("open")(who))
    client = signed_in(host)
    with client.session_transaction() as stored:
        stored["_user_id"] = "1"
    assert client.get("/logout").text == "ran for None None"
    with client.session_transaction() as stored:
        stored["_user_id"] = "1"
    assert client.get("/marked", headers=JSON).status_code == 401, "out, and the marked view has not run"
    with client.session_transaction() as stored:
        assert "_user_id" not in stored


@BOTH
def test_a_hidden_mark_holds_at_an_exempt_view(decide: str) -> None:
    host = make_host(
        MFA_GATE_DECIDE=decide, MFA_GATE_DEFAULT_ACCESS={"closed": "deny"}, MFA_GATE_EXEMPT_ENDPOINTS=["hidden"]
    )
    host.app.add_url_rule("/hidden", "hidden", careless(host.gate.resource("closed")(who)))
    client = signed_in(host, proved=True)
    assert client.get("/hidden", headers=JSON).status_code == 403
    assert client.get("/hidden", headers={**JSON, "Authorization": "Bearer one"}).status_code == 403
    assert host.client().get("/hidden", headers={**JSON, "Authorization": "Bearer one"}).status_code == 401
    assert host.client().get("/hidden", headers=JSON).status_code == 401


@BOTH
def test_a_marked_view_that_signed_in_is_marked_while_it_waits(decide: str) -> None:
    host = make_host(MFA_GATE_DECIDE=decide)
    host.app.add_url_rule(
        "/become", "become", host.gate.resource("open")(lambda: (login_user(User("2")), who())[1]), methods=["POST"]
    )
    client = signed_in(host)
    host.enroll("2")
    assert client.post("/become").location == "/mfa/challenge"
    assert client.post("/become", headers=JSON).status_code == 401
    assert client.get("/").status_code == 303


def test_files_of_a_marked_blueprint_stay_public(tmp_path: Any) -> None:
    (tmp_path / "page.css").write_text("body {}")
    host = make_host(MFA_GATE_DEFAULT_ACCESS={"closed": "deny"}, MFA_GATE_EXEMPT_ENDPOINTS=["pay.static"])
    pay = host.gate.resource("closed")(
        Blueprint("pay", __name__, url_prefix="/pay", static_folder=tmp_path, static_url_path="/static")
    )
    pay.add_url_rule("/list", "list", who)
    host.app.register_blueprint(pay)
    host.gate.check(host.app)
    for client in (signed_in(host), host.client()):
        with client.get("/pay/static/page.css") as file:
            assert file.text == "body {}"
        assert client.get("/pay/list", headers=JSON).status_code in {401, 403}
    with host.app.app_context():
        rows = {row["endpoint"]: row for row in host.gate.routes()}
    assert (rows["pay.static"]["default"], rows["pay.static"]["resources"]) == ("static", [])


@BOTH
@pytest.mark.parametrize("marked", ["view", "blueprint"])
def test_a_view_that_is_only_called_static_keeps_its_marks(marked: str, decide: str) -> None:
    host = make_host(MFA_GATE_DEFAULT_ACCESS={"closed": "deny"}, MFA_GATE_DECIDE=decide)
    closed = host.gate.resource("closed")
    files = Blueprint("files", __name__, url_prefix="/files")

    def private(filename: str) -> str:
        return f"{filename} {who()}"

    files.add_url_rule("/<path:filename>", "static", closed(private) if marked == "view" else private)
    host.app.register_blueprint(closed(files) if marked == "blueprint" else files)
    assert host.client().get("/files/a", headers=JSON).status_code == 401
    assert signed_in(host).get("/files/a", headers=JSON).status_code == 403


def test_what_the_app_asks_is_still_waived_where_nothing_is_marked() -> None:
    host = make_host(MFA_GATE_EXEMPT_ENDPOINTS=["health"], MFA_GATE_DEFAULT_ACCESS={"app": "require"})
    host.app.add_url_rule("/health", "health", who)
    host.app.add_url_rule("/logout", "logout", who)
    client = signed_in(host)
    assert client.get("/health").text == "ran for None None"
    assert client.get("/logout").text == "ran for None None"

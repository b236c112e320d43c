"""Demand 1, further hosts: hooks of blueprints, hooks that sign out, hooks before all hooks."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest
from flask import Blueprint, g, redirect, request, session
from flask.views import MethodView
from flask_login import current_user, login_required, login_user, logout_user

from flask_mfa_gate.web.middleware import before_request as hooks
from tests.conftest import JSON
from tests.hosts_small.kit import Host, User
from tests.policy_kit import policy, put


def sso(*, answers_itself: bool, on_blueprint: bool, decide: str = "first") -> Host:
    """A hook signs in by a proxy's header; some then send the browser to the same page again."""
    host = Host(MFA_GATE_DECIDE=decide)
    host.gate.init_app(host.app)
    host.with_login_manager()
    part = Blueprint("part", __name__)

    def sign_in_by_header() -> Any:
        if current_user.is_authenticated or "X-Remote-User" not in request.headers:
            return None
        login_user(User(request.headers["X-Remote-User"]))
        return redirect(request.path) if answers_itself else None

    (part if on_blueprint else host.app).before_request(sign_in_by_header)

    @part.get("/page")
    def page() -> str:
        return f"page of {current_user.id if current_user.is_authenticated else 'nobody'}"

    @part.get("/healthz")
    @host.gate.exempt
    def healthz() -> Any:
        return {"sees": current_user.is_authenticated, "session": sorted(session)}

    host.app.register_blueprint(part)
    host.enroll()
    return host


@pytest.mark.parametrize(
    ("answers_itself", "on_blueprint", "decide"), [*itertools.product([True, False], [True, False], ["first", "last"])]
)
def test_an_identity_made_by_any_hook_is_parked(answers_itself: bool, on_blueprint: bool, decide: str) -> None:
    """Whether the hook is the app's or a blueprint's, and whether the view is still reached."""
    host = sso(answers_itself=answers_itself, on_blueprint=on_blueprint, decide=decide)
    client = host.client()
    answer = client.get("/page", headers={"X-Remote-User": "1"})
    assert (answer.status_code, answer.location) == (303, "/mfa/challenge")
    assert client.get("/page").location == "/mfa/challenge"
    assert host.pass_challenge(client).location == "/page"
    assert client.get("/page").text == "page of 1"


@pytest.mark.parametrize("answers_itself", [True, False])
@pytest.mark.parametrize("on_blueprint", [True, False])
def test_no_hook_is_a_password_sign_in(answers_itself: bool, on_blueprint: bool) -> None:
    """A first factor is enrolled only after a sign-in through a view; a hook's identity is none."""
    host = sso(answers_itself=answers_itself, on_blueprint=on_blueprint)
    client = host.client()
    client.get("/page", headers={"X-Remote-User": "2"})
    assert client.get("/page").text == "page of 2"
    assert client.get("/mfa/enroll/totp").status_code == 401


def test_an_exempt_view_is_not_stopped_by_a_hooks_identity() -> None:
    """Exempt means not stopped: a health check through the proxy answers, and sees nobody."""
    host = sso(answers_itself=False, on_blueprint=False)
    answer = host.client().get("/healthz", headers={"X-Remote-User": "1"})
    assert answer.status_code == 200
    assert answer.json == {"sees": False, "session": []}


def test_a_path_that_matches_nothing_stays_not_found() -> None:
    """Unmatched routes pass; the hook runs for them too."""
    host = sso(answers_itself=False, on_blueprint=False)
    assert host.client().get("/nothing", headers={"X-Remote-User": "1"}).status_code == 404


@pytest.mark.parametrize("name", ["payroll", "ledger"])
def test_a_hook_that_signs_out_leaves_nobody_at_a_marked_view(name: str) -> None:
    """The proof was of the user whom the hook has just signed out, so the view doesn't run for nobody. A view that only
    its blueprint marks does not ask once more by itself.
    """
    host = Host()
    host.gate.init_app(host.app)
    host.with_login_manager()

    @host.app.before_request
    def sign_out_the_blocked() -> None:
        if "blocked" in request.args:
            logout_user()

    @host.app.post("/login")
    def login() -> str:
        login_user(User("1"))
        return "in"

    @host.app.get("/payroll")
    @host.gate.resource("payroll")
    def payroll() -> str:
        return "payroll"

    books = host.gate.resource("books")(Blueprint("books", __name__))
    books.add_url_rule("/ledger", "ledger", lambda: "ledger")
    host.app.register_blueprint(books)
    host.enroll()
    client = host.client()
    client.post("/login")
    host.pass_challenge(client)
    assert client.get(f"/{name}").text == name
    answer = client.get(f"/{name}?blocked", headers=JSON)
    assert (answer.status_code, (answer.json or {}).get("code")) == (401, "sign_in_required")
    assert client.get("/mfa/status", headers=JSON).status_code == 401, "and the sign-in is over"


@pytest.mark.parametrize("decide", ["first", "last"])
def test_a_hook_that_makes_another_request_of_it_gets_past_no_rule(decide: str) -> None:
    """Method overrides and forwards belong before the routing, and are seen here all the same."""
    host = Host(MFA_GATE_DECIDE=decide)
    host.gate.init_app(host.app)
    host.with_login_manager()
    part = host.gate.resource("vault")(Blueprint("part", __name__))

    class Item(MethodView):
        def get(self) -> str:
            return "shown"

        def delete(self) -> str:
            return "deleted"

    @part.get("/vault")
    def vault() -> str:
        return "vault"

    @host.app.before_request
    def override() -> None:
        request.method = request.headers.get("X-HTTP-Method-Override", request.method)
        if "X-Forward" in request.headers:
            request.url_rule = next(host.app.url_map.iter_rules("part.vault"))

    host.app.add_url_rule("/item", view_func=login_required(Item.as_view("item")))
    host.app.add_url_rule("/login", "login", lambda: str(login_user(User("1"))))
    host.app.register_blueprint(part)
    put(
        host.app, policy("a", "deny", when={"request": {"methods": ["DELETE"]}}), policy("b", "deny", on=["vault"])
    )  # fmt: skip
    client = host.client()
    client.get("/login")
    assert client.get("/item").text == "shown"
    assert client.get("/item", headers={"X-HTTP-Method-Override": "DELETE"}).status_code == 403
    assert client.get("/item", headers={"X-Forward": "vault"}).status_code == 403
    assert client.get("/item").text == "shown"


def test_decide_last_comes_after_the_hooks_of_the_blueprint() -> None:
    """``last`` is directly before the view, so a loader may need what a blueprint's hook opens."""
    host = Host(MFA_GATE_DECIDE="last")
    manager = host.with_login_manager()
    host.gate.init_app(host.app)
    tenant = Blueprint("tenant", __name__, url_prefix="/tenant")

    @manager.user_loader
    def load(key: str) -> User:
        return g.tenant[key]  # type: ignore[no-any-return]

    @tenant.before_request
    def open_tenant() -> None:
        g.tenant = {"1": User("1")}

    @tenant.post("/login")
    def login() -> str:
        login_user(g.tenant["1"])
        return "in"

    @tenant.get("/")
    def home() -> str:
        return f"hello {current_user.id}"

    host.app.register_blueprint(tenant)
    host.enroll()
    client = host.client()
    assert client.post("/tenant/login").location == "/mfa/challenge"
    assert host.pass_challenge(client).status_code == 303
    answer = client.get("/tenant/")
    assert (answer.status_code, answer.text) == (200, "hello 1")


@pytest.mark.parametrize("decide", ["first", "last"])
def test_nested_blueprints(decide: str) -> None:
    """Each level has hooks; the innermost one makes the identity."""
    host = Host(MFA_GATE_DECIDE=decide)
    host.gate.init_app(host.app)
    host.with_login_manager()
    outer, inner = Blueprint("outer", __name__), Blueprint("inner", __name__)

    @inner.before_request
    def sign_in() -> None:
        if "X-Remote-User" in request.headers:
            login_user(User(request.headers["X-Remote-User"]))

    inner.add_url_rule("/inner", "view", lambda: "inner view")
    outer.register_blueprint(inner)
    host.app.register_blueprint(outer)
    host.enroll()
    answer = host.client().get("/inner", headers={"X-Remote-User": "1"})
    assert answer.location == "/mfa/challenge"


def test_a_host_that_puts_its_own_hook_in_front() -> None:
    """The gate stands first all the same: own pages don't run the hook."""
    host = Host()
    host.gate.init_app(host.app)
    host.with_login_manager()
    host.app.before_request_funcs[None].insert(0, lambda: redirect("/login"))
    host.app.add_url_rule("/login", "login", lambda: "form")
    assert host.client().get("/mfa/status", headers=JSON).status_code == 401
    assert host.client().get("/x").location == "/login"


@pytest.mark.parametrize("accept", [{}, JSON])
@pytest.mark.parametrize("decide", ["first", "last"])
def test_a_loader_that_raises_lets_nobody_in(accept: dict[str, str], decide: str) -> None:
    """503 with the name of the setting that may help; the view does not run and nothing of the error is told."""
    host = Host(MFA_GATE_DECIDE=decide)
    manager = host.with_login_manager()
    host.gate.init_app(host.app)
    host.app.add_url_rule("/", "home", lambda: "view ran")

    @manager.user_loader
    def load(key: str) -> User:
        raise LookupError("password=hunter2")

    client = host.client()
    with client.session_transaction() as stored:
        stored["_user_id"] = "1"
    answer = client.get("/", headers=accept)
    assert answer.status_code == 503
    assert "MFA_GATE_DECIDE" in answer.text
    assert "hunter2" not in answer.text
    assert "view ran" not in answer.text


def test_no_moment_of_the_arrangement_is_without_the_gate() -> None:
    """Two first requests may run at once: whoever looks at the hooks meanwhile finds the gate among them."""
    host = Host()
    host.with_login_manager()
    host.gate.init_app(host.app)
    host.app.before_request(lambda: None)
    without: list[list[Callable[..., Any]]] = []

    class Watched(dict[Any, Any]):
        def __setitem__(self, name: Any, funcs: Any) -> None:
            if name is None and hooks.open_request not in funcs:
                without.append(list(funcs))
            super().__setitem__(name, funcs)

    host.app.before_request_funcs = Watched(host.app.before_request_funcs)
    host.client().get("/")
    host.gate.check(host.app)
    assert without == []
    assert host.app.before_request_funcs[None].count(hooks.open_request) == 1

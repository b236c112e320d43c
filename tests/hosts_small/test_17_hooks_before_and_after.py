"""Hosts that decide before every hook, and hosts whose ``after_request`` needs what their own hooks set."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Blueprint, Request, abort, g, redirect, request, session
from flask.testing import FlaskClient
from flask_login import current_user, login_required, login_user, user_logged_in
from werkzeug.utils import cached_property

from tests.hosts_small.kit import Host, User

BOTH = pytest.mark.parametrize("decide", ["first", "last"])
JSON = {"Accept": "application/json"}


class Timed(Host):
    """Each answer carries what a hook of the app, and one of the blueprint, have set."""

    def __init__(self, **config: Any) -> None:
        super().__init__(**config)
        manager = self.with_login_manager()
        manager.request_loader(
            lambda request: User("1") if request.headers.get("Authorization") == "Bearer 1" else None
        )
        self.seen: list[Any] = []
        app, shop = self.app, Blueprint("shop", __name__, url_prefix="/shop")

        @app.before_request
        def begin() -> None:
            g.started = 1
            session.setdefault("visit", "new")
            who = current_user.get_id() if current_user.is_authenticated else None
            self.seen.append((request.endpoint, who, session.get("_user_id"), request.headers.get("Authorization")))

        @app.after_request
        def finish(response: Any) -> Any:
            response.headers["X-Took"] = f"{g.started} {session['visit']}"
            return response

        @app.teardown_request
        def close(_error: Any) -> None:
            self.seen.append(g.started)

        @shop.before_request
        def open_shop() -> None:
            g.shop = "open"

        @shop.after_request
        def close_shop(response: Any) -> Any:
            response.headers["X-Shop"] = g.shop
            return response

        @app.post("/login")
        def login() -> Any:
            login_user(User("1"))
            return redirect("/")

        shop.add_url_rule("/", "home", login_required(lambda: "shop"), methods=["GET", "POST"])
        shop.add_url_rule("/closed", "closed", self.gate.resource("closed")(lambda: "closed"))
        app.add_url_rule("/", "home", login_required(lambda: f"home {session['visit']}"))
        app.register_blueprint(shop)
        self.gate.init_app(app)

    def signed_in(self) -> FlaskClient:
        client = self.client()
        client.get("/nothing")
        self.enroll()
        client.post("/login")
        self.seen.clear()
        return client


@BOTH
def test_every_answer_of_the_gate_has_what_comes_after_it(decide: str) -> None:
    host = Timed(MFA_GATE_DECIDE=decide, MFA_GATE_DEFAULT_ACCESS={"closed": "deny"})
    client = host.signed_in()
    for path in (
        "/",
        "/shop/",
        "/mfa/challenge",
        "/mfa/status",
        "/mfa/static/pages.css",
        "/mfa/static/none",
        "/shop/closed",
    ):
        for headers in ({}, JSON):
            with client.get(path, headers=headers) as answer:
                assert answer.status_code < 500, path
                assert answer.headers["X-Took"].startswith("1 "), path
                assert ("X-Shop" in answer.headers) == path.startswith("/shop"), path
    assert client.post("/shop/").headers["X-Shop"] == "open"
    assert host.pass_challenge(client).headers["X-Took"].startswith("1 ")
    assert client.get("/shop/closed").status_code == 403
    assert client.get("/shop/closed").headers["X-Shop"] == "open"
    assert client.get("/shop/").text == "shop"
    assert client.get("/").text == "home new"


def test_the_hooks_see_nobody_where_the_request_is_refused() -> None:
    host = Timed(MFA_GATE_DEFAULT_ACCESS={"closed": "deny"})
    client = host.signed_in()
    host.pass_challenge(client)
    host.seen.clear()
    assert client.get("/shop/closed").status_code == 403
    assert client.get("/mfa/").status_code == 200
    assert host.client().get("/", headers={**JSON, "Authorization": "Bearer 1"}).status_code == 401
    assert [one for one in host.seen if one != 1] == [
        ("shop.closed", None, None, None), ("mfa_gate.security", None, None, None), ("home", None, None, None)
    ]  # fmt: skip
    assert client.get("/").text == "home new", "and the session goes on"


@BOTH
def test_no_hook_runs_twice(decide: str) -> None:
    host = Timed(MFA_GATE_DECIDE=decide, MFA_GATE_DEFAULT_ACCESS={"closed": "deny"})
    client = host.signed_in()
    for path in ("/", "/mfa/challenge", "/shop/closed", "/nothing"):
        host.seen.clear()
        client.get(path)
        assert len([one for one in host.seen if one != 1]) == 1, path


@pytest.mark.parametrize("refuse", [lambda: redirect("/elsewhere"), lambda: abort(418)])
def test_what_a_hook_answers_or_raises_is_dropped_and_stops_the_next(refuse: Any) -> None:
    acts: list[str] = []
    host = Host()
    host.with_login_manager()
    app = host.app

    @app.before_request
    def begin() -> None:
        g.started = 1

    @app.before_request
    def breaks() -> None:
        g.tenant = current_user.tenant

    @app.before_request
    def guard() -> Any:
        return refuse() if not current_user.is_authenticated and request.endpoint != "login" else None

    @app.before_request
    def act() -> None:
        acts.append(request.endpoint or "")

    @app.after_request
    def finish(response: Any) -> Any:
        response.headers["X-Took"] = str(g.started)
        return response

    host.gate.init_app(app)
    client = host.client()
    answer = client.get("/mfa/status")
    assert (answer.status_code, answer.headers["X-Took"]) == (401, "1")
    assert acts == [], "a guard that refused keeps what stands behind it from running"


@BOTH
@pytest.mark.parametrize("sent", [{"headers": {"X-Sso": "2"}}, {"environ_overrides": {"REMOTE_ADDR": "192.0.2.7"}}])
def test_a_hook_that_signs_in_signs_nobody_in_there(decide: str, sent: dict[str, Any]) -> None:
    """By a header, which it does not see there, or by the address, which it does."""
    host = Host(MFA_GATE_DECIDE=decide)
    host.with_login_manager()

    @host.app.before_request
    def sso() -> None:
        if request.headers.get("X-Sso") or request.remote_addr == "192.0.2.7":
            login_user(User("2"), remember=True)
            session["role"] = "admin"

    @host.app.after_request
    def tell(response: Any) -> Any:
        response.headers["X-Who"] = f"{current_user.get_id()} {session.get('_user_id')} {session.get('role')}"
        return response

    host.gate.init_app(host.app)
    answer = host.client().get("/mfa/static/pages.css", **sent)
    assert answer.headers["X-Who"] == "None None None"
    assert answer.headers.getlist("Set-Cookie") == []
    answer.close()
    answer = host.client().get("/mfa/status", **sent)
    assert (answer.headers["X-Who"], answer.headers.getlist("Set-Cookie")) == ("None None None", [])


def test_a_failure_of_the_gate_is_an_answer_too() -> None:
    host = Timed()
    client = host.client()
    client.post("/login")
    host.app.login_manager.user_loader(lambda _key: 1 / 0)  # type: ignore[attr-defined]
    answer = client.get("/")
    assert (answer.status_code, answer.headers["X-Took"].split()[0]) == (503, "1")


@BOTH
def test_the_hooks_act_on_nothing_that_was_sent(decide: str) -> None:
    host = Host(MFA_GATE_DECIDE=decide)
    host.with_login_manager()
    acts: list[str | None] = []

    @host.app.before_request
    def no_forged_forms() -> None:
        if request.method == "POST" and request.endpoint != "login":
            abort(400)

    @host.app.before_request
    def act() -> None:
        g.started = 1
        if request.method != "GET":
            acts.append(request.endpoint)

    @host.app.after_request
    def finish(response: Any) -> Any:
        response.headers["X-Took"] = f"{g.started} {request.method}"
        return response

    host.app.add_url_rule("/login", "login", lambda: (login_user(User("1")), "in")[1], methods=["POST"])
    host.app.add_url_rule("/", "home", lambda: "home", methods=["GET", "POST", "DELETE"])
    host.gate.init_app(host.app)
    client = host.client()
    client.get("/nothing")
    host.enroll()
    client.post("/login")
    acts.clear()
    for method in ("POST", "DELETE"):
        answer = client.open("/", method=method)
        assert (answer.status_code, answer.headers["X-Took"]) == (403, f"1 {method}")
    assert host.pass_challenge(client).headers["X-Took"] == "1 POST"
    assert acts == []


@BOTH
def test_the_hooks_see_neither_who_sends_nor_what(decide: str) -> None:
    host = Host(MFA_GATE_DECIDE=decide, MFA_GATE_TOKEN_HEADERS=["X-Door"])
    host.with_login_manager()
    seen: list[str] = []

    @host.app.before_request
    def watch() -> None:
        environ = {name: value for name, value in request.environ.items() if isinstance(value, str)}
        seen.append(
            f"{environ} {request.url} {request.full_path} {request.args} {request.values} {request.authorization} "
            f"{request.form} {request.files} {request.get_data()!r} {request.get_json(silent=True)} {request.cookies}"
        )

    host.app.after_request(lambda response: response)
    host.app.add_url_rule("/", "home", lambda: "home", methods=["GET", "POST"])
    host.app.add_url_rule("/login", "login", lambda: (login_user(User("1")), "in")[1], methods=["POST"])
    host.gate.init_app(host.app)
    client = host.client()
    client.get("/")
    host.enroll()
    client.post("/login")
    seen.clear()
    headers = {
        name: f"secret {name}" for name in (
            "Authorization", "X-Forwarded-User", "X-Auth-Request-Email", "Cf-Access-Jwt-Assertion", "X-API-Key", "X-Door",
            "X-CSRFToken", "X-Goog-Authenticated-User-Id", "X-Client-Cert",
        )
    }  # fmt: skip
    names = {"REMOTE_USER": "secret user", "SSL_CLIENT_S_DN": "CN=secret", "RAW_URI": "/?secret"}
    for path in ("/?magic=secret", "/mfa/challenge?magic=secret"):
        for sent in ({"data": {"code": "secret"}}, {"json": {"code": "secret"}}):
            answer = client.post(path, headers=headers, environ_overrides=names, **sent)  # type: ignore[arg-type]
            assert answer.status_code in {400, 401, 403}
    assert len(seen) == 4
    assert "secret" not in "".join(seen)
    assert host.pass_challenge(client).status_code == 303, "and the gate reads all of it afterwards"


@BOTH
def test_a_user_of_a_proxy_signs_in_no_more_often_than_they_do(decide: str) -> None:
    host = Host(MFA_GATE_DECIDE=decide)
    host.with_login_manager()
    sign_ins: list[Any] = []

    @host.app.before_request
    def by_proxy() -> None:
        name = request.headers.get("X-Forwarded-User")
        if name and not current_user.is_authenticated:
            login_user(User(name))

    host.app.after_request(lambda response: response)
    host.app.add_url_rule("/", "home", lambda: "home")
    host.gate.init_app(host.app)
    client, proxy = host.client(), {"headers": {"X-Forwarded-User": "1"}}
    client.get("/")
    host.enroll()
    with user_logged_in.connected_to(lambda *_, **__: sign_ins.append(1), host.app):
        assert client.get("/", **proxy).location == "/mfa/challenge"  # type: ignore[arg-type]
        client.get("/mfa/challenge", **proxy)  # type: ignore[arg-type]
        host.pass_challenge(client, **proxy)
        assert client.get("/", **proxy).text == "home"  # type: ignore[arg-type]
    assert len(sign_ins) == 1


def test_a_host_with_nothing_to_run_afterwards_has_nothing_run() -> None:
    host = Host()
    host.with_login_manager()
    ran: list[Any] = []
    host.app.before_request(lambda: ran.append(request.endpoint))
    host.gate.init_app(host.app)
    assert host.client().get("/mfa/status").status_code == 401
    assert ran == []


class Early(Host):
    """It sends everybody who is nobody to its login before any hook runs."""

    def __init__(self, **config: Any) -> None:
        super().__init__(**config)
        self.with_login_manager().login_view = "login"
        app, tenant = self.app, Blueprint("tenant", __name__, url_prefix="/<tenant>")

        @app.url_value_preprocessor
        def guard(endpoint: str | None, _values: dict[str, Any] | None) -> None:
            if endpoint not in {"login", "static", None} and not current_user.is_authenticated:
                abort(redirect("/login"))

        @tenant.url_value_preprocessor
        def pull(_endpoint: str | None, values: dict[str, Any] | None) -> None:
            g.tenant = (values or {}).pop("tenant")

        @app.route("/login", methods=["GET", "POST"])
        def login() -> Any:
            return (login_user(User("1")), redirect("/acme/page"))[1] if request.method == "POST" else "login"

        @app.errorhandler(Exception)
        def whatever(error: Exception) -> Any:
            return f"caught {error}", 500

        tenant.register_error_handler(Exception, whatever)
        tenant.add_url_rule("/page", "page", lambda: f"page of {g.tenant}", methods=["GET", "POST"])
        tenant.add_url_rule("/closed", "closed", self.gate.resource("closed")(lambda: "closed"))
        app.register_blueprint(tenant)
        self.gate.init_app(app)


@BOTH
@pytest.mark.parametrize("traps", [False, True])
def test_the_gate_decides_before_a_host_that_decides_early(decide: str, traps: bool) -> None:
    host = Early(MFA_GATE_DECIDE=decide, MFA_GATE_DEFAULT_ACCESS={"closed": "deny"}, TRAP_HTTP_EXCEPTIONS=traps)
    client = host.client()
    client.get("/login")
    host.enroll()
    assert client.post("/login").location == "/mfa/challenge"
    assert client.get("/acme/page").location == "/mfa/challenge"
    assert client.get("/acme/page", headers=JSON).json["code"] == "mfa_challenge_required"  # type: ignore[index]
    assert client.post("/acme/page").status_code == 403
    assert client.get("/mfa/challenge").status_code == 200
    with client.get("/mfa/static/pages.css") as file:
        assert file.mimetype == "text/css"
    assert host.pass_challenge(client).location == "/acme/page"
    assert client.get("/acme/page").text == "page of acme"
    assert client.get("/acme/closed", headers=JSON).status_code == 403
    assert client.get("/login").text == "login"


def test_a_loader_that_needs_what_a_preprocessor_finds_is_asked_after_it() -> None:
    host = Host()
    manager = host.with_login_manager()
    manager.user_loader(lambda key: User(key) if g.tenant else None)

    @host.app.url_value_preprocessor
    def pull(_endpoint: str | None, values: dict[str, Any] | None) -> None:
        g.tenant = (values or {}).get("tenant", "none")

    host.app.add_url_rule("/login", "login", lambda: (login_user(User("1")), "in")[1], methods=["POST"])
    host.app.add_url_rule("/<tenant>/page", "page", login_required(lambda tenant: f"page of {tenant}"))
    host.gate.init_app(host.app)
    client = host.client()
    client.post("/login")
    assert client.get("/acme/page").text == "page of acme"
    with host.app.app_context():
        host.gate.enrollments.require("1", days=0, actor="cli")
    assert client.get("/acme/page").location == "/mfa/enroll"


class OwnRequest(Request):
    """A request class of the host's that keeps who it is from."""

    @cached_property
    def visitor(self) -> str | None:
        """By a name that no list of credentials has."""
        return self.headers.get("X-Sso") or self.environ.get("corp.who")


@BOTH
def test_no_hook_there_sees_what_a_server_in_front_says_of_somebody(decide: str) -> None:
    host, seen = Host(MFA_GATE_DECIDE=decide), []
    host.with_login_manager()
    host.app.request_class = OwnRequest
    host.app.url_value_preprocessor(lambda *_: request.visitor)  # type: ignore[attr-defined, arg-type]

    @host.app.before_request
    def act() -> None:
        seen.append((request.visitor, request.headers.get("X-Remote-Person"), request.headers.get("X-Request-Id")))  # type: ignore[attr-defined]
        request.started = 1  # type: ignore[attr-defined]

    @host.app.after_request
    def finish(response: Any) -> Any:
        response.headers["X-Took"] = str(request.started)  # type: ignore[attr-defined]
        return response

    host.gate.init_app(host.app)
    told = {"X-Sso": "1", "X-Remote-Person": "1", "X-Request-Id": "7"}
    answer = host.client().get("/mfa/status", headers=told, environ_overrides={"corp.who": "1"})
    assert (answer.status_code, answer.headers["X-Took"]) == (401, "1")
    assert seen == [(None, None, "7")]

"""Demand 12: after the view the host is asked again, in a way that nothing it knew before can answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import current_app, g, jsonify, request, session
from flask.testing import FlaskClient

from flask_mfa_gate import ConfigError
from tests.conftest import JSON
from tests.hosts_small.kit import Host, User


def named(key: str | None) -> User | None:
    return User(key) if key else None


def add_views(host: Host) -> None:
    """Sign-in and sign-out that keep the user in the session, as the host itself thinks best."""

    @host.app.post("/login/<key>")
    def login(key: str) -> Any:
        session["uid"] = key
        return jsonify(token="SECRET")

    @host.app.post("/logout")
    def logout() -> str:
        session.pop("uid", None)
        return "bye"

    @host.app.post("/cart")
    def cart() -> str:
        session["cart"] = "apple"
        return f"cart of {session.get('uid')}"

    host.app.add_url_rule("/", "home", lambda: f"inside as {session.get('uid')}")
    host.enroll()


def tutorial() -> Host:
    """Flask's tutorial: a hook looks the user up, and the object only tells of it."""
    host = Host(MFA_GATE_DECIDE="last")
    host.gate.init_app(host.app, identity=type("InG", (), {"load": lambda _self, _request: g.user})())

    @host.app.before_request
    def load_logged_in_user() -> None:
        g.user = named(session.get("uid"))

    return host


def tutorial_in_blueprint() -> Host:
    """The same with a tenant that a preprocessor of the URL opens, and hooks that answer or fail beside it."""
    host = Host(MFA_GATE_DECIDE="last")
    host.gate.init_app(host.app, identity=type("InG", (), {"load": lambda _self, _request: g.found[g.tenant]})())
    host.app.url_value_preprocessor(lambda _endpoint, _values: setattr(g, "tenant", "main"))

    @host.app.before_request
    def guard() -> Any:
        if request.method == "POST" and "uid" not in session and request.endpoint != "login":
            raise LookupError("no token")
        return None

    host.app.before_request(lambda: setattr(g, "found", {"main": named(session.get("uid"))}))
    return host


def cached_in_g() -> Host:
    host = Host()

    class Cached:
        def load(self, _request: Any) -> User | None:
            if "user" not in g:
                g.user = named(session.get("uid"))
            return g.user  # type: ignore[no-any-return]

    host.gate.init_app(host.app, identity=Cached())
    return host


def cached_on_request() -> Host:
    host = Host()

    class Cached:
        def load(self, asked: Any) -> User | None:
            if not hasattr(asked, "user"):
                asked.user = named(session.get("uid"))
            return asked.user  # type: ignore[no-any-return]

    host.gate.init_app(host.app, identity=Cached())
    return host


def by_request_loader() -> Host:
    """Flask-Login's other loader, which finds the user in the host's own session key."""
    host = Host()
    host.with_login_manager().request_loader(lambda _request: named(session.get("uid")))
    host.gate.init_app(host.app)
    return host


def by_caching_request_loader() -> Host:
    host = Host()

    def load(_request: Any) -> User | None:
        if "known" not in g:
            g.known = named(session.get("uid"))
        return g.known  # type: ignore[no-any-return]

    host.with_login_manager().request_loader(load)
    host.gate.init_app(host.app)
    return host


HOSTS = [
    tutorial, tutorial_in_blueprint, cached_in_g, cached_on_request, by_request_loader, by_caching_request_loader,
]  # fmt: skip
Make = Callable[[], Host]


def cookies(client: FlaskClient) -> dict[str, str]:
    return {
        name: found.value for name in ("session", "mfa_gate") if (found := client.get_cookie(name)) is not None
    }  # fmt: skip


def with_cookies(host: Host, held: dict[str, str]) -> FlaskClient:
    client = host.client()
    for name, value in held.items():
        client.set_cookie(name, value)
    return client


def signed_in(make: Make) -> tuple[Host, FlaskClient]:
    host = make()
    add_views(host)
    client = host.client()
    client.post("/login/1")
    host.pass_challenge(client)
    assert client.get("/").text == "inside as 1"
    return host, client


@pytest.mark.parametrize("make", HOSTS)
def test_nothing_of_a_login_answer_leaves_before_the_proof(make: Make) -> None:
    host = make()
    add_views(host)
    client = host.client()
    answer = client.post("/login/1", headers=JSON)
    assert (answer.status_code, answer.json["code"]) == (401, "mfa_challenge_required")  # type: ignore[index]
    assert "SECRET" not in answer.text
    assert client.get("/").location == "/mfa/challenge"
    host.pass_challenge(client)
    assert client.get("/").text == "inside as 1"


@pytest.mark.parametrize("make", HOSTS)
def test_a_first_factor_can_be_set_up_after_such_a_sign_in(make: Make) -> None:
    host = make()
    add_views(host)
    with host.app.app_context():
        host.gate.enrollments.require("2", days=0)
    client = host.client()
    assert client.post("/login/2").location == "/mfa/enroll"
    assert client.get("/mfa/enroll/totp", headers=JSON).status_code == 200


@pytest.mark.parametrize("make", HOSTS)
def test_a_sign_out_ends_the_proof(make: Make) -> None:
    host, client = signed_in(make)
    held = cookies(client)
    client.post("/logout")
    assert "inside as 1" not in with_cookies(host, held).get("/").text
    client.post("/login/1")
    assert client.get("/").location == "/mfa/challenge", "the password again opens nothing that was proved before"


@pytest.mark.parametrize("make", HOSTS)
def test_a_change_of_the_user_is_a_new_sign_in(make: Make) -> None:
    host, client = signed_in(make)
    host.enroll("2")
    assert client.post("/login/2").location == "/mfa/challenge"
    assert "inside" not in client.get("/").text


@pytest.mark.parametrize("make", HOSTS)
def test_other_changes_of_the_session_change_nobody(make: Make) -> None:
    _, client = signed_in(make)
    assert client.post("/cart").text == "cart of 1"
    assert client.get("/").text == "inside as 1"


@pytest.mark.parametrize("make", HOSTS)
def test_who_comes_back_after_a_request_of_nobodys_is_a_new_sign_in(make: Make) -> None:
    """The session went away without a view: it expired on the server, or a hook emptied it."""
    host, client = signed_in(make)
    held = cookies(client)
    assert with_cookies(host, {"mfa_gate": held["mfa_gate"]}).get("/").text == "inside as None"
    assert "inside as 1" not in client.get("/").text


def test_a_foreign_page_that_sends_no_strict_cookie_ends_no_proof() -> None:
    host, client = signed_in(cached_in_g)
    visitor = with_cookies(host, {"mfa_gate": cookies(client)["mfa_gate"]})
    assert visitor.get("/", headers={"Sec-Fetch-Site": "cross-site"}).text == "inside as None"
    assert client.get("/").text == "inside as 1"


def test_hooks_and_teardown_of_the_request_itself_are_left_alone() -> None:
    """The question has a ``g`` of its own, gives the old one back, and closes nothing."""
    host, closed = cached_in_g(), []
    host.app.teardown_request(lambda _error: closed.append("request"))
    host.app.teardown_appcontext(lambda _error: closed.append("app"))
    host.app.after_request(lambda answer: (answer.headers.update({"X-Kept": g.kept}), answer)[1])
    host.app.before_request(lambda: setattr(g, "kept", "kept"))
    add_views(host)

    @host.app.post("/look")
    def look() -> str:
        session["seen"] = "1"
        return "seen"

    client = host.client()
    assert client.post("/look").headers["X-Kept"] == "kept"
    assert closed == ["request", "app"]


class ByToken:
    """A cookie with a token that the login's answer sets."""

    def load(self, asked: Any) -> User | None:
        return named(asked.cookies.get("jwt"))


def by_jwt() -> Host:
    host = Host()
    host.gate.init_app(host.app, identity=ByToken())

    @host.app.post("/login/<key>")
    def login(key: str) -> Any:
        answer = jsonify(token="SECRET")
        answer.set_cookie("jwt", key, httponly=True, samesite="Strict")
        answer.set_cookie("csrf", "for scripts", max_age=900)
        return answer

    @host.app.post("/logout")
    def logout() -> Any:
        answer = current_app.make_response("bye")
        answer.delete_cookie("jwt")
        return answer

    host.app.add_url_rule("/", "home", lambda: f"inside as {request.cookies.get('jwt')}")
    host.enroll()
    return host


def test_a_cookie_of_the_login_answer_is_a_sign_in_and_comes_with_the_pass() -> None:
    host = by_jwt()
    client = host.client()
    answer = client.post("/login/1")
    assert answer.location == "/mfa/challenge"
    assert not any(cookie.startswith(("jwt", "csrf")) for cookie in answer.headers.getlist("Set-Cookie"))
    passed = host.pass_challenge(client)
    sent = passed.headers.getlist("Set-Cookie")
    assert "jwt=1; HttpOnly; Path=/; SameSite=Strict" in sent
    assert any(cookie.startswith('csrf="for scripts"; ') and "Max-Age=900" in cookie for cookie in sent)
    assert client.get("/").text == "inside as 1"
    held = {"jwt": "1", **cookies(client)}
    client.post("/logout")
    assert client.get("/").text == "inside as None"
    assert "inside as 1" not in with_cookies(host, held).get("/").text


def test_the_first_factor_of_a_host_with_a_token_cookie() -> None:
    host = by_jwt()
    with host.app.app_context():
        host.gate.enrollments.require("2", days=0)
    client = host.client()
    assert client.post("/login/2").location == "/mfa/enroll"
    assert client.get("/mfa/enroll/totp", headers=JSON).status_code == 200


def test_parked_cookies_are_sealed() -> None:
    host = by_jwt()
    client = host.client()
    client.post("/login/1")
    with host.app.app_context():
        store = host.app.extensions["mfa_gate"].store
        with store.database.read() as tx:
            rows = tx.execute(store.tables.session.select()).all()
    assert rows
    assert "jwt" not in repr(rows)


def test_a_host_whose_flask_can_keep_no_session_is_told_at_the_start() -> None:
    host = Host()
    host.gate.init_app(host.app, identity=ByToken())
    host.app.secret_key = None
    with pytest.raises(ConfigError, match="SECRET_KEY"):
        host.gate.check(host.app)

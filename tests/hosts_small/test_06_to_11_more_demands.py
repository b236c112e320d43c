"""Demands 6 to 8, further hosts: catch-all handlers, taken addresses, foreign headers."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Blueprint, abort, request
from flask_login import current_user, login_user

from flask_mfa_gate import ConfigError
from tests.conftest import JSON
from tests.hosts_small.kit import Host, User

OWN_PAGES = ["", "challenge", "enroll", "enroll/totp", "recovery-codes", "sessions", "status", "blocked"]


def in_blueprint(**config: Any) -> Host:
    """Everything is in one blueprint whose handlers catch all."""
    host = Host(**config)
    host.gate.init_app(host.app)
    host.with_login_manager()
    part = Blueprint("part", __name__)

    @part.post("/login")
    def login() -> str:
        login_user(User(request.form.get("user", "1")))
        return "token 4711"

    @part.post("/broken-login")
    def broken_login() -> str:
        login_user(User("1"))
        raise RuntimeError("later in the view")

    @part.post("/refused-login")
    def refused_login() -> str:
        login_user(User("1"))
        abort(403)

    @part.get("/")
    def home() -> str:
        return "content"

    @part.errorhandler(Exception)
    def catch_all(error: Exception) -> Any:
        who = current_user.id if current_user.is_authenticated else "nobody"
        return f"host page for {who}", 200

    @part.app_errorhandler(404)
    def not_found(_error: Any) -> Any:
        return f"nothing here for {current_user.id if current_user.is_authenticated else 'nobody'}", 404

    host.app.register_blueprint(part)
    host.app.config["PROPAGATE_EXCEPTIONS"] = False
    host.enroll()
    return host


def test_06_a_catch_all_handler_catches_nothing_of_the_gate() -> None:
    """All of the gate's answers on the blueprint's own endpoints are its own."""
    host = in_blueprint()
    client = host.client()
    answer = client.post("/login")
    assert (answer.status_code, answer.location) == (303, "/mfa/challenge")
    assert client.get("/").location == "/mfa/challenge"
    assert client.get("/", headers=JSON).status_code == 401
    host.pass_challenge(client)
    assert client.get("/").text == "content"


@pytest.mark.parametrize("path", ["/broken-login", "/refused-login"])
def test_06_a_sign_in_whose_view_fails_is_parked_all_the_same(path: str) -> None:
    """The handler's page is replaced: it was made for somebody without proof."""
    host = in_blueprint()
    client = host.client()
    answer = client.post(path)
    assert (answer.status_code, answer.location) == (303, "/mfa/challenge")
    assert "host page" not in answer.text
    assert client.get("/").location == "/mfa/challenge"


def test_06_the_hosts_not_found_page_knows_nobody() -> None:
    """Unmatched addresses are the host's to answer, for nobody while there is no proof."""
    host = in_blueprint()
    client = host.client()
    client.post("/login")
    assert client.get("/nothing").text == "nothing here for nobody"
    assert client.get("/mfa/nothing").status_code == 404
    host.pass_challenge(client)
    assert client.get("/nothing").text == "nothing here for 1"
    copy = host.client()
    copy.set_cookie("session", client.get_cookie("session").value)  # type: ignore[union-attr]
    assert copy.get("/nothing").text == "nothing here for nobody"


@pytest.mark.parametrize("rule", ["/mfa/challenge", "/mfa/", "/mfa/status", "/mfa/factors/<name>"])
def test_07_an_address_of_the_gate_that_the_host_takes(rule: str) -> None:
    """The same address under another argument's name is taken as well."""
    host = Host()
    host.with_login_manager()
    host.app.add_url_rule(rule, "mine", lambda **_: "mine", methods=["GET", "POST", "DELETE"])
    with pytest.raises(ConfigError, match="MFA_GATE_URL_PREFIX"):
        host.gate.init_app(host.app)


def test_07_a_catch_all_route_of_the_host_takes_nothing() -> None:
    """Single-page apps answer every path; the gate's pages are found all the same."""
    host = Host()
    host.app.add_url_rule("/<path:path>", "spa", lambda path: "spa")
    host.with_login_manager()
    host.gate.init_app(host.app)
    host.enroll()
    client = host.client()
    for name in OWN_PAGES:
        assert client.get(f"/mfa/{name}").text != "spa", name
    assert client.get("/elsewhere").text == "spa"


CORS = {"Access-Control-Allow-Origin": "*", "Access-Control-Allow-Headers": "*", "Access-Control-Allow-Methods": "*"}


def with_cors(*, echo: bool) -> Host:
    """CORS on every answer, with ``*`` or with whatever origin asked, credentials included."""
    host = in_blueprint()

    @host.app.after_request
    def allow(answer: Any) -> Any:
        answer.headers.update(CORS)
        if echo and "Origin" in request.headers:
            answer.headers["Access-Control-Allow-Origin"] = request.headers["Origin"]
            answer.headers["Access-Control-Allow-Credentials"] = "true"
        return answer

    return host


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://localhost.evil.example", "http://localhost:81"]
)
@pytest.mark.parametrize("echo", [True, False])
@pytest.mark.parametrize("name", OWN_PAGES)
def test_08_no_other_origin_reads_the_gates_pages(name: str, echo: bool, origin: str) -> None:
    """Keys, codes and tokens are for the gate's own pages, whatever the host allows."""
    host = with_cors(echo=echo)
    with host.app.app_context():
        host.gate.enrollments.require("2", days=3)
    client = host.client()
    client.post("/login", data={"user": "2"})
    for accept in ({}, JSON):
        answer = client.get(f"/mfa/{name}", headers={"Origin": origin, **accept})
        assert answer.status_code == 403
        for secret in ("csrf_token", "otpauth", "<svg", "secret"):
            assert secret not in answer.text
    assert client.get("/mfa/status", headers={"Origin": "http://localhost"}).status_code == 200


def test_08_no_other_origin_writes_or_asks_before() -> None:
    """A write of another origin is refused even with the right token; a preflight tells nothing."""
    host = with_cors(echo=True)
    client = host.client()
    client.post("/login")
    token = client.get("/mfa/status").json["csrf_token"]  # type: ignore[index]
    host.clock.forward(seconds=30)
    fields = {"csrf_token": token, "code": host.phone.code()}
    assert client.post("/mfa/challenge", data=fields, headers={"Origin": "https://evil.example"}).status_code == 403
    assert client.get("/").location == "/mfa/challenge"
    preflight = client.options("/mfa/status", headers={"Origin": "https://evil.example"})
    assert "csrf_token" not in preflight.text
    assert client.post("/mfa/challenge", data=fields).status_code == 303


@pytest.mark.parametrize("name", OWN_PAGES)
def test_08_every_page_works_under_a_foreign_strict_policy(name: str) -> None:
    """No inline script or style, no ``data:``, nothing from elsewhere."""
    host = in_blueprint()

    @host.app.after_request
    def overwrite(answer: Any) -> Any:
        answer.headers["Content-Security-Policy"] = (
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'"
        )
        return answer

    with host.app.app_context():
        host.gate.enrollments.require("2", days=3)
    pending, proved = host.client(), host.client()
    pending.post("/login", data={"user": "2"})
    proved.post("/login")
    host.pass_challenge(proved)
    for client in (pending, proved):
        page = client.get(f"/mfa/{name}", follow_redirects=True).text
        for forbidden in ("<style", " style=", "javascript:", " onclick", " onsubmit", "data:", 'src="http', 'src="//'):
            assert forbidden not in page, forbidden
        assert page.count("<script") == page.count("<script src=")

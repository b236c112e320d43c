"""What a browser opens as a page, and what a script, a frame or a program asks for; whatever stands in front of it."""

from __future__ import annotations

from typing import Any

import pytest
from flask import redirect
from flask.testing import FlaskClient
from flask_login import login_required, login_user

from tests.hosts_small.kit import Host, User

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
WORKER = {**BROWSER, "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "empty", "Sec-Fetch-Site": "same-origin"}
FRAME = {**WORKER, "Sec-Fetch-Dest": "iframe"}
FOREIGN_FRAME = {**FRAME, "Sec-Fetch-Site": "cross-site"}


def make_host(**config: Any) -> Host:
    host = Host(**config)
    manager = host.with_login_manager()
    manager.login_view = "login"
    manager.request_loader(lambda request: User("2") if request.headers.get("Authorization") == "Bearer two" else None)
    host.gate.init_app(host.app)

    @host.app.route("/login", methods=["GET", "POST"])
    def login() -> Any:
        login_user(User("1"))
        return redirect("/")

    host.app.add_url_rule("/", "home", login_required(lambda: "home"), methods=["GET", "POST"])
    host.app.add_url_rule("/pay", "pay", host.gate.resource("pay")(lambda: "pay"))
    host.client().get("/nothing")
    host.enroll()
    host.enroll("2")
    return host


def with_a_proof_that_ran_out(host: Host) -> FlaskClient:
    client = host.client()
    client.post("/login", headers=BROWSER)
    host.pass_challenge(client)
    assert client.get("/").text == "home"
    host.clock.forward(hours=13)
    return client


@pytest.mark.parametrize("headers", [BROWSER, WORKER, {**WORKER, "Sec-Fetch-Site": "cross-site"}, FRAME, {}])
def test_a_navigation_leads_to_the_code_and_never_in_circles(headers: dict[str, str]) -> None:
    host = make_host()
    client = with_a_proof_that_ran_out(host)
    assert client.get("/", headers=headers).location == "/mfa/challenge"
    assert client.get("/mfa/challenge", headers=headers).status_code == 200
    assert host.pass_challenge(client).location == "/"


def test_a_frame_on_another_site_has_no_effect_and_no_way_to_go_round() -> None:
    client = with_a_proof_that_ran_out(make_host())
    shown = client.get("/", headers=FOREIGN_FRAME)
    assert (shown.status_code, shown.location) == (401, None)
    assert shown.headers.getlist("Set-Cookie") == []
    assert 'href="/"' in shown.text, "opened by itself it leads on"
    assert client.get("/", headers=BROWSER).location == "/mfa/challenge"


SCRIPTS = [
    {"HX-Request": "true"}, {"HX-Boosted": "true"}, {"Turbo-Frame": "part"}, {"X-Turbo-Request-Id": "1"},
    {"Accept": "text/vnd.turbo-stream.html, text/html"}, {"X-Up-Version": "3.0"}, {"X-PJAX": "true"},
    {"X-Inertia": "true"}, {"X-Requested-With": "XMLHttpRequest"}, {"Sec-Fetch-Mode": "cors"},
    {"Accept": "application/json, text/plain, */*"}, {"Accept": "text/html;q=0.5, application/json"},
]  # fmt: skip


@pytest.mark.parametrize("headers", SCRIPTS)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_scripts_get_no_page_into_their_part(headers: dict[str, str], method: str) -> None:
    client = with_a_proof_that_ran_out(make_host())
    answer = client.open("/", method=method, headers={"Accept": "text/html", **headers})
    assert (answer.status_code, answer.mimetype) == (401, "application/problem+json")
    assert answer.headers.get("HX-Redirect") == ("/mfa/challenge" if "HX-Request" in headers else None)


@pytest.mark.parametrize("path", ["/mfa/", "/mfa/sessions", "/mfa/challenge"])
def test_htmx_opens_the_gates_pages_by_themselves(path: str) -> None:
    host = make_host()
    client = host.client()
    client.post("/login", headers=BROWSER)
    host.pass_challenge(client)
    followed = client.get(path, headers={"HX-Request": "true", "HX-Boosted": "true"})
    assert (followed.headers.get("HX-Redirect"), followed.mimetype) == (path, "application/json")
    assert client.get("/mfa/status", headers={"HX-Request": "true"}).json["next"] == "pass"  # type: ignore[index]


def test_htmx_of_a_stranger_goes_to_the_sign_in() -> None:
    answer = make_host().client().get("/pay", headers={"HX-Request": "true"})
    assert (answer.status_code, answer.headers.get("HX-Redirect")) == (401, "/login")


ADDED = [{"Authorization": "Basic c3RhZ2luZzpzZWNyZXQ="}, {"Authorization": "Bearer of-the-proxy"}, {"X-Api-Key": "k"}]


@pytest.mark.parametrize("added", ADDED)
@pytest.mark.parametrize("visit", [BROWSER, WORKER, {"Accept": "text/html"}])
def test_a_header_that_a_proxy_adds_makes_no_program_of_a_browser(added: dict[str, str], visit: dict[str, str]) -> None:
    host = make_host(MFA_GATE_TOKEN_HEADERS=["X-Api-Key"])
    client, headers = with_a_proof_that_ran_out(host), {**visit, **added}
    assert client.get("/", headers=headers).location == "/mfa/challenge"
    assert client.get("/mfa/challenge", headers=headers).mimetype == "text/html"
    assert client.post("/", headers=headers).mimetype == "text/html"
    assert host.pass_challenge(client, headers=headers).status_code == 303
    assert client.get("/", headers=headers).text == "home"


@pytest.mark.parametrize("added", ADDED)
def test_nobody_behind_such_a_proxy_is_sent_to_the_sign_in(added: dict[str, str]) -> None:
    host = make_host(MFA_GATE_TOKEN_HEADERS=["X-Api-Key"])
    assert host.client().get("/pay", headers={**BROWSER, **added}).location == "/login?next=%2Fpay"
    assert host.client().get("/pay", headers=added).status_code == 401, "a program with a token that is nobody's"
    assert host.client().post("/login", headers={**BROWSER, **added}).location == "/mfa/challenge"


@pytest.mark.parametrize("headers", [{}, BROWSER, WORKER])
def test_a_token_that_says_who_it_is_gets_no_page(headers: dict[str, str]) -> None:
    answer = make_host().client().get("/", headers={**headers, "Authorization": "Bearer two"})
    assert (answer.status_code, answer.mimetype) == (401, "application/problem+json")

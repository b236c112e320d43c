"""Demand 13: ``login_view`` names no endpoint, ``/login`` does not exist, and own answers find a page all the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from flask import redirect
from flask_login import login_user

from flask_mfa_gate import ConfigError
from tests.conftest import JSON, StillClock, state_of
from tests.hosts_small.kit import Host, User


def host_without_login(
    login_view: str | None = "login", *, root: str | None = "open", clock: StillClock | None = None, **config: Any
) -> Host:
    """Signs in at ``/auth/form``; what it told Flask-Login of that leads nowhere, as with Flask-AppBuilder."""
    host = Host()
    host.clock = clock or host.clock
    host.app.config.update(config, MFA_GATE_CLOCK=host.clock)
    host.with_login_manager().login_view = login_view

    @host.app.route("/auth/form", methods=["GET", "POST"], endpoint="AuthView.form")
    def form() -> Any:
        login_user(User("1"))
        return redirect("/pages/1")

    if root is not None:
        view = (lambda: "start") if root == "open" else host.gate.require_mfa()(lambda: "start")
        host.app.add_url_rule("/", "index", view)
    host.app.add_url_rule("/pages/<int:number>", "page", lambda number: str(number))
    host.app.add_url_rule("/marked", "marked", host.gate.require_mfa()(lambda: "marked"))
    host.gate.init_app(host.app)
    with host.app.app_context():
        host.gate.upgrade()
    host.enroll()
    return host


@pytest.mark.parametrize("login_view", ["login", "page", None])
def test_strangers_are_sent_to_the_open_root(login_view: str | None) -> None:
    client = host_without_login(login_view).client()
    for path in ("/mfa/", "/marked"):
        assert client.get(path).location == f"/?next={path.replace('/', '%2F')}"
    answer = client.get("/mfa/status", headers=JSON)
    assert (answer.status_code, answer.json["code"], answer.json["continue_url"]) == (401, "sign_in_required", "/")  # type: ignore[index]


def test_then_to_the_view_of_the_last_sign_in() -> None:
    host = host_without_login()
    host.client().post("/auth/form")
    assert host.client().get("/mfa/").location == "/auth/form?next=%2Fmfa%2F"


def test_also_in_another_worker_and_after_a_restart(tmp_path: Path) -> None:
    clock = StillClock()

    def worker() -> Host:
        return host_without_login(None, clock=clock, MFA_GATE_DATABASE_URI=f"sqlite:///{tmp_path}/gate.sqlite3")

    one, other = worker(), worker()
    assert other.client().get("/mfa/").location == "/?next=%2Fmfa%2F"
    one.client().post("/auth/form")
    clock.forward(minutes=1)
    assert {host.client().get("/mfa/").location for host in (one, other, worker())} == {"/auth/form?next=%2Fmfa%2F"}


def test_whoever_lost_the_cookie_of_the_gate_signs_in_again_there() -> None:
    host = host_without_login(None)
    client = host.client()
    client.post("/auth/form")
    assert host.pass_challenge(client).status_code == 303
    client.delete_cookie("mfa_gate")
    assert client.get("/pages/1").location == "/auth/form?next=%2Fpages%2F1"
    assert client.get("/auth/form").location == "/mfa/challenge"
    assert host.pass_challenge(client).location == "/pages/1"


@pytest.mark.parametrize("address", ["AuthView.form", "/auth/form", "/auth/form?by=gate"])
@pytest.mark.parametrize("decide", ["first", "last"])
def test_a_marked_login_page_does_not_lead_to_itself(address: str, decide: str) -> None:
    host = host_without_login(None, MFA_GATE_LOGIN_URL=address, MFA_GATE_DECIDE=decide)
    form = host.app.view_functions["AuthView.form"]
    host.app.view_functions["AuthView.form"] = host.gate.resource("accounts")(form)
    client = host.client()
    assert "/auth/form" in str(client.get("/marked").location)
    answer = client.get("/auth/form")
    assert (answer.status_code, "Sign in first" in answer.text, "/auth/form" in answer.text) == (401, True, False)


@pytest.mark.parametrize("root", [None, "marked"])
def test_without_an_open_root_a_page_says_so(root: str | None) -> None:
    client = host_without_login(root=root).client()
    for path in ("/mfa/", "/marked", *(["/"] if root else [])):
        answer = client.get(path)
        assert (answer.status_code, answer.location) == (401, None)
        assert "Sign in first" in answer.text
    assert client.get("/mfa/status", headers=JSON).json["continue_url"] is None  # type: ignore[index]


@pytest.mark.parametrize("way_out", ["/mfa/cancel", "/mfa/sign-out"])
@pytest.mark.parametrize("root", ["open", None])
def test_ways_out_lead_somewhere(way_out: str, root: str | None) -> None:
    host = host_without_login(root=root)
    client = host.client()
    client.post("/auth/form")
    with state_of(host.app).store.database.write() as tx:
        state_of(host.app).store.checkpoints.drop(tx, "login-view")
    host.clock.forward(minutes=2)
    token = client.get("/mfa/status").json["csrf_token"]  # type: ignore[index]
    answer = client.post(way_out, data={"csrf_token": token})
    assert (answer.status_code, answer.location) == ((303, "/") if root else (401, None))
    assert client.get("/mfa/status", headers=JSON).status_code == 401


def test_a_login_view_whose_address_the_host_cannot_build() -> None:
    host = host_without_login("AuthView.form")
    host.app.url_defaults(lambda _endpoint, _values: 1 / 0)
    assert host.client().get("/mfa/").status_code == 303


def test_an_endpoint_of_the_setting_that_does_not_exist() -> None:
    host = host_without_login(MFA_GATE_LOGIN_URL="AuthView.from")
    with pytest.raises(ConfigError, match=r"MFA_GATE_LOGIN_URL names an endpoint.* Did you mean AuthView\.form\?"):
        host.gate.check(host.app)


def test_the_page_after_the_pass_is_no_login_page() -> None:
    host = host_without_login()
    client = host.client()
    client.post("/auth/form")
    assert host.pass_challenge(client).location == "/pages/1"


@pytest.mark.parametrize(
    ("login_view", "config", "found"),
    [
        ("login", {}, {"login-view"}), ("AuthView.form", {}, set()), ("/auth/form", {}, set()), (None, {}, set()),
        ("login", {"MFA_GATE_LOGIN_URL": "/auth/form"}, set()),
    ],
)  # fmt: skip
def test_the_doctor_says_so(login_view: str | None, config: dict[str, Any], found: set[str]) -> None:
    host = host_without_login(login_view, **config)
    with host.app.app_context():
        assert {one.code for one in host.gate.doctor()} & {"login-view"} == found


@pytest.mark.parametrize(
    ("base", "found"),
    [
        ("http://app.example", {"plain-cookie"}), ("https://app.example", set()), ("http://localhost", set()),
    ],
)  # fmt: skip
def test_a_proxy_that_keeps_tls_to_itself_is_noticed(base: str, found: set[str]) -> None:
    host = host_without_login("AuthView.form", MFA_GATE_BASE_URL="https://app.example")
    host.client().post("/auth/form", base_url=base)
    with host.app.app_context():
        assert {one.code for one in host.gate.doctor()} & {"plain-cookie"} == found

"""Demand 18: a decorator of the host authenticates after every hook."""

from __future__ import annotations

import base64
import functools
from collections.abc import Callable
from typing import Any

import pytest
from flask import abort, g, jsonify, request, session
from flask_login import current_user, login_user
from sqlalchemy import func, select

from tests.conftest import JSON, state_of
from tests.hosts_small.kit import Host, User

BASIC = {"Authorization": "Basic " + base64.b64encode(b"u:p").decode()}


def with_basic(
    *, ensures: bool = True, resource: str | None = None, stamp: Callable[[Any], str] | None = None, **config: Any
) -> tuple[Host, list[str]]:
    """HTTP Basic in a decorator, as Flask-Security's ``auth_required`` has it; user 1 by name and password."""
    host, done = Host(**config), []
    manager = host.with_login_manager()
    host.gate.init_app(host.app, session_stamp=stamp)

    def basic(view: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(view)
        def checked(*args: Any, **kwargs: Any) -> Any:
            given = request.authorization
            if given is None or given.password != "p":
                abort(401)
            manager._update_request_context_with_user(User("1" if given.username == "u" else str(given.username)))
            if ensures and (answer := host.gate.ensure(resource)) is not None:
                return answer
            return view(*args, **kwargs)

        return checked

    @host.app.post("/transfer")
    @basic
    def transfer() -> Any:
        done.append(current_user.get_id())
        return jsonify(balance=7)

    @host.app.post("/marked")
    @basic
    @host.gate.resource("payroll")
    def marked() -> Any:
        done.append(f"marked {current_user.get_id()}")
        return jsonify(balance=7)

    @host.app.post("/login/<key>")
    def login(key: str) -> str:
        login_user(User(key))
        return "in"

    host.app.add_url_rule("/", "home", lambda: f"inside as {current_user.get_id()}")
    return host, done


def rows(host: Host) -> dict[str, int]:
    store = state_of(host.app).store
    with store.database.read() as tx:
        return {
            name: tx.execute(select(func.count()).select_from(getattr(store.tables, name))).scalar_one()
            for name in ("session", "sign_in", "audit", "outbox")
        }


def found(host: Host) -> list[str]:
    with host.app.app_context():
        return [one.code for one in host.gate.doctor() if one.level.value == "warning"]


@pytest.mark.parametrize("tokens", ["refuse", "exempt"])
def test_ensure_stops_before_the_body(tokens: str) -> None:
    host, done = with_basic(MFA_GATE_TOKENS=tokens)
    host.enroll()
    before = rows(host)
    answer = host.client().post("/transfer", headers=BASIC)
    assert (answer.status_code, answer.json["code"]) == (401, "mfa_challenge_required")  # type: ignore[index]
    assert done == []
    assert rows(host) == before
    assert "late-identity" not in found(host)


def test_ensure_lets_through_whoever_owes_nothing() -> None:
    host, done = with_basic()
    assert host.client().post("/transfer", headers=BASIC).json == {"balance": 7}
    assert done == ["1"]
    assert rows(host) == {"session": 0, "sign_in": 0, "audit": 0, "outbox": 0}
    assert found(host).count("late-identity") == 0


def test_ensure_judges_by_the_resource() -> None:
    host, done = with_basic(resource="payroll", MFA_GATE_DEFAULT_ACCESS={"payroll": "deny"})
    assert host.client().post("/transfer", headers=BASIC).json["code"] == "access_denied"  # type: ignore[index]
    assert done == []


@pytest.mark.parametrize(("password", "status", "done_by"), [("old", 200, ["1"]), ("new", 401, [])])
def test_what_was_proved_beside_an_older_password_is_none_of_todays(
    password: str, status: int, done_by: list[str]
) -> None:
    """By the gate's cookie alone, so that no hook has seen whose session it is."""
    hashes = ["old"]
    host, done = with_basic(stamp=lambda user: hashes[-1])
    host.enroll()
    client = host.client()
    client.post("/login/1")
    host.pass_challenge(client)
    client.delete_cookie("session")
    hashes.append(password)
    assert (client.post("/transfer", headers=BASIC).status_code, done) == (status, done_by)


def test_a_cookie_that_only_a_decorator_reads_is_revoked_as_well() -> None:
    host, done = Host(), []
    manager = host.with_login_manager()
    host.gate.init_app(host.app)

    @host.app.post("/own")
    def own() -> Any:
        manager._update_request_context_with_user(User(request.cookies["uid"]))
        if (answer := host.gate.ensure()) is not None:
            return answer
        done.append(current_user.get_id())
        return "done"

    client = host.client()
    client.set_cookie("uid", "1")
    assert client.post("/own").text == "done"
    with host.app.app_context():
        host.gate.enrollments.revoke_sessions("1", actor="cli")
    assert client.post("/own").status_code == 401
    assert done == ["1"]


def test_a_marked_view_wants_its_user_before_any_decorator() -> None:
    host, done = with_basic()
    assert host.client().post("/marked", headers=BASIC).json["code"] == "sign_in_required"  # type: ignore[index]
    assert done == []


def test_ensure_refuses_nobody_and_lets_a_judged_session_through() -> None:
    host, _ = with_basic()
    host.app.add_url_rule("/me", "me", lambda: host.gate.ensure() or "me")
    host.enroll()
    client = host.client()
    assert client.get("/me", headers=JSON).json["code"] == "sign_in_required"  # type: ignore[index]
    client.post("/login/1")
    host.pass_challenge(client)
    assert client.get("/me").text == "me"


def test_one_users_proof_is_none_of_anothers_password() -> None:
    host, done = with_basic()
    for key in ("1", "2"):
        host.enroll(key)
    client = host.client()
    client.post("/login/2")
    host.pass_challenge(client)
    assert client.post("/transfer", headers=BASIC).status_code == 401
    assert done == []
    assert client.get("/").text == "inside as 2", "the session beside it is left alone"


def test_the_same_users_own_proof_counts() -> None:
    host, done = with_basic()
    host.enroll()
    client = host.client()
    client.post("/login/1")
    host.pass_challenge(client)
    assert client.post("/transfer", headers=BASIC).json == {"balance": 7}
    assert done == ["1"]


def test_without_the_call_the_answer_is_held_back_and_the_doctor_told() -> None:
    host, done = with_basic(ensures=False)
    host.enroll()
    before = rows(host)
    client = host.client()
    for _ in range(3):
        answer = client.post("/transfer", headers=BASIC)
        assert answer.status_code == 401
        assert "balance" not in answer.text
    assert done == ["1", "1", "1"], "too late for the act itself"
    assert rows(host) == before
    assert client.get_cookie("mfa_gate") is None
    assert "late-identity" in found(host)


def test_a_soft_prompt_stops_no_late_token() -> None:
    host, done = with_basic()
    with host.app.app_context():
        host.gate.enrollments.require("1", days=7)
    assert host.client().post("/transfer", headers=BASIC).json == {"balance": 7}
    host.clock.forward(days=7)
    assert host.client().post("/transfer", headers=BASIC).json["code"] == "mfa_enrollment_expired"  # type: ignore[index]
    assert done == ["1"]


def by_hook(**config: Any) -> Host:
    """A hook shows the user of each request, and keeps nothing: the name that a proxy in front vouches for."""
    host = Host(**config)
    manager = host.with_login_manager()
    host.gate.init_app(host.app)

    @host.app.before_request
    def show() -> None:
        if name := request.environ.get("REMOTE_USER") or request.headers.get("X-Api-Key"):
            manager._update_request_context_with_user(User(name))

    host.app.add_url_rule("/", "home", lambda: f"inside as {current_user.get_id()}", methods=["GET", "POST"])
    host.enroll()
    return host


@pytest.mark.parametrize("decide", ["first", "last"])
def test_who_is_shown_by_a_hook_at_each_request_proves_it_once(decide: str) -> None:
    host = by_hook(MFA_GATE_DECIDE=decide)
    client = host.client()
    one = {"environ_overrides": {"REMOTE_USER": "1"}}
    assert client.get("/", **one).location == "/mfa/challenge"
    host.pass_challenge(client, **one)
    assert client.get("/", **one).text == "inside as 1"
    assert client.get("/", environ_overrides={"REMOTE_USER": "2"}).text == "inside as 2"


@pytest.mark.parametrize("decide", ["first", "last"])
def test_a_program_that_a_hook_shows_leaves_no_rows(decide: str) -> None:
    host = by_hook(MFA_GATE_DECIDE=decide)
    before = rows(host)
    for _ in range(3):
        answer = host.client().post("/", headers={"X-Api-Key": "1", **JSON})
        assert answer.json["code"] == "mfa_challenge_required"  # type: ignore[index]
        assert answer.headers.getlist("Set-Cookie") == []
        assert host.client().post("/", headers={"X-Api-Key": "2", **JSON}).text == "inside as 2"
    assert rows(host) == before


def test_identity_shown_in_g_by_a_decorator() -> None:
    """The same of a host with ``identity=``."""
    host, done = Host(), []
    host.gate.init_app(host.app, identity=type("InG", (), {"load": lambda _self, _request: g.get("user")})())

    @host.app.post("/act")
    def act() -> Any:
        g.user = User("1")
        if (answer := host.gate.ensure()) is not None:
            return answer
        done.append("act")
        session["seen"] = "1"
        return "done"

    assert host.client().post("/act").text == "done"
    host.enroll()
    assert host.client().post("/act", headers=JSON).status_code == 401
    assert done == ["act"]

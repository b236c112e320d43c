"""Demands 3 and 4: nothing changes until the view ends; then its keys and answer are taken, and put back at the pass."""

from __future__ import annotations

from typing import Any

import pytest
from flask import after_this_request, make_response, redirect, session
from flask_login import LoginManager, current_user, login_user, user_logged_in

from flask_mfa_gate.errors import StoreError
from tests.conftest import JSON, state_of
from tests.hosts_small.kit import Host, User


def busy_host() -> tuple[Host, list[Any]]:
    """Its receivers and its view use ``current_user``, and the view writes all over the session."""
    host = Host()
    host.with_login_manager()
    host.gate.init_app(host.app)
    heard: list[Any] = []

    def receive(_sender: Any, user: Any) -> None:
        heard.append((user.id, current_user.is_authenticated))
        session["by_receiver"] = "yes"

    user_logged_in.connect(receive, host.app)
    host.app.extensions["keep"] = receive

    @host.app.get("/visit")
    def visit() -> str:
        session["lang"], session["seen"] = "de", ["a"]
        return "ok"

    @host.app.post("/login")
    def login() -> Any:
        login_user(User("1"), remember=True)
        assert current_user.id == "1"
        session["lang"] = "fr"
        session["seen"].append("b")
        session["api_token"] = "4711"
        session["tuple"] = (1, 2)

        @after_this_request
        def add_cookie(answer: Any) -> Any:
            answer.set_cookie("late", "4711")
            return answer

        answer = make_response({"token": "4711"})
        answer.set_cookie("token", "4711")
        return answer

    @host.app.post("/reset-password")
    def reset_password() -> Any:
        login_user(User("1"))
        return redirect("/done")

    @host.app.get("/show")
    def show() -> Any:
        return {key: value for key, value in session.items() if not key.startswith("_")}

    @host.app.get("/peek")
    @host.gate.exempt
    def peek() -> Any:
        return {"user": current_user.is_authenticated, **{k: v for k, v in session.items() if not k.startswith("_")}}

    host.enroll()
    return host, heard


def test_what_the_view_wrote_and_answered_waits_for_the_proof() -> None:
    host, heard = busy_host()
    client = host.client()
    client.get("/visit")
    answer = client.post("/login", headers=JSON)
    assert (answer.status_code, answer.json["code"]) == (401, "mfa_challenge_required")  # type: ignore[index]
    assert "4711" not in answer.text + str(answer.headers)
    assert client.get_cookie("remember_token") is None
    assert client.get("/peek").json == {"user": False, "lang": "de", "seen": ["a"]}
    assert host.pass_challenge(client).status_code == 303
    assert client.get("/show").json == {
        "lang": "fr", "seen": ["a", "b"], "api_token": "4711", "tuple": [1, 2], "by_receiver": "yes",
    }  # fmt: skip
    assert client.get_cookie("remember_token") is not None
    assert heard == [("1", True)], "login_user is not called again"


def test_tuples_stay_tuples_and_what_cant_be_written_is_dropped() -> None:
    from flask_mfa_gate.web.host.session_snapshot import pack, unpack

    payload, dropped = pack({"pair": (1, 2), "bad": object(), "bytes": b"x"})
    assert dropped == ("bad",)
    kept = unpack(payload)
    assert kept == {"pair": (1, 2), "bytes": b"x"}


def test_a_sign_in_inside_a_password_reset() -> None:
    host, _ = busy_host()
    client = host.client()
    assert client.post("/reset-password").location == "/mfa/challenge"
    assert client.get("/show").location == "/mfa/challenge"
    assert host.pass_challenge(client).location == "/done"


@pytest.mark.parametrize(("table", "act"), [("enrollments", "state"), ("sessions", "add")])
def test_a_failed_look_or_write_signs_nobody_in(monkeypatch: Any, table: str, act: str) -> None:
    host, _ = busy_host()
    client = host.client()
    client.get("/visit")

    def broken(*_args: Any, **_options: Any) -> None:
        raise StoreError("no space")

    with monkeypatch.context() as patch:
        patch.setattr(type(getattr(state_of(host.app).store, table)), act, broken)
        answer = client.post("/login")
    assert answer.status_code == 503
    assert "4711" not in answer.text + str(answer.headers)
    assert client.get("/peek").json == {"user": False, "lang": "de", "seen": ["a"]}


def test_a_view_that_signs_in_and_then_fails_signs_nobody_in() -> None:
    host, _ = busy_host()
    host.app.config["PROPAGATE_EXCEPTIONS"] = False

    @host.app.post("/broken")
    def broken() -> str:
        login_user(User("1"))
        raise RuntimeError("after login_user")

    client = host.client()
    assert client.post("/broken").status_code in {303, 500}
    assert client.get("/show").location == "/mfa/challenge"


def test_a_session_from_before_the_gate_was_installed() -> None:
    old = Host()
    manager = LoginManager(old.app)
    manager.user_loader(User)

    @old.app.post("/login")
    def login() -> str:
        login_user(User("1"))
        session["cart"] = "apple"
        return "in"

    before = old.app.test_client()
    before.post("/login")
    cookie = before.get_cookie("session")
    assert cookie is not None

    host, _ = busy_host()
    client = host.client()
    client.set_cookie("session", cookie.value)
    assert client.get("/show").location == "/mfa/challenge"
    assert client.get("/peek").json == {"user": False}
    assert host.pass_challenge(client).location == "/show"
    assert client.get("/show").json == {"cart": "apple"}


def test_two_tabs_share_one_sign_in() -> None:
    host, _ = busy_host()
    client = host.client()
    client.get("/visit")
    client.post("/login")
    first = client.get("/mfa/status").json["csrf_token"]  # type: ignore[index]
    host.clock.forward(seconds=30)
    second_tab = client.get("/mfa/status").json["csrf_token"]  # type: ignore[index]
    assert first == second_tab
    client.post("/mfa/challenge", data={"csrf_token": first, "code": host.phone.code()})
    late = client.get("/mfa/challenge")
    assert late.status_code == 303, "the other tab is simply sent on"


def test_a_session_key_set_by_hand_is_a_sign_in_too() -> None:
    host, _ = busy_host()

    @host.app.post("/by-hand")
    def by_hand() -> str:
        session["_user_id"] = "1"
        return "in"

    client = host.client()
    assert client.post("/by-hand").location == "/mfa/challenge"
    assert client.get("/show").location == "/mfa/challenge"

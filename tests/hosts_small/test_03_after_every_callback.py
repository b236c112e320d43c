"""Demand 3: nothing that runs after the view signs anybody in unseen, however late it comes."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from flask import Flask, after_this_request, copy_current_request_context, request
from flask_login import current_user, login_user

from tests.hosts_small.kit import Host, User


def who() -> str:
    return f"SECRET of {current_user.get_id()}" if current_user.is_authenticated else "nobody"


def add_late(app: Flask) -> None:
    @app.get("/late/<int:depth>")
    def late(depth: int) -> str:
        def add(left: int) -> None:
            @after_this_request
            def callback(answer: Any) -> Any:
                if left:
                    add(left - 1)
                else:
                    login_user(User("1"), remember=True)
                    answer.set_data(who())
                return answer

        add(depth)
        return "x"

    app.add_url_rule("/after", "after", lambda: "x")
    app.add_url_rule("/", "home", who)

    @app.after_request
    def after(answer: Any) -> Any:
        if request.path == "/after":
            login_user(User("1"), remember=True)
            answer.set_data(who())
        return answer


@pytest.mark.parametrize("path", ["/late/0", "/late/2", "/late/3", "/late/9", "/after"])
@pytest.mark.parametrize("gate_first", [True, False])
def test_an_answer_waits_for_the_proof(path: str, gate_first: bool) -> None:
    host = Host()
    if gate_first:
        host.gate.init_app(host.app)
    host.with_login_manager()
    add_late(host.app)
    if not gate_first:
        host.gate.init_app(host.app)
    assert "SECRET of 1" in host.client().get(path).text, "nothing is demanded yet"
    host.enroll()
    client = host.client()
    answer = client.get(path)
    assert answer.location == "/mfa/challenge"
    assert "SECRET" not in answer.text
    assert client.get_cookie("remember_token") is None
    assert client.get("/").location == "/mfa/challenge"
    host.pass_challenge(client)
    assert client.get("/").text == "SECRET of 1"


def test_a_thread_within_the_login_view_may_look_at_the_user() -> None:
    host, seen = Host(), []
    host.with_login_manager()
    host.gate.init_app(host.app)
    host.app.add_url_rule("/", "home", who)

    @host.app.post("/login")
    def login() -> str:
        login_user(User("1"))

        @copy_current_request_context
        def greet() -> None:
            seen.append(current_user.get_id())

        thread = threading.Thread(target=greet)
        thread.start()
        thread.join()
        return "in"

    client = host.client()
    assert client.post("/login").text == "in"
    assert client.get("/").text == "SECRET of 1"
    host.enroll()
    client = host.client()
    assert client.post("/login").location == "/mfa/challenge"
    host.pass_challenge(client)
    assert client.get("/").text == "SECRET of 1"
    assert seen == ["1", "1"]

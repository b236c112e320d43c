"""Demand 1, hosts in which the gate's own hooks are left out, or come too late."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Blueprint, Flask, abort, flash, request
from flask_login import current_user, login_user

from tests.hosts_small.kit import Host, User


class RunsNoHooks(Flask):
    """An app whose developer forgot the call to what it overrides."""

    def preprocess_request(self) -> None:
        return None


class RunsNoStepOfFlasks(Flask):
    """An app with a road of its own."""

    def full_dispatch_request(self) -> Any:
        return self.finalize_request(self.dispatch_request())


class RunsThem(Flask):
    """An app that looks who this is before the hooks."""

    def preprocess_request(self) -> Any:
        self.extensions.setdefault("seen", []).append(current_user.get_id())
        return super().preprocess_request()


def of_class(app_class: type[Flask]) -> tuple[Host, list[Any]]:
    host, done = Host(), list[Any]()
    app = app_class("host")
    app.config.update(host.app.config)
    host.app = app
    host.with_login_manager().session_protection = None
    host.gate.init_app(app)

    @app.get("/act")
    def act() -> str:
        if current_user.is_authenticated:
            done.append(current_user.get_id())
        return "done"

    host.enroll()
    return host, done


def signed_in_long_ago(host: Host) -> Any:
    client = host.client()
    with client.session_transaction() as session:
        session["_user_id"], session["_fresh"] = "1", True
    return client


@pytest.mark.parametrize("app_class", [RunsNoHooks, RunsNoStepOfFlasks])
def test_an_app_that_runs_no_hooks_lets_nobody_in_and_the_doctor_is_told(app_class: type[Flask]) -> None:
    host, done = of_class(app_class)
    answer = signed_in_long_ago(host).get("/act")
    assert (answer.status_code, done) == (503, [])
    assert "preprocess_request" in answer.text
    with host.app.app_context():
        found = {one.code: one for one in host.gate.doctor()}
    assert found["no-hooks"].level.value == "error"
    assert app_class.__name__ in found["no-hooks"].sentence


def test_before_the_hooks_the_app_sees_only_who_proved() -> None:
    host, done = of_class(RunsThem)
    client = signed_in_long_ago(host)
    assert client.get("/act").location == "/mfa/challenge"
    host.pass_challenge(client)
    assert client.get("/act").text == "done"
    seen = host.app.extensions["seen"]
    assert (seen[0], seen[-1], done) == (None, "1", ["1"])


def test_and_signs_nobody_out_who_owes_nothing() -> None:
    host, done = of_class(RunsThem)
    client = host.client()
    with client.session_transaction() as session:
        session["_user_id"], session["_fresh"] = "2", True
    for _ in range(3):
        assert client.get("/act").text == "done"
    assert done == ["2", "2", "2"]


def test_a_hook_that_comes_after_the_first_request_signs_nobody_in() -> None:
    host = Host()
    host.with_login_manager()
    host.gate.init_app(host.app)
    host.enroll()
    done: list[Any] = []
    host.app.add_url_rule("/act", "act", lambda: (done.append(current_user.get_id()), "done")[1])
    assert host.client().get("/act").text == "done"
    host.app._got_first_request = False
    host.app.before_request(lambda: (login_user(User("1")), None)[1])
    for _ in range(2):
        assert host.client().get("/act").location == "/mfa/challenge"
    assert done == [None]


def with_a_hook_that_answers() -> Host:
    host = Host(MFA_GATE_DECIDE="last")
    host.with_login_manager().session_protection = None
    host.gate.init_app(host.app)

    @host.app.before_request
    def answer() -> Any:
        if "flash" in request.args:
            flash("hello")
        if "fail" in request.args:
            abort(403)
        return f"hook for {current_user.get_id()}" if "hook" in request.args else None

    host.app.register_error_handler(403, lambda _error: (f"no, {current_user.get_id()}", 403))
    host.app.add_url_rule("/", "home", lambda: f"home of {current_user.get_id()}")
    host.enroll()
    return host


@pytest.mark.parametrize("query", ["hook", "fail", "hook&flash"])
def test_decide_last_judges_what_a_hook_answered_for(query: str) -> None:
    host = with_a_hook_that_answers()
    client = signed_in_long_ago(host)
    answer = client.get(f"/?{query}")
    assert answer.location == "/mfa/challenge"
    assert host.pass_challenge(client).location == f"/?{query}"
    assert client.get("/").text == "home of 1"
    assert client.get("/?hook&flash").text == "hook for 1"
    assert client.get("/").text == "home of 1"
    assert host.client().get("/?hook").text == "hook for None"


@pytest.mark.parametrize("decide", ["first", "last"])
def test_a_blueprint_that_is_registered_after_the_first_request_is_gated(decide: str) -> None:
    host = Host(MFA_GATE_DECIDE=decide)
    host.with_login_manager().session_protection = None
    host.gate.init_app(host.app)
    host.enroll()
    host.client().get("/")
    late, done = Blueprint("late", __name__), list[Any]()
    late.add_url_rule("/late", "act", lambda: (done.append(current_user.get_id()), "done")[1])
    host.app._got_first_request = False
    host.app.register_blueprint(late)
    assert signed_in_long_ago(host).get("/late").location == "/mfa/challenge"
    assert done == []

"""Demand 1, hosts in which the gate's own hooks are left out, or come too late."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.client import HTTPConnection
from threading import Thread
from typing import Any

import pytest
from flask import Blueprint, Flask, Request, Response, abort, flash, request, session
from flask.globals import request_ctx
from flask_login import current_user, login_user
from werkzeug.serving import make_server

from flask_mfa_gate.errors import ConfigError
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


class SavesByItself(Flask):
    """An app that writes its session, and runs nothing after a view."""

    def process_response(self, response: Any) -> Any:
        self.session_interface.save_session(self, request_ctx._get_current_object().session, response)  # type: ignore[attr-defined]
        return response


class RunsItsOwnAfterwards(Flask):
    """An app that knows of functions that it was given, and of none that a request was."""

    def process_response(self, response: Any) -> Any:
        for function in reversed(self.after_request_funcs[None]):
            response = self.ensure_sync(function)(response)
        return response


class EndsByItself(Flask):
    """An app that makes its answers in its own way."""

    def finalize_request(self, rv: Any, from_error_handler: bool = False) -> Any:
        return self.make_response(rv)


class DoesAllByItself(SavesByItself):
    """An app that runs nothing but the view."""

    def full_dispatch_request(self) -> Any:
        return self.process_response(self.make_response(self.dispatch_request()))


class DoesItForSome(Flask):
    """An app that leaves Flask's road for a few addresses."""

    def process_response(self, response: Any) -> Any:
        return response if request.path == "/act" else super().process_response(response)


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


class InSession:
    """The user of an app without Flask-Login."""

    def load(self, _asked: Request) -> User | None:
        return User(session["uid"]) if "uid" in session else None


Served = Callable[[Flask], HTTPConnection]


@pytest.fixture
def served() -> Iterator[Served]:
    """A server of HTTP, since a client of Werkzeug's raises what a server answers with 500."""
    with ExitStack() as running:

        def serve(app: Flask) -> HTTPConnection:
            server = make_server("127.0.0.1", 0, app)
            thread = Thread(target=server.serve_forever)
            thread.start()
            running.callback(thread.join)
            running.callback(server.shutdown)
            return HTTPConnection("127.0.0.1", server.server_port)

        yield serve


ROADS = {SavesByItself: 500, RunsItsOwnAfterwards: 503, EndsByItself: 500, DoesAllByItself: 500, DoesItForSome: 500}


def with_identity(app_class: type[Flask]) -> Host:
    host = Host()
    app = app_class("host")
    app.config.update(host.app.config)
    host.app = app
    host.gate.init_app(app, identity=InSession(), user_key=lambda user: user.id)

    @app.route("/act", methods=["GET", "POST"])
    def act() -> str:
        if request.method == "POST":
            session["uid"] = "1"
        return f"inside as {session.get('uid')}"

    host.enroll()
    return host


@pytest.mark.parametrize(("app_class", "status"), ROADS.items())
def test_no_answer_gets_out_of_which_the_gate_saw_no_end(app_class: type[Flask], status: int, served: Served) -> None:
    host = with_identity(app_class)
    connection = served(host.app)
    for method in ("POST", "GET"):
        connection.request(method, "/act")
        answer = connection.getresponse()
        assert (answer.status, b"inside" in answer.read()) == (status, False)
    with host.app.app_context():
        (found,) = [one for one in host.gate.doctor() if one.code == "no-hooks"]
    assert (found.level.value, app_class.__name__ in found.sentence) == ("error", True)


def test_its_developer_is_told_what_is_missing() -> None:
    host = with_identity(DoesAllByItself)
    with pytest.raises(ConfigError, match=r"DoesAllByItself .* finalize_request and process_response have to call"):
        host.client().post("/act")


def test_where_flasks_road_is_kept_to_nothing_is_missing() -> None:
    host = with_identity(DoesItForSome)
    host.app.static_folder = None
    assert host.client().get("/nowhere").status_code == 404
    assert host.client().get("/mfa/status").status_code == 401
    with host.app.test_request_context("/act"):
        pass
    with host.app.app_context():
        assert "no-hooks" not in {one.code for one in host.gate.doctor()}


def test_a_context_of_a_request_that_a_thread_was_given_is_no_answer() -> None:
    host = with_identity(DoesItForSome)

    def inner() -> str:
        with request_ctx._get_current_object().copy():  # type: ignore[attr-defined]
            return request.path

    host.app.add_url_rule("/copied", "copied", inner)
    assert host.client().get("/copied").text == "/copied"


def test_an_error_of_the_view_stays_what_it_is() -> None:
    host = with_identity(EndsByItself)
    host.app.add_url_rule("/breaks", "breaks", lambda: str(1 // 0))
    with pytest.raises(ZeroDivisionError):
        host.client().get("/breaks")


def test_so_does_what_an_extension_says_of_it() -> None:
    host = with_identity(DoesItForSome)
    host.app.testing, host.app.config["PROPAGATE_EXCEPTIONS"] = False, False
    host.app.handle_exception = lambda _error: Response("sorry", 500)  # type: ignore[method-assign]
    host.app.add_url_rule("/breaks", "breaks", lambda: str(1 // 0))
    assert host.client().get("/breaks").text == "sorry"


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

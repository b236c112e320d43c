"""Demands 5 to 11: websockets, catch-all handlers, taken routes, foreign headers, no --app target, sign-out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from flask import Blueprint, Flask, session
from flask_login import current_user, login_required, login_user, logout_user

from flask_mfa_gate import MFAGate
from flask_mfa_gate.errors import StoreNotReady
from tests.conftest import JSON, state_of
from tests.hosts_small.kit import Host, User


def plain() -> Host:
    host = Host()
    host.with_login_manager()
    host.gate.init_app(host.app)

    @host.app.post("/login")
    def login() -> str:
        login_user(User("1"), remember=True)
        return "in"

    @host.app.post("/logout")
    def logout() -> str:
        logout_user()
        return "out"

    @host.app.get("/")
    @login_required
    def home() -> str:
        return "home"

    host.enroll()
    return host


def seen_by_socket(host: Host, client: Any) -> bool:
    """Events of a socket run in a request context of their own, without any hook."""
    kept = [client.get_cookie(name) for name in ("session", "mfa_gate", "remember_token")]
    cookies = "; ".join(f"{one.key}={one.value}" for one in kept if one)
    with host.app.test_request_context("/socket", headers={"Cookie": cookies}):
        return bool(current_user.is_authenticated)


def test_05_websockets_see_no_unproven_identity() -> None:
    host = plain()
    client = host.client()
    client.post("/login")
    assert not seen_by_socket(host, client)
    host.pass_challenge(client)
    assert seen_by_socket(host, client)
    bare = host.client()
    bare.set_cookie("remember_token", client.get_cookie("remember_token").value)  # type: ignore[union-attr]
    assert not seen_by_socket(host, bare), "a bare remember cookie"
    copied = host.client()
    copied.set_cookie("session", client.get_cookie("session").value)  # type: ignore[union-attr]
    assert not seen_by_socket(host, copied), "a host session without the gate's"
    with host.app.app_context():
        host.gate.enrollments.reset("1")
    assert not seen_by_socket(host, client), "a reset bites at the next event"


def test_05_still_ok_for_open_sockets() -> None:
    host = plain()

    @host.app.get("/event")
    def event() -> Any:
        return {"ok": host.gate.still_ok()}

    client = host.client()
    assert client.get("/event").json == {"ok": False}
    client.post("/login")
    host.pass_challenge(client)
    assert client.get("/event").json == {"ok": True}


def test_06_answers_are_returned_never_raised() -> None:
    host = plain()
    part = Blueprint("part", __name__)

    @part.get("/part")
    @login_required
    @host.gate.resource("part")
    def view() -> str:
        return "content"

    @part.errorhandler(Exception)
    @part.app_errorhandler(Exception)
    def catch_all(error: Exception) -> Any:
        return f"host page for {type(error).__name__}", 200

    host.app.register_blueprint(part)
    client = host.client()
    client.post("/login")
    assert client.get("/part").location == "/mfa/challenge"
    assert client.get("/part", headers=JSON).status_code == 401
    token = client.get("/mfa/status").json["csrf_token"]  # type: ignore[index]
    assert client.post("/mfa/challenge", data={"csrf_token": token, "code": "1" * 600_000}).status_code == 400
    assert client.post("/mfa/challenge", data={"code": "1"}).status_code == 400
    assert host.client().get("/part").status_code == 303


def test_07_another_prefix_moves_every_page() -> None:
    host = Host(MFA_GATE_URL_PREFIX="/account/security")
    host.with_login_manager()
    host.gate.init_app(host.app)
    host.app.add_url_rule("/mfa/challenge", "mine", lambda: "mine")
    assert host.client().get("/mfa/challenge").text == "mine"
    assert host.client().get("/account/security/", headers=JSON).status_code == 401


def test_08_pages_work_under_a_foreign_csp_and_cors() -> None:
    host = plain()

    @host.app.after_request
    def overwrite(answer: Any) -> Any:
        answer.headers["Content-Security-Policy"] = "default-src 'self'; script-src 'self'"
        answer.headers["Access-Control-Allow-Origin"] = "*"
        return answer

    client = host.client()
    client.post("/login")
    page = client.get("/mfa/challenge").text
    for forbidden in ("<style", "style=", "onclick", "data:", "http://", "https://"):
        assert forbidden not in page
    assert "<script src=" in page
    assert page.count("<script") == 1
    stolen = client.get("/mfa/status", headers={"Origin": "https://evil.example"})
    assert stolen.status_code == 403
    assert "csrf_token" not in stolen.text


def test_08_tokens_are_checked_though_the_host_switched_its_own_off() -> None:
    host = plain()
    host.app.config["WTF_CSRF_ENABLED"] = False
    client = host.client()
    client.post("/login")
    assert client.post("/mfa/cancel").status_code == 400


def test_09_everything_has_a_python_call_and_the_file_makes_itself(tmp_path: Path) -> None:
    app = Flask("file", instance_path=str(tmp_path / "deep" / "instance"))
    app.config.update(SECRET_KEY="x")
    gate = MFAGate(app)
    with app.app_context():
        gate.enrollments.require("1", days=7)
        assert gate.enrollments.status("1").days_left == 7
        gate.run_due()
    key = tmp_path / "deep" / "instance" / "mfa_gate.key"
    assert key.stat().st_mode & 0o777 == 0o600
    again = Flask("file", instance_path=str(tmp_path / "deep" / "instance"))
    again.config.update(SECRET_KEY="x")
    MFAGate(again)
    with again.app_context():
        assert state_of(again).people.enrollments.status("1").required
    for one in (app, again):
        state_of(one).store.database.dispose()


def test_09_it_says_plainly_when_the_folder_cant_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    app = Flask("file", instance_path=str(tmp_path / "file" / "instance"))
    with pytest.raises(StoreNotReady, match="can't make the folder of its database file"):
        MFAGate(app)


def test_10_a_locked_user_can_sign_out_on_the_gates_pages() -> None:
    host = plain()
    with host.app.app_context():
        host.gate.enrollments.require("2", days=1)
    host.clock.forward(days=2)
    host.app._got_first_request = False

    @host.app.post("/login2")
    def login2() -> str:
        login_user(User("2"))
        session["x"] = "y"
        return "in"

    client = host.client()
    assert client.post("/login2").location == "/mfa/blocked"
    page = client.get("/mfa/blocked")
    assert page.status_code == 403
    assert 'action="/mfa/sign-out"' in page.text
    token = client.get("/mfa/status").json["csrf_token"]  # type: ignore[index]
    assert client.post("/mfa/sign-out", data={"csrf_token": token}).status_code == 303
    assert client.get("/").status_code == 401
    assert client.get_cookie("mfa_gate") is None


def test_11_one_gate_object_serves_two_apps() -> None:
    one, two = plain(), Host("two")
    two.gate = one.gate
    two.with_login_manager()
    one.gate.init_app(two.app)
    with one.app.app_context():
        one.gate.enrollments.require("9", days=3)
        assert one.gate.enrollments.status("9").required
    with two.app.app_context():
        assert not one.gate.enrollments.status("9").required
    assert not [value for value in vars(one.gate).values() if isinstance(value, Flask)]


def test_05_a_switched_off_account_is_nobody_on_a_socket() -> None:
    host = Host()
    off: set[str] = set()

    class Account(User):
        @property
        def is_active(self) -> bool:
            return self.id not in off

    host.with_login_manager().user_loader(Account)
    host.gate.init_app(host.app)

    @host.app.post("/login")
    def login() -> str:
        login_user(Account("1"))
        return "in"

    @host.app.get("/event")
    @host.gate.exempt
    def event() -> Any:
        return {"ok": host.gate.still_ok()}

    host.enroll()
    client = host.client()
    client.post("/login")
    host.pass_challenge(client)
    assert seen_by_socket(host, client)
    assert client.get("/event").json == {"ok": True}
    off.add("1")
    kept = "; ".join(f"{name}={client.get_cookie(name).value}" for name in ("session", "mfa_gate"))  # type: ignore[union-attr]
    with host.app.test_request_context("/socket", headers={"Cookie": kept}):
        assert not host.gate.still_ok()
    assert not seen_by_socket(host, client)
    assert client.get("/mfa/").status_code == 403, "nor do the gate's own pages"


def test_05_an_account_whose_own_word_fails_is_not_switched_on() -> None:
    host = Host()
    broken: set[str] = set()

    class Account(User):
        @property
        def is_active(self) -> bool:
            return bool((None if self.id in broken else self).id)  # type: ignore[union-attr]

    host.with_login_manager().user_loader(Account)
    host.gate.init_app(host.app)

    @host.app.post("/login")
    def login() -> str:
        login_user(Account("1"), force=True)
        return "in"

    @host.app.get("/")
    @login_required
    def home() -> str:
        return "home"

    host.enroll()
    client = host.client()
    client.post("/login")
    host.pass_challenge(client)
    assert client.get("/").text == "home"
    broken.add("1")
    assert client.get("/").status_code == 503
    assert client.get("/mfa/").status_code == 503, "nor do the gate's own pages"
    assert host.client().post("/login").status_code == 503


def test_05_cookies_of_two_people_fit_nowhere() -> None:
    host = Host()

    class InSession:
        def load(self, _request: Any) -> Any:
            return User(session["uid"]) if "uid" in session else None

    host.gate.init_app(host.app, identity=InSession(), user_key=lambda user: user.id)

    @host.app.post("/login/<key>")
    def login(key: str) -> str:
        session["uid"] = key
        return "in"

    host.app.add_url_rule("/", "home", lambda: "home")
    attacker, victim = host.client(), host.client()
    attacker.post("/login/9")
    victim.post("/login/8")
    cookies = f"mfa_gate={attacker.get_cookie('mfa_gate').value}; session={victim.get_cookie('session').value}"  # type: ignore[union-attr]
    with host.app.test_request_context("/socket", headers={"Cookie": cookies}):
        assert not host.gate.still_ok()


def test_03_a_callback_added_by_a_callback_sends_nothing() -> None:
    from flask import after_this_request

    host = Host()
    host.with_login_manager()
    host.gate.init_app(host.app)

    @host.app.post("/login")
    def login() -> str:
        login_user(User("1"))

        @after_this_request
        def outer(answer: Any) -> Any:
            @after_this_request
            def inner(late: Any) -> Any:
                late.set_cookie("jwt", "API-TOKEN")
                return late

            return answer

        return "in"

    host.enroll()
    assert "API-TOKEN" not in str(host.client().post("/login").headers)


def test_05_who_asks_for_the_user_before_the_hooks_signs_nobody_out() -> None:
    """A host that reads ``current_user`` in a URL preprocessor, which runs before any hook."""
    host = plain()
    seen: list[bool] = []
    host.app.url_value_preprocessor(lambda _endpoint, _values: seen.append(current_user.is_authenticated))

    @host.app.post("/login2")
    def login2() -> str:
        login_user(User("2"))
        return "in"

    owes_nothing = host.client()
    owes_nothing.post("/login2")
    host.clock.forward(hours=30)
    assert owes_nothing.get("/").text == "home"
    client = host.client()
    client.post("/login")
    host.pass_challenge(client)
    remembered = host.client()
    remembered.set_cookie("remember_token", client.get_cookie("remember_token").value)  # type: ignore[union-attr]
    assert remembered.get("/").location == "/mfa/challenge"
    host.pass_challenge(remembered)
    assert remembered.get("/").text == "home"
    assert any(seen)

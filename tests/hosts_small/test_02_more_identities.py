"""Demands 2 and 11, further hosts: both orders of set-up, ways to sign out, remember-me, tokens that are no tokens."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from flask import redirect, request, session
from flask_login import current_user, login_user, logout_user

from tests.conftest import JSON, Phone, state_of
from tests.hosts_small.kit import Host, User

BASIC = {"Authorization": "Basic " + base64.b64encode(b"1:password").decode()}


def everyday(*, gate_first: bool = True, **config: Any) -> Host:
    """A form login, a JSON login with an API token, a magic link, and several ways to sign out."""
    host = Host(**config)
    if gate_first:
        host.gate.init_app(host.app)
    host.with_login_manager()

    @host.app.post("/login")
    def login() -> Any:
        login_user(User(request.form.get("user", "1")), remember="remember" in request.form)
        return redirect(request.args.get("next", "/"))

    @host.app.post("/api/login")
    def api_login() -> Any:
        login_user(User("1"))
        session["api_token"] = "4711"
        return {"access_token": "4711"}, 201, {"X-Token": "4711"}

    @host.app.get("/magic/<key>")
    def magic(key: str) -> Any:
        login_user(User(key))
        return redirect("/")

    @host.app.post("/open-login")
    @host.gate.exempt
    def open_login() -> Any:
        login_user(User("1"))
        return "token 4711"

    @host.app.post("/logout")
    def logout() -> str:
        logout_user()
        return "out"

    @host.app.post("/forget")
    def forget() -> str:
        session.clear()
        return "out"

    @host.app.post("/drop")
    def drop() -> str:
        session.pop("_user_id")
        return "out"

    @host.app.get("/")
    def home() -> Any:
        return {"user": current_user.id if current_user.is_authenticated else None, "token": session.get("api_token")}

    @host.app.get("/healthz")
    @host.gate.exempt
    def healthz() -> Any:
        return {"user": current_user.is_authenticated, "keys": sorted(session)}

    if not gate_first:
        host.gate.init_app(host.app)
    host.enroll()
    return host


@pytest.mark.parametrize("gate_first", [True, False])
@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/login"), ("POST", "/api/login"), ("GET", "/magic/1"), ("POST", "/open-login")]
)
def test_every_door_leads_to_the_challenge(gate_first: bool, method: str, path: str) -> None:
    """Form, API, magic link and even an exempt login view, whatever was set up first."""
    host = everyday(gate_first=gate_first)
    client = host.client()
    answer = client.open(path, method=method)
    assert (answer.status_code, answer.location) == (303, "/mfa/challenge")
    assert "4711" not in answer.text + str(answer.headers)
    assert client.get("/").location == "/mfa/challenge"
    assert client.get("/healthz").json == {"user": False, "keys": []}
    assert host.pass_challenge(client).status_code == 303
    assert client.get("/").json["user"] == "1"  # type: ignore[index]


@pytest.mark.parametrize("gate_first", [True, False])
def test_an_api_token_waits_for_the_proof(gate_first: bool) -> None:
    """The JSON answer is replaced, its headers too; the whole road speaks JSON."""
    host = everyday(gate_first=gate_first)
    client = host.client()
    answer = client.post("/api/login", json={}, headers=JSON)
    assert (answer.status_code, answer.mimetype) == (401, "application/problem+json")
    assert answer.json["code"] == "mfa_challenge_required"  # type: ignore[index]
    assert "4711" not in answer.text + str(answer.headers)
    assert host.pass_challenge(client, headers=JSON).json["next"] == "pass"
    assert client.get("/").json == {"user": "1", "token": "4711"}


def test_nobody_else_is_held_up() -> None:
    """A user of whom nothing is demanded gets the view's own answer."""
    host = everyday()
    client = host.client()
    answer = client.post("/login?next=/healthz", data={"user": "2"})
    assert (answer.status_code, answer.location) == (302, "/healthz")
    assert client.get("/").json == {"user": "2", "token": None}


@pytest.mark.parametrize("way", ["/logout", "/forget", "/drop"])
def test_a_copied_cookie_carries_no_proof_after_sign_out(way: str) -> None:
    """By ``logout_user``, by clearing the session, by dropping the key: the sign-in is over on the server."""
    host = everyday()
    client, copy = host.client(), host.client()
    client.post("/login")
    host.pass_challenge(client)
    for name in ("session", "mfa_gate"):
        copy.set_cookie(name, client.get_cookie(name).value)  # type: ignore[union-attr]
    assert copy.get("/").json["user"] == "1"  # type: ignore[index]
    assert client.post(way).text == "out"
    assert copy.get("/mfa/status", headers=JSON).status_code == 401
    assert copy.get("/").location == "/mfa/challenge"


def test_the_id_is_another_after_each_step() -> None:
    """At the sign-in, at the pass, and at the next sign-in; the host may empty its session as it likes."""
    host = everyday()
    client = host.client()
    client.set_cookie("mfa_gate", "planted")
    ids = ["planted"]
    for step in (lambda: client.post("/login"), lambda: host.pass_challenge(client), lambda: client.get("/magic/2")):
        step()
        ids.append(client.get_cookie("mfa_gate").value)  # type: ignore[union-attr]
    assert len(set(ids)) == 4
    assert client.get("/").json["user"] == "2"  # type: ignore[index]
    client.set_cookie("mfa_gate", ids[2])
    assert client.get("/mfa/status", headers=JSON).status_code == 401, "the proof of user 1 ended there"


@pytest.mark.parametrize("refreshes", [True, False])
def test_the_remember_cookie_comes_with_the_proof_and_is_one_factor(refreshes: bool) -> None:
    """Also under another name, and when the host renews it at every request."""
    host = everyday(REMEMBER_COOKIE_NAME="stay", REMEMBER_COOKIE_REFRESH_EACH_REQUEST=refreshes)
    client = host.client()
    answer = client.post("/login", data={"remember": "1"})
    assert not [cookie for cookie in answer.headers.getlist("Set-Cookie") if cookie.startswith("stay=1")]
    client.get("/healthz")
    client.get("/")
    client.get("/mfa/challenge")
    assert client.get_cookie("stay") is None
    host.pass_challenge(client)
    stay = client.get_cookie("stay")
    assert stay is not None

    later = host.client()
    later.set_cookie("stay", stay.value)
    assert later.get("/healthz").json == {"user": False, "keys": []}
    assert later.get("/").location == "/mfa/challenge"
    assert later.get("/", headers=JSON).status_code == 401
    host.pass_challenge(later)
    assert later.get("/").json["user"] == "1"  # type: ignore[index]


def test_a_bare_remember_cookie_enrolls_nothing() -> None:
    """A remembered browser of a user without a factor is no fresh sign-in."""
    host = everyday()
    client = host.client()
    client.post("/login", data={"user": "2", "remember": "1"})
    bare = host.client()
    bare.set_cookie("remember_token", client.get_cookie("remember_token").value)  # type: ignore[union-attr]
    assert bare.get("/").json["user"] == "2"  # type: ignore[index]
    assert bare.get("/mfa/enroll/totp", headers=JSON).status_code == 401
    with host.app.app_context():
        host.gate.enrollments.require("2", days=1)
    host.clock.forward(days=2)
    assert bare.get("/").status_code == 403


def test_signing_out_of_a_remembered_pending_sign_in_forgets_the_browser() -> None:
    """The gate's own sign-out takes the remember cookie along."""
    host = everyday()
    client = host.client()
    client.post("/login", data={"remember": "1"})
    host.pass_challenge(client)
    client.delete_cookie("session")
    client.delete_cookie("mfa_gate")
    assert client.get("/").location == "/mfa/challenge"
    token = client.get("/mfa/status").json["csrf_token"]  # type: ignore[index]
    client.post("/mfa/sign-out", data={"csrf_token": token})
    assert client.get_cookie("remember_token") is None
    assert client.get("/").json["user"] is None  # type: ignore[index]


def test_two_tabs_with_two_users() -> None:
    """The second sign-in takes the first one's place; a form of the first tab counts for neither."""
    host = everyday()
    host.enroll("3")
    client = host.client()
    client.post("/login")
    first = client.get("/mfa/status").json["csrf_token"]  # type: ignore[index]
    assert client.post("/login", data={"user": "3"}).location == "/mfa/challenge"
    host.clock.forward(seconds=30)
    old_form = client.post("/mfa/challenge", data={"csrf_token": first, "code": host.phone.code()})
    assert (old_form.status_code, client.get("/").location) == (400, "/mfa/challenge")
    host.pass_challenge(client)
    assert client.get("/").json["user"] == "3"  # type: ignore[index]


def test_the_proof_of_one_user_is_none_beside_the_session_of_another() -> None:
    """Here no password tells the two apart."""
    host = everyday()
    host.enroll("3")
    thief, victim = host.client(), host.client()
    for client, user in ((thief, "1"), (victim, "3")):
        client.post("/login", data={"user": user})
        host.pass_challenge(client)
        assert client.get("/").json["user"] == user  # type: ignore[index]
    stolen = victim.get_cookie("session")
    assert stolen
    thief.set_cookie("session", stolen.value)
    assert thief.get("/", headers=JSON).status_code == 401


def test_nor_does_a_page_show_what_one_user_holds_to_another() -> None:
    """Beside the gate's session of a user with recovery codes comes the host's of one who has none."""
    host = everyday()
    host.enroll("3")
    with host.app.app_context():
        state = state_of(host.app)
        with state.store.database.write() as tx:
            state.store.recovery_codes.replace(tx, "1", [("a", b"1")], now=state.clock())
    client = host.client()
    client.post("/login")
    host.pass_challenge(client)
    with client.session_transaction() as contents:
        contents["_user_id"] = "3"
    page = client.get("/mfa/challenge")
    assert page.status_code == 200
    assert "recovery code" not in page.text


def test_two_tabs_and_a_passed_one() -> None:
    """A tab that still shows the challenge and sends another code is told, and the sign-in stays."""
    host = everyday()
    client = host.client()
    client.post("/login")
    token = client.get("/mfa/status").json["csrf_token"]  # type: ignore[index]
    host.pass_challenge(client)
    host.clock.forward(seconds=30)
    late = client.post("/mfa/challenge", data={"csrf_token": token, "code": host.phone.code()})
    assert late.status_code in {303, 400, 409}
    assert client.get("/").json["user"] == "1"  # type: ignore[index]


def by_basic(**config: Any) -> Host:
    """A ``request_loader`` that takes Basic and Bearer."""
    host = Host(**config)
    host.gate.init_app(host.app)
    host.with_login_manager().request_loader(lambda request: User("1") if "Authorization" in request.headers else None)
    host.app.add_url_rule("/api", "api", lambda: {"user": current_user.id})
    return host


def test_basic_is_a_password_and_never_covered() -> None:
    """``exempt`` is for tokens; a password in the header is one factor as anywhere."""
    host = by_basic(MFA_GATE_TOKENS="exempt")
    host.enroll()
    assert host.client().get("/api", headers={"Authorization": "Bearer x"}).json == {"user": "1"}
    assert host.client().get("/api", headers=BASIC).status_code == 401


def test_a_lapse_stops_exempt_tokens_too() -> None:
    """Deny, lapse and inactive stop tokens in every mode."""
    host = by_basic(MFA_GATE_TOKENS="exempt")
    with host.app.app_context():
        host.gate.enrollments.require("1", days=1)
    token = {"Authorization": "Bearer x"}
    assert host.client().get("/api", headers=token).status_code == 200
    host.clock.forward(days=2)
    answer = host.client().get("/api", headers=token)
    assert (answer.status_code, (answer.json or {}).get("code")) == (403, "mfa_enrollment_expired")


def test_a_denied_app_stops_exempt_tokens_too() -> None:
    """The same for the app's default access."""
    host = by_basic(MFA_GATE_TOKENS="exempt", MFA_GATE_DEFAULT_ACCESS={"app": "deny"})
    answer = host.client().get("/api", headers={"Authorization": "Bearer x"})
    assert (answer.status_code, (answer.json or {}).get("code")) == (403, "access_denied")


def test_a_first_factor_is_set_up_on_one_connection() -> None:
    """Such as a memory database has; with more, as many setups at once would wait for each other."""
    host = everyday()
    client = host.client()
    client.post("/login", data={"user": "2"})
    secret = client.get("/mfa/enroll/totp", headers=JSON).json["secret"]  # type: ignore[index]
    token = client.get("/mfa/status").json["csrf_token"]  # type: ignore[index]
    done = client.post("/mfa/enroll/totp", data={"csrf_token": token, "code": Phone(host.clock, secret).code()})
    assert done.status_code == 200

"""Admins who act as another user, on hosts with Flask-Login and on hosts that keep the user in the session themselves."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask, request, session
from flask.testing import FlaskClient
from flask_login import current_user, login_user, logout_user

from flask_mfa_gate.errors import BadRequest, NotProved
from flask_mfa_gate.services.sign_in.endings import revoke_others
from tests.conftest import JSON, state_of
from tests.hosts_small.kit import Host, User
from tests.policy_kit import policy

ACTOR, SUBJECT = "1", "2"
TICKET = "ticket 42"


class InSession:
    """A host's own way of keeping its user."""

    @staticmethod
    def load(asked: Any) -> User | None:
        return User(session["uid"]) if "uid" in session else None


class Desk:
    """A host whose support can act as other users."""

    def __init__(self, kind: str = "flask-login", roles: dict[str, str] | None = None, **config: Any) -> None:
        self.kind, self.roles, self.passwords = kind, roles or {}, dict.fromkeys("123", "old")
        self.host = host = Host(kind, MFA_GATE_SESSION_MAX_AGE=timedelta(days=3), **config)
        options: dict[str, Any] = {"session_stamp": lambda user: self.passwords[user.id]}
        options["admin_role"] = lambda user: self.roles.get(user.id)
        if kind == "flask-login":
            host.with_login_manager()
        else:
            options["identity"] = InSession()
        host.gate.init_app(host.app, **options)
        self.act: Callable[[], Any] = str
        app: Flask = host.app
        app.add_url_rule("/login/<key>", "login", self.login, methods=["POST"])
        app.add_url_rule("/logout", "logout", self.logout, methods=["POST"])
        app.add_url_rule("/act-as/<key>", "act_as", self.act_as, methods=["POST"])
        app.add_url_rule("/back/<key>", "back", self.login, methods=["POST"], defaults={"keeps": "yes"})
        app.add_url_rule("/me", "me", lambda: f"{self.name()} {session.get('note', '-')}", methods=["GET", "POST"])
        app.add_url_rule("/act", "act", lambda: self.act(), methods=["POST"])
        app.add_url_rule("/payroll", "payroll", host.gate.resource("payroll")(lambda: f"payroll of {self.name()}"))
        app.add_url_rule("/fresh", "fresh", host.gate.require_mfa()(lambda: f"fresh {self.name()}"))
        young = host.gate.require_mfa(max_age=timedelta(minutes=5))
        app.add_url_rule("/young", "young", young(lambda: f"young {self.name()}"))
        host.enroll(ACTOR)

    def sign_in(self, key: str, **options: Any) -> None:
        if self.kind == "flask-login":
            login_user(User(key), **options)
        else:
            session["uid"] = key

    def login(self, key: str, keeps: str = "") -> str:
        self.sign_in(key)
        session["note"] = f"note of {key}"
        return "in"

    def logout(self) -> str:
        logout_user() if self.kind == "flask-login" else session.pop("uid", None)
        return "out"

    def act_as(self, key: str) -> str:
        actor = User(request.form.get("actor", ACTOR))
        with self.host.gate.impersonation(actor=actor, subject=User(key), reason=request.form.get("reason", TICKET)):
            self.sign_in(key)
        session["note"] = "of the view"
        return "acting"

    def name(self) -> str:
        if self.kind == "flask-login":
            return str(current_user.get_id()) if current_user.is_authenticated else "nobody"
        return str(session.get("uid", "nobody"))

    def signed_in(self, key: str = ACTOR, *, proves: bool = True) -> FlaskClient:
        client = self.host.client()
        client.post(f"/login/{key}")
        if proves:
            assert self.host.pass_challenge(client).status_code == 303
        return client

    def acting(self, key: str = SUBJECT) -> FlaskClient:
        client = self.signed_in()
        assert client.post(f"/act-as/{key}").text == "acting"
        assert client.get("/me").text == f"{key} of the view"
        return client

    def records(self, name: str) -> list[Any]:
        with self.host.app.app_context():
            return [one for one in self.host.gate.audit.export() if one["event"] == f"impersonation_{name}"]

    def save(self, **fields: Any) -> None:
        with self.host.app.app_context():
            self.host.gate.policies.save(policy(**fields))

    def call(self, act: Callable[[Any], Any]) -> Any:
        with self.host.app.app_context():
            return act(self.host.gate)


@pytest.fixture(params=["flask-login", "identity"])
def desk(request: Any) -> Desk:
    return Desk(request.param)


def leave(client: FlaskClient) -> Any:
    token = client.get("/mfa/status").json["csrf_token"]  # type: ignore[index]
    return client.post("/mfa/impersonation/leave", data={"csrf_token": token})


def code_of(answer: Any) -> tuple[int, str]:
    return answer.status_code, (answer.json or {}).get("code")


def test_the_actors_proof_counts_and_both_are_on_record(desk: Desk) -> None:
    desk.host.enroll(SUBJECT)
    client = desk.acting()
    assert client.get("/fresh").text == "fresh 2", "proved by the actor"
    (record,) = desk.records("started")
    assert (record["actor"], record["subject"], record["reason"]) == ("user:1", "2", TICKET)
    assert leave(client).status_code == 303
    assert client.get("/me").text == "1 note of 1", "the session as it was"
    (record,) = desk.records("ended")
    assert (record["actor"], record["subject"], record["reason"]) == ("user:1", "2", TICKET)
    assert record["details"]["how"] == "left"


def test_leaving_gives_back_the_proof_and_makes_it_no_fresher(desk: Desk) -> None:
    client = desk.signed_in()
    before = state_of(desk.host.app).sign_in.sessions.living(ACTOR)[0].assurance
    desk.host.clock.forward(minutes=5)
    client.post(f"/act-as/{SUBJECT}")
    leave(client)
    assert client.get("/fresh").text == "fresh 1"
    assert state_of(desk.host.app).sign_in.sessions.living(ACTOR)[0].assurance == before


def test_outside_of_the_block_a_change_of_identity_is_a_sign_in_without_proof(desk: Desk) -> None:
    desk.host.enroll(SUBJECT)
    client = desk.signed_in()
    assert client.post(f"/back/{SUBJECT}").location == "/mfa/challenge"

    def outside() -> str:
        with desk.host.gate.impersonation(actor=User(ACTOR), subject=User(SUBJECT), reason=TICKET):
            pass
        desk.sign_in(SUBJECT)
        return "in"

    desk.act = outside
    assert desk.signed_in().post("/act").location == "/mfa/challenge"
    assert desk.records("started") == []


def test_signing_in_as_the_actor_again_is_a_sign_in_too(desk: Desk) -> None:
    client = desk.acting()
    assert client.post(f"/back/{ACTOR}").location == "/mfa/challenge"
    assert [one["details"]["how"] for one in desk.records("ended")] == ["signed-out"]


@pytest.mark.parametrize(
    ("roles", "subject", "status"),
    [
        ({}, "2", 200), ({"2": "helpdesk"}, "2", 403), ({"1": "helpdesk", "2": "auditor"}, "2", 403),
        ({"1": "auditor"}, "2", 403), ({"1": "admin", "2": "admin"}, "2", 200), ({"1": "helpdesk"}, "2", 200),
        ({"1": "admin"}, "1", 403),
    ],
)  # fmt: skip
def test_who_may_act_as_whom(roles: dict[str, str], subject: str, status: int) -> None:
    desk = Desk(roles=roles)
    client = desk.signed_in()
    answer = client.post(f"/act-as/{subject}", headers=JSON)
    assert answer.status_code == status
    assert client.get("/me").text == (f"{SUBJECT} of the view" if status == 200 else "1 note of 1")


def test_what_stands_against_it_leaves_the_session_as_it_was(desk: Desk) -> None:
    client = desk.signed_in()
    assert code_of(client.post("/act-as/2", data={"reason": "  "}, headers=JSON)) == (400, "bad_request")
    assert code_of(client.post("/act-as/2", data={"actor": "3"}, headers=JSON)) == (403, "access_denied")
    assert client.get("/me").text == "1 note of 1"
    client.post("/act-as/2")
    assert code_of(client.post("/act-as/3", headers=JSON)) == (409, "conflict")
    assert client.get("/me").text == "2 of the view"
    stranger = desk.host.client()
    assert code_of(stranger.post("/act-as/2", headers=JSON)) == (403, "access_denied")
    assert stranger.get("/me").text.startswith("nobody")
    assert len(desk.records("started")) == 1


def test_it_takes_a_view_and_users(desk: Desk) -> None:
    with desk.host.app.app_context(), pytest.raises(NotProved):
        desk.host.gate.impersonation(actor="1", subject="2", reason=TICKET).__enter__()
    desk.act = lambda: desk.host.gate.impersonation(actor="cli", subject="2", reason=TICKET).__enter__()
    with pytest.raises(BadRequest):
        desk.signed_in().post("/act")


def test_an_actor_who_cannot_prove_what_the_account_asks_is_refused(desk: Desk) -> None:
    desk.host.enroll("3")
    client = desk.signed_in("2", proves=False)
    assert code_of(client.post("/act-as/3", data={"actor": "2"}, headers=JSON)) == (403, "access_denied")
    assert client.get("/me").text == "2 note of 2"


def deny(desk: Desk, who: str) -> None:
    desk.save(action="deny", users={"include": [f"user:{who}"]})


@pytest.mark.parametrize("who", [ACTOR, SUBJECT])
def test_a_deny_of_either_ends_it_and_the_request_is_done_for_neither(desk: Desk, who: str) -> None:
    client = desk.acting()
    deny(desk, who)
    assert code_of(client.post("/me", headers=JSON)) == (403, "access_denied")
    assert client.get("/me").text == "1 note of 1" if who == SUBJECT else client.get("/me").status_code == 403
    assert [one["details"]["how"] for one in desk.records("ended")] == ["not-allowed"]
    refused = desk.signed_in().post("/act-as/2", headers=JSON) if who == SUBJECT else None
    assert refused is None or refused.status_code == 403


def test_a_lapse_of_the_user_ends_it(desk: Desk) -> None:
    client = desk.acting()
    desk.call(lambda gate: gate.enrollments.require(SUBJECT, days=1))
    assert client.get("/me").text == "2 of the view", "a soft prompt is not the actor's to answer"
    for _ in range(25):
        desk.host.clock.forward(minutes=58)
        client.get("/me")
    assert client.get("/me").text == "1 note of 1"
    assert [one["details"]["how"] for one in desk.records("ended")] == ["not-allowed"]


def test_an_account_that_has_to_set_up_a_factor_is_not_acted_as(desk: Desk) -> None:
    desk.call(lambda gate: gate.enrollments.require(SUBJECT, days=0))
    answer = desk.signed_in().post("/act-as/2", headers=JSON)
    assert code_of(answer) == (403, "access_denied")
    assert "only its user can do" in answer.json["detail"]


def test_a_page_that_asks_more_of_the_user_is_proved_by_the_actor(desk: Desk) -> None:
    desk.host.enroll(SUBJECT)
    client = desk.acting()
    desk.save(action="require", on=["payroll"], max_age=300, users={"include": ["user:2"]})
    assert client.get("/payroll").text == "payroll of 2"
    desk.host.clock.forward(minutes=6)
    assert client.get("/payroll").location == "/mfa/challenge"
    assert client.get("/me").text == "2 of the view"
    if desk.kind == "flask-login":
        assert desk.host.pass_challenge(client).location == "/payroll"
        assert client.get("/payroll").text == "payroll of 2"


@pytest.mark.parametrize("view", ["/young", "/payroll"])
def test_who_holds_no_factor_is_acted_as_by_the_actors_proof(desk: Desk, view: str) -> None:
    desk.save(action="require", on=["payroll"], max_age=300)
    client = desk.acting()
    assert client.get("/fresh").text == "fresh 2"
    assert client.get(view).text.endswith("2")
    desk.host.clock.forward(minutes=6)
    assert client.get(view).location == "/mfa/challenge"
    assert client.get("/me").text == "2 of the view"
    if desk.kind == "flask-login":
        assert desk.host.pass_challenge(client).location == view
        assert client.get(view).text.endswith("2")


def test_a_lock_of_the_user_is_not_lifted_by_the_actors_proof() -> None:
    desk = Desk(MFA_GATE_LOCKOUT_SCOPE="protected")
    desk.call(lambda gate: gate.enrollments.require(SUBJECT, days=1))
    desk.host.clock.forward(days=2)
    client = desk.acting()
    assert code_of(client.get("/fresh", headers=JSON)) == (403, "mfa_enrollment_expired")


def test_pages_of_the_account_are_closed_meanwhile(desk: Desk) -> None:
    client = desk.acting()
    for path in (
        "/mfa/",
        "/mfa/enroll",
        "/mfa/enroll/totp",
        "/mfa/recovery-codes",
        "/mfa/sessions",
        "/mfa/tokens",
        "/admin/mfa/",
    ):
        answer = client.get(path)
        assert answer.status_code == 403, path
        assert "while you act as another user" in answer.text
        assert "/mfa/impersonation/leave" in answer.text, "with the way back"
        assert code_of(client.get(path, headers=JSON)) == (403, "access_denied")
    assert client.get("/mfa/status").status_code == 200


def test_no_token_is_registered_and_the_next_request_is_still_the_users(desk: Desk) -> None:
    client = desk.acting()

    def mark() -> str:
        with pytest.raises(NotProved):
            desk.host.gate.mark_token("pat_1")
        return "refused"

    desk.act = mark
    assert client.post("/act").text == "refused"


@pytest.mark.parametrize("how", ["sign-out of the app", "sign-out of the gate"])
def test_signing_out_ends_both(desk: Desk, how: str) -> None:
    client = desk.acting()
    if how == "sign-out of the app":
        client.post("/logout")
    else:
        token = client.get("/mfa/status").json["csrf_token"]  # type: ignore[index]
        client.post("/mfa/sign-out", data={"csrf_token": token})
    assert client.get("/me").text.startswith("nobody")
    assert state_of(desk.host.app).sign_in.sessions.living(ACTOR) == []
    assert [one["details"]["how"] for one in desk.records("ended")] == ["signed-out"]
    client.post(f"/login/{SUBJECT}")
    assert client.get("/me").text == "2 note of 2", "nothing of it is left to the next one"


ENDS: dict[str, Callable[[Desk], Any]] = {
    "the actor's sessions revoked": lambda desk: desk.call(lambda gate: gate.enrollments.revoke_sessions(ACTOR)),
    "the actor's password changed": lambda desk: desk.passwords.update({ACTOR: "new"}),
    "the user's sessions revoked": lambda desk: desk.call(lambda gate: gate.enrollments.revoke_sessions(SUBJECT)),
    "the user's password changed": lambda desk: desk.passwords.update({SUBJECT: "new"}),
}


@pytest.mark.parametrize("how", ENDS)
def test_a_revocation_of_either_ends_it(desk: Desk, how: str) -> None:
    client = desk.acting()
    ENDS[how](desk)
    answer = client.post("/me", headers=JSON)
    assert answer.status_code in {401, 403}
    assert [one["details"]["how"] for one in desk.records("ended")] == ["revoked"]
    after = client.get("/me").text
    assert after.startswith("nobody") if "actor" in how else after == "1 note of 1"
    assert client.get("/me").text == after


def test_the_end_is_on_record_though_the_browser_never_comes_back(desk: Desk) -> None:
    desk.acting()
    desk.call(lambda gate: gate.enrollments.revoke_sessions(ACTOR))
    assert [one["details"]["how"] for one in desk.records("ended")] == ["revoked"]
    desk.acting(), desk.acting()
    own = state_of(desk.host.app).sign_in.sessions.living(ACTOR)
    state = state_of(desk.host.app)
    state.worker.run(lambda work: (work.lock_users(ACTOR), revoke_others(work, own[0])))
    assert [one["details"]["how"] for one in desk.records("ended")] == ["revoked"] * 2
    desk.call(lambda gate: gate.run_due())
    assert len(desk.records("ended")) == 2, "the other one goes on"
    desk.host.clock.forward(minutes=90)
    for _ in range(2):
        desk.call(lambda gate: gate.run_due())
    assert [one["details"]["how"] for one in desk.records("ended")] == ["revoked", "revoked", "expired"]


def test_cookies_that_were_copied_meanwhile_are_worth_nothing_afterwards(desk: Desk) -> None:
    client = desk.acting()
    copied = [client.get_cookie(name) for name in ("session", "mfa_gate")]
    leave(client)
    for kept in (copied, copied[:1]):
        thief = desk.host.client()
        for cookie in kept:
            assert cookie is not None
            thief.set_cookie(cookie.key, cookie.value)
        assert "2" not in thief.post("/me", headers=JSON).text
        assert "2" not in thief.get("/me").text
    mixed = desk.host.client()
    assert copied[0] is not None
    mixed.set_cookie("session", copied[0].value)
    gate_cookie = client.get_cookie("mfa_gate")
    assert gate_cookie is not None
    mixed.set_cookie("mfa_gate", gate_cookie.value)
    assert "2" not in mixed.post("/me", headers=JSON).text, "the actor's own living session beside it"


def test_a_session_of_the_user_goes_on_beside_it(desk: Desk) -> None:
    own = desk.signed_in(SUBJECT, proves=False)
    client = desk.acting()
    assert own.get("/me").text == "2 note of 2"
    leave(client)
    assert own.get("/me").text == "2 note of 2"
    assert len(state_of(desk.host.app).sign_in.sessions.living(SUBJECT)) == 1


def test_no_browser_is_remembered_as_the_user() -> None:
    desk = Desk(REMEMBER_COOKIE_REFRESH_EACH_REQUEST=True)

    def act_as() -> str:
        with desk.host.gate.impersonation(actor="1", subject="user:2", reason=TICKET):
            desk.sign_in(SUBJECT, remember=True)
        return "acting"

    desk.act = act_as
    client = desk.signed_in()
    assert client.post("/act").text == "acting"
    assert client.get("/me").text.startswith("2")
    assert client.get_cookie("remember_token") is None
    leave(client)
    assert client.get("/me").text.startswith("1")


def test_a_picture_of_it_for_pages_of_the_app(desk: Desk) -> None:
    client = desk.acting()
    helper = desk.host.app.template_context_processors[None][-1]
    desk.act = lambda: str(helper()["mfa_gate"].impersonation_banner())
    banner = client.post("/act").text
    assert "acting as 2" in banner
    token = re.search(r'name="csrf_token" value="([^"]+)"', banner)
    assert token is not None
    assert client.post("/mfa/impersonation/leave", data={"csrf_token": "x"}).status_code == 400
    assert client.post("/mfa/impersonation/leave", data={"csrf_token": token[1]}).location == "/"
    assert client.post("/act").text == ""
    assert leave(client).status_code == 303, "nobody to leave any more"


@pytest.mark.parametrize(("role", "status"), [("helpdesk", 403), ("admin", 200)])
def test_a_break_glass_account_is_lent_to_admins_only(role: str, status: int) -> None:
    desk = Desk(roles={ACTOR: role}, MFA_GATE_BREAK_GLASS=[SUBJECT])
    assert desk.signed_in().post("/act-as/2", headers=JSON).status_code == status


def test_a_copy_from_an_earlier_one_counts_for_nothing_in_the_next(desk: Desk) -> None:
    client = desk.acting()
    copied = client.get_cookie("session")
    assert copied is not None
    leave(client)
    assert client.post(f"/act-as/{SUBJECT}").text == "acting"
    client.set_cookie("session", copied.value)
    assert "2" not in client.post("/me", headers=JSON).text

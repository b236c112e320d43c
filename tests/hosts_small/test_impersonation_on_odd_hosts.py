"""Acting as another user where hosts do what nobody had in mind."""

from __future__ import annotations

from typing import Any

import pytest
from flask import g, make_response, request, session

from flask_mfa_gate import ConfigError
from tests.conftest import JSON, state_of
from tests.hosts_small.kit import Host, User
from tests.hosts_small.test_impersonation import ACTOR, SUBJECT, TICKET, Desk, code_of, desk, leave

__all__ = ["desk"]


def test_a_role_that_was_lost_ends_it() -> None:
    desk = Desk(roles={"1": "admin", "2": "helpdesk"})
    client = desk.acting()
    desk.roles.pop("1")
    assert code_of(client.post("/me", headers=JSON)) == (403, "access_denied")
    assert client.get("/me").text == "1 note of 1"
    assert [one["details"]["how"] for one in desk.records("ended")] == ["not-allowed"]


def test_a_role_that_the_user_got_meanwhile_ends_it() -> None:
    desk = Desk()
    client = desk.acting()
    desk.roles["2"] = "admin"
    assert client.post("/me", headers=JSON).status_code == 403
    assert client.get("/me").text == "1 note of 1"


def test_what_the_app_asks_about_a_resource_is_judged_for_both(desk: Desk) -> None:
    client = desk.acting()
    desk.act = lambda: desk.host.gate.current_verdict("payroll").ask.value
    assert client.post("/act").text == "pass"
    desk.save(action="deny", on=["payroll"], users={"include": [f"user:{SUBJECT}"]})
    assert client.post("/act").text == "deny"
    desk.save(action="deny", on=["payroll"], users={"include": [f"user:{ACTOR}"]})
    assert client.post("/act").text == "deny"


def test_a_view_that_begins_a_new_session_ends_nothing(desk: Desk) -> None:
    client = desk.acting()

    def renew() -> str:
        kept = {name: session[name] for name in ("uid", "_user_id") if name in session}
        session.clear()
        session.update(kept)
        return "new session"

    desk.act = renew
    assert client.post("/act").text == "new session"
    assert client.get("/mfa/").status_code == 403
    assert client.get("/me").text == "2 -"
    leave(client)
    assert client.get("/me").text == "1 note of 1"


def test_a_view_that_signs_the_same_user_in_again_ends_nothing(desk: Desk) -> None:
    client = desk.acting()

    def again() -> str:
        desk.sign_in(SUBJECT)
        return "again"

    desk.act = again
    assert client.post("/act").text == "again"
    assert client.get("/mfa/").status_code == 403
    assert desk.records("ended") == []
    leave(client)
    assert client.get("/me").text == "1 note of 1"


def test_what_fails_on_the_way_leaves_the_actor(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    client = desk.signed_in()
    monkeypatch.setattr(type(state_of(desk.host.app).delegation.impersonations), "begin", lambda *_, **__: 1 / 0)
    assert client.post("/act-as/2", headers=JSON).status_code == 503
    monkeypatch.undo()
    assert client.get("/me").text == "1 note of 1"


def test_a_browser_that_lost_the_session_may_begin_again() -> None:
    desk = Desk()
    client = desk.host.client()

    def sign_in() -> str:
        desk.sign_in(ACTOR, remember=True)
        return "in"

    desk.act = sign_in
    client.post("/act")
    desk.host.pass_challenge(client)
    client.post(f"/act-as/{SUBJECT}")
    client.delete_cookie("session")
    assert client.get("/me").text == "1 -", "by the remember cookie"
    assert client.post("/act-as/3").text == "acting"
    assert client.get("/me").text == "3 of the view"
    assert [(one["subject"], one["details"]["how"]) for one in desk.records("ended")] == [("2", "signed-out")]


def tutorial(decide: str) -> tuple[Host, Any]:
    """Flask's tutorial: a hook looks the user up in the session."""
    host = Host(MFA_GATE_DECIDE=decide)
    if decide == "last":
        host.gate.init_app(host.app, identity=type("InG", (), {"load": lambda _self, _request: g.get("user")})())
    else:
        manager = host.with_login_manager()
        host.gate.init_app(host.app)
    app = host.app

    @app.before_request
    def load_logged_in_user() -> None:
        g.user = User(session["uid"]) if "uid" in session else None
        if decide == "first" and g.user is not None:
            manager._update_request_context_with_user(g.user)

    def act_as(key: str) -> str:
        with host.gate.impersonation(actor="1", subject=key, reason=TICKET):
            session["uid"] = key
        return "acting"

    app.add_url_rule("/login/<key>", "login", lambda key: str(session.update(uid=key)), methods=["POST"])
    app.add_url_rule("/act-as/<key>", "act_as", act_as, methods=["POST"])
    app.add_url_rule("/me", "me", lambda: str(g.user and g.user.id), methods=["GET", "POST"])
    host.enroll("1")
    client = host.client()
    client.post("/login/1")
    client.get("/me")
    host.pass_challenge(client)
    assert client.get("/me").text == "1"
    return host, client


def test_hosts_whose_hook_looks_the_user_up() -> None:
    _host, client = tutorial("last")
    assert client.post("/act-as/2").text == "acting"
    assert client.get("/me").text == "2"
    assert client.get("/mfa/").status_code == 403
    leave(client)
    assert client.get("/me").text == "1"
    assert client.get("/mfa/").status_code == 200


def test_a_hook_that_comes_too_late_for_it() -> None:
    _host, client = tutorial("first")
    with pytest.raises(ConfigError, match="MFA_GATE_DECIDE"):
        client.post("/act-as/2")
    assert client.get("/me").text == "1"


@pytest.mark.parametrize("how", ["cookie", "table"])
def test_hosts_that_keep_their_user_outside_of_the_session(how: str) -> None:
    host, table = Host(), dict[str, str]()

    class Own:
        def load(self, asked: Any) -> User | None:
            key = asked.cookies.get("who") if how == "cookie" else table.get(asked.cookies["sid"])
            return User(key) if key else None

    host.gate.init_app(host.app, identity=Own())

    def sign_in(key: str) -> Any:
        answer = make_response("in")
        if how == "cookie":
            answer.set_cookie("who", key)
        else:
            table[request.cookies["sid"]] = key
        return answer

    def act_as(key: str) -> Any:
        with host.gate.impersonation(actor="1", subject=key, reason=TICKET):
            return sign_in(key)

    host.app.add_url_rule("/login/<key>", "login", sign_in, methods=["POST"])
    host.app.add_url_rule("/act-as/<key>", "act_as", act_as, methods=["POST"])
    host.app.add_url_rule("/me", "me", lambda: str(getattr(Own().load(request), "id", None)))
    host.enroll("1")
    client = host.client()
    client.set_cookie("sid", "a browser")
    client.post("/login/1")
    host.pass_challenge(client)
    assert client.get("/me").text == "1"
    with pytest.raises(ConfigError, match="cookie of the app"):
        client.post("/act-as/2")
    assert client.get("/me").text == "1"


@pytest.mark.parametrize("headers", [JSON, {}])
def test_who_proved_nothing_acts_as_nobody_at_a_view_that_lets_anybody_in(headers: dict[str, str]) -> None:
    desk = Desk()
    desk.host.app.add_url_rule("/open", "open", desk.host.gate.exempt(lambda: desk.act_as(SUBJECT)), methods=["POST"])
    answer = desk.signed_in(proves=False).post("/open", headers=headers)
    assert answer.status_code == 403
    assert "Only who is signed in here can act as another user." in answer.text
    assert desk.records("started") == []


def test_a_token_lends_nobody_though_the_cookie_of_a_proof_came_along() -> None:
    desk = Desk(MFA_GATE_TOKENS="exempt")
    by_header = desk.host.app.login_manager.request_loader  # type: ignore[attr-defined]
    by_header(lambda sent: User(ACTOR) if sent.authorization else None)
    client = desk.signed_in()
    client.delete_cookie("session")
    answer = client.post(f"/act-as/{SUBJECT}", headers={"Authorization": "Bearer key", **JSON})
    assert answer.status_code == 403
    assert desk.records("started") == []


def test_the_browser_stays_remembered_as_the_actor() -> None:
    desk = Desk()
    client = desk.host.client()

    def act_as() -> str:
        with desk.host.gate.impersonation(actor=f"user:{ACTOR}", subject=f"user:{SUBJECT}", reason=TICKET):
            desk.sign_in(SUBJECT, remember=True)
        return "acting"

    desk.act = lambda: str(desk.sign_in(ACTOR, remember=True))
    client.post("/act")
    desk.host.pass_challenge(client)
    desk.act = act_as
    assert client.post("/act").text == "acting"
    assert client.get("/me").text == "2 -"
    client.delete_cookie("session")
    assert client.get("/me").text == "1 -", "by the remember cookie"

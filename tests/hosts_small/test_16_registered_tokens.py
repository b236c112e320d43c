"""Demand 16: tokens that a proven session registered stand for what it proved, and for nothing else."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from flask import request
from flask.testing import FlaskClient
from flask_login import current_user, login_required, login_user, logout_user
from sqlalchemy import event, func, select

from flask_mfa_gate.crypto import token_digest
from flask_mfa_gate.domain.people.person import NOWHERE
from flask_mfa_gate.domain.sign_in.api_token import MOST_TOKENS
from flask_mfa_gate.errors import BadRequest, Conflict, MFAGateError, NotProved
from tests.conftest import JSON, state_of
from tests.hosts_small.kit import Host, User
from tests.policy_kit import policy

TOKEN = "pat_4fcb92d8a1"
Load = Callable[[Any], Any]


class Keys:
    """A host with API keys, each of which names its user; anybody who is signed in makes them."""

    def __init__(self, *, is_stamped: bool = True, **config: Any) -> None:
        self.passwords = {"1": "old", "2": "old"}
        self.owners: dict[str, str] = {}
        self.host = host = Host(MFA_GATE_TOKEN_HEADERS=["X-Api-Key"], **{"MFA_GATE_TOKENS": "owner-enrolled", **config})
        host.with_login_manager().request_loader(self.load)
        stamp: dict[str, Any] = {"session_stamp": lambda user: self.passwords[user.id]} if is_stamped else {}
        host.gate.init_app(host.app, **stamp)
        host.app.add_url_rule("/login/<key>", "login", lambda key: str(login_user(User(key))), methods=["POST"])
        host.app.add_url_rule("/logout", "logout", lambda: str(logout_user()), methods=["POST"])
        host.app.add_url_rule("/tokens", "tokens", self.make, methods=["POST"])
        self.act: Callable[[], Any] = str
        host.app.add_url_rule("/act", "act", lambda: self.act(), methods=["POST"])
        host.app.add_url_rule("/api/me", "me", login_required(lambda: f"inside as {current_user.get_id()}"))
        for name, marks in {
            "fresh": {"max_age": timedelta(minutes=5)},
            "once": {"max_age": timedelta(0)},
            "any": {},
        }.items():
            view = host.gate.require_mfa(**marks)(lambda: "inside")
            host.app.add_url_rule(f"/api/{name}", name, view)
        host.app.add_url_rule("/api/payroll", "payroll", host.gate.resource("payroll")(lambda: "inside"))
        host.enroll("1")

    def load(self, asked: Any) -> User | None:
        given = asked.headers.get("X-Api-Key") or asked.headers.get("Authorization", "").rpartition(" ")[2]
        if given.startswith("dTE6"):
            return User(base64.b64decode(given).decode()[1])
        return User(self.owners[given]) if given in self.owners else None

    def make(self) -> Any:
        token, key = request.form.get("token", TOKEN), request.form.get("owner") or current_user.get_id()
        try:
            self.host.gate.mark_token(token, name="CI")
        except MFAGateError as error:
            return {"code": error.code, "detail": str(error)}, error.status
        self.owners[token] = key
        return token

    def signed_in(self, key: str = "1", *, proves: bool = True) -> FlaskClient:
        client = self.host.client()
        client.post(f"/login/{key}")
        if proves:
            assert self.host.pass_challenge(client).status_code == 303
        return client

    def made(self, **form: str) -> FlaskClient:
        """A client whose user has just made the token."""
        client = self.signed_in()
        assert client.post("/tokens", data=form).status_code == 200
        return client

    def get(self, path: str = "/api/me", header: str = "Authorization", value: str = f"Bearer {TOKEN}") -> Any:
        return self.host.client().get(path, headers={header: value})

    def is_in(self, path: str = "/api/me", **sent: str) -> bool:
        return "inside" in self.get(path, **sent).text

    @property
    def gate(self) -> Any:
        return self.host.gate

    @contextmanager
    def context(self) -> Iterator[None]:
        with self.host.app.app_context():
            yield


@pytest.mark.parametrize(
    ("header", "value"),
    [("Authorization", f"Bearer {TOKEN}"), ("Authorization", f"Token {TOKEN}"), ("X-Api-Key", TOKEN)],
)
def test_a_registered_token_opens_what_its_session_had_proved(header: str, value: str) -> None:
    keys = Keys()
    keys.made()
    for path in ("/api/me", "/api/any", "/api/payroll", "/api/fresh"):
        assert keys.is_in(path, header=header, value=value)
    keys.host.clock.forward(minutes=6)
    assert keys.is_in("/api/any"), "its proof has no age"
    assert keys.get("/api/fresh").status_code == 401, "the proof was made six minutes ago"
    assert keys.get("/api/once").status_code == 401, "a proof for this one request is none that lasts"


@pytest.mark.parametrize("mode", ["refuse", "exempt"])
def test_in_the_other_modes_registering_makes_no_difference(mode: str) -> None:
    keys = Keys(MFA_GATE_TOKENS=mode)
    client = keys.signed_in()
    keys.owners["bare"] = "1"
    assert client.post("/tokens").status_code == 200
    assert keys.is_in() is keys.is_in(value="Bearer bare") is (mode == "exempt")


def test_a_token_that_nobody_registered_proves_one_factor() -> None:
    keys = Keys()
    keys.owners[TOKEN] = "1"
    answer = keys.get()
    assert (answer.status_code, answer.json["code"]) == (401, "mfa_challenge_required")
    keys.owners["other"] = "2"
    assert keys.is_in(value="Bearer other"), "nothing is demanded of this user"


def test_only_a_session_with_a_proven_factor_registers_tokens() -> None:
    keys = Keys()
    pending = keys.signed_in(proves=False)
    assert pending.post("/tokens", headers=JSON).json["code"] == "mfa_challenge_required"  # type: ignore[index]
    unenrolled = keys.signed_in("2", proves=False)
    answer = unenrolled.post("/tokens")
    assert (answer.status_code, answer.json["code"]) == (401, "mfa_challenge_required")  # type: ignore[index]
    assert "second factor" in answer.json["detail"]  # type: ignore[index]
    with keys.context(), pytest.raises(NotProved, match="signed-in user"):
        keys.gate.mark_token("outside")


def test_a_way_back_in_registers_none() -> None:
    keys = Keys()
    with keys.context():
        code = keys.gate.access_passes.issue("1")
    client = keys.signed_in(proves=False)
    csrf = client.get("/mfa/status").json["csrf_token"]  # type: ignore[index]
    client.post("/mfa/challenge", data={"csrf_token": csrf, "factor": "access_pass", "code": code})
    assert client.get("/api/me").text == "inside as 1"
    assert client.post("/tokens").status_code == 401


def test_a_token_registers_no_other() -> None:
    keys = Keys()
    keys.made()
    answer = keys.host.client().post("/tokens", data={"token": "next"}, headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 401
    assert "next" not in keys.owners


def test_a_token_registers_no_other_beside_the_cookie_of_a_proof_either() -> None:
    keys = Keys()
    client = keys.made()
    client.delete_cookie("session")
    answer = client.post("/tokens", data={"token": "next"}, headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 401
    assert "next" not in keys.owners


def test_the_cookie_of_a_proof_alone_registers_none() -> None:
    keys = Keys()
    client = keys.signed_in()
    client.delete_cookie("session")
    keys.act = lambda: keys.gate.mark_token(TOKEN)
    with pytest.raises(NotProved):
        client.post("/act")


@pytest.mark.parametrize("is_stamped", [True, False])
def test_it_proves_nothing_of_another_user(*, is_stamped: bool) -> None:
    """As where an admin's page makes the key of a colleague."""
    keys = Keys(is_stamped=is_stamped)
    keys.host.enroll("2")
    keys.made(owner="2")
    assert keys.get().status_code == 401


def test_nobody_registers_what_stands_for_another() -> None:
    keys = Keys()
    keys.host.enroll("2")
    keys.made()
    other = keys.signed_in("2")
    assert other.post("/tokens").json["detail"] == "This token is registered for another user."  # type: ignore[index]
    keys.owners[TOKEN] = "1"
    assert keys.is_in()


@pytest.mark.parametrize(
    "token", ["", " ", "two words", "u:p", base64.b64encode(b"u1:p").decode(), "ü", "a" * 9000, None, 7]
)
def test_what_can_be_no_token_is_refused(token: Any) -> None:
    keys = Keys()
    client = keys.signed_in()
    keys.act = lambda: keys.gate.mark_token(token)
    with pytest.raises(BadRequest):
        client.post("/act")


def test_a_name_and_password_never_count_whatever_was_registered() -> None:
    keys = Keys()
    pair = base64.b64encode(b"u1:p").decode()
    keys.made()
    with state_of(keys.host.app).store.database.write() as tx:
        table = state_of(keys.host.app).store.tables.api_token
        tx.execute(table.update().values(digest=token_digest(pair)))
    for scheme in ("Basic ", "Bearer ", ""):
        assert keys.get(value=f"{scheme}{pair}").status_code == 401


def test_a_registered_token_beside_another_that_names_the_user_proves_nothing() -> None:
    keys = Keys()
    keys.made()
    keys.owners.update({"bare": keys.owners.pop(TOKEN)})
    both = {"X-Api-Key": "bare", "Authorization": f"Bearer {TOKEN}"}
    assert keys.host.client().get("/api/me", headers=both).status_code == 401, "the host goes by the other one"


def test_a_loader_that_fails_without_what_else_came_goes_by_that() -> None:
    """As where a key of the app opens it to clients that name the user beside it."""
    keys = Keys(MFA_GATE_TOKENS="exempt")
    by_header = keys.host.app.login_manager.request_loader  # type: ignore[attr-defined]
    by_header(lambda asked: User(asked.headers["X-User"]) if "X-Api-Key" in asked.headers else None)
    beside = {"X-Api-Key": "of the app", "X-User": "1"}
    assert keys.host.client().get("/api/me", headers=beside).status_code == 401


def ended_by(keys: Keys, client: FlaskClient, how: str) -> None:
    gate = keys.gate
    with keys.context():
        if how == "reset":
            gate.enrollments.reset("1")
            keys.host.enroll("1")
        elif how == "sessions revoked":
            gate.enrollments.revoke_sessions("1")
        elif how == "password changed, seen at the token itself":
            keys.passwords["1"] = "new"
        elif how == "password changed, as the app says":
            gate.password_changed("1")
        elif how == "revoked in Python":
            assert gate.api_tokens.revoke("1", actor="cli") == 1
        elif how == "forgotten":
            gate.users.forget("1")
            keys.host.enroll("1")
    if how == "its session ended elsewhere":
        other = keys.signed_in()
        (lineage,) = {one.lineage for one in state_of(keys.host.app).delegation.api_tokens.of_user("1")}
        csrf = other.get("/mfa/status").json["csrf_token"]  # type: ignore[index]
        assert other.post(f"/mfa/sessions/{lineage}/end", data={"csrf_token": csrf}).status_code == 303
    elif how == "signed out everywhere else":
        other = keys.signed_in()
        csrf = other.get("/mfa/status").json["csrf_token"]  # type: ignore[index]
        assert other.post("/mfa/sessions", data={"csrf_token": csrf}).status_code == 303


@pytest.mark.parametrize(
    "how",
    [
        "reset", "sessions revoked", "password changed, seen at the token itself", "password changed, as the app says",
        "revoked in Python", "forgotten", "its session ended elsewhere", "signed out everywhere else",
    ],
)  # fmt: skip
def test_it_ends_with(how: str) -> None:
    keys = Keys()
    client = keys.made()
    assert keys.is_in()
    ended_by(keys, client, how)
    assert keys.get().status_code == 401


@pytest.mark.parametrize("by_browser", [False, True])
def test_one_made_without_a_password_ends_with_the_first_change_of_it(
    monkeypatch: pytest.MonkeyPatch, *, by_browser: bool
) -> None:
    passwords: dict[str, str] = {}
    monkeypatch.setattr(User, "password", property(lambda user: passwords.get(user.id)), raising=False)
    keys = Keys(is_stamped=False)
    browser = keys.made()
    assert keys.is_in("/api/any")
    passwords["1"] = "first"
    assert "inside" in browser.get("/api/me").text if by_browser else keys.is_in("/api/any")
    passwords["1"] = "second"
    assert not keys.is_in("/api/any")


def test_nor_does_it_outlive_a_change_by_the_session_that_made_it(monkeypatch: pytest.MonkeyPatch) -> None:
    passwords: dict[str, str] = {}
    monkeypatch.setattr(User, "password", property(lambda user: passwords.get(user.id)), raising=False)
    keys = Keys(is_stamped=False)
    browser = keys.made()
    passwords["1"] = "first"
    assert "inside" in browser.get("/api/me").text

    def change() -> str:
        passwords["1"] = "second"
        keys.gate.password_changed("1")
        return "changed"

    keys.act = change
    browser.post("/act")
    assert "inside" in browser.get("/api/me").text, "it changed the password itself"
    assert not keys.is_in("/api/any")


def test_one_made_without_a_password_counts_for_nothing_behind_a_change_that_is_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    passwords = {"1": "first"}
    monkeypatch.setattr(User, "password", property(lambda user: passwords.get(user.id)), raising=False)
    keys = Keys(is_stamped=False)
    keys.made()
    table = state_of(keys.host.app).store.tables.api_token
    with state_of(keys.host.app).store.database.write() as tx:
        tx.execute(table.update().values(stamp=None))
    passwords["1"] = "second"
    assert not keys.is_in("/api/any")


def test_it_outlives_a_sign_out_the_session_and_the_end_of_another() -> None:
    keys = Keys()
    client = keys.made()
    other = keys.signed_in()
    csrf = client.get("/mfa/status").json["csrf_token"]  # type: ignore[index]
    assert client.post("/mfa/sessions", data={"csrf_token": csrf}).status_code == 303
    assert other.get("/api/me").status_code == 401, "signed out from the session that made the token"
    assert keys.is_in()
    client.post("/logout")
    keys.host.clock.forward(days=40)
    with keys.context():
        keys.gate.run_due()
    assert keys.is_in()


def test_it_ends_when_the_host_lets_it_expire_and_is_swept_then() -> None:
    keys = Keys()
    client = keys.signed_in()
    ends_at = keys.host.clock() + timedelta(days=1)
    keys.act = lambda: keys.gate.mark_token(TOKEN, expires_at=ends_at).id
    client.post("/act")
    keys.owners[TOKEN] = "1"
    assert keys.is_in()
    keys.host.clock.forward(days=1)
    assert not keys.is_in()
    with keys.context():
        keys.gate.run_due()
    assert rows_of(keys) == 0


def rows_of(keys: Keys, name: str = "api_token") -> int:
    store = state_of(keys.host.app).store
    with store.database.read() as tx:
        return int(tx.execute(select(func.count()).select_from(getattr(store.tables, name))).scalar_one())


def test_deny_lapse_and_a_disabled_account_stop_it() -> None:
    keys = Keys()
    keys.made()
    with keys.context():
        keys.gate.policies.save(policy(action="deny", users={"include": ["user:1"]}))
    assert keys.get().status_code == 403
    with keys.context():
        keys.gate.policies.delete("rule")
    assert keys.is_in()
    User.is_active = property(lambda user: False)  # type: ignore[method-assign,assignment]
    try:
        assert keys.get().status_code == 403
    finally:
        del User.is_active


def test_it_stands_for_no_factor_that_its_owner_no_longer_holds_and_must_hold() -> None:
    keys = Keys()
    keys.made()
    factors = state_of(keys.host.app).store.tables.factor
    with state_of(keys.host.app).store.database.write() as tx:
        tx.execute(factors.update().values(voided_at=keys.host.clock()))
    assert keys.is_in(), "nothing is required of the owner"
    with keys.context():
        keys.gate.enrollments.require("1", days=7)
    assert keys.is_in(), "a soft prompt stops no token"
    keys.host.clock.forward(days=8)
    assert (keys.get().status_code, keys.get().json["code"]) == (403, "mfa_enrollment_expired")
    with keys.context():
        keys.gate.enrollments.reset("1")
        keys.gate.enrollments.require("1", days=0)
    assert (keys.get().status_code, keys.get().json["code"]) == (403, "mfa_enrollment_required")


def test_a_policy_that_asks_for_another_factor_is_not_met_by_it() -> None:
    keys = Keys(MFA_GATE_FACTORS=["totp", "webauthn"])
    keys.made()
    with keys.context():
        keys.gate.policies.save(policy(action="require", factors=["webauthn"], on=["payroll"]))
    assert keys.is_in()
    assert not keys.is_in("/api/payroll")


def statements(keys: Keys) -> Any:
    said: list[str] = []
    engine = state_of(keys.host.app).store.database.engine
    event.listen(engine, "before_cursor_execute", lambda _c, _u, statement, *_: said.append(statement.split()[0]))
    return said


def test_it_costs_one_more_select_and_writes_no_session() -> None:
    keys = Keys()
    keys.made()
    keys.owners["other"] = "2"
    assert keys.is_in()
    sessions = rows_of(keys, "session")
    said = statements(keys)
    keys.get(value="Bearer other")
    assert said == ["SELECT"], "of whom nothing is demanded, no token is looked for"
    said.clear()
    assert keys.is_in()
    assert said == ["SELECT", "SELECT"]
    keys.host.clock.forward(days=1)
    said.clear()
    assert keys.is_in()
    assert said.count("SELECT") == 2, "the day of its use is noted with an UPDATE"
    assert "UPDATE" in said
    assert rows_of(keys, "session") == sessions


def test_only_a_digest_is_kept_and_so_many_of_a_user() -> None:
    keys = Keys()
    client = keys.made()
    everything = str(statements_of_all_rows(keys))
    assert TOKEN not in everything
    for number in range(MOST_TOKENS):
        keys.host.clock.forward(seconds=1)
        client.post("/tokens", data={"token": f"pat_{number}"})
    assert rows_of(keys) == MOST_TOKENS
    assert not keys.is_in(), "the one that was not used for the longest"
    assert keys.is_in(value="Bearer pat_0")


def statements_of_all_rows(keys: Keys) -> list[Any]:
    store = state_of(keys.host.app).store
    with store.database.read() as tx:
        return [tx.execute(select(table)).all() for table in store.tables.metadata.sorted_tables]


def test_registering_one_again_takes_the_newer_proof() -> None:
    keys = Keys()
    client = keys.made()
    keys.host.clock.forward(minutes=6)
    assert not keys.is_in("/api/fresh")
    client.get("/api/fresh")
    keys.host.pass_challenge(client)
    assert client.post("/tokens").status_code == 200
    assert keys.is_in("/api/fresh")
    assert rows_of(keys) == 1


def test_making_and_revoking_are_on_record() -> None:
    keys = Keys()
    keys.made()
    with keys.context():
        (token,) = keys.gate.api_tokens.of_user("1")
        keys.gate.api_tokens.revoke("1", token.id, actor="cli", reason="leaked")
        assert keys.gate.api_tokens.revoke("1", token.id) == 0
        records = [one for one in keys.gate.audit.export() if str(one["event"]).startswith("api_token")]
    made, revoked = records
    assert (made["event"], made["actor"], made["subject"], made["details"]["label"]) == (
        "api_token_marked",
        "user:1",
        "1",
        "CI",
    )
    assert (revoked["event"], revoked["actor"], revoked["reason"]) == ("api_token_revoked", "cli", "leaked")
    assert made["details"]["token"] == revoked["details"]["token"] == token.id


def test_a_session_that_was_revoked_meanwhile_registers_nothing() -> None:
    keys = Keys()
    client = keys.signed_in()

    def make() -> str:
        keys.gate.enrollments.revoke_sessions("1")
        with pytest.raises(Conflict, match="signed out"):
            keys.gate.mark_token(TOKEN)
        return "refused"

    keys.act = make
    client.post("/act")
    assert rows_of(keys) == 0


def test_a_session_that_was_ended_meanwhile_revokes_none() -> None:
    keys = Keys()
    client = keys.made()
    state = state_of(keys.host.app)
    token = state.delegation.api_tokens.of_user("1")[0]
    other = keys.signed_in()
    ended = state.sign_in.sessions.look_up(other.get_cookie("mfa_gate").value).session  # type: ignore[union-attr]
    csrf = client.get("/mfa/status").json["csrf_token"]  # type: ignore[index]
    assert client.post("/mfa/sessions", data={"csrf_token": csrf}).status_code == 303
    with keys.context(), pytest.raises(Conflict, match="signed out"):
        state.delegation.api_tokens.revoke_own(ended, token.id, origin=NOWHERE)
    assert keys.is_in()


def test_the_owner_sees_and_revokes_them() -> None:
    keys = Keys()
    client = keys.made()
    page = client.get("/mfa/tokens").text
    assert re.search(r"<strong>\s*CI", page)
    assert "Not used yet" in page
    assert "/mfa/tokens" in client.get("/mfa/").text
    assert keys.is_in()
    assert "Last used" in client.get("/mfa/tokens").text
    (listed,) = client.get("/mfa/tokens", headers=JSON).json["tokens"]  # type: ignore[index]
    csrf = client.get("/mfa/status").json["csrf_token"]  # type: ignore[index]
    assert client.post(f"/mfa/tokens/{listed['id']}/revoke").status_code == 400, "no CSRF token"
    keys.host.enroll("2")
    other = keys.signed_in("2")
    theirs = other.get("/mfa/status").json["csrf_token"]  # type: ignore[index]
    assert other.post(f"/mfa/tokens/{listed['id']}/revoke", data={"csrf_token": theirs}).status_code == 404
    assert keys.is_in()
    assert client.post(f"/mfa/tokens/{listed['id']}/revoke", data={"csrf_token": csrf}).location == "/mfa/tokens"
    assert keys.get().status_code == 401
    assert "No API tokens" in client.get("/mfa/tokens").text
    assert "API token revoked" in client.get("/mfa/").text


def test_the_list_is_linked_only_where_tokens_count() -> None:
    keys = Keys(MFA_GATE_TOKENS="refuse")
    assert "/mfa/tokens" not in keys.signed_in().get("/mfa/").text


def test_a_decorator_s_user_is_not_covered() -> None:
    """What a decorator goes by can't be asked for without the token, so it is judged as a password is."""
    keys = Keys()
    keys.made()
    keys.owners.clear()

    def view() -> Any:
        keys.host.app.login_manager._update_request_context_with_user(User("1"))  # type: ignore[attr-defined]
        return keys.gate.ensure() or "inside"

    keys.act = view
    assert keys.host.client().post("/act", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 401

"""Gate sessions: remember-me, sign-out, lifetimes, copies, changes of identity."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask

from example_app.people import PASSWORD
from flask_mfa_gate.crypto import Keyring
from flask_mfa_gate.domain.authorization.decision import AuthnRequirement
from flask_mfa_gate.domain.sign_in.assurance import Assurance, Method, SignIn
from flask_mfa_gate.domain.sign_in.session import GateSession, StepUp
from flask_mfa_gate.store.sign_in.sessions import Sessions
from flask_mfa_gate.store.tables.tables import build_tables
from tests.conftest import JSON, Browser, Phone, StillClock, state_of
from tests.services.kit import rows


@pytest.fixture
def proved(app: Flask, phone: Phone) -> Browser:
    browser = Browser(app)
    browser.sign_in("dave", remember="1")
    assert browser.send("/mfa/challenge", code=phone.code()).status_code == 303
    return browser


def copy_of(app: Flask, browser: Browser, *names: str) -> Any:
    client = app.test_client()
    for name in names:
        client.set_cookie(name, browser.cookie(name) or "")
    return client


def test_the_remember_cookie_is_set_after_the_proof(app: Flask, phone: Phone) -> None:
    browser = Browser(app)
    browser.sign_in("dave", remember="1")
    assert browser.cookie("remember_token") is None
    browser.send("/mfa/challenge", code=phone.code())
    assert browser.cookie("remember_token")


def test_a_remember_cookie_is_one_factor_and_the_way_back_is_kept(
    app: Flask, proved: Browser, phone: Phone, clock: StillClock
) -> None:
    other = Browser(app)
    other.client.set_cookie("remember_token", proved.cookie("remember_token") or "")
    assert other.get("/wiki?page=2").location == "/mfa/challenge"
    assert other.get("/wiki").location == "/mfa/challenge", "the cookie alone does not sign in again"
    clock.forward(seconds=30)
    assert other.send("/mfa/challenge", code=phone.code()).location == "/wiki?page=2"
    assert other.is_in()


def test_strong_session_protection_keeps_the_pending_state(make_app: Any, phone: Phone, clock: StillClock) -> None:
    app = make_app(SESSION_PROTECTION="strong")
    browser = Browser(app)
    browser.sign_in("dave", remember="1")
    browser.send("/mfa/challenge", code=phone.code())
    assert browser.is_in()
    other = Browser(app)
    other.client.set_cookie("remember_token", browser.cookie("remember_token") or "")
    assert [other.get("/").location for _ in range(2)] == ["/mfa/challenge"] * 2


def test_a_copied_cookie_carries_no_proof_after_sign_out(app: Flask, proved: Browser) -> None:
    thief = copy_of(app, proved, "mfa_gate", "session")
    assert thief.get("/").status_code == 200
    proved.get("/logout")
    assert thief.get("/").location == "/mfa/challenge"


def test_sign_out_by_the_gate_signs_out_of_the_host_too(app: Flask, proved: Browser) -> None:
    thief = copy_of(app, proved, "mfa_gate", "session")
    assert proved.send("/mfa/sign-out").location == "/login"
    assert proved.cookie("remember_token") is None
    assert not proved.is_in()
    assert thief.get("/").location == "/mfa/challenge"


def test_signing_out_while_pending_drops_the_sign_in(app: Flask, phone: Phone) -> None:
    browser = Browser(app)
    browser.sign_in("dave")
    token, gate = browser.status()["csrf_token"], browser.cookie()
    assert browser.get("/logout").status_code == 302
    thief = app.test_client()
    thief.set_cookie("mfa_gate", gate or "")
    assert thief.post("/mfa/challenge", data={"csrf_token": token, "code": phone.code()}).status_code == 401


def test_without_the_gates_cookie_nothing_is_left_of_a_pending_sign_in(app: Flask) -> None:
    browser = Browser(app)
    browser.sign_in("dave")
    browser.client.delete_cookie("mfa_gate")
    assert browser.get("/").location.startswith("/login")


def test_the_host_session_alone_is_not_enough(app: Flask, proved: Browser) -> None:
    thief = copy_of(app, proved, "session")
    assert thief.get("/").location == "/login?next=%2F"
    assert thief.get("/api/me", headers=JSON).status_code == 401


def test_proof_of_one_user_is_none_of_another(app: Flask, proved: Browser, clock: StillClock) -> None:
    with app.app_context():
        state_of(app).people.enrollments.require("5", days=0)
    victim = Browser(app)
    victim.sign_in("frank")
    mixed = app.test_client()
    mixed.set_cookie("mfa_gate", proved.cookie() or "")
    mixed.set_cookie("session", victim.cookie("session") or "")
    assert mixed.get("/").status_code == 200, "frank owes nothing"
    with app.app_context():
        state_of(app).people.enrollments.require("6", days=0)
    assert mixed.get("/").location == "/mfa/enroll"


def test_another_identity_is_a_new_sign_in_without_proof(
    app: Flask, proved: Browser, clock: StillClock, phone: Phone
) -> None:
    assert proved.sign_in("bob").location == "/mfa/enroll"
    assert not proved.is_in()
    assert proved.status()["next"] == "prompt"


def test_signing_in_again_as_oneself_changes_nothing(proved: Browser) -> None:
    assert proved.sign_in("dave").location == "/"
    assert proved.is_in()


def test_idle_and_absolute_lifetimes(app: Flask, proved: Browser, clock: StillClock, phone: Phone) -> None:
    clock.forward(minutes=59, seconds=59)
    assert proved.is_in()
    clock.forward(hours=1)
    assert proved.get("/wiki").location == "/mfa/challenge"
    proved.send("/mfa/challenge", code=phone.code())
    for _ in range(12):
        clock.forward(minutes=59)
        assert proved.is_in()
    clock.forward(minutes=13)
    assert proved.get("/").location == "/mfa/challenge"


def test_a_dead_id_on_anything_but_a_navigation_touches_nothing(app: Flask, proved: Browser, clock: StillClock) -> None:
    clock.forward(hours=2)
    answer = proved.get("/api/me", headers=JSON)
    assert answer.status_code == 401
    assert answer.headers.getlist("Set-Cookie") == []
    assert proved.get("/").location == "/mfa/challenge"


def test_an_expired_session_of_somebody_who_owes_nothing_goes_on(app: Flask, clock: StillClock) -> None:
    browser = Browser(app)
    browser.sign_in("frank")
    clock.forward(hours=30)
    assert browser.is_in()
    assert browser.get("/api/me", headers=JSON).status_code == 200


def test_a_required_user_is_stopped_at_the_next_request(app: Flask) -> None:
    browser = Browser(app)
    browser.sign_in("frank")
    with app.app_context():
        state_of(app).people.enrollments.require("6", days=7)
    assert browser.get("/wiki").location == "/mfa/enroll"
    assert browser.send("/mfa/enroll/later").location == "/wiki"


def test_the_id_is_long_secret_and_guarded(app: Flask) -> None:
    client = app.test_client()
    answer = client.post(
        "/login",
        data={"username": "dave", "password": "correct horse battery staple"},
        base_url="https://portal.example.org",
    )
    (cookie,) = [text for text in answer.headers.getlist("Set-Cookie") if "mfa_gate=" in text]
    name, _, value = cookie.partition(";")[0].partition("=")
    assert name == "__Host-mfa_gate"
    assert len(value) >= 43
    for flag in ("Secure", "HttpOnly", "SameSite=Lax", "Path=/"):
        assert flag in cookie
    assert "Domain" not in cookie
    with state_of(app).store.database.read() as tx:
        from sqlalchemy import text

        assert value not in str(tx.execute(text("SELECT * FROM mfa_gate_session")).all())


def test_over_tls_a_plain_cookie_counts_for_nothing(app: Flask, proved: Browser) -> None:
    client = app.test_client()
    for name in ("mfa_gate", "session"):
        client.set_cookie(name, proved.cookie(name) or "", domain="portal.example.org")
    assert client.get("/", base_url="https://portal.example.org").location == "/login?next=%2F"


def test_one_select_for_a_proved_request_and_none_for_strangers(app: Flask, proved: Browser) -> None:
    from sqlalchemy import event

    seen: list[str] = []
    engine = state_of(app).store.database.engine
    event.listen(engine, "before_cursor_execute", lambda _c, _cur, statement, *_: seen.append(statement))
    proved.get("/")
    assert len(seen) == 1
    assert seen[0].startswith("SELECT")
    seen.clear()
    Browser(app).get("/login")
    Browser(app).get("/static/portal.css").close()
    proved.get("/static/portal.css").close()
    assert seen == []


def test_the_idle_mark_is_written_once_a_minute_at_most(app: Flask, proved: Browser, clock: StillClock) -> None:
    from sqlalchemy import event

    seen: list[str] = []
    event.listen(
        state_of(app).store.database.engine,
        "before_cursor_execute",
        lambda _c, _cur, statement, *_: seen.append(statement[:6]),
    )
    clock.forward(seconds=61)
    for _ in range(3):
        proved.get("/")
        clock.forward(seconds=1)
    assert [word for word in seen if word == "UPDATE"] == ["UPDATE"]


def test_sessions_can_be_seen_and_ended(app: Flask, proved: Browser, phone: Phone, clock: StillClock) -> None:
    clock.forward(seconds=30)
    other = Browser(app)
    other.sign_in("dave")
    other.send("/mfa/challenge", code=phone.code())
    listed = proved.get("/mfa/sessions", headers=JSON).json["sessions"]  # type: ignore[index]
    (theirs,) = [one for one in listed if not one["current"]]
    bob = Browser(app)
    bob.sign_in("bob")
    bob.send("/mfa/enroll/later")
    assert bob.send(theirs["end_url"]).status_code == 404, "another user's session is not there"
    assert other.is_in()
    assert proved.send(theirs["end_url"]).location == "/mfa/sessions"
    assert other.get("/").location == "/login?next=%2F"
    assert proved.is_in()
    proved.send("/mfa/sessions")
    assert proved.is_in()


def test_where_a_user_goes_and_as_whom_is_in_no_copy_of_the_database(app: Flask, clock: StillClock) -> None:
    """A path or a query may carry a token, and an id of the host's session is a credential."""
    browser = Browser(app)
    browser.client.post(
        "/login?next=/payroll%3Freset%3DSECRET-IN-QUERY", data={"username": "dave", "password": PASSWORD}
    )
    state = state_of(app)
    (row,) = rows(state.store, "session")
    assert row.target.startswith("sealed:")
    assert row.host_user_id.startswith("sealed:")
    with state.store.database.read() as tx:
        found = state.store.sessions.load(tx, row.id_digest, now=clock())
    assert found is not None
    assert (found[0].target, found[0].host_user_id) == ("/payroll?reset=SECRET-IN-QUERY", "4")


def test_a_page_that_is_stepped_up_to_is_sealed_too(app: Flask, phone: Phone, clock: StillClock) -> None:
    browser = Browser(app)
    browser.sign_in("dave")
    browser.send("/mfa/challenge", code=phone.code())
    clock.forward(minutes=10)
    browser.get("/transfer?token=SECRET-IN-QUERY")
    asked = [row.step_up["target"] for row in rows(state_of(app).store, "session") if row.step_up]
    assert asked
    assert all(target.startswith("sealed:") for target in asked)


def test_a_text_whose_key_is_gone_leads_home_and_nowhere_else() -> None:
    now, tables = datetime(2026, 1, 1, tzinfo=UTC), build_tables("m_")
    step_up = StepUp(AuthnRequirement(Method.of_factors), "transfer", None, "/transfer")
    session = GateSession(
        "1", "a", "4", Assurance(SignIn.PASSWORD, now), now, now, kept_target="/payroll", kept_host_user_id="4",
        step_up=step_up,
    )  # fmt: skip
    old, new = (Sessions(tables, Keyring.from_keys([key * 32])) for key in (b"1", b"2"))
    sealed = old._write(session)
    bare = {
        **sealed,
        "target": "/payroll",
        "host_user_id": "4",
        "step_up": {**sealed["step_up"], "target": "/transfer"},
    }

    def texts(sessions: Sessions, row: dict[str, Any]) -> tuple[str | None, ...]:
        found = sessions.read(row)
        return found.target, found.host_user_id, found.step_up.target if found.step_up else None

    assert texts(old, sealed) == ("/payroll", "4", "/transfer")
    assert texts(new, sealed) == (None, None, "/")
    assert texts(old, {**sealed, "lineage": "b"}) == (None, None, "/"), "copied into another sign-in"
    assert texts(old, bare) == ("/payroll", "4", "/transfer"), "written before texts were sealed"

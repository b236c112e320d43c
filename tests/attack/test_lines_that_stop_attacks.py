"""What only a race or a stolen half could reach, done by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from flask import Flask

from flask_mfa_gate import Conflict
from flask_mfa_gate.domain.people.person import NOWHERE, Person
from flask_mfa_gate.domain.sign_in.assurance import FactorKind, Method
from flask_mfa_gate.domain.sign_in.session import GRANT_LIFETIME, GateSession, act_of
from flask_mfa_gate.factors.code_digests import CodeDigests
from flask_mfa_gate.mail.rendering import one_line
from flask_mfa_gate.services.enrollment.factor_enrollment import Setup
from flask_mfa_gate.services.sign_in.arrival import SigningInUser
from tests.conftest import Browser, NoPolicies, Phone, StillClock, recovery_codes_in, state_of
from tests.web.admin.kit import ADMIN, at_console


def session_of(app: Flask, browser: Browser) -> GateSession:
    found = state_of(app).sign_in.sessions.find(browser.cookie() or "")
    assert found is not None
    return found[0]


def test_a_key_confirmed_elsewhere_meanwhile_has_to_be_proved_first(app: Flask, clock: StillClock) -> None:
    """The password alone, and a key shown just before the owner's first factor was confirmed."""
    browser = Browser(app)
    browser.sign_in("dave")
    thief = session_of(app, browser)
    state = state_of(app)
    totp = state.factors.registry.factors[FactorKind("totp")]
    with app.app_context():
        secret = state.factors.enrollment.begin(thief, totp, account="").public["secret"]
        with pytest.raises(Conflict, match="Sign in again"):
            state.factors.enrollment.confirm(
                Setup(thief, totp, NOWHERE, NoPolicies(state)), Phone(clock, secret).code()
            )


def test_only_one_rises_from_one_id(app: Flask, clock: StillClock) -> None:
    browser = Browser(app)
    browser.sign_in("dave")
    session, state = session_of(app, browser), state_of(app)
    proved = session.assurance.with_proof(Method("totp"), at=clock())
    with app.app_context():
        state.worker.run(
            lambda work: state.sign_in.sessions.elevate(work, session, proved, authorizer=NoPolicies(state))
        )
        with pytest.raises(Conflict, match="already done"):
            state.worker.run(
                lambda work: state.sign_in.sessions.elevate(work, session, proved, authorizer=NoPolicies(state))
            )


def with_a_grant(app: Flask, act: str) -> GateSession:
    browser = Browser(app)
    browser.sign_in("frank")
    state, session = state_of(app), session_of(app, browser)
    expires_at = state.clock() + GRANT_LIFETIME
    state.worker.run(lambda work: state.store.grants.put(work.tx, session.lineage, act, expires_at=expires_at))
    return session


def test_a_grant_is_used_once(app: Flask) -> None:
    act = act_of("burn", {})
    session = with_a_grant(app, act)
    sessions = state_of(app).sign_in.sessions
    assert not sessions.try_use_grant(session, act_of("burn", {"number": 2}))
    assert [sessions.try_use_grant(session, act) for _ in range(2)] == [True, False]
    assert not sessions.has_grant(session, act)


def test_a_grant_outlives_no_five_minutes(app: Flask, clock: StillClock) -> None:
    act = act_of("burn", {})
    session = with_a_grant(app, act)
    clock.forward(minutes=5)
    assert not state_of(app).sign_in.sessions.has_grant(session, act)
    assert not state_of(app).sign_in.sessions.try_use_grant(session, act)


def test_a_grant_that_is_used_meanwhile_does_not_come_back(app: Flask) -> None:
    """A request that signs in again has looked at the session before another one uses the grant up."""
    act = act_of("burn", {})
    live = with_a_grant(app, act)
    sessions = state_of(app).sign_in.sessions
    assert sessions.try_use_grant(live, act)
    who = SigningInUser(Person(live.user_key), (live.stamp,), live.host_user_id)
    entry = sessions.renew(live, who, origin=NOWHERE)
    assert entry is not None
    assert not sessions.try_use_grant(entry.session, act)


def test_the_id_that_another_took_the_place_of_has_no_grant(app: Flask, clock: StillClock) -> None:
    act = act_of("burn", {})
    old = replace(with_a_grant(app, act), superseded_at=clock())
    assert not state_of(app).sign_in.sessions.has_grant(old, act)
    assert not state_of(app).sign_in.sessions.try_use_grant(old, act)


def test_a_recovery_code_spent_between_look_and_write_is_refused(app: Flask, clock: StillClock, phone: Phone) -> None:
    browser = Browser(app)
    browser.sign_in("dave")
    browser.send("/mfa/challenge", code=phone.code())
    code = recovery_codes_in(browser.send("/mfa/recovery-codes").text)[0].replace("-", "")
    state = state_of(app)
    codes = state.store.recovery_codes
    with state.store.database.write() as tx:

        def fits(row_id: str, kept: bytes) -> bool:
            tx.execute(codes._table.update().where(codes._table.c.id == row_id).values(used_at=clock()))
            digests = CodeDigests(state.keyring, "recovery_code", "recovery-code")
            return digests.fits(kept, code, row=row_id, user="4")

        assert not codes.try_spend(tx, "4", fits, now=clock())


def test_a_stolen_host_session_with_the_thiefs_own_proof(app: Flask, clock: StillClock, phone: Phone) -> None:
    thief = Browser(app)
    thief.sign_in("dave")
    thief.send("/mfa/challenge", code=phone.code())
    victim = Browser(app)
    victim.sign_in("bob")
    victim.send("/mfa/enroll/totp", code=Phone(clock, victim.begin_setup()["secret"]).code())
    thief.client.set_cookie("session", victim.cookie("session") or "")
    assert thief.get("/").location == "/login?next=%2F"


def test_an_error_nobody_thought_of_lets_nobody_in(app: Flask, phone: Phone, monkeypatch: pytest.MonkeyPatch) -> None:
    browser = Browser(app)
    browser.sign_in("dave")
    browser.send("/mfa/challenge", code=phone.code())

    def broken(*_args: Any) -> None:
        raise RuntimeError("hunter2")

    monkeypatch.setattr(type(state_of(app).sign_in.sessions), "look_up", broken)
    answer = browser.get("/")
    assert answer.status_code == 503
    assert "hunter2" not in answer.text


def test_a_large_body_is_refused_before_it_is_read(app: Flask, phone: Phone) -> None:
    browser = Browser(app)
    browser.sign_in("dave")
    assert browser.send("/mfa/challenge", code=phone.code(), junk="x" * 70_000).status_code == 400
    assert browser.send_json("/mfa/challenge", {"code": phone.code(), "junk": "x" * 70_000}).status_code == 400
    assert browser.send("/mfa/challenge", code=phone.code()).status_code == 303


@pytest.mark.parametrize("portal_uri", ["postgresql"], indirect=True)
@pytest.mark.parametrize("path", ["/mfa/sessions/{}/end", "/mfa/factors/{}/rename"])
def test_no_nul_of_a_path_reaches_a_statement(app: Flask, phone: Phone, path: str) -> None:
    browser = at_console(app, ADMIN, phone)
    assert browser.send(path.format("a%00b"), name="x").status_code == 404
    assert browser.get("/admin/mfa/users/a%00b").status_code == 404


def test_a_subject_isone_line() -> None:
    assert one_line("Hello\r\nBcc: x@evil.example\n") == "Hello Bcc: x@evil.example"


def test_a_lost_first_hook_is_made_up_for(app: Flask, phone: Phone) -> None:
    from flask_mfa_gate.web.middleware.before_request import open_request

    app._got_first_request = False
    app.before_request(lambda: None)
    browser = Browser(app)
    browser.sign_in("dave")
    browser.send("/mfa/challenge", code=phone.code())
    browser.client.delete_cookie("mfa_gate")
    app.before_request_funcs[None].remove(open_request)
    assert browser.get("/").location == "/login?next=%2F"


def old_session_of(app: Flask, name: str, browser: Browser) -> Any:
    """A client that holds the host's session of a signed-in browser, and no gate cookie."""
    client = app.test_client()
    client.set_cookie("session", browser.cookie("session") or "")
    return client


def test_a_resource_never_keeps_an_unproven_identity_in_place(make_app: Any, phone: Phone) -> None:
    from flask_login import current_user

    app: Flask = make_app(MFA_GATE_DEFAULT_ACCESS={"wiki": "deny"})
    gate = state_of(app).gate
    app._got_first_request = False

    @gate.resource("wiki")
    def closed_view() -> str:
        return f"I see {current_user.is_authenticated}"

    app.add_url_rule("/open", "open", gate.exempt(lambda: closed_view()))

    browser = Browser(app)
    browser.sign_in("dave")
    browser.send("/mfa/challenge", code=phone.code())
    thief = old_session_of(app, "dave", browser)
    assert "I see True" not in thief.get("/open").text
    assert thief.get("/wiki").location == "/login?next=%2Fwiki", "the owner is in, and stays so"
    thief = old_session_of(app, "dave", browser)
    browser.get("/logout")
    assert thief.get("/wiki").status_code == 403
    with thief.session_transaction() as stored:
        assert "_user_id" not in stored


def test_a_late_request_with_the_old_id_signs_nobody_out(app: Flask, clock: StillClock) -> None:
    browser = Browser(app)
    browser.sign_in("frank")
    late = app.test_client()
    for name in ("session", "mfa_gate"):
        late.set_cookie(name, browser.cookie(name) or "")
    browser.send("/mfa/enroll/totp", code=Phone(clock, browser.begin_setup()["secret"]).code())
    for options in ({"headers": {"Accept": "application/json"}}, {}):
        assert late.get("/api/me", **options).headers.getlist("Set-Cookie") == []  # type: ignore[arg-type]
    assert browser.is_in()


def test_a_picture_on_another_site_signs_nobody_out(app: Flask, phone: Phone) -> None:
    browser = Browser(app)
    browser.sign_in("dave")
    browser.send("/mfa/challenge", code=phone.code())
    foreign = old_session_of(app, "dave", browser)
    for mode, target, is_last in (
        ("no-cors", "image", False),
        ("navigate", "iframe", False),
        ("no-cors", "image", True),
    ):
        if is_last:
            # The only browser in which the user was in, so nothing tells that this session may be another's.
            browser.send("/mfa/sign-out")
        headers = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": mode, "Sec-Fetch-Dest": target}
        answer = foreign.get("/", headers=headers)
        assert answer.status_code in {303, 401}
        assert answer.headers.getlist("Set-Cookie") == []


def test_a_step_up_does_not_outlive_the_parking(app: Flask, clock: StillClock) -> None:
    browser = Browser(app)
    browser.sign_in("frank")
    assert browser.get("/transfer").location == "/mfa/enroll"
    assert session_of(app, browser).step_up is not None
    with app.app_context():
        state_of(app).people.enrollments.require("6", days=0)
    browser.get("/")
    parked = session_of(app, browser)
    assert (parked.is_pending, parked.step_up) == (True, None)


def test_head_completes_nothing(app: Flask) -> None:
    browser = Browser(app)
    browser.sign_in("bob")
    with app.app_context():
        state_of(app).people.enrollments.remove("2")
    before = browser.cookie()
    browser.client.head("/mfa/challenge")
    assert browser.cookie() == before
    assert session_of(app, browser).is_pending


def test_a_right_code_on_an_old_id_is_not_counted(app: Flask, clock: StillClock, phone: Phone) -> None:
    browser = Browser(app)
    browser.sign_in("dave")
    old_id, token = browser.cookie(), browser.status()["csrf_token"]
    browser.send("/mfa/challenge", code=phone.code())
    late = app.test_client()
    late.set_cookie("mfa_gate", old_id or "")
    for _ in range(7):
        assert late.post("/mfa/challenge", data={"csrf_token": token, "code": phone.code(steps=1)}).status_code == 409
    other = Browser(app)
    other.sign_in("dave")
    assert other.send("/mfa/challenge", code=phone.code(steps=1)).status_code == 303


def test_a_pending_user_passes_no_verdict_that_the_host_asks_for(app: Flask) -> None:
    gate = state_of(app).gate
    app._got_first_request = False
    seen: list[str] = []

    @app.get("/menu")
    @gate.exempt
    def menu() -> str:
        seen.extend([gate.current_verdict("payroll").word, gate.current_verdict().word])
        return "menu"

    browser = Browser(app)
    browser.sign_in("dave")
    browser.get("/menu")
    assert seen == ["challenge", "challenge"]

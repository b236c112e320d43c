"""Accounts for emergencies: outside policies and lapse, and watched."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text

from flask_mfa_gate.errors import NotAllowed
from tests.conftest import Browser, Phone, StillClock, key_of, state_of
from tests.policy_kit import OFFICE, policy, prove, put, rows, signed_in

DAVE, FRANK, CAROL = "4", "6", "3"


@pytest.fixture
def glass(make_app: Any) -> Flask:
    return make_app(MFA_GATE_BREAK_GLASS=[DAVE], MFA_GATE_MAIL_DISABLED=["start", "enrolled"])  # type: ignore[no-any-return]


def test_no_policy_reaches_it_and_its_own_factor_is_always_asked(glass: Flask, phone: Phone, clock: StillClock) -> None:
    assert key_of(glass, "dave") == DAVE
    put(glass, policy("first", grace_days=3))
    signed_in(glass, "dave")
    put(glass, policy("no", "deny"), policy("pay", "deny", on=["payroll"]), policy("soft", grace_days=3))
    browser = prove(glass, phone)
    assert browser.is_in()
    assert browser.get("/payroll").status_code == 200
    assert not any(row["graces"] for row in rows(glass, "enrollment") if row["user_key"] == DAVE)
    assert Browser(glass).sign_in("frank").location == "/mfa/blocked"


@pytest.mark.parametrize(
    "config",
    [{"MFA_GATE_DEFAULT_ACCESS": "allow"}, {"MFA_GATE_CHALLENGE_UNREQUIRED": False}, {"MFA_GATE_TOKENS": "exempt"}],
)
def test_nothing_relaxes_it(make_app: Any, config: dict[str, Any]) -> None:
    app = make_app(MFA_GATE_BREAK_GLASS=[DAVE], **config)
    put(app, policy(action="allow", when={"network": ["0.0.0.0/0"]}))
    with app.app_context():
        state_of(app).people.enrollments.remove(DAVE)
    browser = signed_in(app, "dave", REMOTE_ADDR=OFFICE)
    assert not browser.is_in()
    assert browser.status()["next"] == "challenge"
    remembered = Browser(app)
    remembered.sign_in("dave", remember="1")
    assert not remembered.is_in()


def test_a_lapse_does_not_lock_it(make_app: Any, clock: StillClock) -> None:
    app = make_app(MFA_GATE_BREAK_GLASS=[CAROL])
    browser = Browser(app)
    assert browser.sign_in("carol").location == "/mfa/enroll"
    done = browser.send("/mfa/enroll/totp", code=Phone(clock, browser.begin_setup()["secret"]).code())
    assert done.status_code == 200
    assert browser.is_in()


def test_the_throttle_counts(glass: Flask, phone: Phone) -> None:
    browser = signed_in(glass, "dave")
    for _ in range(6):
        browser.send("/mfa/challenge", code=phone.wrong_code())
    assert browser.send("/mfa/challenge", code=phone.code()).status_code == 429


def test_a_switched_off_one_stays_out(glass: Flask, phone: Phone) -> None:
    from example_app.models import User, db

    browser = prove(glass, phone)
    with glass.app_context():
        db.session.get(User, int(DAVE)).enabled = False  # type: ignore[union-attr]
        db.session.commit()
    assert browser.get("/").status_code == 403


def test_only_admins_and_the_words_act_on_it(glass: Flask) -> None:
    with glass.app_context():
        state = state_of(glass)
        for action in ("reset", "extend", "unlock", "remind"):
            options = {"days": 7} if action == "extend" else {}
            with pytest.raises(NotAllowed):
                getattr(state.people.enrollments, action)(DAVE, actor=f"user:{key_of(glass, 'grace')}", **options)
        with pytest.raises(NotAllowed):
            state.people.access_passes.issue(DAVE, actor=f"user:{key_of(glass, 'grace')}")
        assert not state.people.enrollments.unlock(DAVE, actor="cli").failed
        state.people.access_passes.issue(DAVE, actor=f"user:{key_of(glass, 'ada')}")


def test_each_sign_in_is_a_record_a_signal_and_a_mail(
    make_app: Any, phone: Phone, clock: StillClock, signals: list[Any]
) -> None:
    app = make_app(MFA_GATE_BREAK_GLASS=[DAVE])
    with app.app_context():
        state_of(app).gate.users.sync()
    for _ in range(2):
        prove(app, phone, REMOTE_ADDR=OFFICE)
        clock.forward(seconds=30)
    signed_in(app, "frank")
    heard = [event for event in signals if event.name == "break_glass_used"]
    assert [(event.subject, event.address) for event in heard] == [(DAVE, OFFICE)] * 2
    with app.app_context():
        assert len([one for one in state_of(app).operations.audit.export() if one["event"] == "break_glass_used"]) == 2
    with state_of(app).store.database.read() as tx:
        told = tx.execute(text("SELECT user_key FROM mfa_gate_outbox WHERE kind = 'break-glass'")).scalars().all()
    assert sorted(told) == sorted([DAVE, key_of(app, "ada")] * 2), "the account and every admin"


def test_its_mail_can_not_be_switched_off(make_app: Any, phone: Phone) -> None:
    from flask_mfa_gate.errors import ConfigError

    with pytest.raises(ConfigError):
        make_app(MFA_GATE_BREAK_GLASS=[DAVE], MFA_GATE_MAIL_DISABLED=["break-glass"])


def test_the_doctor_finds_one_without_a_factor(make_app: Any) -> None:
    for keys, is_fault in (([DAVE], False), ([FRANK], True), (["nobody"], True)):
        app = make_app(MFA_GATE_BREAK_GLASS=keys)
        with app.app_context():
            faults = [one for one in state_of(app).gate.doctor() if "break" in one.code and one.level == "error"]
        assert bool(faults) is is_fault, keys

"""What an admin takes from users without a reset: their sessions, one factor, their access pass."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask

from flask_mfa_gate.domain.people.user_filter import EVERYBODY, UserFilter
from flask_mfa_gate.domain.sign_in.assurance import FactorKind
from flask_mfa_gate.errors import BadRequest
from flask_mfa_gate.services.enrollment.enrollments import EnrollmentService
from tests.conftest import Browser, Phone, StillClock, state_of
from tests.policy_kit import prove, signed_in, statements
from tests.services.kit import enroll, events, mails, meet, rows
from tests.services.test_bulk import crowd

TOTP, WEBAUTHN = FactorKind("totp"), FactorKind("webauthn")


@pytest.fixture
def portal(app: Flask) -> Iterator[Flask]:
    """1 admin, 2 in a period, 3 lapsed, 4 enrolled and required, 5 and 6 not required."""
    with app.app_context():
        state_of(app).people.users.sync()
        yield app


@pytest.fixture
def service(portal: Flask) -> EnrollmentService:
    return state_of(portal).people.enrollments


def confirmed(app: Flask, key: str) -> dict[str, FactorKind]:
    with state_of(app).store.database.read() as tx:
        return {factor.id: factor.kind for factor in state_of(app).store.factors.confirmed(tx, key)}


def codes_left(app: Flask, key: str) -> int:
    with state_of(app).store.database.read() as tx:
        return state_of(app).store.recovery_codes.left(tx, key)


def give_codes(app: Flask, key: str) -> None:
    with state_of(app).store.database.write() as tx:
        state_of(app).factors.self_service._companion.issue(tx, key, now=state_of(app).clock())  # type: ignore[attr-defined]


# Sessions


def test_sessions_that_were_revoked_are_out_with_every_cookie(
    portal: Flask, service: EnrollmentService, phone: Phone, signals: list[Any]
) -> None:
    owner, pending, frank = prove(portal, phone), signed_in(portal, "dave"), signed_in(portal, "frank")
    remembered = portal.test_client()
    remembered.post("/login", data={"username": "erin", "password": "correct horse battery staple", "remember": "on"})
    signals.clear()
    result = service.revoke_sessions(["4", "5"], actor="user:1", reason="stolen laptop")
    assert (result.done, result.skipped, result.failed) == ((("4", ""), ("5", "")), (), ())
    assert not owner.is_in()
    assert pending.get("/mfa/challenge").status_code in {302, 303, 401}
    assert frank.is_in(), "and nobody else"
    assert remembered.get("/").status_code == 302
    alone = portal.test_client()
    alone.set_cookie("session", owner.cookie("session") or "")
    assert alone.get("/").status_code == 302, "the host's own cookie without the gate's"
    assert confirmed(portal, "4"), "factors stay"
    assert [(one.name, one.subject, one.actor, one.reason) for one in signals] == [
        ("sessions_revoked", key, "user:1", "stolen laptop") for key in "45"
    ]
    assert events(portal, "sessions_revoked") == [("sessions_revoked", "4"), ("sessions_revoked", "5")]
    again = Browser(portal)
    again.sign_in("erin")
    assert again.is_in(), "a new sign-in is one"


def test_sessions_of_whom_the_gate_has_seen_none_are_revoked_too(portal: Flask, service: EnrollmentService) -> None:
    assert service.revoke_sessions("6").done == (("6", ""),)
    with state_of(portal).store.database.read() as tx:
        assert state_of(portal).store.revocations.counted(tx, "6") == 1


# One factor


def test_the_last_factor_of_whom_mfa_is_required(
    portal: Flask, service: EnrollmentService, phone: Phone, signals: list[Any]
) -> None:
    give_codes(portal, "4")
    owner = prove(portal, phone)
    signals.clear()
    assert service.revoke_factor("4", kind="totp", actor="user:7", reason="phone lost").done == (("4", ""),)
    status = service.status("4")
    assert (status.status, status.required, status.days_left, status.factors) == ("NOT_ENROLLED", True, None, ())
    assert codes_left(portal, "4") == 0, "codes without a factor would be the whole of a second factor"
    assert not owner.is_in()
    assert signed_in(portal, "dave").get("/").location == "/mfa/enroll", "forced at the next sign-in"
    assert mails(portal, "factor-removed") == [("factor-removed", "dave@example.org")]
    (mail,) = (row for row in rows(state_of(portal).store, "outbox") if row.kind == "factor-removed")
    assert (mail.facts["method"], mail.facts["by_admin"]) == ("totp", True)
    (record,) = (row for row in rows(state_of(portal).store, "audit") if row.event == "factor_removed")
    assert (record.actor, record.subject, record.reason) == ("user:7", "4", "phone lost")
    assert [one.name for one in signals].count("factor_removed") == 1


def test_one_of_two_factors_leaves_the_other_with_the_codes(portal: Flask, service: EnrollmentService) -> None:
    give_codes(portal, "4")
    enroll(portal, "4", kind=WEBAUTHN)
    assert service.revoke_factor("4", kind="webauthn").done == (("4", ""),)
    assert set(confirmed(portal, "4").values()) == {TOTP}
    assert codes_left(portal, "4") == 10
    assert service.status("4").status == "ENROLLED"


def test_a_single_factor_by_its_id(portal: Flask, service: EnrollmentService) -> None:
    for _ in range(2):
        enroll(portal, "4", kind=WEBAUTHN)
    one, other = (key for key, kind in confirmed(portal, "4").items() if kind is WEBAUTHN)
    assert service.revoke_factor("4", factor_id=one, dry_run=True).done == (("4", ""),)
    assert service.revoke_factor("6", factor_id=one).skipped == (("6", "no-factor"),), "another user's id is not there"
    assert service.revoke_factor(EVERYBODY, factor_id=one).done == (("4", ""),)
    assert set(confirmed(portal, "4")) >= {other}
    assert one not in confirmed(portal, "4")
    assert service.revoke_factor("4", factor_id=one).skipped == (("4", "no-factor"),)


def test_a_key_that_waits_for_its_first_code_is_no_factor(portal: Flask, service: EnrollmentService) -> None:
    enroll(portal, "6", confirmed=False)
    assert service.revoke_factor("6", kind="totp").skipped == (("6", "no-factor"),)


def test_a_security_key_beside_a_period_buys_no_days_of_password_alone(
    portal: Flask, service: EnrollmentService
) -> None:
    enroll(portal, "2", kind=WEBAUTHN)
    assert service.status("2").days_left
    service.revoke_factor("2", kind="webauthn")
    assert (service.status("2").required, service.status("2").days_left) == (True, None)


def test_a_lapse_is_not_lifted(portal: Flask, service: EnrollmentService) -> None:
    enroll(portal, "3", kind=WEBAUTHN)
    service.revoke_factor("3", kind="webauthn")
    assert service.status("3").status == "ENROLLMENT_EXPIRED"


def test_whoever_need_not_have_mfa_is_not_enrolled_afterwards(portal: Flask, service: EnrollmentService) -> None:
    enroll(portal, "6")
    assert service.revoke_factor("6", kind="totp").done == (("6", ""),)
    assert (service.status("6").status, service.status("6").required) == ("NOT_ENROLLED", False)


def test_no_user_revokes_a_factor_silently(portal: Flask, service: EnrollmentService) -> None:
    for targets in ("4", ["4", "6"], EVERYBODY):
        with pytest.raises(BadRequest):
            service.revoke_factor(targets, kind="totp", actor="user:1", notify=False)
    assert confirmed(portal, "4")
    service.revoke_factor("4", kind="totp", actor="cli", notify=False)
    assert mails(portal) == []
    assert len(events(portal, "factor_removed")) == 1, "on record all the same"


@pytest.mark.parametrize("words", [{}, {"kind": "totp", "factor_id": "x"}, {"kind": "push"}, {"kind": "TOTP"}])
def test_words_that_name_no_factor(portal: Flask, service: EnrollmentService, words: dict[str, str]) -> None:
    with pytest.raises(BadRequest, match="Give either kind"):
        service.revoke_factor("4", **words)


# Access passes


def test_passes_are_revoked_with_what_they_opened(portal: Flask, service: EnrollmentService, clock: StillClock) -> None:
    passes = state_of(portal).people.access_passes
    code = passes.issue("4")
    passes.issue("6", starts_at=clock().replace(year=2026, month=4))
    browser = signed_in(portal, "dave")
    assert browser.send("/mfa/challenge", factor="access_pass", code=code).status_code == 303
    assert browser.is_in()
    result = service.revoke_pass(EVERYBODY, actor="user:7")
    assert result.done == (("4", ""), ("6", "")), "used up, or waiting"
    assert dict(result.skipped) == dict.fromkeys("235", "no-pass")
    assert not browser.is_in()
    assert passes.of("6") == []
    assert events(portal, "access_pass_revoked") == [("access_pass_revoked", "4"), ("access_pass_revoked", "6")]
    assert service.revoke_pass("4").skipped == (("4", "no-pass"),)
    assert not passes.revoke("6")


# Many


def test_a_thousand_take_no_more_statements_than_ten(portal: Flask, service: EnrollmentService) -> None:
    meet(portal, crowd(1000))
    for person in crowd(30):
        enroll(portal, person.key)

    def asked(text: str, act: Any) -> int:
        with statements(portal) as seen:
            act(UserFilter(text=text))
        return len(seen)

    def revoke(users: UserFilter) -> Any:
        return service.revoke_factor(users, kind="totp")

    for act in (service.revoke_sessions, revoke):
        few, many = asked("k0001", act), asked("k00", act)
        assert many < few + 15, "slices of a statement, and none for each user"
    assert {row.user_key for row in rows(state_of(portal).store, "factor") if row.voided_at is None} == {"4"}

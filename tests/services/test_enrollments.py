"""Require, extend, reset, remove, unlock, status: what each does and writes down."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text

from flask_mfa_gate import Conflict, MFAGateError, UnknownUser
from flask_mfa_gate.errors import BadRequest
from flask_mfa_gate.services.enrollment.enrollments import EnrollmentService
from flask_mfa_gate.signals import Event
from tests.conftest import JSON, Browser, Phone, StillClock, key_of, state_of


@pytest.fixture
def service(app: Flask) -> Any:
    with app.app_context():
        yield state_of(app).people.enrollments


@pytest.fixture
def key(app: Flask) -> Callable[[str], str]:
    return lambda name: key_of(app, name)


def outbox(app: Flask) -> list[Any]:
    with state_of(app).store.database.read() as tx:
        return list(tx.execute(text("SELECT kind, user_key, recipient, facts FROM mfa_gate_outbox")))


def test_require_starts_a_period_to_the_second(service: EnrollmentService, key: Any, clock: StillClock) -> None:
    service.require(key("frank"), days=14, actor="user:1")
    status = service.status(key("frank"))
    assert (status.status, status.required, status.required_by) == ("IN_ENROLLMENT", True, "user:1")
    assert status.days_left == 14
    assert status.ends_at == datetime(2026, 3, 16, 9, 0, 0, tzinfo=UTC)


def test_default_days_come_from_the_settings(make_app: Any) -> None:
    app = make_app(MFA_GATE_ENROLLMENT_DAYS=3)
    with app.app_context():
        state_of(app).people.enrollments.require(key_of(app, "frank"))
        assert state_of(app).people.enrollments.status(key_of(app, "frank")).days_left == 3


def test_the_days_count_down_to_one_and_then_it_lapses(service: EnrollmentService, key: Any, clock: StillClock) -> None:
    service.require(key("frank"), days=2)
    seen = []
    for _ in range(4):
        seen.append((service.status(key("frank")).days_left, service.status(key("frank")).status.value))
        clock.forward(hours=16)
    assert seen == [(2, "IN_ENROLLMENT"), (2, "IN_ENROLLMENT"), (1, "IN_ENROLLMENT"), (0, "ENROLLMENT_EXPIRED")]


def test_now_forces_and_stores_no_period(service: EnrollmentService, key: Any) -> None:
    service.require(key("frank"), days=0)
    status = service.status(key("frank"))
    assert (status.status, status.required, status.days_left, status.ends_at) == ("NOT_ENROLLED", True, None, None)


def test_one_key_renews_and_several_skip(service: EnrollmentService, key: Any, clock: StillClock) -> None:
    clock.forward(days=3)
    both = service.require([key("bob"), key("frank")], days=7)
    assert both.skipped == ((key("bob"), "in-period"),)
    assert both.done == ((key("frank"), ""),)
    assert service.require([key("bob"), key("frank")], days=7, renew=True).skipped == ()
    clock.forward(days=1)
    service.require(key("bob"), days=7)
    assert service.status(key("bob")).days_left == 7


def test_a_forced_user_is_skipped_in_bulk_unless_renewed(service: EnrollmentService, key: Any) -> None:
    service.require(key("frank"), days=0)
    assert service.require([key("frank"), key("erin")], days=7).skipped == ((key("frank"), "already-required"),)


def test_lapsed_users_are_never_reopened_by_require(service: EnrollmentService, key: Any) -> None:
    with pytest.raises(Conflict, match="Extend it or reset") as refused:
        service.require(key("carol"), days=7)
    assert refused.value.reason == "lapsed"
    assert service.require([key("carol"), key("frank")], days=7, renew=True).skipped == ((key("carol"), "lapsed"),)
    assert service.status(key("carol")).status == "ENROLLMENT_EXPIRED"


def test_require_on_an_enrolled_user_starts_no_period_and_sends_no_mail(
    app: Flask, service: EnrollmentService, key: Any
) -> None:
    service.remove(key("dave"))
    service.require(key("dave"), days=7)
    status = service.status(key("dave"))
    assert (status.status, status.required, status.ends_at) == ("ENROLLED", True, None)
    assert [mail.kind for mail in outbox(app)] == ["requirement-removed"]


@pytest.mark.parametrize("days", [-1, 366, 10**9, True, 1.5, "7"])
def test_days_out_of_range_are_refused(service: EnrollmentService, key: Any, days: Any) -> None:
    for act in (service.require, service.extend, service.reset):
        with pytest.raises(BadRequest):
            act(key("bob"), days=days)


def test_extend_counts_from_the_end_or_from_now(service: EnrollmentService, key: Any, clock: StillClock) -> None:
    end = service.status(key("bob")).ends_at
    assert end is not None
    service.extend(key("bob"), days=3)
    assert service.status(key("bob")).ends_at == end + timedelta(days=3)
    service.extend(key("carol"), days=3)
    assert service.status(key("carol")).ends_at == clock().replace(microsecond=0) + timedelta(days=3)


def test_extend_moves_the_end_to_a_date(service: EnrollmentService, key: Any, clock: StillClock) -> None:
    service.extend(key("bob"), until=datetime(2026, 3, 4, 14, 30, tzinfo=UTC))
    assert service.status(key("bob")).days_left == 3
    for wrong in (datetime(2026, 3, 4, 14, 30), clock() - timedelta(days=1)):  # noqa: DTZ001 - that is the point
        with pytest.raises(BadRequest):
            service.extend(key("bob"), until=wrong)
    with pytest.raises(BadRequest):
        service.extend(key("bob"), days=1, until=clock() + timedelta(days=1))
    with pytest.raises(BadRequest):
        service.extend(key("bob"))


def test_extend_without_a_period_is_skipped(service: EnrollmentService, key: Any) -> None:
    assert service.extend([key("frank")], days=3).skipped == ((key("frank"), "no-period"),)
    assert service.extend(key("dave"), days=3).skipped == ((key("dave"), "no-period"),)


def test_reset_of_a_confirmed_key_forces_unless_days_are_given(service: EnrollmentService, key: Any) -> None:
    service.reset(key("dave"))
    status = service.status(key("dave"))
    assert (status.status, status.required, status.ends_at) == ("NOT_ENROLLED", True, None)
    service.reset(key("dave"), days=5)
    assert service.status(key("dave")).days_left == 5


def test_reset_of_a_lapsed_user_starts_a_new_period(service: EnrollmentService, key: Any) -> None:
    service.reset(key("carol"))
    assert service.status(key("carol")).days_left == 7


def test_reset_without_a_requirement_leaves_none(service: EnrollmentService, key: Any) -> None:
    service.remove(key("dave"))
    service.reset(key("dave"), days=7)
    status = service.status(key("dave"))
    assert (status.status, status.required, status.ends_at) == ("NOT_ENROLLED", False, None)
    assert service.reset(key("dave")).done == ((key("dave"), ""),), "twice is fine"


def test_reset_ends_sessions_keys_and_codes_at_once(app: Flask, clock: StillClock, phone: Phone) -> None:
    browser, half_done = Browser(app), Browser(app)
    browser.sign_in("dave")
    browser.send("/mfa/challenge", code=phone.code())
    half_done.sign_in("dave")
    with app.app_context():
        state_of(app).people.enrollments.reset(key_of(app, "dave"))
    assert browser.get("/").location == "/login?next=%2F", "what was revoked is out, of the app too"
    clock.forward(seconds=30)
    assert half_done.get("/mfa/status").status_code != 200, "a half-done sign-in does not outlive the reset"


def test_remove_lifts_prompt_and_lock_and_keeps_the_key(app: Flask, service: EnrollmentService, key: Any) -> None:
    for name in ("bob", "carol"):
        service.remove(key(name))
        assert Browser(app).sign_in(name).location == "/"
    service.remove(key("dave"))
    assert Browser(app).sign_in("dave").location == "/mfa/challenge"
    assert service.remove(key("frank")).skipped == ((key("frank"), "not-required"),)


def test_remove_while_pending_completes_the_sign_in_at_the_next_request(app: Flask, key: Any) -> None:
    browser = Browser(app)
    browser.sign_in("bob")
    with app.app_context():
        state_of(app).people.enrollments.remove(key("bob"))
    assert browser.get("/api/me", headers=JSON).status_code == 200, "of any kind"
    assert browser.is_in()


def test_unlock_says_when_the_period_has_lapsed_too(service: EnrollmentService, key: Any) -> None:
    assert service.unlock([key("carol"), key("bob")]).done == ((key("carol"), "lapsed-too"), (key("bob"), ""))


def test_unknown_users(service: EnrollmentService) -> None:
    with pytest.raises(UnknownUser):
        service.require("4711", days=7)
    assert service.require(["4711", "4712"], days=7).failed == (("4711", "unknown-user"), ("4712", "unknown-user"))
    with pytest.raises(UnknownUser):
        service.status("4711")


def test_each_act_is_recorded_with_actor_reason_and_signal(
    app: Flask, service: EnrollmentService, key: Any, signals: list[Event]
) -> None:
    service.require(key("frank"), days=7, actor="1", reason="new hire")
    service.extend(key("frank"), days=7, actor="cli", reason="holiday")
    service.unlock(key("frank"))
    service.reset(key("frank"), days=7)
    service.remove(key("frank"))
    names = ["enrollment_started", "enrollment_extended", "account_unlocked", "mfa_reset", "requirement_removed"]
    assert [event.name for event in signals] == names
    assert (signals[0].actor, signals[0].reason, signals[0].subject) == ("user:1", "new hire", key("frank"))
    assert (signals[1].actor, signals[1].reason) == ("cli", "holiday")
    assert signals[2].actor == "host"
    with state_of(app).store.database.read() as tx:
        kept = state_of(app).store.audit.recent(tx, key("frank"), limit=9)
    assert [event.name for event in reversed(kept)] == names
    assert all(event.at.tzinfo is UTC for event in kept)


def test_a_failing_receiver_undoes_nothing(app: Flask, service: EnrollmentService, key: Any, caplog: Any) -> None:
    from flask_mfa_gate.signals import enrollment_started

    def fails(_sender: Any, event: Event) -> None:
        raise RuntimeError("receiver")

    with enrollment_started.connected_to(fails):
        service.require(key("frank"), days=7)
    assert service.status(key("frank")).required
    assert "a receiver of the signal enrollment_started failed" in caplog.text


def test_start_mail_waits_in_the_outbox(app: Flask, service: EnrollmentService, key: Any) -> None:
    service.require(key("frank"), days=7)
    service.require(key("erin"), days=7, notify=False)
    (mail,) = outbox(app)
    assert (mail.kind, mail.user_key, mail.recipient) == ("start", key("frank"), "frank@example.org")


def test_a_failed_write_leaves_neither_state_nor_mail(
    app: Flask, service: EnrollmentService, key: Any, monkeypatch: Any
) -> None:
    def broken(*_args: Any, **_options: Any) -> None:
        raise MFAGateError("disk full")

    monkeypatch.setattr(type(state_of(app).store.audit), "write", broken)
    with pytest.raises(MFAGateError):
        service.require(key("frank"), days=7)
    assert not service.status(key("frank")).required
    assert outbox(app) == []


def test_the_host_transaction_stays_the_hosts(app: Flask, service: EnrollmentService, key: Any) -> None:
    from example_app.models import User, db

    user = db.session.get(User, int(key("frank")))
    assert user is not None
    user.name = "not committed"
    service.require(key("frank"), days=7)
    db.session.rollback()
    assert db.session.get(User, int(key("frank"))).name == "Frank Ford"  # type: ignore[union-attr]
    assert service.status(key("frank")).required


@pytest.mark.parametrize("reason", ["r" * 10_000, "🔐" * 10_000], ids=["1 byte", "4 bytes"])
def test_a_long_reason_is_kept_whole(app: Flask, service: EnrollmentService, reason: str) -> None:
    service.require("6", days=7, reason=reason)
    with state_of(app).store.database.read() as tx:
        assert [event.reason for event in state_of(app).store.audit.recent(tx, "6", limit=5)] == [reason]


@pytest.mark.parametrize(
    "order",
    [{"reason": "r" * 10_001}, {"reason": "a\0b"}, {"reason": "\ud800"}, {"actor": "a\0b"}, {"actor": "\ud800"}],
    ids=["too long", "NUL", "surrogate", "actor with NUL", "actor with surrogate"],
)
def test_what_some_database_could_not_keep_is_refused_before_it_is_asked(
    service: EnrollmentService, order: dict[str, str]
) -> None:
    for act in (service.require, service.reset, service.remove, service.unlock, partial(service.extend, days=1)):
        with pytest.raises(BadRequest):
            act("2", **order)
    assert service.status("2").days_left == 7


@pytest.mark.parametrize("odd", ["a\0b", "\ud800", "k" * 192, ""], ids=["NUL", "surrogate", "too long", "empty"])
def test_a_key_that_no_user_can_have_is_nobodys(app: Flask, service: EnrollmentService, odd: str) -> None:
    assert service.require([odd, "6"], days=7).failed == ((odd, "unknown-user"),)
    for act in (service.status, service.require, service.reset, state_of(app).people.access_passes.issue):
        with pytest.raises(UnknownUser):
            act(odd)

"""What each action makes of each state a user can be in."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_mfa_gate.domain.enrollment.enrollment import (
    DAY,
    EnrollmentState,
    Period,
    Status,
    next_due,
    start_period,
    status_of,
)
from flask_mfa_gate.domain.enrollment.state_changes import (  # fmt: skip
    Action,
    Extend,
    Outcome,
    Remind,
    Remove,
    Require,
    Requirement,
    Reset,
    StateChange,
    Unlock,
    UserState,
    activate,
    fail,
    lapse,
    reminder,
    start_notice,
    without_notice,
)
from flask_mfa_gate.domain.sign_in.assurance import FactorKind

NOW = datetime(2026, 3, 2, 9, 0, 0, 250_000, tzinfo=UTC)
WHOLE = NOW.replace(microsecond=0)
TOTP, WEBAUTHN = frozenset({FactorKind("totp")}), frozenset({FactorKind("webauthn")})

NOBODY = EnrollmentState("1")
FORCED = EnrollmentState("1", required=True, required_by="user:9")
RUNNING = replace(FORCED, period=Period(WHOLE - 2 * DAY, WHOLE + 5 * DAY))
LAPSED = replace(FORCED, period=Period(WHOLE - 8 * DAY, WHOLE - DAY))
WAITING = replace(FORCED, waiting_days=7)
ENROLLED = replace(FORCED, factors=TOTP)
VOLUNTEER = EnrollmentState("1", factors=TOTP)
STANDINGS = {
    "not required": NOBODY, "key shown": replace(NOBODY, key_shown=True), "forced": FORCED, "in period": RUNNING,
    "lapsed": LAPSED, "waiting": WAITING, "enrolled": ENROLLED, "enrolled, not required": VOLUNTEER,
}  # fmt: skip


def on(action: Action, enrollment: EnrollmentState, *, is_active: bool = True, now: datetime = NOW) -> StateChange:
    return action.on(UserState(enrollment, is_active, now, frozenset(FactorKind), TOTP), by="user:2")


def after(enrollment: EnrollmentState, change: StateChange) -> EnrollmentState:
    """The state that a change leaves behind."""
    if change.voids_proofs:
        enrollment = replace(enrollment, factors=frozenset(), key_shown=False)
    if change.requirement is None:
        return enrollment
    made = change.requirement
    return replace(
        enrollment, required=made.required_by is not None, required_by=made.required_by, period=made.period,
        waiting_days=made.waiting_days,
    )  # fmt: skip


def skipped(reason: str) -> StateChange:
    return StateChange(Outcome.SKIPPED, reason)


enrollments = st.sampled_from(list(STANDINGS.values()))
days = st.integers(1, 365)


@pytest.mark.parametrize(
    ("name", "bulk", "renewed"),
    [
        ("not required", "done", "done"), ("key shown", "done", "done"), ("forced", "already-required", "done"),
        ("in period", "in-period", "done"), ("lapsed", "lapsed", "lapsed"), ("waiting", "in-period", "done"),
        ("enrolled", "already-required", "done"), ("enrolled, not required", "done", "done"),
    ],
)  # fmt: skip
def test_require_on_each_state(name: str, bulk: str, renewed: str) -> None:
    for renew, expected in ((False, bulk), (True, renewed)):
        change = on(Require(7, renew), STANDINGS[name])
        assert (change.reason or change.outcome.value) == expected
        assert (change.outcome is Outcome.DONE) == (expected == "done")
        assert (change.event is None) == (expected != "done"), "who is skipped is not on record"
        assert (change.notice is None) == (expected != "done" or "enrolled" in name)


@given(st.integers(0, 365), st.booleans(), st.timedeltas(timedelta(0), timedelta(days=900)))
def test_require_never_reopens_a_lapsed_period(length: int, renew: bool, since: timedelta) -> None:
    ended = replace(FORCED, period=Period(WHOLE - since - 7 * DAY, WHOLE - since))
    for is_active in (True, False):
        assert on(Require(length, renew), ended, is_active=is_active) == skipped("lapsed")


def test_the_last_instant_of_a_period_is_not_lapsed_and_its_end_is() -> None:
    ends_at = WHOLE + 5 * DAY
    assert on(Require(7, True), RUNNING, now=ends_at - timedelta(microseconds=1)).outcome is Outcome.DONE
    assert on(Require(7, True), RUNNING, now=ends_at) == skipped("lapsed")


@given(enrollments, days)
def test_require_starts_at_the_whole_second_and_belongs_to_the_actor(enrollment: EnrollmentState, length: int) -> None:
    made = on(Require(length, renew=True), enrollment).requirement
    if made is not None and not enrollment.factors:
        assert made == Requirement("user:2", Period(WHOLE, WHOLE + length * DAY))


def test_require_of_somebody_switched_off_waits_and_tells_nobody() -> None:
    change = on(Require(9, renew=False), NOBODY, is_active=False)
    assert change.requirement == Requirement("user:2", None, 9)
    assert change.notice is None
    assert change.details == {"days": 9, "waiting": True}
    assert status_of(after(NOBODY, change), now=NOW, enabled=TOTP) is Status.PRE_ENROLLMENT


def test_forced_is_forced_whether_switched_on_or_off() -> None:
    for is_active in (True, False):
        change = on(Require(0, renew=False), NOBODY, is_active=is_active)
        assert change.requirement == Requirement("user:2")
        assert change.notice is not None
        assert change.notice.facts == {"days": 0, "ends_at": None}


def test_require_on_an_enrolled_user_starts_no_period_even_when_he_is_switched_off() -> None:
    for is_active in (True, False):
        change = on(Require(7, renew=True), VOLUNTEER, is_active=is_active)
        assert (change.requirement, change.notice) == (Requirement("user:2"), None)


def test_the_start_mail_tells_the_days_and_the_end() -> None:
    change = on(Require(7, renew=False), NOBODY)
    assert change.notice is not None
    assert (change.notice.kind, change.notice.facts) == ("start", {"days": 7, "ends_at": WHOLE + 7 * DAY})


@pytest.mark.parametrize("name", ["not required", "key shown", "forced", "enrolled", "enrolled, not required"])
def test_extend_without_a_period_is_skipped(name: str) -> None:
    for action in (Extend(3, None), Extend(None, NOW + DAY)):
        assert on(action, STANDINGS[name]) == skipped("no-period")


@given(days, st.timedeltas(timedelta(days=-900), timedelta(days=900)))
def test_extend_counts_from_the_end_or_from_now_whichever_is_later(length: int, left: timedelta) -> None:
    end = WHOLE + timedelta(seconds=int(left.total_seconds()))
    enrollment = replace(FORCED, period=Period(end - 7 * DAY, end), key_shown=True)
    change = on(Extend(length, None), enrollment)
    assert change.requirement is not None
    assert change.requirement == Requirement("user:9", Period(end - 7 * DAY, max(WHOLE, end) + length * DAY))
    assert status_of(after(enrollment, change), now=NOW, enabled=TOTP) is Status.IN_ENROLLMENT, "the lock is lifted"
    assert after(enrollment, change).key_shown, "a key that was shown stays"
    assert change.notice is None


def test_extend_to_a_date_sets_the_end_in_utc_and_may_shorten() -> None:
    until = datetime.fromisoformat("2026-03-03T12:00:00.75+02:00")
    for enrollment in (RUNNING, LAPSED):
        change = on(Extend(None, until), enrollment)
        assert change.requirement is not None
        assert change.requirement.period is not None
        assert change.requirement.period.ends_at == datetime(2026, 3, 3, 10, 0, 0, tzinfo=UTC)
        assert change.requirement.period.ends_at.tzinfo is UTC
        assert change.details == {"ends_at": "2026-03-03T10:00:00+00:00"}


@given(days, days)
def test_extend_of_a_waiting_period_adds_days_and_keeps_it_waiting(length: int, more: int) -> None:
    for is_active in (True, False):
        change = on(Extend(more, None), replace(WAITING, waiting_days=length), is_active=is_active)
        assert change.requirement == Requirement("user:9", None, length + more)
        assert change.details == {"days": length + more}
    assert on(Extend(None, NOW + DAY), WAITING) == skipped("no-period"), "there is no end to move"


@pytest.mark.parametrize(
    ("name", "without", "within"),
    [
        ("not required", None, None), ("key shown", None, None), ("enrolled, not required", None, None),
        ("forced", 0, 5), ("enrolled", 0, 5), ("in period", 7, 5), ("lapsed", 7, 5), ("waiting", 7, 5),
    ],
)  # fmt: skip
def test_reset_on_each_state(name: str, without: int | None, within: int | None) -> None:
    for given_days, expected in ((None, without), (5, within), (0, None if within is None else 0)):
        change = on(Reset(given_days, default_days=7), STANDINGS[name])
        assert change.outcome is Outcome.DONE
        assert change.voids_proofs
        assert change.event == "mfa_reset"
        assert change.notice is not None
        if expected is None:
            assert change.requirement is None
        else:
            assert change.requirement == Requirement("user:9", start_period(NOW, days=expected) if expected else None)
        assert change.notice.facts == {"days": expected or None, "forced": expected == 0}


def test_reset_of_somebody_disabled_waits_and_says_for_how_long() -> None:
    change = on(Reset(None, default_days=7), LAPSED, is_active=False)
    assert change.requirement == Requirement("user:9", None, 7)
    assert change.notice is not None
    assert change.notice.facts == {"days": 7, "forced": False}


@given(st.sampled_from([RUNNING, LAPSED, WAITING, FORCED]), st.sampled_from([TOTP, WEBAUTHN, TOTP | WEBAUTHN]))
def test_who_held_a_key_is_not_let_in_by_the_password_alone_unless_days_are_given(
    enrollment: EnrollmentState, factors: frozenset[FactorKind]
) -> None:
    """Also where a security key does not end the period of TOTP, so that one still runs."""
    for is_active in (True, False):
        change = on(Reset(None, default_days=7), replace(enrollment, factors=factors), is_active=is_active)
        assert change.requirement == Requirement("user:9")
        assert change.details == {"factors": sorted(factors), "days": None}


@pytest.mark.parametrize("name", STANDINGS)
def test_remove_on_each_state(name: str) -> None:
    enrollment = STANDINGS[name]
    change = on(Remove(), enrollment)
    if not enrollment.required:
        assert change == skipped("not-required")
        return
    assert (change.requirement, change.event) == (Requirement(None), "requirement_removed")
    assert after(enrollment, change) == replace(NOBODY, factors=enrollment.factors, key_shown=enrollment.key_shown)
    assert change.notice is not None
    assert change.notice.kind == "requirement-removed"


@pytest.mark.parametrize("name", STANDINGS)
def test_remind_on_each_state(name: str) -> None:
    change = on(Remind(), STANDINGS[name])
    if name != "in period":
        assert change == skipped("lapsed" if name == "lapsed" else "no-period")
        return
    assert (change.requirement, change.event, change.details) == (None, "enrollment_reminded", {"days_left": 5})
    assert change.notice is not None
    assert (change.notice.kind, change.notice.facts) == ("reminder", {"days_left": 5, "ends_at": WHOLE + 5 * DAY})


def test_a_security_key_beside_a_running_period_does_not_end_it() -> None:
    held = replace(RUNNING, factors=WEBAUTHN)
    assert on(Remind(), held).outcome is Outcome.DONE
    assert on(Require(7, renew=False), held) == skipped("in-period")


@pytest.mark.parametrize("name", STANDINGS)
def test_unlock_on_each_state(name: str) -> None:
    change = on(Unlock(), STANDINGS[name])
    assert change == StateChange(
        reason="lapsed-too" if name == "lapsed" else "", event="account_unlocked", clears_failures=True
    ), "wrong codes and nothing else"


def test_where_totp_is_switched_off_nothing_lapses() -> None:
    user = UserState(LAPSED, True, NOW, WEBAUTHN, TOTP)
    assert user.status is Status.DISABLED
    assert Unlock().on(user, by="cli").reason == ""
    assert Remind().on(user, by="cli") == skipped("no-period")


@given(days)
def test_activation_begins_the_full_period_and_tells_of_it(length: int) -> None:
    change = activate(replace(WAITING, waiting_days=length), now=NOW)
    assert change.requirement == Requirement("user:9", start_period(NOW, days=length))
    assert change.event == "enrollment_started"
    assert change.details == {"days": length, "waiting": False}
    assert change.notice == start_notice(start_period(NOW, days=length), now=NOW)


@given(enrollments, st.booleans())
def test_no_action_gives_a_period_to_somebody_of_whom_nothing_is_required(
    enrollment: EnrollmentState, is_active: bool
) -> None:
    for action in (Require(7, True), Extend(7, None), Reset(7, 7), Remove(), Remind(), Unlock()):
        left = after(enrollment, on(action, enrollment, is_active=is_active))
        assert left.required or (left.period is None and left.waiting_days is None)
        assert left.period is None or left.waiting_days is None, "a period runs or waits, not both"
        assert left.required == (left.required_by is not None)


@given(enrollments)
def test_silence_takes_the_mail_and_nothing_else(enrollment: EnrollmentState) -> None:
    change = on(Reset(None, 7), enrollment)
    assert without_notice(change) == replace(change, notice=None)
    assert without_notice(change).event == change.event


def test_small_words() -> None:
    assert fail("yourself") == StateChange(Outcome.FAILED, "yourself")
    period = Period(WHOLE - DAY, WHOLE)
    noted = lapse(period)
    assert (noted.event, noted.requirement) == ("enrollment_lapsed", None)
    assert noted.notice is not None
    assert (noted.notice.kind, noted.notice.facts) == ("lapsed", {"ended_at": WHOLE})
    assert reminder(Period(WHOLE, WHOLE + 2 * DAY), now=NOW + DAY).details == {"days_left": 1}


offsets = st.lists(st.timedeltas(timedelta(seconds=1), timedelta(days=20)), max_size=6)


@given(days, offsets, st.timedeltas(timedelta(days=-1), timedelta(days=400)))
def test_what_is_due_next_lies_ahead_and_the_end_comes_last(length: int, before: Any, gone: timedelta) -> None:
    period = start_period(NOW, days=length)
    moment = NOW + gone
    due = next_due(period, before, after=moment)
    if moment >= period.ends_at:
        assert due is None
        return
    assert due is not None
    assert moment < due <= period.ends_at
    usable = sorted({period.ends_at - offset for offset in before if offset < length * DAY})
    assert due == next((one for one in usable if one > moment), period.ends_at)


@given(days, offsets)
def test_walking_from_due_to_due_meets_each_reminder_once_and_then_the_end(length: int, before: Any) -> None:
    period = start_period(NOW, days=length)
    met, moment = [], period.started_at
    while (due := next_due(period, before, after=moment)) is not None:
        met.append(due)
        moment = due
    assert met == sorted(set(met))
    assert met[-1] == period.ends_at
    assert met[:-1] == sorted({period.ends_at - offset for offset in before if offset < length * DAY})


def test_a_reminder_as_long_as_the_period_is_none() -> None:
    period = start_period(NOW, days=2)
    assert next_due(period, [2 * DAY], after=period.started_at - DAY) == period.ends_at
    assert next_due(period, [2 * DAY - timedelta(seconds=1)], after=NOW) == WHOLE + timedelta(seconds=1)

"""Periods, days and statuses."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from math import ceil
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_mfa_gate.domain.enrollment.enrollment import (
    DAY,
    LATEST_END,
    EnrollmentState,
    Period,
    Status,
    extend_period,
    move_end,
    start_period,
    status_of,
)
from flask_mfa_gate.domain.sign_in.assurance import FactorKind
from tests.conftest import require_or_skip

INSTANTS = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis wants bounds without a zone
DAYS = st.integers(1, 365)
ENABLED = frozenset({FactorKind("totp")})


@given(INSTANTS, DAYS)
def test_days_left_are_full_at_the_start_and_one_on_the_last_day(now: datetime, days: int) -> None:
    period = start_period(now, days=days)
    assert period.started_at == now.replace(microsecond=0)
    assert period.ends_at - period.started_at == timedelta(days=days)
    assert period.days_left(period.started_at) == days
    assert period.days_left(now) == days
    assert period.days_left(period.ends_at - timedelta(microseconds=1)) == 1
    assert not period.has_ended(period.ends_at - timedelta(microseconds=1))
    assert period.has_ended(period.ends_at)


@given(INSTANTS, DAYS, st.floats(0, 365))
def test_days_left_are_the_ceiling_and_never_zero_while_it_runs(now: datetime, days: int, later: float) -> None:
    period = start_period(now, days=days)
    then = period.started_at + timedelta(days=later)
    if period.has_ended(then):
        assert period.days_left(then) == 0
    else:
        assert period.days_left(then) == ceil((period.ends_at - then) / DAY) >= 1


@given(INSTANTS, DAYS, DAYS, st.floats(0, 800))
def test_extend_counts_from_the_later_of_end_and_now(now: datetime, days: int, more: int, later: float) -> None:
    period = start_period(now, days=days)
    then = now + timedelta(days=later)
    longer = extend_period(period, now=then, days=more)
    assert longer.ends_at == max(then.replace(microsecond=0), period.ends_at) + timedelta(days=more)
    assert not longer.has_ended(then)
    assert longer.started_at == period.started_at


@pytest.mark.parametrize("hours", [0, 1, 24 * 300])
def test_no_extension_leads_out_of_the_calendar(hours: int) -> None:
    late = move_end(start_period(LEAP_DAY, days=7), until=LATEST_END - timedelta(hours=hours))
    for zone in (UTC, timezone(timedelta(hours=14)), timezone(-timedelta(hours=12))):
        assert extend_period(late, now=LEAP_DAY, days=365).ends_at.astimezone(zone) == LATEST_END
    assert start_period(LATEST_END - timedelta(days=1), days=365).ends_at == LATEST_END


@pytest.mark.parametrize(
    ("start", "days"),
    [
        (datetime(2026, 3, 1, 2, 30), 14),  # noqa: DTZ001
        (datetime(2026, 3, 1, 2, 30), 7),  # noqa: DTZ001 - it would end in the hour that is left out
        (datetime(2026, 10, 25, 1, 30), 7),  # noqa: DTZ001 - and this in the one that comes twice
    ],
)
def test_daylight_saving_does_not_move_the_end(start: datetime, days: int) -> None:
    """Fourteen days are 336 hours, wherever the clock of the app is."""
    require_or_skip("time zone data", "America/New_York" in available_timezones())
    new_york = start.replace(tzinfo=ZoneInfo("America/New_York"))
    period = start_period(new_york, days=days)
    assert period.ends_at.astimezone(UTC) - new_york.astimezone(UTC) == timedelta(days=days)
    assert period.days_left(new_york) == days
    assert period.days_left(new_york.astimezone(UTC)) == days
    longer = extend_period(start_period(new_york - 9 * DAY, days=1), now=new_york, days=days)
    assert longer.ends_at.astimezone(UTC) - new_york.astimezone(UTC) == timedelta(days=days)


LEAP_DAY = datetime(2028, 2, 29, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("days", "end"),
    [(1, datetime(2028, 3, 1, 12, tzinfo=UTC)), (365, datetime(2029, 2, 28, 12, tzinfo=UTC))],
)
def test_a_period_from_a_leap_day_counts_days_and_no_dates(days: int, end: datetime) -> None:
    assert start_period(LEAP_DAY, days=days).ends_at == end


@given(INSTANTS, DAYS, st.integers(-14, 14))
def test_an_instant_told_with_another_offset_means_the_same(now: datetime, days: int, hours: int) -> None:
    elsewhere = now.astimezone(timezone(timedelta(hours=hours)))
    here, there = start_period(now, days=days), start_period(elsewhere, days=days)
    assert here == there
    assert here.days_left(elsewhere) == there.days_left(now)
    assert move_end(here, until=elsewhere) == move_end(here, until=now)


@pytest.mark.parametrize("naive", [datetime(2026, 3, 2, 9)])  # noqa: DTZ001
def test_a_naive_instant_never_meets_a_period(naive: datetime) -> None:
    period = start_period(LEAP_DAY, days=7)
    for ask in (period.has_ended, period.days_left, lambda now: extend_period(period, now=now, days=1)):
        with pytest.raises(TypeError):
            ask(naive)


@given(
    INSTANTS, DAYS, st.timedeltas(timedelta(0), timedelta(days=400)), st.timedeltas(timedelta(0), timedelta(days=400))
)
def test_days_left_only_fall_and_a_lapse_stays(now: datetime, days: int, one: timedelta, more: timedelta) -> None:
    period = start_period(now, days=days)
    assert period.days_left(now + one) >= period.days_left(now + one + more)
    assert period.has_ended(now + one) == (period.days_left(now + one) == 0)
    assert not period.has_ended(now + one) or period.has_ended(now + one + more)


def test_move_end_cuts_to_the_second() -> None:
    period = Period(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC))
    assert move_end(period, until=datetime(2026, 1, 3, 0, 0, 0, 5, tzinfo=UTC)).ends_at == datetime(
        2026, 1, 3, tzinfo=UTC
    )


NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
RUNNING, OVER = Period(NOW - DAY, NOW + DAY), Period(NOW - DAY, NOW)


@pytest.mark.parametrize(
    ("enrollment", "status"),
    [
        (EnrollmentState("k"), Status.NOT_ENROLLED),
        (EnrollmentState("k", required=True), Status.NOT_ENROLLED),
        (EnrollmentState("k", key_shown=True), Status.PENDING_ACTIVATION),
        (EnrollmentState("k", required=True, period=RUNNING), Status.IN_ENROLLMENT),
        (EnrollmentState("k", required=True, period=RUNNING, key_shown=True), Status.IN_ENROLLMENT),
        (EnrollmentState("k", required=True, period=OVER), Status.ENROLLMENT_EXPIRED),
        (EnrollmentState("k", required=True, period=OVER, key_shown=True), Status.ENROLLMENT_EXPIRED),
        (EnrollmentState("k", required=True, period=OVER, factors=ENABLED), Status.ENROLLED),
        (EnrollmentState("k", factors=frozenset({FactorKind("webauthn")})), Status.NOT_ENROLLED),
    ],
)
def test_the_first_status_that_holds_counts(enrollment: EnrollmentState, status: Status) -> None:
    assert status_of(enrollment, now=NOW, enabled=ENABLED) is status


def test_a_factor_that_is_switched_off_is_disabled() -> None:
    assert status_of(EnrollmentState("k", factors=ENABLED), now=NOW, enabled=frozenset()) is Status.DISABLED

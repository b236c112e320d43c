"""Waits and the hard stop."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_mfa_gate.domain.factors.throttle import (
    FIRST_WAIT,
    FREE_FAILURES,
    LONGEST_WAIT,
    MEMORY,
    STOP_AT,
    Admission,
    Failures,
    admission,
    retry_after,
    wait_until,
)

LAST = datetime(2026, 3, 2, 9, 0, 0, tzinfo=UTC)
COUNTS = st.integers(0, 10**30)
SPANS = st.timedeltas(timedelta(days=-400), timedelta(days=400))


def failed(times: int, *, in_total: int | None = None) -> Failures:
    return Failures(
        at_address=times, last_at_address=LAST if times else None, in_total=times if in_total is None else in_total
    )


def waits(times: int) -> timedelta:
    until = wait_until(failed(times))
    return timedelta(0) if until is None else until - LAST


def test_the_numbers_are_the_agreed_ones() -> None:
    assert (FREE_FAILURES, STOP_AT) == (5, 100)
    assert (timedelta(seconds=30), timedelta(minutes=15), timedelta(days=30)) == (FIRST_WAIT, LONGEST_WAIT, MEMORY)


def test_five_are_free_the_sixth_waits_and_each_further_one_doubles() -> None:
    seconds = [waits(times).total_seconds() for times in range(13)]
    assert seconds == [0, 0, 0, 0, 0, 0, 30, 60, 120, 240, 480, 900, 900]


@pytest.mark.parametrize("times", [100, 10_000, 10**30])
def test_a_huge_count_waits_no_longer_than_the_longest(times: int) -> None:
    assert waits(times) == LONGEST_WAIT


@given(COUNTS, COUNTS)
def test_more_failures_never_wait_less(one: int, other: int) -> None:
    fewer, more = sorted([one, other])
    assert waits(fewer) <= waits(more) <= LONGEST_WAIT


@pytest.mark.parametrize(
    ("seconds", "word"),
    [(0, Admission.WAIT), (29.999999, Admission.WAIT), (30, Admission.OPEN), (30.000001, Admission.OPEN)],
)
def test_the_wait_ends_on_the_second(seconds: float, word: Admission) -> None:
    assert admission(failed(6), now=LAST + timedelta(seconds=seconds), stoppable=True) is word


@pytest.mark.parametrize("stoppable", [True, False])
def test_a_clock_that_went_back_opens_nothing(stoppable: bool) -> None:
    assert admission(failed(6), now=LAST - timedelta(days=1), stoppable=stoppable) is Admission.WAIT


@pytest.mark.parametrize(
    ("in_total", "word"), [(99, Admission.OPEN), (100, Admission.STOPPED), (101, Admission.STOPPED)]
)
def test_the_hundredth_failure_stops_totp_from_every_address(in_total: int, word: Admission) -> None:
    assert admission(failed(0, in_total=in_total), now=LAST, stoppable=True) is word


def test_the_stop_beats_the_wait_and_does_not_end_with_it() -> None:
    many = failed(100)
    assert admission(many, now=LAST, stoppable=True) is Admission.STOPPED
    assert admission(many, now=LAST + timedelta(days=20), stoppable=True) is Admission.STOPPED


def test_ways_back_in_wait_but_are_never_stopped() -> None:
    many = failed(100)
    assert admission(many, now=LAST, stoppable=False) is Admission.WAIT
    assert admission(many, now=LAST + LONGEST_WAIT, stoppable=False) is Admission.OPEN
    assert admission(failed(0, in_total=5000), now=LAST, stoppable=False) is Admission.OPEN


@given(COUNTS, COUNTS, SPANS)
def test_a_way_back_in_is_never_refused_longer_than_the_longest_wait(
    here: int, in_total: int, since: timedelta
) -> None:
    word = admission(failed(here, in_total=in_total), now=LAST + since, stoppable=False)
    assert word is not Admission.STOPPED
    assert word is Admission.OPEN or since < LONGEST_WAIT


@given(COUNTS, COUNTS, SPANS, SPANS)
def test_time_alone_only_opens(here: int, in_total: int, one: timedelta, other: timedelta) -> None:
    early, late = sorted([one, other])
    failures = failed(here, in_total=in_total)
    before = admission(failures, now=LAST + early, stoppable=True)
    after = admission(failures, now=LAST + late, stoppable=True)
    assert before is after or (before, after) == (Admission.WAIT, Admission.OPEN)


@pytest.mark.parametrize(
    ("left", "seconds"), [(-100, 1), (0, 1), (0.000001, 1), (1, 1), (1.000001, 2), (29.4, 30), (30, 30), (900, 900)]
)
def test_retry_after_is_whole_seconds_rounded_up(left: float, seconds: int) -> None:
    assert retry_after(LAST + timedelta(seconds=left), LAST) == seconds


@given(COUNTS, st.timedeltas(timedelta(0), timedelta(minutes=20)))
def test_who_waits_as_told_is_let_try(times: int, since: timedelta) -> None:
    failures, now = failed(times), LAST + since
    until = wait_until(failures)
    if until is not None:
        then = now + timedelta(seconds=retry_after(until, now))
        assert admission(failures, now=then, stoppable=False) is Admission.OPEN

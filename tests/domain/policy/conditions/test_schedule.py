"""Hours on the wall clock: nights, holidays, and the two days a year that do not have 24 hours."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_mfa_gate.domain.policy.conditions.condition_type import Source
from flask_mfa_gate.domain.policy.conditions.words.schedule import SCHEDULE
from flask_mfa_gate.domain.policy.facts import Environment, MatchResult, Subject
from flask_mfa_gate.errors import PolicyError
from flask_mfa_gate.mail import moments
from tests.domain.policy.kit import INSTANTS

BERLIN = ZoneInfo("Europe/Berlin")
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def holds(at: datetime, **table: Any) -> bool:
    wanted = SCHEDULE.read({"zone": "Europe/Berlin"} | table, "here")
    mark = SCHEDULE.compile(wanted, {}, "here")(Subject("1"), Environment(at=at))
    assert mark is not MatchResult.UNKNOWN
    return mark is MatchResult.HIT


def berlin(text: str, *, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN, fold=fold).astimezone(UTC)


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("2026-03-02T06:59:59.999999", False),
        ("2026-03-02T07:00", True),
        ("2026-03-02T19:59:59.999999", True),
        ("2026-03-02T20:00", False),
        ("2026-03-06T12:00", True),
        ("2026-03-07T12:00", False),
    ],
)
def test_the_start_is_inside_and_the_end_is_not(at: str, expected: bool) -> None:
    assert holds(berlin(at), days=["mon-fri"], hours="07:00-20:00") is expected


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("2026-03-06T21:59", False),
        ("2026-03-06T22:00", True),
        ("2026-03-07T00:00", True),
        ("2026-03-07T05:59", True),
        ("2026-03-07T06:00", False),
        ("2026-03-07T22:00", False),
        ("2026-03-06T05:00", False),
    ],
)
def test_a_night_belongs_to_the_day_it_began(at: str, expected: bool) -> None:
    assert holds(berlin(at), days=["fri"], hours="22:00-06:00") is expected


def test_a_holiday_takes_the_night_that_begins_on_it_and_no_other() -> None:
    table = {"hours": "22:00-06:00", "holidays": ["2026-12-25"]}
    assert holds(berlin("2026-12-25T05:00"), **table)
    assert not holds(berlin("2026-12-25T23:00"), **table)
    assert not holds(berlin("2026-12-26T05:00"), **table)
    assert holds(berlin("2026-12-26T23:00"), **table)


def test_days_go_on_over_the_end_of_the_week_and_default_to_all() -> None:
    noons = [berlin(f"2026-03-0{day}T12:00") for day in range(2, 9)]
    assert [holds(noon, days=["sat-mon"]) for noon in noons] == [True, False, False, False, False, True, True]
    assert [holds(noon, days=["tue", "THU"]) for noon in noons] == [False, True, False, True, False, False, False]
    assert all(holds(noon) for noon in noons)


def test_a_whole_day_ends_at_midnight() -> None:
    table = {"days": ["mon"], "hours": "00:00-24:00"}
    assert holds(berlin("2026-03-02T00:00"), **table)
    assert holds(berlin("2026-03-02T23:59:59"), **table)
    assert not holds(berlin("2026-03-03T00:00"), **table)


def test_hours_stay_on_the_wall_clock_when_summer_time_begins() -> None:
    """On 29 March 2026 there is no 02:30 in Berlin: 01:59:59 is followed by 03:00."""
    assert not holds(datetime(2026, 3, 29, 0, 59, 59, tzinfo=UTC), hours="02:00-04:00")
    assert holds(datetime(2026, 3, 29, 1, 0, tzinfo=UTC), hours="02:00-04:00")
    assert not holds(datetime(2026, 3, 29, 2, 0, tzinfo=UTC), hours="02:00-04:00")
    assert not holds(datetime(2026, 3, 29, 5, 59, tzinfo=UTC), hours="08:00-09:00")
    assert holds(datetime(2026, 3, 29, 6, 0, tzinfo=UTC), hours="08:00-09:00")
    assert holds(datetime(2026, 3, 28, 7, 0, tzinfo=UTC), hours="08:00-09:00")


def test_an_hour_that_comes_twice_counts_twice_when_summer_time_ends() -> None:
    """On 25 October 2026 Berlin has 02:30 at 00:30 and at 01:30 UTC."""
    inside = [holds(datetime(2026, 10, 25, hour, 30, tzinfo=UTC), hours="02:00-03:00") for hour in range(4)]
    assert inside == [True, True, False, False]


def test_the_two_hours_of_one_name_are_told_apart_in_another_zone() -> None:
    """Equal as Python compares them, an hour apart in truth."""
    first, second = (datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN, fold=fold) for fold in (0, 1))
    table = {"zone": "UTC", "hours": "00:00-01:00"}
    assert holds(first, **table)
    assert not holds(second, **table)


def test_a_time_without_zone_is_refused_and_not_guessed() -> None:
    match = SCHEDULE.compile(SCHEDULE.read({"zone": "UTC"}, "here"), {}, "here")
    with pytest.raises(TypeError):
        match(Subject("1"), Environment(at=datetime(2026, 3, 2, 12)))  # noqa: DTZ001


def test_a_time_without_zone_is_shown_as_it_is() -> None:
    wanted = SCHEDULE.read({"zone": "Pacific/Auckland"}, "here")
    shown = SCHEDULE.looked_at(Subject("1"), Environment(at=datetime(2026, 3, 2, 12)), wanted)  # noqa: DTZ001
    assert shown == "Mon 2026-03-02 12:00 without a zone"


@pytest.mark.parametrize("zone", ["localtime", "Factory"])
def test_a_zone_is_a_place_and_not_the_server_s_own(zone: str) -> None:
    with pytest.raises(PolicyError, match="not known"):
        SCHEDULE.read({"zone": zone}, "here")


@given(
    INSTANTS,
    st.integers(0, 1439),
    st.integers(0, 1439),
    st.sampled_from(["Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "UTC"]),
)
def test_day_and_night_are_each_other_s_rest(moment: datetime, one: int, other: int, zone: str) -> None:
    if one == other:
        other = (one + 1) % 1440
    times = [f"{minute // 60:02}:{minute % 60:02}" for minute in (one, other)]
    here = holds(moment, zone=zone, hours="-".join(times))
    rest = holds(moment, zone=zone, hours="-".join(reversed(times)))
    assert here is not rest


@given(INSTANTS, st.integers(0, 6))
def test_a_night_is_its_evening_and_the_next_morning(moment: datetime, day: int) -> None:
    names = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
    tonight, tomorrow = [names[day]], [names[(day + 1) % 7]]
    night = holds(moment, zone="UTC", days=tonight, hours="21:30-04:15")
    evening = holds(moment, zone="UTC", days=tonight, hours="21:30-24:00")
    morning = holds(moment, zone="UTC", days=tomorrow, hours="00:00-04:15")
    assert night is (evening or morning)
    assert holds(moment + timedelta(days=7), zone="UTC", days=tonight, hours="21:30-04:15") is night


# A zone that this server does not have


@pytest.mark.usefixtures("no_zones")
@pytest.mark.parametrize("zone", ["Europe/Berlin", "US/Eastern", "GMT"])
def test_a_zone_that_is_gone_is_read_and_unknown(zone: str) -> None:
    wanted = SCHEDULE.read({"zone": zone, "days": ["mon-sun"]}, "here")
    match, environment = SCHEDULE.compile(wanted, {}, "here"), Environment(at=NOON)
    assert match(Subject("1"), environment) is MatchResult.UNKNOWN
    assert zone in SCHEDULE.looked_at(Subject("1"), environment, wanted)
    assert SCHEDULE.needs(wanted) == {Source.TIME_ZONE}


@pytest.mark.usefixtures("no_zones")
@pytest.mark.parametrize("zone", ["UTC", "Etc/UTC"])
def test_utc_is_there_wherever_there_is_a_clock(zone: str) -> None:
    wanted = SCHEDULE.read({"zone": zone}, "here")
    assert SCHEDULE.compile(wanted, {}, "here")(Subject("1"), Environment(at=NOON)) is MatchResult.HIT
    assert SCHEDULE.needs(wanted) == frozenset()


@pytest.mark.usefixtures("no_zones")
@pytest.mark.parametrize("zone", ["Europe/Berln", "localtime", "Mars/Olympus", "../etc/passwd"])
def test_what_never_was_a_zone_is_no_zone_that_is_gone(zone: str) -> None:
    with pytest.raises(PolicyError):
        SCHEDULE.read({"zone": zone}, "here")


@pytest.mark.usefixtures("no_zones")
def test_mails_tell_the_time_in_utc_then() -> None:
    assert moments.zone_called("Europe/Berlin") is UTC


@pytest.mark.parametrize(("day", "holds_there"), [("2028-02-28", False), ("2028-02-29", True), ("2028-03-01", False)])
def test_a_leap_day_is_a_day(day: str, holds_there: bool) -> None:
    at = datetime.fromisoformat(f"{day}T12:00").replace(tzinfo=UTC)
    assert holds(at, zone="UTC", holidays=["2028-02-29"]) is not holds_there

"""Typed codes and time steps, against the vectors of RFC 6238 and RFC 4226."""

from __future__ import annotations

import hmac
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pyotp
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from flask_mfa_gate.domain.factors.totp import (
    DIGITS,
    CodeShape,
    far_steps,
    matching_step,
    read_code,
    step_at,
    window_steps,
)

RFC_KEY = pyotp.TOTP("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ").secret
APPENDIX_B = {
    59: "94287082",
    1111111109: "07081804",
    1111111111: "14050471",
    1234567890: "89005924",
    2000000000: "69279037",
    20000000000: "65353130",
}
APPENDIX_D = ["755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489"]
ANY_CHARACTER = st.characters(exclude_categories=[])
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
PERIODS = st.sampled_from([30, 60])
INSTANTS = st.datetimes(timezones=st.just(UTC))


def at(seconds: float) -> datetime:
    return EPOCH + timedelta(seconds=seconds)


def generator(*, digits: int = 6) -> Callable[[int], str]:
    return pyotp.TOTP(RFC_KEY, digits=digits).generate_otp


@pytest.mark.parametrize(("seconds", "code"), APPENDIX_B.items())
def test_rfc_6238_appendix_b(seconds: int, code: str) -> None:
    step = step_at(at(seconds), period=30)
    assert matching_step(code, [step], generator(digits=8)) == step
    assert matching_step(code[2:], [step], generator()) == step


@pytest.mark.parametrize("counter", range(10))
def test_rfc_4226_appendix_d(counter: int) -> None:
    assert matching_step(APPENDIX_D[counter], range(10), generator()) == counter


@pytest.mark.parametrize(
    ("seconds", "step"), [(0, 0), (29, 0), (30, 1), (59, 1), (2**31 - 1, 71582788), (2**32, 143165576)]
)
def test_steps_count_from_the_epoch(seconds: int, step: int) -> None:
    assert step_at(at(seconds), period=30) == step


@pytest.mark.parametrize(
    "late",
    [
        datetime(2026, 3, 2, 9, 0, 29, 999_999, tzinfo=UTC),
        datetime(2603, 10, 11, 11, 33, 29, 999_999, tzinfo=UTC),
        datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
    ],
)
def test_the_last_microsecond_belongs_to_its_step(late: datetime) -> None:
    whole_second = late.replace(microsecond=0)
    assert step_at(late, period=30) == step_at(whole_second, period=30)


def test_before_the_epoch_there_is_no_step_to_accept() -> None:
    step = step_at(at(-0.5), period=30)
    assert step == -1
    assert window_steps(-2, window=1) == ()
    assert matching_step("755224", (), generator()) is None


def test_a_naive_instant_is_refused() -> None:
    with pytest.raises(TypeError):
        step_at(datetime(2026, 3, 2, 9, 0, 0), period=30)  # noqa: DTZ001


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Tokyo"])
def test_the_zone_of_the_machine_does_not_matter(monkeypatch: pytest.MonkeyPatch, zone: str) -> None:
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        assert step_at(at(1234567890), period=30) == 1234567890 // 30
    finally:
        monkeypatch.undo()
        time.tzset()


@given(INSTANTS, st.integers(-14, 14), PERIODS)
def test_one_instant_in_two_zones_is_one_step(now: datetime, hours: int, period: int) -> None:
    now = now.replace(year=min(max(now.year, 2), 9998))
    elsewhere = now.astimezone(timezone(timedelta(hours=hours)))
    assert step_at(elsewhere, period=period) == step_at(now, period=period)


@given(INSTANTS, INSTANTS, PERIODS)
def test_of_two_instants_the_later_has_no_earlier_step(one: datetime, other: datetime, period: int) -> None:
    early, late = sorted([one, other])
    between = step_at(late, period=period) - step_at(early, period=period)
    assert 0 <= between <= (late - early) // timedelta(seconds=period) + 1


@given(st.integers(-5, 2**40), st.integers(0, 2))
def test_windows_move_forward_with_the_clock(step: int, window: int) -> None:
    now, later = window_steps(step, window=window), window_steps(step + 1, window=window)
    assert all(candidate >= 0 for candidate in now)
    assert list(now) == sorted(set(now))
    assert max(later, default=-1) >= max(now, default=-1)
    assert min(later, default=0) >= min(now, default=0)


@pytest.mark.parametrize(("offset", "is_accepted"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_the_default_window_is_one_step_to_each_side(offset: int, is_accepted: bool) -> None:
    step = step_at(at(1234567890), period=30)
    found = matching_step(generator()(step + offset), window_steps(step, window=1), generator())
    assert found == (step + offset if is_accepted else None)


@pytest.mark.parametrize(("window", "is_accepted"), [(0, False), (1, True)])
def test_a_code_read_just_before_the_boundary(window: int, is_accepted: bool) -> None:
    code = generator()(step_at(at(29.9), period=30))
    steps = window_steps(step_at(at(30.1), period=30), window=window)
    assert (matching_step(code, steps, generator()) is not None) is is_accepted


@given(st.integers(0, 2**40), st.integers(0, 2))
def test_far_steps_are_those_within_reach_and_before_the_window(step: int, window: int) -> None:
    near, far = set(window_steps(step, window=window)), set(far_steps(step, window=window))
    assert not near & far
    assert far == {one for one in window_steps(step, window=20) if one < min(near)} - {step}
    assert all(one < step for one in far)


def test_the_newest_of_several_matching_steps_is_burned() -> None:
    assert matching_step("123456", [7, 9, 8], lambda _: "123456") == 9


@pytest.mark.parametrize("right", [None, 10, 11, 12])
def test_work_is_the_same_wherever_the_code_matches(monkeypatch: pytest.MonkeyPatch, right: int | None) -> None:
    compared: list[tuple[Any, Any]] = []
    computed: list[int] = []
    real = hmac.compare_digest

    def spy(one: Any, other: Any) -> bool:
        compared.append((one, other))
        return real(one, other)

    def generate(step: int) -> str:
        computed.append(step)
        return "111111" if step == right else "000000"

    monkeypatch.setattr(hmac, "compare_digest", spy)
    assert matching_step("111111", [10, 11, 12], generate) == right
    assert computed == [10, 11, 12]
    assert len(compared) == 3
    assert all(isinstance(side, bytes) for pair in compared for side in pair)


@example("\ud800")
@given(st.text(ANY_CHARACTER, max_size=70))
def test_no_text_makes_the_comparison_raise(code: str) -> None:
    assert matching_step(code, [1], lambda _: "no such code") == (1 if code == "no such code" else None)


@pytest.mark.parametrize("typed", ["005924", "005 924", " 005924 ", "005-924", "0-0 5-9 2-4", "-005924-"])
def test_spaces_and_hyphens_are_dropped_and_zeros_kept(typed: str) -> None:
    assert read_code(typed) == (CodeShape.OK, "005924")


@pytest.mark.parametrize(
    "typed",
    [
        "００５９２４",
        "⁰⁰⁵⁹²⁴",
        "٠٠٥٩٢٤",
        "००५९२४",
        "𝟎𝟎𝟓𝟗𝟐𝟒",
        "00592４",
        "①②③④⑤⑥",
        "005\u00a0924",
        "005\u2009924",
        "005\u200b924",
        "005\u2013924",
        "005\u2011924",
        "005924\r\n",
        "005\t924",
        "005924\0",
        "\ufeff005924",
        "5924",
        "00592",
        "0059244",
        "+05924",
        "0x5924",
        "5_9_24",
        "00592.",
        "1e5000",
        "abcdef",
        "\ud800",
    ],
)
def test_everything_else_is_a_wrong_code(typed: str) -> None:
    assert read_code(typed) == (CodeShape.WRONG, "")


@pytest.mark.parametrize(
    "raw", [None, "", " ", "   ", " " * 64, 5924, 5924.0, True, [], ["005924"], {}, b"005924", "0" * 65, " " * 65]
)
def test_what_is_no_code_at_all_is_not_counted(raw: object) -> None:
    assert read_code(raw) == (CodeShape.UNUSABLE, "")


def test_sixty_four_characters_still_count() -> None:
    assert read_code("0" * 64) == (CodeShape.WRONG, "")
    assert read_code(" " * 58 + "005924") == (CodeShape.OK, "005924")


def test_a_long_input_is_refused_before_any_work() -> None:
    class Watched(str):
        __slots__ = ()

        def translate(self, table: Any, /) -> str:
            pytest.fail("a long input was worked on")

    assert read_code(Watched("1" * 65)) == (CodeShape.UNUSABLE, "")
    assert read_code(Watched("e" + "\u0301" * 1_000_000)) == (CodeShape.UNUSABLE, "")


def test_a_code_has_as_many_digits_as_some_key_makes() -> None:
    """Which of them it is, the key itself tells: its codes never equal one of another length."""
    lengths = [length for length in range(1, 11) if read_code("1" * length)[0] is CodeShape.OK]
    assert lengths == sorted(DIGITS)


@given(
    st.text(ANY_CHARACTER, max_size=80) | st.text("0123456789 -", max_size=12) | st.text("0123456789０٠²", max_size=8)
)
def test_any_text_is_read_without_raising(raw: str) -> None:
    shape, code = read_code(raw)
    typed = raw.replace(" ", "").replace("-", "")
    assert (shape is CodeShape.UNUSABLE) == (len(raw) > 64 or not typed)
    is_code = len(typed) in DIGITS and all(character in "0123456789" for character in typed)
    assert (shape, code) == (CodeShape.OK, typed) if is_code and len(raw) <= 64 else code == ""


@given(st.none() | st.integers() | st.floats() | st.booleans() | st.binary() | st.lists(st.text()))
def test_any_other_type_is_unusable(raw: object) -> None:
    assert read_code(raw) == (CodeShape.UNUSABLE, "")

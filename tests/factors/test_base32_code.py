"""The alphabet of recovery codes and what people make of it."""

from __future__ import annotations

import secrets
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_mfa_gate.domain.factors.typed_code import CodeShape
from flask_mfa_gate.factors.base32_code import make_code, read_code, show
from flask_mfa_gate.factors.recovery_codes.factor import CODE_COUNT, LOW

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
CODE = "OIBLABCDEFGH2345"
ANY_CHARACTER = st.characters(exclude_categories=[])
TEN_BYTES = st.binary(min_size=10, max_size=10)


def test_ten_codes_of_eighty_bits_and_a_warning_at_three() -> None:
    asked: list[int] = []

    def random_bytes(length: int) -> bytes:
        asked.append(length)
        return secrets.token_bytes(length)

    assert (CODE_COUNT, LOW) == (10, 3)
    assert len(make_code(random_bytes)) == 16
    assert asked == [10]


@given(TEN_BYTES, TEN_BYTES)
def test_every_bit_of_chance_is_in_the_code(one: bytes, other: bytes) -> None:
    codes = make_code(lambda _: one), make_code(lambda _: other)
    assert (codes[0] == codes[1]) is (one == other)
    assert all(len(code) == 16 and set(code) <= set(ALPHABET) for code in codes)


def test_it_is_shown_in_groups_of_four() -> None:
    assert show(CODE) == "OIBL-ABCD-EFGH-2345"


@given(TEN_BYTES)
def test_what_is_shown_can_be_typed_back(chance: bytes) -> None:
    code = make_code(lambda _: chance)
    for typed in (code, show(code), show(code).lower(), show(code).replace("-", " "), f" {code} "):
        assert read_code(typed) == (CodeShape.OK, code)


@pytest.mark.parametrize(
    "typed", ["01BLABCDEFGH2345", "0i8labcdefgh2345", "OIBL-ABCD-EFGH-2345", "o1b l-abcd efgh 2345"]
)
def test_characters_that_look_alike_are_read_as_the_one_in_the_alphabet(typed: str) -> None:
    assert read_code(typed) == (CodeShape.OK, CODE)


@pytest.mark.parametrize(
    "typed",
    [
        CODE[:-1],
        CODE + "A",
        CODE[:-1] + "9",
        CODE[:-1] + "=",
        CODE[:-1] + "\0",
        CODE + "\n",
        CODE[:8] + "\t" + CODE[8:],
        CODE[:8] + "\u00a0" + CODE[8:],
        CODE[:8] + "\u2010" + CODE[8:],
        "".join(chr(ord(character) + 0xFEE0) for character in CODE),
        CODE[:-1] + "\u017f",
        CODE[:-1] + "\u0131",
        CODE[:-2] + "\ufb00",
        CODE[:-1] + "\u212a",
        CODE[:-1] + "\ud800",
        "005924",
        "A" * 64,
    ],
)
def test_everything_else_is_a_wrong_code(typed: str) -> None:
    assert read_code(typed) == (CodeShape.WRONG, "")


@pytest.mark.parametrize(
    "raw", [None, "", " ", " " * 64, 12, 1.5, True, [CODE], {"code": CODE}, CODE.encode(), "A" * 65]
)
def test_what_is_no_code_at_all_is_not_counted(raw: object) -> None:
    assert read_code(raw) == (CodeShape.UNUSABLE, "")


def test_a_long_input_is_refused_before_any_work() -> None:
    class Watched(str):
        __slots__ = ()

        def _worked_on(self, *_: Any) -> Any:
            pytest.fail("a long input was worked on")

        translate = upper = isascii = _worked_on

    assert read_code(Watched("A" * 1_000_000)) == (CodeShape.UNUSABLE, "")


@given(st.text(ANY_CHARACTER, max_size=80) | st.text(ALPHABET + "abcl0189 -", max_size=24))
def test_any_text_is_read_without_raising(raw: str) -> None:
    shape, code = read_code(raw)
    assert (shape is CodeShape.OK) is (code != "")
    if shape is CodeShape.OK:
        assert len(code) == 16
        assert set(code) <= set(ALPHABET)
        assert read_code(show(code)) == (CodeShape.OK, code)

"""References of refusals: short, and read however they are typed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_mfa_gate.domain.records.refusal import BITS, read_reference, reference_of


@given(st.integers(0, 2**BITS - 1))
def test_each_number_has_one_that_is_read_as_it_was_written(number: int) -> None:
    reference = reference_of(number)
    assert len(reference) == 9
    for typed in (reference, reference.lower(), reference.replace("-", ""), f" {reference[:2]} {reference[2:]} "):
        assert read_reference(typed) == reference


@pytest.mark.parametrize("typed", ["", "K7QX", "K7QX-2M9PP", "K7QX-2M9U", "policy-1a2b3c4d", "١٢٣٤-٥٦٧٨"])
def test_anything_else_is_none(typed: str) -> None:
    assert read_reference(typed) is None


def test_letters_that_look_like_digits_are_read_as_those() -> None:
    assert read_reference("oil0-1234") == "0110-1234"


def test_no_two_numbers_share_one() -> None:
    assert len({reference_of(number) for number in range(5000)}) == 5000

"""Three-valued logic, by its whole truth tables."""

from __future__ import annotations

from itertools import permutations, product

import pytest

from flask_mfa_gate.domain.policy.facts import Environment, MatchResult, Subject
from flask_mfa_gate.domain.policy.logic import Matcher, every_of, not_of, some_of

HIT, MISS, UNKNOWN = MatchResult.HIT, MatchResult.MISS, MatchResult.UNKNOWN
_RANK = {MISS: 0, UNKNOWN: 1, HIT: 2}


def constant(mark: MatchResult) -> Matcher:
    return lambda subject, environment: mark


def value(matcher: Matcher) -> MatchResult:
    return matcher(Subject("1"), Environment())


@pytest.mark.parametrize("length", [1, 2, 3])
def test_every_is_the_weakest_part_and_some_the_strongest(length: int) -> None:
    for marks in product(MatchResult, repeat=length):
        parts = [constant(mark) for mark in marks]
        assert value(every_of(parts)) is min(marks, key=_RANK.__getitem__)
        assert value(some_of(parts)) is max(marks, key=_RANK.__getitem__)


def test_nothing_to_hold_holds_and_nothing_to_choose_from_does_not() -> None:
    assert (value(every_of([])), value(some_of([]))) == (HIT, MISS)


def test_the_opposite_of_unknown_is_unknown() -> None:
    assert [value(not_of(constant(mark))) for mark in (HIT, MISS, UNKNOWN)] == [MISS, HIT, UNKNOWN]


def test_twice_not_is_nothing_and_order_never_matters() -> None:
    for marks in product(MatchResult, repeat=3):
        assert value(not_of(not_of(constant(marks[0])))) is marks[0]
        for combine in (every_of, some_of):
            results = {value(combine([constant(mark) for mark in order])) for order in permutations(marks)}
            assert len(results) == 1


def test_de_morgan() -> None:
    for one, other in product(MatchResult, repeat=2):
        parts = [constant(one), constant(other)]
        assert value(not_of(every_of(parts))) is value(some_of([not_of(part) for part in parts]))

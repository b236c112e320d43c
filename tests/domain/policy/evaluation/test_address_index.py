"""Many policies that differ by network: only those of the address are judged, and never one too few."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_mfa_gate.domain.policy.condition_tree import And, Condition, Expression, Not, Or
from flask_mfa_gate.domain.policy.conditions.listed import ListedWord
from flask_mfa_gate.domain.policy.conditions.registry import BUILT_IN
from flask_mfa_gate.domain.policy.document.effect import Action, Effect
from flask_mfa_gate.domain.policy.document.policy import Policy, PolicySet, PolicyState
from flask_mfa_gate.domain.policy.document.users import Users
from flask_mfa_gate.domain.policy.evaluation.compiled_policies import CompiledPolicies, compile_policies
from flask_mfa_gate.domain.policy.facts import Environment, MatchResult, Subject
from tests.domain.policy.kit import no_error

ANYONE, EVERYBODY = Subject("1", frozenset("a")), Users()
ADDRESSES = st.one_of(
    st.integers(0, 255).map(lambda low: str(ip_address((10 << 24) + low))),
    st.integers(0, 255).map(lambda low: str(ip_address((0x20010DB8 << 96) + low))),
    st.sampled_from(["0.0.0.0", "255.255.255.255", "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"]),
)
FACTS = st.one_of(st.sampled_from([None, "?"]), ADDRESSES)


def _block(address: str, keep: int) -> str:
    bits = 32 if ":" not in address else 128
    return str(ip_network((address, max(0, bits - keep)), strict=False))


def _range(one: str, other: str) -> str:
    first, last = sorted((ip_address(one), ip_address(other)), key=lambda found: (found.version, int(found)))
    return f"{first}-{last}" if first.version == last.version else one


ENTRIES = st.one_of(ADDRESSES, st.builds(_block, ADDRESSES, st.integers(0, 9)), st.builds(_range, ADDRESSES, ADDRESSES))
NETWORK = st.lists(ENTRIES, min_size=1, max_size=3, unique=True).map(lambda found: Condition("network", tuple(found)))
OTHER = Condition("country", ("DE",))
CONDITIONS: st.SearchStrategy[Expression] = st.one_of(
    NETWORK,
    NETWORK.map(lambda found: And((OTHER, found))),
    st.tuples(NETWORK, NETWORK).map(And),
    NETWORK.map(lambda found: Or((found, OTHER))),
    NETWORK.map(Not),
    NETWORK.map(lambda found: And((Not(found), OTHER))),
    st.just(OTHER),
)


def policy(name: str, conditions: Expression, users: Users = EVERYBODY) -> Policy:
    return Policy(name, Effect(Action.DENY), state=PolicyState.ON, users=users, conditions=conditions)


def compiled(*policies: Policy) -> CompiledPolicies:
    return compile_policies(PolicySet(policies), BUILT_IN, version=1)


@given(
    st.lists(
        st.tuples(CONDITIONS, st.sampled_from([Users(), Users(("group:a",)), Users(("user:1",))])),
        min_size=16,
        max_size=40,
    ),
    st.lists(FACTS, min_size=1, max_size=8),
)
def test_no_policy_is_passed_over(found: list[tuple[Expression, Users]], addresses: list[str | None]) -> None:
    ready = compiled(*(policy(f"p{number}", *one) for number, one in enumerate(found)))
    for address in addresses:
        here = Environment(address=address)
        scanned = [(row.policy, row.mark(ANYONE, here, {})) for row in ready.policies]
        matches = [(match.policy, match.mark) for match in ready.matches(ANYONE, "app", here, no_error)]
        assert matches == [(one, mark) for one, mark in scanned if mark is not MatchResult.MISS]


def block(number: int) -> str:
    return f"10.{number // 256}.{number % 256}.0/24"


def test_many_networks_leave_few_policies_to_judge() -> None:
    ready = compiled(*(policy(block(number), Condition("network", (block(number),))) for number in range(2000)))
    inside = ready.candidates(ANYONE, "app", "10.3.7.9")
    assert [row.policy.name for row in inside] == ["10.3.7.0/24"]
    assert len(ready.candidates(ANYONE, "app", "192.0.2.1")) == 0
    assert len(ready.candidates(ANYONE, "app", None)) == 2000


def nested(number: int) -> str:
    return f"10.0.0.0-10.{number // 256}.{number % 256}.9"


def test_networks_in_each_other_take_room_by_their_number_and_not_its_square() -> None:
    count = 1000
    ready = compiled(*(policy(str(number), Condition("network", (nested(number),))) for number in range(count)))
    index = ready.live["app"].everybody
    assert sum(map(len, index.cells.values())) <= 64 * count
    for address, expected in (
        ("10.0.0.1", count),
        ("10.2.0.9", count - 512),
        ("10.2.0.10", count - 513),
        ("10.200.0.0", 0),
    ):
        assert len(ready.matches(ANYONE, "app", Environment(address=address), no_error)) == expected


def test_one_wide_entry_among_many_is_found_once() -> None:
    wide = Condition("network", ("0.0.0.0/0", "10.0.5.0/24"))
    ready = compiled(
        policy("wide", wide), *(policy(block(number), Condition("network", (block(number),))) for number in range(200))
    )
    names = [match.policy.name for match in ready.matches(ANYONE, "app", Environment(address="10.0.5.1"), no_error)]
    assert names == ["wide", "10.0.5.0/24"]


@pytest.mark.parametrize("address", [None, "?", "10.0.0.300"])
def test_an_address_that_cannot_be_read_leaves_every_policy_open(address: Any) -> None:
    ready = compiled(*(policy(block(number), Condition("network", (block(number),))) for number in range(20)))
    matches = ready.matches(ANYONE, "app", Environment(address=address), no_error)
    assert [match.mark for match in matches] == [MatchResult.UNKNOWN] * 20


def test_a_host_s_word_of_the_same_shape_bounds_nothing() -> None:
    registry = BUILT_IN.with_word(ListedWord("site", lambda subject, environment: "10.0.0.1"))
    policies = tuple(policy(str(number), Condition("site", ("10.0.0.1",))) for number in range(20))
    ready = compile_policies(PolicySet(policies), registry, version=1)
    assert len(ready.matches(ANYONE, "app", Environment(address="192.0.2.1"), no_error)) == 20

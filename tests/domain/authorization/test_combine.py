"""What several policies come to on one resource."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_mfa_gate.domain.access import Access
from flask_mfa_gate.domain.authorization.combine import PolicyDemand, PolicyResult, combine
from flask_mfa_gate.domain.policy.conditions.registry import BUILT_IN
from flask_mfa_gate.domain.policy.document.effect import Action, Effect
from flask_mfa_gate.domain.policy.document.policy import Policy, PolicySet, PolicyState
from flask_mfa_gate.domain.policy.evaluation.compiled_policies import compile_policies
from flask_mfa_gate.domain.policy.evaluation.compiled_policy import Match
from flask_mfa_gate.domain.policy.facts import Environment, MatchResult, Subject
from flask_mfa_gate.domain.sign_in.assurance import FactorKind
from tests.domain.policy.kit import EFFECTS, ENVIRONMENTS, POLICY_SETS, RESOURCES, SUBJECTS, no_error

HIT, UNKNOWN = MatchResult.HIT, MatchResult.UNKNOWN
TOTP, WEBAUTHN = frozenset({FactorKind("totp")}), frozenset({FactorKind("webauthn")})
EVERY_ACCESS = st.sampled_from(Access)


def match(name: str, action: Action, mark: MatchResult = HIT, **effect: Any) -> Match:
    return Match(Policy(name, Effect(action, **effect)), mark)


def judge(*matches: Match, default: Access = Access.USER_SETTING, resource: str = "app") -> PolicyResult:
    return combine(matches, resource=resource, default=default)


ALLOW, REQUIRE, DENY = match("allow", Action.ALLOW), match("require", Action.REQUIRE), match("deny", Action.DENY)


def unknown(one: Match) -> Match:
    return replace(one, mark=UNKNOWN)


def test_without_a_match_the_default_speaks_alone() -> None:
    assert judge() == PolicyResult(default_applies=True)


@pytest.mark.parametrize("deny", [DENY, unknown(DENY)])
def test_deny_beats_require_beats_allow(deny: Match) -> None:
    ruling = judge(ALLOW, REQUIRE, deny)
    assert ruling.denied_by is deny.policy
    assert (ruling.demands, ruling.allows, ruling.names) == ((), False, ("deny",))


@pytest.mark.parametrize("require", [REQUIRE, unknown(REQUIRE)])
def test_require_beats_allow(require: Match) -> None:
    ruling = judge(ALLOW, require)
    assert (ruling.denied_by, ruling.demands, ruling.allows) == (None, (PolicyDemand(),), False)
    assert ruling.names == ("require",)


def test_an_allow_needs_certainty() -> None:
    assert judge(ALLOW) == PolicyResult(allows=True, default_applies=False, names=("allow",))
    assert judge(unknown(ALLOW)) == PolicyResult(allows=False, default_applies=True)


@pytest.mark.parametrize("default", list(Access))
@pytest.mark.parametrize("one", [ALLOW, REQUIRE, DENY])
def test_only_a_certain_match_leaves_the_default_out(one: Match, default: Access) -> None:
    assert not judge(one, default=default).default_applies
    assert judge(unknown(one), default=default).default_applies


def test_a_demand_with_grace_never_displaces_a_default_require() -> None:
    soft = match("soft", Action.REQUIRE, grace_days=7)
    assert judge(soft, default=Access.REQUIRE).default_applies
    assert not judge(soft, default=Access.USER_SETTING).default_applies
    assert judge(soft, ALLOW, default=Access.REQUIRE).default_applies, "the allow is beaten, and displaces nothing"
    assert not judge(ALLOW, default=Access.REQUIRE).default_applies
    assert not judge(soft, REQUIRE, default=Access.REQUIRE).default_applies


@pytest.mark.parametrize("one", [ALLOW, REQUIRE, unknown(REQUIRE)])
def test_the_console_keeps_its_default_whatever_policies_say(one: Match) -> None:
    ruling = judge(one, default=Access.REQUIRE, resource="mfa-admin")
    assert ruling.default_applies
    assert not ruling.allows


def test_demands_add_up_with_the_smallest_age() -> None:
    ruling = judge(
        match("a", Action.REQUIRE, factors=TOTP, max_age=timedelta(hours=1)),
        match("b", Action.REQUIRE, factors=WEBAUTHN, max_age=timedelta(minutes=5)),
        match("c", Action.REQUIRE, factors=TOTP),
        match("d", Action.REQUIRE, UNKNOWN, factors=TOTP | WEBAUTHN),
    )
    assert {demand.factors for demand in ruling.demands} == {TOTP, WEBAUTHN, TOTP | WEBAUTHN}
    assert len(ruling.demands) == 3
    assert {demand.max_age for demand in ruling.demands} == {timedelta(minutes=5)}
    assert ruling.names == ("a", "b", "c", "d")


def test_an_age_of_zero_is_the_smallest_and_no_age_is_none() -> None:
    fresh = match("fresh", Action.REQUIRE, max_age=timedelta(0))
    assert judge(REQUIRE, fresh).demands == (PolicyDemand(max_age=timedelta(0)),)
    assert judge(REQUIRE).demands == (PolicyDemand(max_age=None),)


def test_grace_is_named_only_where_every_demand_has_some() -> None:
    week, month = match("week", Action.REQUIRE, grace_days=7), match("month", Action.REQUIRE, UNKNOWN, grace_days=30)
    assert [policy.name for policy in judge(month, week).graced] == ["week", "month"]
    assert judge(week, month, REQUIRE).graced == ()
    assert judge(week, month, unknown(REQUIRE)).graced == ()


def strength(ruling: PolicyResult) -> int:
    return 3 if ruling.denied_by else 2 if ruling.demands else 0 if ruling.allows else 1


MATCHES = st.lists(st.tuples(EFFECTS, st.sampled_from([HIT, UNKNOWN])), max_size=6).map(
    lambda found: [Match(Policy(f"p{number}", effect), mark) for number, (effect, mark) in enumerate(found)]
)


@given(MATCHES, st.sampled_from(RESOURCES), EVERY_ACCESS, st.data())
def test_order_never_matters(matches: list[Match], resource: str, default: Access, data: st.DataObject) -> None:
    other = data.draw(st.permutations(matches))
    assert combine(matches, resource=resource, default=default) == combine(other, resource=resource, default=default)


@given(MATCHES, EVERY_ACCESS, st.sampled_from([HIT, UNKNOWN]))
def test_adding_a_deny_always_denies(matches: list[Match], default: Access, mark: MatchResult) -> None:
    assert judge(*matches, match("last", Action.DENY, mark), default=default).denied_by is not None


@given(MATCHES, EVERY_ACCESS, EFFECTS)
def test_a_match_through_an_unknown_fact_only_tightens(matches: list[Match], default: Access, effect: Effect) -> None:
    before = judge(*matches, default=default)
    after = judge(*matches, Match(Policy("new", effect), UNKNOWN), default=default)
    assert after.default_applies is before.default_applies
    assert strength(after) >= strength(before)
    if not after.denied_by:
        assert {demand.factors for demand in before.demands} <= {demand.factors for demand in after.demands}


@given(
    POLICY_SETS,
    SUBJECTS,
    ENVIRONMENTS,
    st.sampled_from(RESOURCES),
    EVERY_ACCESS,
    st.sampled_from([one.name for one in fields(Environment) if one.name != "device_unknown"]),
)
def test_hiding_a_fact_never_loosens(
    policy_set: PolicySet, subject: Subject, environment: Environment, resource: str, default: Access, hidden: str
) -> None:
    """Every refusal, demand and default that stood before the fact was hidden stands after it."""
    ready = compile_policies(policy_set, BUILT_IN, version=1)

    def ruling(known: Environment) -> PolicyResult:
        return combine(ready.matches(subject, resource, known, no_error), resource=resource, default=default)

    before, after = ruling(environment), ruling(replace(environment, **{hidden: None}))
    assert strength(after) >= strength(before) or (after.default_applies and not before.default_applies)
    assert after.default_applies or not before.default_applies
    if before.denied_by:
        assert after.denied_by
    elif not after.denied_by:
        assert {demand.factors for demand in before.demands} <= {demand.factors for demand in after.demands}
        assert not after.graced or before.graced or not before.demands


@given(POLICY_SETS, SUBJECTS, ENVIRONMENTS, st.sampled_from(RESOURCES), EVERY_ACCESS)
def test_a_deny_more_never_loosens(
    policy_set: PolicySet, subject: Subject, environment: Environment, resource: str, default: Access
) -> None:
    more = Policy("more", Effect(Action.DENY), state=PolicyState.ON, resources=(resource,))
    results = []
    for policies in (policy_set.policies, (*policy_set.policies, more)):
        ready = compile_policies(replace(policy_set, policies=policies), BUILT_IN, version=1)
        results.append(
            combine(ready.matches(subject, resource, environment, no_error), resource=resource, default=default)
        )
    assert strength(results[1]) == 3
    assert strength(results[0]) <= strength(results[1])

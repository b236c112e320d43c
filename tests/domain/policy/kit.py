"""Random policies and contexts, small enough that many of them meet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from flask_mfa_gate.domain.enrollment.enrollment import Status
from flask_mfa_gate.domain.policy.addresses import Network
from flask_mfa_gate.domain.policy.condition_tree import And, Condition, Expression, Not, Or
from flask_mfa_gate.domain.policy.conditions.registry import BUILT_IN
from flask_mfa_gate.domain.policy.document.effect import Action, Effect
from flask_mfa_gate.domain.policy.document.policy import Policy, PolicySet, PolicyState
from flask_mfa_gate.domain.policy.document.users import Users
from flask_mfa_gate.domain.policy.evaluation.compiled_policies import CompiledPolicies, compile_policies
from flask_mfa_gate.domain.policy.evaluation.compiled_policy import Match
from flask_mfa_gate.domain.policy.facts import Environment, MatchResult, Subject
from flask_mfa_gate.domain.sign_in.assurance import FactorKind

NO_POLICIES = compile_policies(PolicySet(), BUILT_IN, version=0)
NETWORKS = (Network("office", ("10.0.0.0/8",)), Network("lab", ("10.1.0.0/16", "2001:db8::/32")))
RESOURCES = ("app", "payroll", "mfa-admin")

CRITERIA: Any = st.sampled_from(
    [
        Condition("network", ("office",)),
        Condition("network", ("lab", "192.0.2.1")),
        Condition("country", ("DE",)),
        Condition("platform", ("windows", "ios")),
        Condition("device", ("managed",)),
        Condition("sign_in", ("remember-me",)),
        Condition("upstream_amr", ("mfa", "hwk")),
        Condition("sign_in", ("federated:https://a.example",)),
        Condition("enrollment", ("ENROLLED",)),
        Condition("risk", ("new-device", "new-address")),
        Condition("request", {"methods": ("GET",), "endpoints": ("wiki.*",)}),
        Condition("schedule", {"zone": "Europe/Berlin", "days": ("mon-fri",), "hours": "22:00-06:00"}),
    ]
)


def _combined(parts: Any) -> Any:
    lists = st.lists(parts, min_size=1, max_size=3).map(tuple)
    return st.one_of(lists.map(And), lists.map(Or), parts.map(Not))


CONDITIONS: st.SearchStrategy[Expression] = st.one_of(st.just(And()), st.recursive(CRITERIA, _combined, max_leaves=5))
WHO = st.sampled_from(["group:a", "group:b", "user:1", "user:2"])
USERS = st.builds(
    Users,
    include=st.one_of(st.just(("all",)), st.lists(WHO, min_size=1, max_size=3, unique=True).map(tuple)),
    exclude=st.lists(WHO, max_size=2, unique=True).map(tuple),
)
FACTORS = st.frozensets(st.sampled_from([*FactorKind]))
EFFECTS = st.one_of(
    st.just(Effect(Action.ALLOW)),
    st.just(Effect(Action.DENY)),
    st.builds(
        Effect,
        st.just(Action.REQUIRE),
        factors=FACTORS,
        max_age=st.sampled_from([None, timedelta(0), timedelta(minutes=5), timedelta(hours=1)]),
        grace_days=st.sampled_from([0, 0, 7, 30]),
    ),
)
POLICIES = st.builds(
    Policy,
    name=st.just(""),
    effect=EFFECTS,
    state=st.sampled_from([PolicyState.ON, PolicyState.ON, PolicyState.OFF, PolicyState.REPORT_ONLY]),
    users=USERS,
    resources=st.lists(st.sampled_from(RESOURCES), max_size=2, unique=True).map(tuple),
    conditions=CONDITIONS,
)


def numbered(policies: list[Policy]) -> tuple[Policy, ...]:
    return tuple(replace(policy, name=f"p{number}") for number, policy in enumerate(policies))


POLICY_SETS = st.lists(POLICIES, max_size=8).map(lambda policies: PolicySet(numbered(policies), NETWORKS))
INSTANTS = st.integers(0, 3 * 365 * 86_400).map(
    lambda seconds: datetime(2025, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
)
SUBJECTS = st.builds(
    Subject,
    key=st.sampled_from(["1", "2", "3"]),
    groups=st.one_of(st.none(), st.frozensets(st.sampled_from("abc"))),
    status=st.sampled_from([None, *Status]),
)
ENVIRONMENTS = st.builds(
    Environment,
    address=st.sampled_from([None, "10.1.2.3", "10.9.9.9", "192.0.2.1", "2001:db8::1", "?"]),
    country=st.sampled_from([None, "DE", "US"]),
    platform=st.sampled_from([None, "windows", "linux"]),
    device=st.one_of(st.none(), st.frozensets(st.sampled_from(["trusted", "managed"]))),
    sign_in=st.sampled_from([None, "password", "remember-me", "federated", "session"]),
    provider=st.sampled_from([None, "https://a.example", "https://b.example"]),
    upstream_amr=st.one_of(st.none(), st.frozensets(st.sampled_from(["pwd", "mfa", "hwk"]))),
    method=st.sampled_from([None, "GET", "HEAD", "POST"]),
    endpoint=st.sampled_from([None, "wiki.page", "index"]),
    risk=st.one_of(st.none(), st.dictionaries(st.sampled_from(["new-device", "new-address"]), st.booleans())),
    at=st.one_of(st.none(), INSTANTS),
)


def no_error(policy: str, word: str, error: Exception) -> None:
    raise AssertionError((policy, word, error))


def policies_that(match: Mapping[str, Sequence[Match]]) -> CompiledPolicies:
    """Policies which match so at each resource, whoever asks, where nothing is known of the request."""
    wanted = [
        replace(
            one.policy, resources=(name,), state=PolicyState.ON,
            conditions=_UNKNOWN if one.mark is MatchResult.UNKNOWN else And(),
        )
        for name, found in match.items()
        for one in found
    ]  # fmt: skip
    return compile_policies(PolicySet(tuple(wanted)), BUILT_IN, version=1)


_UNKNOWN = Condition("network", ("10.0.0.0/8",))

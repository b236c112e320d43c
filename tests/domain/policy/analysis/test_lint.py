"""Faults of policies are seen before they are switched on, and nothing is claimed that is not so."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flask_mfa_gate.domain.policy.addresses import Network
from flask_mfa_gate.domain.policy.analysis import lint as lint_module
from flask_mfa_gate.domain.policy.analysis import together
from flask_mfa_gate.domain.policy.analysis.finding import AppFacts, Level, LintFinding
from flask_mfa_gate.domain.policy.analysis.lint import lint
from flask_mfa_gate.domain.policy.analysis.worlds import SatisfiabilityChecker
from flask_mfa_gate.domain.policy.condition_tree import And, Condition, Expression, Not, Or, conditions_in
from flask_mfa_gate.domain.policy.conditions.backing import Backing
from flask_mfa_gate.domain.policy.conditions.condition_type import Source
from flask_mfa_gate.domain.policy.conditions.listed import ListedWord
from flask_mfa_gate.domain.policy.conditions.registry import BUILT_IN
from flask_mfa_gate.domain.policy.conditions.words.country import COUNTRIES
from flask_mfa_gate.domain.policy.document.codec import read_policy
from flask_mfa_gate.domain.policy.document.effect import Action, Effect
from flask_mfa_gate.domain.policy.document.policy import Policy, PolicySet
from flask_mfa_gate.domain.policy.evaluation.compiled_policies import compile_policies
from flask_mfa_gate.domain.policy.evaluation.compiled_policy import Compiler
from flask_mfa_gate.domain.policy.facts import Environment, MatchResult, Subject
from flask_mfa_gate.domain.sign_in.assurance import FactorKind
from tests.domain.policy import kit

ADA = Subject("ada", frozenset({"staff", "admins"}))
BOB = Subject("bob", frozenset({"staff", "admins"}))
CODES = sorted(COUNTRIES)
FACTS = AppFacts(sources=frozenset(Source), admins=(ADA, BOB), acting_admin="ada", break_glass=frozenset({"glass"}))
OFFICE = (Network("office", ("10.0.0.0/8",)), Network("world", ("0.0.0.0/0", "::/0")), Network("four", ("0.0.0.0/0",)))
TOTAL = {"zone": "UTC", "days": ["mon-sun"]}


def policy(name: str = "X", registry: Any = BUILT_IN, **fields: Any) -> Policy:
    table = {"name": name, "state": "on", "effect": {"action": "deny"}} | fields
    return read_policy(table, registry=registry)


def remarks(*policies: Policy, facts: AppFacts = FACTS, registry: Any = BUILT_IN) -> tuple[LintFinding, ...]:
    """Of everything; asked about one policy alone, lint says the same of it."""
    judged = PolicySet(policies, OFFICE)
    said = lint(judged, facts=facts, registry=registry)
    for name in {one.name for one in policies} if len(policies) < 5 else ():
        alone = lint(judged, facts=facts, registry=registry, about=name)
        assert alone == tuple(one for one in said if one.policy == name)
    return said


def found(*policies: Policy, facts: AppFacts = FACTS) -> list[tuple[Level, str]]:
    return [(remark.level, remark.code) for remark in remarks(*policies, facts=facts)]


def codes(*policies: Policy, facts: AppFacts = FACTS) -> list[str]:
    return [code for _, code in found(*policies, facts=facts)]


# Lockouts

CERTAIN: list[dict[str, Any]] = [
    {},
    {"resources": ["app"]},
    {"resources": ["payroll", "mfa-admin"]},
    {"users": {"include": ["group:admins"]}},
    {"users": {"include": ["group:staff", "user:ada"], "exclude": ["group:guests", "user:eve"]}},
    {"conditions": {"network": ["world"]}},
    {"conditions": {"network": ["0.0.0.0-127.255.255.255", "128.0.0.0/1", "::/1", "8000::/1"]}},
    {"conditions": {"any": [{"network": ["office"]}, {"not": {"network": ["office"]}}]}},
    {"conditions": {"any": [{"platform": ["linux"]}, {"not": {"platform": ["linux", "ios"]}}, {"platform": ["ios"]}]}},
    {"conditions": {"sign_in": ["password", "remember-me", "federated"]}},
    {"conditions": {"schedule": {"zone": "Asia/Tokyo"}}},
    {"conditions": {"any": [{"schedule": {"zone": "UTC", "days": ["mon-fri"]}}, {"schedule": {"zone": "UTC", "days": ["sat-sun"]}}]}},
    {"conditions": {"any": [{"schedule": {"zone": "UTC", "hours": "06:00-18:30"}}, {"schedule": {"zone": "UTC", "hours": "18:30-06:00"}}]}},
    {"conditions": {"any": [{"schedule": {"zone": "UTC", "hours": "00:00-18:00"}}, {"schedule": {"zone": "UTC", "hours": "18:00-24:00"}}]}},
    {"conditions": {"not": {"all": [{"device": ["trusted"]}, {"risk": ["new-device"]}, {"not": {"risk": ["new-device"]}}]}}},
    {"conditions": {"enrollment": ["DISABLED", "ENROLLED", "ENROLLMENT_EXPIRED", "IN_ENROLLMENT", "PRE_ENROLLMENT", "PENDING_ACTIVATION", "NOT_ENROLLED"]}},
    {"conditions": {"any": [{"request": {"methods": ["GET"]}}, {"not": {"request": {"methods": ["GET"]}}}]}},
]  # fmt: skip


@pytest.mark.parametrize("fields", CERTAIN)
def test_a_certain_denial_of_all_admins_is_an_error(fields: dict[str, Any]) -> None:
    assert found(policy(**fields)) == [(Level.ERROR, "denies-acting-admin"), (Level.ERROR, "denies-every-admin")]


def test_the_sentence_says_whom_when_and_what_to_do() -> None:
    you, everybody = remarks(policy())
    assert you.policy == everybody.policy == "X"
    assert you.sentence == (
        "Denies you the console, whatever the facts are. Exclude one account that can still fix it."
    )
    assert everybody.sentence.startswith("Denies every admin the console, whatever the facts are.")


UNKNOWN: list[dict[str, Any]] = [
    {"conditions": {"country": ["KP"]}},
    {"conditions": {"not": {"network": ["office"]}}},
    {"conditions": {"platform": ["linux"]}},
    {"conditions": {"network": ["1.0.0.0-255.255.255.255", "::/0"]}},
    {"conditions": {"not": {"device": ["managed"]}}},
    {"conditions": {"risk": ["impossible-travel"]}},
    {"conditions": {"all": [{"country": ["KP"]}, {"schedule": TOTAL}]}},
    {"conditions": {"schedule": TOTAL, "browser": ["safari"]}},
]


@pytest.mark.parametrize("fields", UNKNOWN)
def test_a_denial_through_unknown_facts_is_a_warning(fields: dict[str, Any]) -> None:
    assert found(policy(**fields)) == [
        (Level.WARNING, "may-deny-acting-admin"),
        (Level.WARNING, "may-deny-every-admin"),
    ]
    assert remarks(policy(**fields))[0].sentence.startswith("Denies you the console, while facts are unknown.")


HARMLESS: list[dict[str, Any]] = [
    {"state": "off"},
    {"state": "report-only"},
    {"effect": {"action": "require"}},
    {"resources": ["payroll"]},
    {"users": {"include": ["group:guests"]}},
    {"users": {"exclude": ["group:admins"]}},
    {"conditions": {"schedule": {"zone": "UTC", "days": ["mon-sat"]}}},
    {"conditions": {"schedule": {"zone": "UTC", "hours": "00:00-23:59"}}},
    {"conditions": {"schedule": {"zone": "UTC", "holidays": ["2031-12-25"]}}},
    {"conditions": {"sign_in": ["password", "remember-me"]}},
    {"conditions": {"sign_in": ["password", "remember-me", "federated:https://idp.example"]}},
    {"conditions": {"request": {"methods": ["POST"]}}},
    {"conditions": {"request": {"endpoints": ["wiki.*"]}}},
    {"conditions": {"enrollment": ["NOT_ENROLLED"]}},
    {"conditions": {"all": [{"country": ["KP"]}, {"sign_in": ["remember-me"]}]}},
    {"conditions": {"any": [{"schedule": {"zone": "UTC", "hours": "11:00-23:00"}}, {"schedule": {"zone": "Europe/Berlin", "hours": "00:00-12:00"}}]}},
    {"conditions": {"any": [{"schedule": {"zone": "UTC", "hours": "06:00-18:00"}}, {"schedule": {"zone": "Asia/Tokyo", "hours": "18:00-06:00"}}]}},
]  # fmt: skip


@pytest.mark.parametrize("fields", HARMLESS)
def test_a_denial_that_leaves_a_way_is_no_fault(fields: dict[str, Any]) -> None:
    assert codes(policy(**fields)) == []


def test_one_admin_who_gets_through_is_enough_for_all_but_the_acting_one() -> None:
    assert codes(policy(users={"exclude": ["user:bob"]})) == ["denies-acting-admin"]
    assert codes(policy(users={"exclude": ["user:ada"]})) == []
    assert codes(policy(), facts=replace(FACTS, acting_admin=None)) == ["denies-every-admin"]
    assert codes(policy(), facts=replace(FACTS, admins=(BOB,))) == ["denies-every-admin"]
    assert codes(policy(), facts=replace(FACTS, admins=(), acting_admin=None)) == []


def test_break_glass_accounts_are_outside_policies() -> None:
    assert codes(policy(), facts=replace(FACTS, break_glass=frozenset({"bob"}))) == ["denies-acting-admin"]
    assert codes(policy(), facts=replace(FACTS, break_glass=frozenset({"ada"}))) == []


def test_admins_of_whom_no_groups_are_known_may_be_denied() -> None:
    facts = replace(FACTS, admins=(Subject("ada", None),))
    fields: dict[str, Any] = {"users": {"include": ["group:guests"]}}
    assert codes(policy(**fields), facts=facts) == ["may-deny-acting-admin", "may-deny-every-admin"]


def test_several_denials_shut_out_together() -> None:
    inside = policy("inside", conditions={"network": ["office"]}, users={"include": ["group:admins"]})
    outside = policy("outside", conditions={"not": {"network": ["10.0.0.0/8"]}}, resources=["mfa-admin"])
    both = remarks(outside, inside)
    assert [(one.level, one.code, one.policy) for one in both] == [
        (Level.ERROR, "denies-acting-admin", "inside"),
        (Level.ERROR, "denies-every-admin", "inside"),
    ]
    assert "the console together with outside, whatever" in both[0].sentence


def test_different_denials_of_different_admins_shut_out_all() -> None:
    one, other = (policy(name, users={"include": [f"user:{name}"]}) for name in ("ada", "bob"))
    assert codes(one, other) == ["denies-acting-admin", "denies-every-admin"]
    assert "together with bob" in remarks(one, other)[1].sentence
    assert codes(one) == ["denies-acting-admin"]


def tautology(count: int) -> Expression:
    blocks = tuple(Condition("network", (f"10.{number}.0.0/16",)) for number in range(count))
    return Or((*blocks, Not(Or(blocks))))


def test_nothing_is_claimed_where_the_facts_fall_in_too_many_ways() -> None:
    worlds = SatisfiabilityChecker(BUILT_IN, {})
    assert worlds.is_always(tautology(64))
    assert not worlds.is_always(tautology(65))
    risks = tuple(Condition("risk", (signal,)) for signal in ("new-device", "new-address", "failed-attempts"))
    assert worlds.is_always(And((tautology(60), Or((*risks, Not(Or(risks)))))))
    everything = (
        *risks,
        *tautology(50).parts[:-1],
        *(Condition("platform", (name,)) for name in ("ios", "linux", "macos")),
    )  # type: ignore[union-attr]
    browsers = tuple(Condition("browser", (name,)) for name in ("edge", "safari", "chrome", "firefox"))
    assert not worlds.is_always(Or((*everything, *browsers, Not(Or((*everything, *browsers))))))


def test_nothing_is_claimed_of_more_than_four_schedules() -> None:
    days = ["mon-fri", "sat-sun", "mon", "tue", "wed"]
    schedules = [BUILT_IN.read("schedule", {"zone": "UTC", "days": [day]}, "") for day in days]
    assert WORLDS.is_always(Or(tuple(schedules[:4])))
    assert not WORLDS.is_always(Or(tuple(schedules)))


def test_nothing_is_claimed_of_a_network_with_very_many_edges() -> None:
    worlds = SatisfiabilityChecker(BUILT_IN, {})
    for count, is_told in ((9_000, True), (11_000, False)):
        network = Condition("network", tuple(f"10.0.{number // 100}.{number % 100 * 2}" for number in range(count)))
        assert worlds.is_always(Or((network, Not(network)))) == is_told


def test_many_denials_are_told_apart_in_reasonable_time() -> None:
    many = [policy(f"p{number}", conditions={"network": [f"10.{number}.0.0/16"]}) for number in range(200)]
    assert codes(*many) == ["may-deny-acting-admin", "may-deny-every-admin"]
    assert codes(*many, policy()).count("covered-by-deny") == 200


# Facts that an app lacks


@pytest.mark.parametrize(
    ("conditions", "source", "words"),
    [
        ({"country": ["DE"]}, Source.GEOIP, "country is never known in this app: there is no GeoIP database"),
        ({"risk": ["impossible-travel"]}, Source.GEOIP, "risk is never known"),
        ({"any": [{"network": ["office"]}, {"not": {"device": ["managed"]}}]}, Source.MANAGED, "no callback"),
        ({"device": ["certificate"]}, Source.CERTIFICATE, "not verified"),
        ({"browser": ["safari"]}, Source.CLIENT, "not read"),
    ],
)
def test_a_fact_that_the_app_cannot_have_is_an_error(conditions: Any, source: Source, words: str) -> None:
    fields: dict[str, Any] = {"conditions": conditions, "effect": {"action": "require"}}
    (remark,) = remarks(policy(**fields), facts=replace(FACTS, sources=frozenset(Source) - {source}))
    assert (remark.level, remark.code, remark.policy) == (Level.ERROR, "fact-missing", "X")
    assert words in remark.sentence
    assert codes(policy(**fields)) == []


@pytest.mark.parametrize(
    ("wanted", "taken", "expected"),
    [
        (["webauthn"], {FactorKind("totp")}, True),
        (["webauthn"], {FactorKind("webauthn")}, False),
        (["totp", "webauthn"], {FactorKind("totp")}, False),
        ([], {FactorKind("totp")}, False),
    ],
)
def test_a_list_of_factors_that_nobody_can_set_up(wanted: list[str], taken: set[FactorKind], expected: bool) -> None:
    rule = policy(effect={"action": "require", "factors": wanted})
    found = remarks(rule, facts=replace(FACTS, factors=frozenset(taken)))
    assert [(one.level, one.policy) for one in found if one.code == "factor-off"] == [(Level.WARNING, "X")] * expected


def test_facts_that_every_app_has_are_never_missing() -> None:
    conditions = {"risk": ["new-device"], "device": ["trusted"], "network": ["office"], "schedule": TOTAL}
    facts = replace(FACTS, sources=frozenset())
    assert codes(policy(effect={"action": "require"}, conditions=conditions), facts=facts) == []


# Allow


CHOSEN: list[dict[str, Any]] = [
    {"platform": ["linux"]},
    {"browser": ["firefox"]},
    {"request": {"methods": ["GET"]}},
    {"schedule": {"zone": "UTC", "days": ["mon-fri"]}},
    {"schedule": {"zone": "UTC"}},
    {"sign_in": ["remember-me"]},
    {"sign_in": ["password"]},
    {"sign_in": ["federated", "remember-me"]},
    {"not": {"platform": ["linux"]}},
    {"not": {"sign_in": ["remember-me"]}},
    {"not": {"sign_in": ["federated"]}},
    {"not": {"device": ["trusted"]}},
    {"not": {"request": {"methods": ["GET"], "endpoints": ["wiki.*"]}}},
    {"platform": ["linux"], "browser": ["firefox"]},
    {"any": [{"network": ["office"]}, {"platform": ["linux"]}]},
    {"any": [{"network": ["office"]}, {"all": [{"platform": ["linux"]}, {"browser": ["edge"]}]}]},
    {"not": {"all": [{"network": ["office"]}, {"platform": ["linux"]}]}},
    {"not": {"not": {"any": [{"device": ["trusted"]}, {"platform": ["linux"]}]}}},
    {"all": [{"any": [{"network": ["office"]}, {"browser": ["edge"]}]}, {"any": [{"device": ["trusted"]}, {"platform": ["ios"]}]}]},
    {"network": ["world"], "platform": ["linux"]},
    {"network": ["four"], "platform": ["linux"]},
    {"network": ["::/0"], "platform": ["linux"]},
    {"all": [{"any": [{"network": ["office"]}, {"not": {"network": ["office"]}}]}, {"platform": ["linux"]}]},
    {"all": [{"not": {"all": [{"network": ["10.0.0.0/9"]}, {"network": ["11.0.0.0/8"]}]}}, {"platform": ["linux"]}]},
    {"not": {"risk": ["new-device"]}},
    {"not": {"risk": ["failed-attempts"]}},
    {"not": {"risk": ["new-device", "failed-attempts"]}},
    {"not": {"risk": ["impossible-travel"]}},
    {"risk": ["new-address"]},
    {"enrollment": ["ENROLLED"]},
    {"not": {"enrollment": ["NOT_ENROLLED"]}},
    {"request": {"endpoints": ["wiki.*"]}},
    {"not": {"request": {"endpoints": ["wiki.*"]}}},
    {"request": {"methods": ["GET"], "endpoints": ["wiki.*"]}},
    {"platform": ["linux"], "enrollment": ["ENROLLED"]},
    {"any": [{"network": ["office"]}, {"not": {"risk": ["new-device"]}}]},
    {"any": [{"network": ["office"]}, {"request": {"endpoints": ["wiki.*"]}}]},
    {"all": [{"schedule": TOTAL}, {"not": {"risk": ["new-device"]}}]},
    {"not": {"any": [{"risk": ["new-device"]}, {"not": {"enrollment": ["ENROLLED"]}}]}},
    {"all": [{"not": {"network": ["192.0.2.1"]}}, {"not": {"risk": ["new-device"]}}]},
    {"all": [{"not": {"country": ["KP"]}}, {"enrollment": ["ENROLLED"]}]},
    {"all": [{"network": ["0.0.0.0/1"]}, {"platform": ["linux"]}]},
]  # fmt: skip
STRONG: list[dict[str, Any]] = [
    {"network": ["office"]},
    {"country": ["DE"]},
    {"device": ["trusted"]},
    {"sign_in": ["federated"]},
    {"not": {"sign_in": ["password", "remember-me"]}},
    {"not": {"risk": ["new-address"]}},
    {"not": {"risk": ["new-device", "new-address"]}},
    {"network": ["office"], "platform": ["linux"]},
    {"network": ["office"], "enrollment": ["ENROLLED"]},
    {"network": ["office"], "request": {"endpoints": ["wiki.*"]}},
    {"any": [{"network": ["office"]}, {"platform": ["linux"], "device": ["trusted"]}]},
    {"all": [{"any": [{"network": ["office"]}, {"browser": ["edge"]}]}, {"device": ["trusted"]}]},
    {"not": {"any": [{"not": {"network": ["office"]}}, {"platform": ["linux"]}]}},
    {"all": [{"not": {"network": ["10.6.6.6"]}}, {"network": ["office"]}]},
]


def allow(conditions: Any = None, **fields: Any) -> Policy:
    return policy(effect={"action": "allow"}, conditions=conditions or {}, **fields)


@pytest.mark.parametrize("conditions", CHOSEN)
def test_an_allow_must_not_rest_on_what_the_client_chooses(conditions: Any) -> None:
    assert (Level.ERROR, "allow-client-chosen") in found(allow(conditions))
    assert (Level.WARNING, "allow-client-chosen") in found(allow(conditions, state="off"))


@pytest.mark.parametrize("conditions", STRONG)
def test_an_allow_may_rest_on_what_the_server_sees(conditions: Any) -> None:
    assert codes(allow(conditions)) == []


@pytest.mark.parametrize("conditions", CHOSEN)
def test_deny_and_require_may_rest_on_anything(conditions: Any) -> None:
    assert "allow-client-chosen" not in codes(policy(conditions=conditions))
    assert "allow-client-chosen" not in codes(policy(conditions=conditions, effect={"action": "require"}))


@pytest.mark.parametrize(
    "conditions",
    [
        {},
        {"network": ["world"]},
        {"network": ["four"]},
        {"network": ["8000::/1", "0.0.0.0/1"]},
        {"not": {"network": ["office"]}},
        {"not": {"country": ["KP"]}},
        {"any": [{"network": ["office"]}, {"not": {"network": ["office"]}}]},
        # Branches that cover little each, and together nearly everything.
        {"any": [{"network": ["0.0.0.0/2"]}, {"network": ["128.0.0.0/2"]}]},
        {"any": [{"country": CODES[:90]}, {"country": CODES[80:130]}]},
        {"any": [{"country": CODES[:70]}, {"platform": ["windows"], "network": ["0.0.0.0/2"]}]},
        {"not": {"all": [{"not": {"country": CODES[:90]}}, {"any": [{"not": {"country": CODES[90:130]}}]}]}},
        {"not": {"all": [{"country": CODES[:200]}, {"country": CODES[100:]}]}},
    ],
)
def test_an_allow_that_holds_nearly_everywhere_is_a_warning(conditions: Any) -> None:
    assert found(allow(conditions)) == [(Level.WARNING, "allow-always")]


LOW, HIGH = {"network": ["0.0.0.0/2"]}, {"network": ["128.0.0.0/2"]}
OF_A, OF_B = {"users": {"include": ["group:a"]}}, {"users": {"include": ["group:b"]}}


@pytest.mark.parametrize(
    ("one", "other", "is_open"),
    [
        ({}, {}, True),
        (OF_A, {}, True),
        (OF_A, {"users": {"include": ["group:a", "group:b"]}}, True),
        ({"resources": ["payroll", "app"]}, {"resources": ["payroll"]}, True),
        ({"conditions": {"country": CODES[:70]}}, {"conditions": {"country": CODES[60:130]}}, True),
        ({"conditions": {"device": ["managed"]}}, {"conditions": {"device": ["trusted"]}}, False),
        (OF_A, OF_B, False),
        (OF_A, {"users": {"include": ["all"], "exclude": ["group:a"]}}, False),
        ({"resources": ["payroll"]}, {"resources": ["wiki"]}, False),
        ({"state": "off"}, {}, False),
        ({"effect": {"action": "require"}}, {}, False),
        ({"conditions": {"network": ["198.51.100.0/24"]}}, {}, False),
    ],
)  # fmt: skip
def test_allows_that_open_nearly_everything_only_together_are_a_warning(
    one: dict[str, Any], other: dict[str, Any], is_open: bool
) -> None:
    rules = [
        policy(name, **{"effect": {"action": "allow"}, "conditions": conditions, **fields})
        for name, conditions, fields in (("A", LOW, one), ("B", HIGH, other))
    ]
    told = [(remark.code, remark.policy) for remark in remarks(*rules) if remark.code.startswith("allow")]
    assert told == ([("allow-together", "A"), ("allow-together", "B")] if is_open else [])


def test_of_thousands_of_allows_that_differ_in_a_user_some_are_added_up(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[int] = []
    monkeypatch.setattr(together, "_is_open", lambda group, _worlds: tried.append(len(group)))
    rules = [
        policy(f"A{n}", effect={"action": "allow"}, conditions=LOW, users={"include": [f"user:{n}"]})
        for n in range(300)
    ]
    assert list(together.open_together([allow(HIGH), *rules], SatisfiabilityChecker(BUILT_IN, {}))) == []
    assert tried == [2] * together.MOST_TRIED


def test_the_remark_names_the_words_that_prove_nothing() -> None:
    conditions = {"any": [{"network": ["office"]}, {"not": {"sign_in": ["federated"]}, "enrollment": ["ENROLLED"]}]}
    (remark,) = remarks(allow(conditions))
    assert "enrollment, not sign_in." in remark.sentence


def test_a_word_of_the_host_proves_nothing_unless_it_says_so() -> None:
    silent = ListedWord("colour", lambda subject, environment: None)
    sure = replace(silent, holding=Backing.EVIDENCE)
    both = replace(sure, missing=Backing.EVIDENCE)
    for word, faults in ((silent, [1, 1]), (sure, [0, 1]), (both, [0, 0])):
        registry = BUILT_IN.with_word(word)
        for conditions, fault in zip(({"colour": ["red"]}, {"not": {"colour": ["red"]}}), faults, strict=True):
            judged = policy(registry=registry, effect={"action": "allow"}, conditions=conditions)
            assert [one.code for one in remarks(judged, registry=registry)] == ["allow-client-chosen"] * fault


def test_a_signal_of_the_host_proves_nothing() -> None:
    registry = BUILT_IN.with_risk(["tor"])
    for conditions in ({"risk": ["tor"]}, {"not": {"risk": ["tor"]}}):
        judged = policy(registry=registry, effect={"action": "allow"}, conditions=conditions)
        assert [one.code for one in remarks(judged, registry=registry)] == ["allow-client-chosen"]


def test_words_of_the_host_are_taken_to_fall_either_way() -> None:
    registry = BUILT_IN.with_word(ListedWord("colour", lambda subject, environment: None))
    worlds = SatisfiabilityChecker(registry, {})
    red, blue = Condition("colour", ("red",)), Condition("colour", ("blue",))
    assert worlds.is_always(Or((red, Not(red))))
    assert not worlds.is_always(Or((red, Not(blue))))
    assert worlds.is_match_when_unknown(red)
    many = tuple(Condition("colour", (str(number),)) for number in range(40))
    assert not worlds.is_always(Or((*many, Not(Or(many)))))


# Proxies, names, reach


@pytest.mark.parametrize("users", [{"include": ["group:x"]}, {"exclude": ["group:x"]}])
def test_a_group_where_nobody_is_in_one_is_an_error(users: dict[str, list[str]]) -> None:
    without = replace(FACTS, sources=FACTS.sources - {Source.GROUPS})
    found = lint(PolicySet((policy(users=users),)), facts=without, registry=BUILT_IN)
    (remark,) = [one for one in found if one.code == "fact-missing"]
    assert remark.level is Level.ERROR
    assert "groups=" in remark.sentence


def test_a_proxy_in_an_allowed_network_is_a_warning() -> None:
    facts = replace(FACTS, trusted_proxies=("10.1.2.3", "192.0.2.0/24", "::1"))
    (remark,) = remarks(allow({"network": ["office", "198.51.100.7"]}), facts=facts)
    assert (remark.level, remark.code) == (Level.WARNING, "network-has-proxy")
    assert "the proxy 10.1.2.3 is" in remark.sentence
    assert codes(allow({"network": ["192.0.2.255-192.0.3.9"]}), facts=facts) == ["network-has-proxy"]
    assert codes(allow({"network": ["192.0.3.0-192.0.3.9"]}), facts=facts) == []
    assert codes(allow({"country": ["DE"]}), facts=facts) == []
    assert codes(policy(conditions={"network": ["office"]}, effect={"action": "require"}), facts=facts) == []


def test_unknown_groups_and_users_are_warnings() -> None:
    who = {"include": ["group:staf", "user:ada"], "exclude": ["group:zzz", "user:eve"]}
    known = replace(FACTS, known_groups=frozenset({"staff"}), known_users=frozenset({"ada", "bob"}))
    judged = policy(users=who, effect={"action": "require"})
    assert [(one.level, one.code, one.sentence) for one in remarks(judged, facts=known)] == [
        (Level.WARNING, "unknown-group", "There is no group 'staf'. Did you mean staff?"),
        (Level.WARNING, "unknown-group", "There is no group 'zzz'."),
        (Level.WARNING, "unknown-user", "There is no user 'eve'."),
    ]
    assert codes(judged) == []
    assert len(remarks(judged, facts=replace(known, known_groups=frozenset(), known_users=frozenset()))) == 4


def test_a_resource_that_no_view_is_marked_with_is_a_warning() -> None:
    judged = policy(resources=["payrol", "payroll", "app", "mfa-admin", "client:wiki"], effect={"action": "require"})
    (remark,) = remarks(judged, facts=replace(FACTS, known_resources=frozenset({"payroll"})))
    assert (remark.level, remark.code) == (Level.WARNING, "unknown-resource")
    assert "'payrol'" in remark.sentence
    assert "Did you mean payroll?" in remark.sentence
    assert codes(judged) == [], "nobody looked"


@pytest.mark.parametrize(
    "fields",
    [
        {"users": {"include": []}},
        {"users": {"include": ["group:a"], "exclude": ["group:a", "user:7"]}},
        {"users": {"include": ["group:a"], "exclude": ["all"]}},
        {"conditions": {"all": [{"platform": ["linux"]}, {"platform": ["ios", "macos"]}]}},
        {"conditions": {"all": [{"network": ["office"]}, {"not": {"network": ["10.0.0.0/7"]}}]}},
        {"conditions": {"not": {"schedule": {"zone": "UTC"}}}},
        {"conditions": {"all": [{"schedule": {"zone": "UTC", "days": ["sat"]}}, {"schedule": {"zone": "UTC", "days": ["mon"]}}]}},
    ],
)  # fmt: skip
def test_a_policy_that_never_applies_is_a_warning(fields: dict[str, Any]) -> None:
    for state in ("on", "off"):
        judged = policy(effect={"action": "require"}, state=state, **fields)
        assert found(judged) == [(Level.WARNING, "never-applies")]


def test_off_is_not_unreachable() -> None:
    assert codes(policy(state="off", effect={"action": "require"})) == []


EVE: dict[str, Any] = {"include": ["group:guests", "user:eve"]}


@pytest.mark.parametrize(
    ("deny", "covered"),
    [
        ({"users": EVE}, {"users": {"include": ["user:eve"]}}),
        ({"users": EVE}, {"users": EVE, "resources": ["payroll"]}),
        ({"users": EVE, "resources": ["payroll", "wiki"]}, {"users": EVE, "resources": ["wiki"]}),
        ({"resources": ["payroll"]}, {"users": EVE, "resources": ["payroll"], "effect": {"action": "deny"}}),
        ({"resources": ["payroll"], "users": {"exclude": ["user:7"]}}, {"resources": ["payroll"], "users": {"exclude": ["user:7", "user:8"]}}),
        ({"users": EVE, "conditions": {"network": ["world"]}}, {"users": EVE, "conditions": {"device": ["trusted"]}}),
        ({"users": EVE, "conditions": {"network": ["office"]}}, {"users": EVE, "conditions": {"network": ["10.0.0.0/8"]}}),
    ],
)  # fmt: skip
def test_a_policy_that_a_deny_covers_is_a_warning(deny: dict[str, Any], covered: dict[str, Any]) -> None:
    one, other = policy("deny", **deny), policy("X", **{"effect": {"action": "require"}} | covered)
    (remark,) = remarks(other, one)
    assert (remark.level, remark.code, remark.policy) == (Level.WARNING, "covered-by-deny", "X")
    assert remark.sentence == 'Never matters: wherever it applies, "deny" denies.'
    assert remarks(replace(other, state=policy(state="off").state), one) == ()


@pytest.mark.parametrize(
    ("deny", "covered"),
    [
        ({"users": EVE, "state": "report-only"}, {"users": EVE}),
        ({"users": {"include": ["user:eve"]}}, {"users": EVE}),
        ({"users": EVE | {"exclude": ["user:7"]}}, {"users": EVE}),
        ({"users": EVE, "resources": ["payroll"]}, {"users": EVE}),
        ({"users": EVE, "resources": ["payroll"]}, {"users": EVE, "resources": ["payroll", "wiki"]}),
        ({"users": EVE, "conditions": {"sign_in": ["password"]}}, {"users": EVE}),
        (
            {"users": EVE, "conditions": {"sign_in": ["password"]}},
            {"users": EVE, "conditions": {"device": ["trusted"]}},
        ),
    ],
)
def test_a_policy_that_a_deny_leaves_room_is_none(deny: dict[str, Any], covered: dict[str, Any]) -> None:
    one, other = policy("deny", **deny), policy("X", effect={"action": "require"}, **covered)
    assert "covered-by-deny" not in codes(other, one)


def test_of_two_equal_denials_one_stands() -> None:
    one, other = policy("a", users=EVE), policy("b", users=EVE)
    assert [(remark.code, remark.policy) for remark in remarks(other, one)] == [("covered-by-deny", "b")]


def test_a_denial_with_conditions_falls_to_one_without_whatever_their_names() -> None:
    one, other = policy("z", users=EVE), policy("a", users=EVE, conditions={"country": ["KP"]})
    assert [(remark.code, remark.policy) for remark in remarks(other, one)] == [("covered-by-deny", "a")]


def test_break_glass_is_missed_once_something_can_be_refused() -> None:
    bare = replace(FACTS, break_glass=frozenset())
    both = policy("a", effect={"action": "require"}), policy("b", users=EVE)
    (remark,) = remarks(*both, facts=bare)
    assert (remark.level, remark.code, remark.policy) == (Level.WARNING, "no-break-glass", None)
    assert codes(allow({"network": ["office"]}), policy(state="off"), facts=bare) == []


def test_what_names_a_network_or_word_that_is_gone_is_an_error() -> None:
    gone = policy("a", conditions={"network": ["ofice"]}, effect={"action": "allow"}, users={"include": []})
    strange = Policy("b", Effect(Action.DENY), conditions=Not(Condition("colour", ("red",))), state=gone.state)
    first, second = remarks(strange, gone)
    assert (first.level, first.code, first.policy) == (Level.ERROR, "unreadable", "a")
    assert "Did you mean office?" in first.sentence
    assert (second.code, second.policy) == ("unreadable", "b")


def test_remarks_stand_in_the_order_of_names() -> None:
    judged = [allow({"platform": ["linux"]}, name=name) for name in "cab"]
    assert [remark.policy for remark in remarks(*judged)] == ["a", "b", "c"]


# Nothing is claimed that is not so

KNOWN = st.builds(
    Environment,
    address=st.sampled_from(["10.1.2.3", "10.9.9.9", "192.0.2.1", "2001:db8::1", "255.255.255.255", "::"]),
    country=st.sampled_from(["DE", "US"]),
    platform=st.sampled_from(["windows", "ios", "linux"]),
    device=st.frozensets(st.sampled_from(["trusted", "managed"])),
    sign_in=st.sampled_from(["password", "remember-me", "federated"]),
    provider=st.sampled_from(["https://a.example", "https://b.example"]),
    upstream_amr=st.frozensets(st.sampled_from(["pwd", "mfa", "hwk"])),
    method=st.sampled_from(["GET", "HEAD", "POST"]),
    endpoint=st.sampled_from(["wiki.page", "index"]),
    risk=st.fixed_dictionaries({"new-device": st.booleans(), "new-address": st.booleans()}),
    at=kit.INSTANTS,
)
SUBJECTS = kit.SUBJECTS.filter(lambda subject: subject.status is not None)
NETWORKS: Mapping[str, Network] = {network.name: network for network in kit.NETWORKS}
WORLDS = SatisfiabilityChecker(BUILT_IN, NETWORKS)


def mark_of(condition: Expression, subject: Subject, environment: Environment) -> MatchResult:
    compiled = Compiler(BUILT_IN, NETWORKS).policy(Policy("x", Effect(Action.DENY), conditions=condition), 0)
    return compiled.mark(subject, environment, {})


@given(kit.CONDITIONS, SUBJECTS, KNOWN)
@settings(max_examples=300)
def test_always_and_never_are_so(condition: Expression, subject: Subject, environment: Environment) -> None:
    mark = mark_of(condition, subject, environment)
    assert mark is not MatchResult.UNKNOWN
    assert mark is MatchResult.HIT or not WORLDS.is_always(condition)
    assert mark is MatchResult.MISS or not WORLDS.is_never(condition)
    assert WORLDS.is_always(Or((condition, Not(condition))))
    assert WORLDS.is_never(And((condition, Not(condition))))


@given(kit.CONDITIONS, SUBJECTS, KNOWN)
@settings(max_examples=300)
def test_a_match_while_all_is_unknown_is_so(condition: Expression, subject: Subject, environment: Environment) -> None:
    blind = replace(
        environment, address=None, country=None, platform=None, browser=None, device=None, risk=None, upstream_amr=None
    )
    assert mark_of(condition, subject, blind) is not MatchResult.MISS or not WORLDS.is_match_when_unknown(condition)


# What stands in for evidence here is written out once more, apart from the words.
EVIDENCE = [
    (Condition("network", ("office",)), True),
    (Condition("network", ("lab", "192.0.2.1")), True),
    (Condition("country", ("DE",)), True),
    (Condition("device", ("managed",)), True),
    (Condition("sign_in", ("federated:https://a.example",)), True),
    (Condition("upstream_amr", ("mfa", "hwk")), True),
    (Condition("risk", ("new-device", "new-address")), False),
]


def satisfying(condition: Expression) -> Iterator[dict[int, bool]]:
    """Each way in which the criteria can fall, by the place where they stand, that meets the condition."""
    atoms = list(conditions_in(condition))
    for falls in product((False, True), repeat=len(atoms)):
        if _holds(condition, iter(falls)):
            yield dict(enumerate(falls))


def _holds(condition: Expression, falls: Iterator[bool]) -> bool:
    match condition:
        case Condition():
            return next(falls)
        case Not(part):
            return not _holds(part, falls)
        case And(parts):
            return min([_holds(part, falls) for part in parts], default=True)
        case Or(parts):
            return max([_holds(part, falls) for part in parts], default=False)


@given(kit.CONDITIONS)
@settings(max_examples=300)
def test_whatever_meets_an_allow_without_remark_has_evidence(condition: Expression) -> None:
    judged = Policy("X", Effect(Action.ALLOW), conditions=condition)
    found = lint(PolicySet((judged,), kit.NETWORKS), facts=FACTS, registry=BUILT_IN)
    if {remark.code for remark in found} & {"allow-client-chosen", "allow-always"}:
        return
    atoms = list(conditions_in(condition))
    for falls in satisfying(condition):
        assert any((atoms[place], held) in EVIDENCE for place, held in falls.items())


THIEVES = st.builds(
    Environment,
    address=st.just("203.0.113.66"),
    country=st.just("NL"),
    platform=st.sampled_from(["windows", "ios", "linux"]),
    device=st.just(frozenset[str]()),
    sign_in=st.sampled_from(["password", "remember-me"]),
    method=st.sampled_from(["GET", "POST"]),
    endpoint=st.sampled_from(["wiki.page", "index"]),
    risk=st.just({"new-device": False, "new-address": True, "failed-attempts": False, "impossible-travel": False}),
    at=kit.INSTANTS,
)


@given(kit.CONDITIONS, SUBJECTS, THIEVES)
@settings(max_examples=300)
def test_no_thief_of_a_password_meets_an_allow_without_remark(
    condition: Expression, subject: Subject, environment: Environment
) -> None:
    judged = Policy("X", Effect(Action.ALLOW), conditions=condition)
    found = lint(PolicySet((judged,), kit.NETWORKS), facts=FACTS, registry=BUILT_IN)
    if not {remark.code for remark in found} & {"allow-client-chosen", "allow-always"}:
        assert mark_of(condition, subject, environment) is not MatchResult.HIT


def is_denied(policy_set: PolicySet, subject: Subject, resource: str, environment: Environment) -> bool:
    compiled = compile_policies(policy_set, BUILT_IN, version=1)
    matches = [
        match for name in {"app", resource} for match in compiled.matches(subject, name, environment, kit.no_error)
    ]
    return any(match.policy.effect.action is Action.DENY for match in matches)


DENIALS = kit.POLICY_SETS.map(
    lambda policy_set: replace(
        policy_set,
        policies=tuple(
            replace(one, effect=Effect(Action.DENY)) if number % 2 else one
            for number, one in enumerate(policy_set.policies)
        ),
    )
)


@given(DENIALS, kit.SUBJECTS, kit.ENVIRONMENTS)
@settings(max_examples=300)
def test_remarks_on_whole_sets_are_so(policy_set: PolicySet, subject: Subject, environment: Environment) -> None:
    facts = replace(FACTS, admins=(subject,), acting_admin=subject.key)
    found = lint(policy_set, facts=facts, registry=BUILT_IN)
    assert len(set(found)) == len(found)
    if any(remark.code == "denies-every-admin" for remark in found):
        assert is_denied(policy_set, subject, "mfa-admin", environment)
    covered = {remark.policy for remark in found if remark.code == "covered-by-deny"}
    compiled = compile_policies(policy_set, BUILT_IN, version=1)
    rest = replace(policy_set, policies=tuple(one for one in policy_set.policies if one.name not in covered))
    for resource in kit.RESOURCES:
        for match in compiled.matches(subject, resource, environment, kit.no_error):
            if match.policy.name in covered:
                assert is_denied(rest, subject, resource, environment)


def calls_of(act: Callable[[], Any]) -> int:
    """How many functions are called meanwhile: work that doesn't depend on what else the machine does."""
    count = 0

    def note(_frame: Any, event: str, _argument: Any) -> None:
        nonlocal count
        count += event in {"call", "c_call"}

    sys.setprofile(note)
    try:
        act()
    finally:
        sys.setprofile(None)
    return count


def test_of_very_many_unknown_names_only_the_first_are_looked_for_among_the_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lint_module, "MOST_COMPARED", 20)
    known = frozenset(f"department {number}" for number in range(10))
    named = [f"group:departement {number}" for number in range(5)]
    told = remarks(policy(users={"include": named}), facts=replace(FACTS, known_groups=known))
    unknown = [one.sentence for one in told if one.code == "unknown-group"]
    assert ["Did you mean" in sentence for sentence in unknown] == [True, True, False, False, False]


@pytest.mark.parametrize(("groups", "few"), [(False, 200), (True, 60)])
def test_twice_as_many_take_twice_the_work(groups: bool, few: int) -> None:
    def judge(count: int) -> int:
        known = frozenset(f"department number {number} of the company" for number in range(10))
        include = [f"group:departement nr {number} of company" for number in range(count)]
        denials = [
            policy(f"p{number}", users={"include": ["group:a"], "exclude": [f"user:{number}"]}, conditions={"platform": ["ios"]})
            for number in range(count)
        ]  # fmt: skip
        found: list[str] = []
        work = (
            (lambda: found.extend(codes(policy(users={"include": include}), facts=replace(FACTS, known_groups=known))))
            if groups
            else (lambda: found.extend(codes(*denials)))
        )
        calls = calls_of(work)
        assert found.count("unknown-group") == count if groups else "covered-by-deny" not in found
        return calls

    assert judge(2 * few) < 2.3 * judge(few)

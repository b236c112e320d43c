"""What changes between two sets, by meaning, and which change an admin should think about twice."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_mfa_gate.domain.policy.addresses import Network
from flask_mfa_gate.domain.policy.analysis import diff, loosening
from flask_mfa_gate.domain.policy.analysis.diff import Changes, PolicyDiff, difference
from flask_mfa_gate.domain.policy.analysis.implication import form_of, implies
from flask_mfa_gate.domain.policy.condition_tree import Expression
from flask_mfa_gate.domain.policy.conditions.registry import BUILT_IN
from flask_mfa_gate.domain.policy.document.codec import read_policy
from flask_mfa_gate.domain.policy.document.effect import Action, Effect
from flask_mfa_gate.domain.policy.document.policy import Policy, PolicySet
from flask_mfa_gate.domain.policy.evaluation.compiled_policy import Compiler
from flask_mfa_gate.domain.policy.facts import Environment, MatchResult, Subject


def policy(name: str = "X", **fields: Any) -> Policy:
    return read_policy({"name": name, "state": "on", "effect": {"action": "deny"}} | fields, registry=BUILT_IN)


def require(**fields: Any) -> dict[str, Any]:
    return {"action": "require", **fields}


def loosens(old: dict[str, Any] | None, new: dict[str, Any] | None, *, networks: Any = ((), ())) -> tuple[str, ...]:
    """The sentences for one policy before and after; None where there is none."""
    before, after = (PolicySet(() if fields is None else (policy(**fields),)) for fields in (old, new))
    diff = difference(replace(before, networks=networks[0]), replace(after, networks=networks[1]))
    return diff.loosens


def test_equal_sets_differ_in_nothing() -> None:
    both = PolicySet((policy("a"), policy("b")), (Network("n", ("10.0.0.1",)),))
    assert difference(both, both) == PolicyDiff()


def test_names_are_sorted_into_added_removed_and_changed() -> None:
    old = PolicySet((policy("z"), policy("b"), policy("same"), policy("a")))
    new = PolicySet((policy("same"), policy("d"), policy("a", message="Ask"), policy("b", state="off"), policy("c")))
    diff = difference(old, new)
    assert (diff.added, diff.removed, diff.changed) == (("c", "d"), ("z",), ("a", "b"))


def test_networks_are_told_apart_from_policies() -> None:
    old = PolicySet((), (Network("a", ("10.0.0.1", "10.0.0.2")), Network("b", ("::1",)), Network("c", ("::1",))))
    new = PolicySet((), (Network("d", ("::1",)), Network("b", ("::2",)), Network("a", ("10.0.0.2", "10.0.0.1"))))
    diff = difference(old, new)
    assert diff.networks == Changes(added=("d",), removed=("c",), changed=("b",))
    assert (diff.added, diff.removed, diff.changed) == ((), (), ())


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"users": {"include": ["group:a", "group:b"]}}, {"users": {"include": ["group:b", "group:a"]}}),
        ({"resources": []}, {"resources": ["app"]}),
        ({"conditions": {"country": ["DE", "AT"]}}, {"conditions": {"country": ["AT", "DE"]}}),
        (
            {"conditions": {"country": ["DE"], "platform": ["linux"]}},
            {"conditions": {"all": [{"platform": ["linux"]}, {"all": [{"country": ["DE"]}]}]}},
        ),
        (
            {"conditions": {"any": [{"country": ["DE"]}, {"platform": ["linux"]}, {"device": ["trusted"]}]}},
            {"conditions": {"any": [{"any": [{"device": ["trusted"]}, {"platform": ["linux"]}]}, {"country": ["DE"]}]}},
        ),
        ({"conditions": {"not": {"not": {"country": ["DE"]}}}}, {"conditions": {"country": ["DE"]}}),
        (
            {"conditions": {"schedule": {"zone": "UTC", "days": ["mon", "tue"]}}},
            {"conditions": {"schedule": {"days": ["tue", "mon"], "zone": "UTC"}}},
        ),
        ({"effect": require(factors=["totp", "webauthn"])}, {"effect": require(factors=["webauthn", "totp"])}),
    ],
)
def test_order_and_spelling_change_nothing(one: dict[str, Any], other: dict[str, Any]) -> None:
    old, new = PolicySet((policy("z"), policy(**one))), PolicySet((policy(**other), policy("z")))
    assert difference(old, new) == PolicyDiff()
    assert difference(new, old) == PolicyDiff()


@pytest.mark.parametrize(
    "fields",
    [
        {"description": "other"},
        {"message": "other"},
        {"help_link": "https://other.example"},
        {"state": "off"},
        {"users": {"include": ["group:a"]}},
        {"users": {"exclude": ["group:a"]}},
        {"resources": ["payroll"]},
        {"conditions": {"country": ["DE"]}},
        {"effect": require()},
    ],
)
def test_each_field_counts_as_a_change(fields: dict[str, Any]) -> None:
    assert difference(PolicySet((policy(),)), PolicySet((policy(**fields),))).changed == ("X",)


DE, AT = {"country": ["DE"]}, {"country": ["AT"]}
SALES, BOTH = {"include": ["group:sales"]}, {"include": ["group:sales", "group:it"]}


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ({}, None, '"X" is removed, so it no longer denies app.'),
        ({"resources": ["b", "a"]}, None, '"X" is removed, so it no longer denies a, b.'),
        ({"effect": require()}, None, '"X" is removed, so it no longer asks for MFA at app.'),
        ({}, {"state": "off"}, '"X" is turned off, so it no longer denies app.'),
        ({}, {"state": "report-only"}, '"X" only reports now, so it no longer denies app.'),
        ({}, {"effect": require()}, '"X" has deny no longer, but require.'),
        ({}, {"effect": {"action": "allow"}}, '"X" has deny no longer, but allow.'),
        ({"effect": require()}, {"effect": {"action": "allow"}}, '"X" has require no longer, but allow.'),
        ({}, {"effect": {"action": "allow"}, "users": SALES, "conditions": DE}, '"X" has deny no longer, but allow.'),
        ({}, {"effect": require(grace_days=7)}, '"X" has deny no longer, but require.'),
        ({}, {"users": SALES}, '"X" no longer includes all.'),
        ({"users": BOTH}, {"users": SALES}, '"X" no longer includes group:it.'),
        ({}, {"users": {"exclude": ["user:7"]}}, '"X" now excludes user:7.'),
        ({"resources": ["b", "a"]}, {"resources": ["a", "c"]}, '"X" no longer covers b.'),
        ({}, {"resources": ["a"]}, '"X" no longer covers app.'),
        ({}, {"conditions": DE}, '"X" no longer applies everywhere it did: its conditions have changed.'),
        ({"effect": require(factors=["totp"])}, {"effect": require()}, '"X" accepts any factor now.'),
        (
            {"effect": require(factors=["webauthn"])},
            {"effect": require(factors=["webauthn", "totp"])},
            '"X" accepts totp now.',
        ),
        ({"effect": require(max_age=900)}, {"effect": require()}, '"X" limits the age of a proof no longer.'),
        ({"effect": require(max_age=900)}, {"effect": require(max_age=3600)}, '"X" accepts a proof of 1:00:00 now.'),
        (
            {"resources": ["a"], "effect": require(max_age=0)},
            {"resources": ["a"], "effect": require(max_age=1)},
            '"X" accepts a proof of 0:00:01 now.',
        ),
        (
            {"effect": require(grace_days=1)},
            {"effect": require(grace_days=7)},
            '"X" gives 7 days of grace instead of 1.',
        ),
        (None, {"effect": {"action": "allow"}}, '"X" is on now and drops the challenge at app.'),
        (
            {"state": "report-only", "effect": {"action": "allow"}},
            {"effect": {"action": "allow"}},
            '"X" is on now and drops the challenge at app.',
        ),
        (
            {"effect": {"action": "allow"}, "users": SALES},
            {"effect": {"action": "allow"}, "users": BOTH},
            '"X" now includes group:it.',
        ),
        (
            {"effect": {"action": "allow"}, "users": {"exclude": ["user:7"]}},
            {"effect": {"action": "allow"}},
            '"X" no longer excludes user:7.',
        ),
        (
            {"effect": {"action": "allow"}, "resources": ["a"]},
            {"effect": {"action": "allow"}, "resources": ["a", "b"]},
            '"X" now drops the challenge at b too.',
        ),
        (
            {"effect": {"action": "allow"}, "conditions": DE},
            {"effect": {"action": "allow"}, "conditions": {"country": ["DE", "AT"]}},
            '"X" now applies where it did not: its conditions have changed.',
        ),
    ],
)
def test_what_weakens_protection_is_said(old: Any, new: Any, sentence: str) -> None:
    assert loosens(old, new) == (sentence,)
    assert sentence not in loosens(new, old)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (None, {}),
        (None, {"effect": require()}),
        ({"state": "off"}, None),
        ({"state": "report-only"}, None),
        ({"state": "off"}, {}),
        ({"effect": {"action": "allow"}}, None),
        ({"effect": {"action": "allow"}}, {"state": "off", "effect": {"action": "allow"}}),
        ({"effect": {"action": "allow"}}, {"effect": require()}),
        (None, {"state": "off", "effect": {"action": "allow"}}),
        ({"effect": require()}, {}),
        ({"users": SALES}, {"users": BOTH}),
        ({"users": SALES}, {}),
        ({"users": {"exclude": ["user:7"]}}, {}),
        ({"resources": ["a"]}, {"resources": ["a", "b"]}),
        ({"conditions": DE}, {}),
        ({"conditions": DE}, {"conditions": {"country": ["DE", "AT"]}}),
        ({"conditions": {"not": {"country": ["DE", "AT"]}}}, {"conditions": {"not": DE}}),
        ({"conditions": {"platform": ["linux"], **DE}}, {"conditions": DE}),
        ({"conditions": DE}, {"conditions": {"any": [DE, {"platform": ["linux"]}]}}),
        ({"effect": {"action": "allow"}, "conditions": DE}, {"effect": {"action": "allow"}, "conditions": {**DE, "device": ["trusted"]}}),
        ({"effect": {"action": "allow"}}, {"effect": {"action": "allow"}, "conditions": DE}),
        ({"effect": require()}, {"effect": require(factors=["totp"], max_age=900)}),
        ({"effect": require(factors=["totp", "webauthn"], grace_days=7)}, {"effect": require(factors=["webauthn"])}),
        ({"effect": require(max_age=900, factors=["totp"])}, {}),
        ({"effect": {"action": "allow"}}, {"effect": {"action": "allow"}, "users": SALES}),
        ({}, {"message": "Ask", "description": "x", "help_link": "https://a.example"}),
    ],
)  # fmt: skip
def test_what_tightens_is_not_said(old: Any, new: Any) -> None:
    assert loosens(old, new) == ()


def test_conditions_that_cannot_be_compared_are_taken_for_the_worse() -> None:
    for effect, words in (
        ({"action": "deny"}, "no longer applies everywhere"),
        ({"action": "allow"}, "now applies where"),
    ):
        (sentence,) = loosens({"effect": effect, "conditions": AT}, {"effect": effect, "conditions": DE})
        assert words in sentence


def test_the_same_text_of_another_word_is_another_condition() -> None:
    (sentence,) = loosens({"conditions": {"browser": ["other"]}}, {"conditions": {"platform": ["other"]}})
    assert sentence.endswith("its conditions have changed.")


@pytest.mark.parametrize("effect", [{"action": "deny"}, require(), {"action": "allow"}])
def test_another_name_for_the_same_weakens_nothing(effect: dict[str, Any]) -> None:
    old, new = PolicySet((policy("old", effect=effect),)), PolicySet((policy("new", effect=effect, message="Ask"),))
    assert difference(old, new) == PolicyDiff(added=("new",), removed=("old",))


OFFICE = ((Network("office", ("10.0.0.0/16",)),), (Network("office", ("10.0.0.0/8",)),))
CHANGED = ": a network that it names has changed."


@pytest.mark.parametrize(
    ("fields", "wider", "narrower"),
    [
        ({"conditions": {"network": ["office"]}}, "", '"X" no longer applies everywhere it did' + CHANGED),
        ({"conditions": {"not": {"network": ["office"]}}}, '"X" no longer applies everywhere it did' + CHANGED, ""),
        (
            {"effect": {"action": "allow"}, "conditions": {"network": ["office"]}},
            '"X" now applies where it did not' + CHANGED,
            "",
        ),
        (
            {"effect": {"action": "allow"}, "conditions": {"not": {"network": ["office"]}}},
            "",
            '"X" now applies where it did not' + CHANGED,
        ),
    ],
)
def test_a_network_weakens_the_policies_that_rest_on_it(fields: dict[str, Any], wider: str, narrower: str) -> None:
    assert loosens(fields, fields, networks=OFFICE) == tuple(filter(None, (wider,)))
    assert loosens(fields, fields, networks=OFFICE[::-1]) == tuple(filter(None, (narrower,)))


def test_the_same_addresses_in_other_words_weaken_nothing() -> None:
    old = ((Network("office", ("10.0.0.0/25", "10.0.0.128/25")),), (Network("office", ("10.0.0.0-10.0.0.255",)),))
    for action in ("allow", "deny"):
        fields = {"effect": {"action": action}, "conditions": {"network": ["office"]}}
        assert loosens(fields, fields, networks=old) == ()
        assert loosens(fields, fields | {"conditions": {"network": ["10.0.0.0/24"]}}, networks=old) == ()


def test_a_network_that_is_gone_is_another_one() -> None:
    fields = {"effect": {"action": "allow"}, "conditions": {"network": ["office"]}}
    assert loosens(fields, fields, networks=(OFFICE[0], ())) == ('"X" now applies where it did not' + CHANGED,)


def test_all_weak_points_of_a_change_are_named() -> None:
    old = policy("A", effect=require(factors=["webauthn"], max_age=60), resources=["a", "b"])
    new = policy("A", effect=require(grace_days=3), resources=["a"], users={"exclude": ["user:7"]}, conditions=DE)
    assert difference(PolicySet((old,)), PolicySet((new,))).loosens == (
        '"A" now excludes user:7.',
        '"A" no longer covers b.',
        '"A" no longer applies everywhere it did: its conditions have changed.',
        '"A" accepts any factor now.',
        '"A" limits the age of a proof no longer.',
        '"A" gives 3 days of grace instead of 0.',
    )


# Whether one condition implies another is told by form alone, so it may say no too often, never yes.

LEAVES = st.one_of(
    st.lists(st.sampled_from(["DE", "AT"]), min_size=1, unique=True).map(lambda codes: {"country": codes}),
    st.sampled_from([{"platform": ["linux"]}, {"device": ["trusted"]}]),
)
TREES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: {"all": parts}),
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: {"any": parts}),
        inner.map(lambda part: {"not": part}),
    ),
    max_leaves=5,
)
WORLDS = [
    Environment(country=country, platform=platform, device=device)
    for country in (None, "DE", "AT", "CH")
    for platform in (None, "linux", "windows")
    for device in (None, frozenset[str](), frozenset({"trusted"}))
]
ORDER = {MatchResult.MISS: 0, MatchResult.UNKNOWN: 1, MatchResult.HIT: 2}


def marks(conditions: Expression) -> list[int]:
    compiled = Compiler(BUILT_IN, {}).policy(Policy("x", Effect(Action.DENY), conditions=conditions), 0)
    return [ORDER[compiled.mark(Subject("7"), world, {})] for world in WORLDS]


@given(TREES, TREES)
def test_what_implies_another_holds_nowhere_alone(narrow: dict[str, Any], wide: dict[str, Any]) -> None:
    few, many = policy(conditions=narrow).conditions, policy(conditions=wide).conditions
    if implies(form_of(few), form_of(many)):
        assert all(one <= other for one, other in zip(marks(few), marks(many), strict=True))


def test_of_many_policies_only_the_changed_ones_are_looked_through(monkeypatch: pytest.MonkeyPatch) -> None:
    many = [policy(f"p{n}", resources=[f"r{n}"], conditions={"network": [f"10.0.{n}.0/24"]}) for n in range(200)]
    old, new = PolicySet(tuple(many)), PolicySet((*many[1:], policy("p0", resources=["wiki"])))
    seen: list[object] = []

    def counted(*given: object) -> object:
        seen.append(given[0])
        return form_of(*given)  # type: ignore[arg-type]

    for module in (diff, loosening):
        monkeypatch.setattr(module, "form_of", counted)
    found = difference(old, new)
    assert found.changed == ("p0",)
    assert found.loosens == ('"p0" no longer covers r0.',)
    assert len(seen) < 10

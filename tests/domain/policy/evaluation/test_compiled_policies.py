"""Which policies apply: found by index, judged with what is known, and explained by the same tests."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_mfa_gate.domain.policy.condition_tree import And, Condition, Expression, Not, Or
from flask_mfa_gate.domain.policy.conditions.backing import Backing
from flask_mfa_gate.domain.policy.conditions.listed import ListedWord
from flask_mfa_gate.domain.policy.conditions.registry import BUILT_IN, Registry
from flask_mfa_gate.domain.policy.document.effect import Action, Effect
from flask_mfa_gate.domain.policy.document.policy import Policy, PolicySet, PolicyState
from flask_mfa_gate.domain.policy.document.users import Users
from flask_mfa_gate.domain.policy.evaluation.compiled_policies import CompiledPolicies, compile_policies
from flask_mfa_gate.domain.policy.evaluation.compiled_policy import Match
from flask_mfa_gate.domain.policy.facts import Environment, MatchResult, Subject
from flask_mfa_gate.errors import ConfigError, PolicyError
from tests.domain.policy.kit import (
    CONDITIONS,
    CRITERIA,
    ENVIRONMENTS,
    NETWORKS,
    POLICY_SETS,
    RESOURCES,
    SUBJECTS,
    no_error,
)

HIT, MISS, UNKNOWN = MatchResult.HIT, MatchResult.MISS, MatchResult.UNKNOWN
ANYONE, NOTHING = Subject("1"), Environment()
OFFICE = Condition("network", ("office",))


def policy(name: str = "p", **changes: Any) -> Policy:
    return Policy(name, Effect(Action.DENY), **{"state": PolicyState.ON, **changes})


def compiled(*policies: Policy, registry: Registry = BUILT_IN) -> CompiledPolicies:
    return compile_policies(PolicySet(policies, NETWORKS), registry, version=1)


def marks(
    *policies: Policy, subject: Subject = ANYONE, resource: str = "app", environment: Environment = NOTHING
) -> dict[str, MatchResult]:
    found = compiled(*policies).matches(subject, resource, environment, no_error)
    return {match.policy.name: match.mark for match in found}


def test_a_policy_without_resources_is_about_the_app() -> None:
    policies = (policy("whole"), policy("pay", resources=("payroll",)), policy("both", resources=("app", "payroll")))
    assert set(marks(*policies)) == {"whole", "both"}
    assert set(marks(*policies, resource="payroll")) == {"pay", "both"}
    assert set(marks(*policies, resource="wiki")) == set()


@pytest.mark.parametrize(
    ("include", "exclude", "expected"),
    [
        (("all",), (), HIT),
        (("user:1",), (), HIT),
        (("user:2",), (), None),
        (("group:a",), (), HIT),
        (("group:c",), (), None),
        (("group:a", "group:b", "user:1"), (), HIT),
        (("all",), ("user:1",), None),
        (("all",), ("group:b",), None),
        (("user:1",), ("group:a",), None),
        (("all",), ("group:c", "user:2"), HIT),
        (("all",), ("all",), None),
    ],
)
def test_an_exclude_beats_every_include(include: Any, exclude: Any, expected: MatchResult | None) -> None:
    subject = Subject("1", groups=frozenset("ab"))
    assert marks(policy(users=Users(include, exclude)), subject=subject).get("p") is expected


@pytest.mark.parametrize(
    ("include", "exclude", "expected"),
    [
        (("group:a",), (), UNKNOWN),
        (("group:a", "user:1"), (), HIT),
        (("user:2",), (), None),
        (("all",), ("group:a",), UNKNOWN),
        (("all",), ("group:a", "user:1"), None),
        (("user:1",), ("user:2",), HIT),
    ],
)
def test_membership_in_unknown_groups_is_unknown(include: Any, exclude: Any, expected: MatchResult | None) -> None:
    subject = Subject("1", groups=None)
    assert marks(policy(users=Users(include, exclude)), subject=subject).get("p") is expected


def test_a_condition_that_fails_makes_the_policy_not_apply_and_one_that_is_open_leaves_it_open() -> None:
    inside, outside, hidden = (Environment(address=address) for address in ("10.0.0.1", "192.0.2.1", None))
    away = policy(conditions=Not(OFFICE))
    assert [marks(away, environment=here) for here in (inside, outside, hidden)] == [{}, {"p": HIT}, {"p": UNKNOWN}]


def test_off_is_never_judged_and_report_only_apart() -> None:
    ready = compiled(policy("on"), policy("off", state=PolicyState.OFF), policy("seen", state=PolicyState.REPORT_ONLY))
    live = ready.matches(ANYONE, "app", Environment(), no_error)
    reported = ready.reported_matches(ANYONE, "app", Environment(), no_error)
    assert [match.policy.name for match in live] == ["on"]
    assert [match.policy.name for match in reported] == ["seen"]
    traces = ready.explain(ANYONE, ["app"], Environment(), no_error)
    assert [(trace.name, trace.state.value, trace.applies) for trace in traces] == [
        ("on", "on", True),
        ("off", "off", True),
        ("seen", "report-only", True),
    ]


def test_of_many_policies_those_are_explained_that_are_read() -> None:
    looks: list[Subject] = []
    word = ListedWord("counted", lambda subject, _: looks.append(subject))
    registry = BUILT_IN.with_word(word)
    rows = [policy(f"p{number}", conditions=Condition("counted", (f"c{number}",))) for number in range(1000)]
    traces = compiled(*rows, registry=registry).explain(ANYONE, ["app"], NOTHING, no_error)
    assert (len(traces), looks) == (1000, [])
    assert traces[-1].name == "p999"
    once = len(looks)
    assert [trace.name for trace in traces[3:5]] == ["p3", "p4"]
    assert len(looks) == 3 * once > 0
    assert traces == tuple(traces)
    assert traces != tuple(traces)[1:]


def test_matches_come_once_and_in_the_document_s_order() -> None:
    subject = Subject("1", groups=frozenset("ab"))
    users = [Users(("group:b", "group:a", "user:1")), Users(), Users(("user:1",)), Users(("group:a",))]
    ready = compiled(*(policy(f"p{number}", users=whom) for number, whom in enumerate(users)))
    assert [match.policy.name for match in ready.matches(subject, "app", Environment(), no_error)] == [
        "p0",
        "p1",
        "p2",
        "p3",
    ]


def test_a_short_document_makes_no_huge_index() -> None:
    names, half = tuple(f"user:{number}" for number in range(1001)), tuple(f"r{number}" for number in range(250))
    assert len(compiled(policy("p", users=Users(names[:1000]), resources=half)).policies) == 1
    everywhere = tuple(f"r{number}" for number in range(20_000))
    for state in (PolicyState.ON, PolicyState.OFF):
        with pytest.raises(PolicyError, match="500000 pairs"):
            compiled(policy("p", users=Users(names), resources=everywhere, state=state))


def test_many_policies_leave_few_candidates() -> None:
    users = [Users((f"group:g{number % 100}",)) for number in range(2000)]
    ready = compiled(
        *(policy(str(number), users=whom, resources=(f"r{number % 40}",)) for number, whom in enumerate(users))
    )
    found = ready.candidates(Subject("1", frozenset({"g7", "g8"})), "r7", None)
    assert {row.policy.name for row in found} == {str(number) for number in range(7, 2000, 200)}
    assert len(ready.candidates(Subject("1", groups=None), "r7", None)) == 50
    assert len(ready.candidates(Subject("1"), "r7", None)) == 0


def failing(subject: Subject, environment: Environment) -> str:
    raise RuntimeError("the host's own fault")


BADGE = ListedWord("badge", lambda subject, environment: {"1": "red"}.get(subject.key))
BROKEN = ListedWord("broken", failing)


def test_a_host_adds_a_word() -> None:
    registry = BUILT_IN.with_word(BADGE)
    criterion = registry.read("badge", ["red", "blue"], "here")
    ready = compiled(policy(conditions=criterion), registry=registry)
    assert ready.matches(Subject("1"), "app", Environment(), no_error)[0].mark is HIT
    assert ready.matches(Subject("2"), "app", Environment(), no_error)[0].mark is UNKNOWN
    assert "badge" not in BUILT_IN.words
    with pytest.raises(ConfigError):
        registry.with_word(BADGE)


def test_a_host_adds_signals() -> None:
    registry = BUILT_IN.with_risk(["tor"])
    ready = compiled(policy(conditions=registry.read("risk", ["Tor"], "here")), registry=registry)
    assert ready.matches(ANYONE, "app", Environment(risk={"tor": True}), no_error)[0].mark is HIT
    assert ready.matches(ANYONE, "app", Environment(risk={"tor": False}), no_error) == ()
    assert registry.read("risk", ["new-device"], "here").wanted == ("new-device",)
    with pytest.raises(PolicyError):
        BUILT_IN.read("risk", ["tor"], "here")


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        (Condition("broken", ("x",)), UNKNOWN),
        (Not(Condition("broken", ("x",))), UNKNOWN),
        (And((Condition("broken", ("x",)), OFFICE)), UNKNOWN),
        (And((Condition("broken", ("x",)), Not(OFFICE))), None),
        (Or((Condition("broken", ("x",)), OFFICE)), HIT),
    ],
)
def test_a_condition_that_raises_is_unknown_and_told(conditions: Expression, expected: MatchResult | None) -> None:
    told: list[tuple[str, str, str]] = []
    registry = BUILT_IN.with_word(BROKEN)
    ready = compiled(policy(conditions=conditions), registry=registry)
    here = Environment(address="10.0.0.1")
    found = ready.matches(ANYONE, "app", here, lambda name, word, error: told.append((name, word, str(error))))
    assert found == (() if expected is None else (Match(ready.policies[0].policy, expected),))
    assert told == [("p", "broken", "the host's own fault")]
    trace = ready.explain(ANYONE, ["app"], here, lambda *error: None)[0]
    assert trace.mark is (expected or MISS)
    assert next(found.mark for found in trace.criteria if found.word == "broken") is UNKNOWN


class Careless:
    """A host's word that answers with something else than a mark."""

    word = "careless"

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def read(self, wanted: object, where: str) -> Any:
        return ("x",)

    def compile(self, wanted: Any, networks: Any, where: str) -> Any:
        return lambda subject, environment: self.answer

    def looked_at(self, subject: Subject, environment: Environment, wanted: Any) -> str:
        return ""

    def backing(self, wanted: Any, networks: Any, *, negated: bool) -> Backing:
        return Backing.CHOSEN

    def needs(self, wanted: Any) -> Any:
        return frozenset()


@pytest.mark.parametrize("mark", MatchResult)
@pytest.mark.parametrize("action", Action)
def test_what_is_explained_to_apply_is_what_counts(action: Action, mark: MatchResult) -> None:
    """An unknown fact tightens and loosens nothing; whoever asks ``if policy.applies`` gets that answer."""
    registry = BUILT_IN.with_word(Careless(mark))
    ready = compiled(
        replace(policy(conditions=Condition("careless", ("x",))), effect=Effect(action)), registry=registry
    )
    (trace,) = ready.explain(ANYONE, ["app"], Environment(), no_error)
    assert trace.mark is mark
    assert trace.applies is {HIT: True, MISS: False, UNKNOWN: action is not Action.ALLOW}[mark]


@pytest.mark.parametrize("answer", [None, False, True, "hit", 0])
@pytest.mark.parametrize(
    "wrap",
    [
        lambda part: part,
        Not,
        lambda part: And((part, OFFICE)),
        lambda part: Or((part, Not(OFFICE))),
        lambda part: Not(And((part, OFFICE))),
    ],
)
def test_an_answer_that_is_no_mark_is_unknown(answer: Any, wrap: Any) -> None:
    ready = compiled(
        policy(conditions=wrap(Condition("careless", ("x",)))), registry=BUILT_IN.with_word(Careless(answer))
    )
    here = Environment(address="10.0.0.1")
    assert [match.mark for match in ready.matches(ANYONE, "app", here, no_error)] == [UNKNOWN]
    trace = ready.explain(ANYONE, ["app"], here, no_error)[0]
    assert trace.mark is UNKNOWN
    assert trace.criteria[2].mark is UNKNOWN


@dataclass
class Counting:
    """A host's test that is an object, equals others of its kind, and cannot be a key."""

    answer: MatchResult
    times: int = 0

    def __call__(self, subject: Subject, environment: Environment) -> MatchResult:
        self.times += 1
        return self.answer


class Counted(Careless):
    """A host's word whose tests count; each value has its own."""

    word = "counted"

    def __init__(self, **answers: MatchResult) -> None:
        self.tests = {value: Counting(answer) for value, answer in answers.items()}

    def read(self, wanted: object, where: str) -> Any:
        return (wanted,)

    def compile(self, wanted: Any, networks: Any, where: str) -> Any:
        return self.tests[wanted[0]]


@pytest.mark.parametrize("answer", [HIT, UNKNOWN, MISS])
def test_policies_that_share_a_test_ask_it_once_a_decision(answer: MatchResult) -> None:
    word = Counted(x=answer)
    conditions = And((Condition("counted", ("x",)), OFFICE))
    ready = compiled(*(policy(f"p{n}", conditions=conditions) for n in range(5)), registry=BUILT_IN.with_word(word))
    here = Environment(address="10.0.0.1")
    for decision in (1, 2):
        marks = [match.mark for match in ready.matches(ANYONE, "app", here, no_error)]
        assert marks == ([] if answer is MISS else [answer] * 5)
        assert word.tests["x"].times == decision


def test_tests_that_are_equal_are_not_taken_for_one() -> None:
    word = Counted(x=HIT, y=HIT)
    rows = [policy(value, conditions=Condition("counted", (value,))) for value in ("x", "y")]
    ready = compiled(*rows, registry=BUILT_IN.with_word(word))
    assert len(ready.matches(ANYONE, "app", Environment(), no_error)) == 2
    assert [test.times for test in word.tests.values()] == [1, 1]


def test_a_condition_that_raises_does_not_make_unknown_membership_certain() -> None:
    registry = BUILT_IN.with_word(BROKEN)
    conditions = Or((Condition("broken", ("x",)), OFFICE))
    ready = compiled(policy(conditions=conditions, users=Users(("group:a",))), registry=registry)
    here = Environment(address="10.0.0.1")
    found = ready.matches(Subject("1", groups=None), "app", here, lambda *error: None)
    assert [match.mark for match in found] == [UNKNOWN]


@pytest.mark.parametrize(
    ("criterion", "path", "nearest"),
    [
        (Condition("network", ("office", "labb")), "policies[1].conditions.network[1]", "lab"),
        (Condition("netwrok", ("office",)), "policies[1].conditions.netwrok", "network"),
    ],
)
def test_a_name_that_nobody_knows_stops_the_whole_set(criterion: Condition, path: str, nearest: str) -> None:
    with pytest.raises(PolicyError) as caught:
        compiled(policy("good"), policy("bad", conditions=Not(criterion), state=PolicyState.OFF))
    assert (caught.value.path, caught.value.nearest) == (path, nearest)


def test_groups_are_asked_for_only_where_a_policy_in_play_names_one() -> None:
    ready = compiled(
        policy("1", users=Users(("group:a",)), resources=("payroll",)),
        policy("2", users=Users(exclude=("group:a",)), resources=("wiki",), state=PolicyState.REPORT_ONLY),
        policy("3", users=Users(("group:a",)), state=PolicyState.OFF),
        policy("4", users=Users(("user:1",))),
    )
    assert ready.grouped_resources == {"payroll"}, "one that is only reported asks the host for nothing at a request"


def test_an_explanation_says_what_was_looked_at_and_why() -> None:
    conditions = And((OFFICE, Condition("country", ("DE", "FR")), Condition("device", ("managed",))))
    ready = compiled(policy(conditions=conditions, users=Users(("group:a",))))
    here = Environment(address="10.0.0.1", country="US")
    trace = ready.explain(Subject("1", frozenset("a")), ["payroll"], here, no_error)[0]
    assert [(found.word, found.mark, found.looked_at) for found in trace.criteria] == [
        ("resources", MISS, "payroll"),
        ("users", HIT, "user:1, group:a"),
        ("network", HIT, "10.0.0.1"),
        ("country", MISS, "US"),
        ("device", UNKNOWN, ""),
    ]
    assert [found.reason for found in trace.criteria[2:]] == [
        "10.0.0.1 matches office.",
        "US does not match DE or FR.",
        "Not known whether it matches managed.",
    ]


@pytest.mark.parametrize("wanted", [Condition("request", MappingProxyType({"methods": ("GET",)})), OFFICE])
def test_equal_criteria_share_one_test_and_unequal_ones_do_not(wanted: Condition) -> None:
    other = Condition(wanted.word, {"methods": ("POST",)} if wanted.word == "request" else ("lab",))
    ready = compiled(policy("1", conditions=wanted), policy("2", conditions=wanted), policy("3", conditions=other))
    tests = [row.criteria[0] for row in ready.policies]
    assert tests[0] is tests[1]
    assert tests[0] is not tests[2]


CASES = {
    "policy_set": POLICY_SETS,
    "subject": SUBJECTS,
    "resource": st.sampled_from(RESOURCES),
    "environment": ENVIRONMENTS,
}


@given(**CASES)
def test_the_index_finds_what_a_scan_of_all_finds_and_an_explanation_agrees(
    policy_set: PolicySet, subject: Subject, resource: str, environment: Environment
) -> None:
    ready = compile_policies(policy_set, BUILT_IN, version=1)
    live = {match.policy.name: match.mark for match in ready.matches(subject, resource, environment, no_error)}
    reported = {
        match.policy.name: match.mark for match in ready.reported_matches(subject, resource, environment, no_error)
    }
    for one, trace in zip(policy_set.policies, ready.explain(subject, [resource], environment, no_error), strict=True):
        expected = {PolicyState.ON: live, PolicyState.REPORT_ONLY: reported, PolicyState.OFF: {}}[one.state]
        alone = compile_policies(PolicySet((replace(one, state=PolicyState.ON),), NETWORKS), BUILT_IN, version=1)
        scanned = alone.policies[0].mark(subject, environment, {}) if resource in (one.resources or ("app",)) else MISS
        assert trace.mark is scanned
        assert one.state is PolicyState.OFF or expected.get(one.name, MISS) is scanned
    assert set(live) | set(reported) <= {one.name for one in policy_set.policies if one.state is not PolicyState.OFF}


@given(condition=CONDITIONS, subject=SUBJECTS, environment=ENVIRONMENTS)
def test_twice_not_is_nothing(condition: Expression, subject: Subject, environment: Environment) -> None:
    ready = compiled(policy("plain", conditions=condition), policy("twice", conditions=Not(Not(condition))))
    plain, twice = (row.mark(subject, environment, {}) for row in ready.policies)
    assert plain is twice


@given(parts=st.lists(CRITERIA, min_size=2, max_size=4), data=st.data(), subject=SUBJECTS, environment=ENVIRONMENTS)
def test_the_order_of_conditions_never_matters(
    parts: list[Expression], data: st.DataObject, subject: Subject, environment: Environment
) -> None:
    other = data.draw(st.permutations(parts))
    for kind in (And, Or):
        rows = compiled(policy("1", conditions=kind(tuple(parts))), policy("2", conditions=kind(tuple(other)))).policies
        assert rows[0].mark(subject, environment, {}) is rows[1].mark(subject, environment, {})


@given(
    condition=CONDITIONS,
    subject=SUBJECTS,
    environment=ENVIRONMENTS,
    hidden=st.sampled_from([one.name for one in fields(Environment) if one.name != "device_unknown"]),
)
def test_hiding_a_fact_never_turns_a_certain_answer_into_the_other(
    condition: Expression, subject: Subject, environment: Environment, hidden: str
) -> None:
    row = compiled(policy(conditions=condition)).policies[0]
    before = row.mark(subject, environment, {})
    after = row.mark(subject, replace(environment, **{hidden: None}), {})
    assert after in (before, UNKNOWN)

"""The decision under policies: each line of the law, and what holds for whatever policies and facts there are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_mfa_gate.domain.access import APP, MFA_ADMIN, Access
from flask_mfa_gate.domain.authorization.decide import decide
from flask_mfa_gate.domain.authorization.decision import Ask, ConditionFailure, Decision, Reason
from flask_mfa_gate.domain.authorization.request import AccessRequest
from flask_mfa_gate.domain.authorization.rules import Lapse, LockoutScope, Rules
from flask_mfa_gate.domain.enrollment.enrollment import EnrollmentState, Period
from flask_mfa_gate.domain.policy.condition_tree import Condition, Not
from flask_mfa_gate.domain.policy.conditions.condition_type import ALL_FACTS, facts_of
from flask_mfa_gate.domain.policy.conditions.listed import ListedWord
from flask_mfa_gate.domain.policy.conditions.registry import BUILT_IN
from flask_mfa_gate.domain.policy.document.effect import Action, Effect
from flask_mfa_gate.domain.policy.document.policy import Policy, PolicySet, PolicyState
from flask_mfa_gate.domain.policy.evaluation.compiled_policies import compile_policies
from flask_mfa_gate.domain.policy.evaluation.compiled_policy import Match
from flask_mfa_gate.domain.policy.facts import Environment, MatchResult, Subject
from flask_mfa_gate.domain.sign_in.assurance import Assurance, FactorKind, Method, Proof, SignIn
from tests.domain.policy.kit import EFFECTS, ENVIRONMENTS, POLICY_SETS, SUBJECTS, policies_that

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
DAY = timedelta(days=1)
TOTP, NONE = frozenset({FactorKind("totp")}), frozenset[FactorKind]()
RANK = {word: rank for rank, word in enumerate(Ask)}
RUNNING, LAPSED = Period(NOW - DAY, NOW + DAY), Period(NOW - 9 * DAY, NOW - DAY)
PROVED = Assurance(SignIn.PASSWORD, NOW, (Proof(Method("totp"), NOW - timedelta(minutes=2)),))
BARE = Assurance(SignIn.PASSWORD, NOW)
ALLOW, DENY, REQUIRE = Effect(Action.ALLOW), Effect(Action.DENY), Effect(Action.REQUIRE)


def require(**terms: Any) -> Effect:
    return Effect(Action.REQUIRE, **terms)


def matched(*effects: Effect, mark: MatchResult = MatchResult.HIT) -> list[Match]:
    return [Match(Policy(f"{mark}{place}", effect), mark) for place, effect in enumerate(effects)]


def unsure(*effects: Effect) -> list[Match]:
    return matched(*effects, mark=MatchResult.UNKNOWN)


def judged(
    at: Mapping[str, list[Match]], *, enrollment: EnrollmentState | None = None, rules: Rules | None = None,
    assurance: Assurance = BARE, **context: Any,
) -> Decision:  # fmt: skip
    made = AccessRequest(
        enrollment or EnrollmentState("k"), assurance, resources=tuple(name for name in at if name != APP), **context
    )
    return decide(made, policies_that(at), rules or Rules(), now=NOW)


def holder(**facts: Any) -> EnrollmentState:
    return EnrollmentState("k", factors=TOTP, **facts)


def defaults(word: str, name: str = APP) -> Rules:
    return Rules(default_access={name: Access(word)})


# 0


def test_the_words_stand_in_their_order() -> None:
    assert [word.value for word in Ask] == ["deny", "locked", "challenge", "enroll", "prompt", "pass"]


@pytest.mark.parametrize("effects", [(), (ALLOW,), (REQUIRE,), (require(grace_days=9),)])
def test_a_lapsed_user_of_scope_app_is_locked_whatever_policies_demand(effects: tuple[Effect, ...]) -> None:
    lapsed = EnrollmentState("k", required=True, period=LAPSED)
    assert judged({APP: matched(*effects)}, enrollment=lapsed).ask is Ask.LOCKED


def test_only_a_deny_comes_before_the_lock() -> None:
    assert judged({APP: matched(DENY)}, enrollment=EnrollmentState("k", required=True, period=LAPSED)).ask is Ask.DENY


def test_of_scope_protected_a_lapse_locks_where_a_demand_is_not_met() -> None:
    rules = Rules(lockout_scope=LockoutScope.PROTECTED)
    lapsed = EnrollmentState("k", required=True, period=LAPSED)
    assert judged({}, enrollment=lapsed, rules=rules).ask is Ask.PASS
    assert judged({"payroll": matched(REQUIRE)}, enrollment=lapsed, rules=rules).ask is Ask.LOCKED
    assert judged({"payroll": matched(require(grace_days=9))}, enrollment=lapsed, rules=rules).ask is Ask.LOCKED
    assert judged({APP: matched(REQUIRE)}, enrollment=lapsed, rules=rules).ask is Ask.LOCKED


def test_after_a_lapse_nobody_sets_up_a_factor_wherever_else_it_locks() -> None:
    rules, lapsed = Rules(lockout_scope=LockoutScope.PROTECTED), EnrollmentState("k", required=True, period=LAPSED)
    assert judged({}, enrollment=lapsed, rules=rules, sets_up_factor=True).ask is Ask.LOCKED
    assert judged({}, enrollment=EnrollmentState("k"), rules=rules, sets_up_factor=True).ask is Ask.PASS


# 3


def test_deny_beats_require_beats_allow() -> None:
    assert judged({APP: matched(ALLOW, REQUIRE, DENY)}, enrollment=holder(), assurance=PROVED).ask is Ask.DENY
    assert judged({APP: matched(ALLOW, REQUIRE)}, enrollment=holder()).ask is Ask.CHALLENGE
    assert judged({APP: matched(ALLOW)}, enrollment=holder()).ask is Ask.PASS


def test_every_list_has_to_be_met_by_one_proof_or_by_several() -> None:
    both, keys = require(factors=frozenset(FactorKind)), require(factors=frozenset({FactorKind("webauthn")}))
    rules = Rules(enabled=frozenset(FactorKind))
    rich = EnrollmentState("k", factors=frozenset(FactorKind))
    at = {"payroll": matched(both, keys)}
    assert judged(at, enrollment=rich, rules=rules, assurance=PROVED).ask is Ask.CHALLENGE
    key = Assurance(SignIn.PASSWORD, NOW, (Proof(Method("webauthn"), NOW),))
    assert judged(at, enrollment=rich, rules=rules, assurance=key).ask is Ask.PASS, "one serves both"


def test_the_smallest_age_counts_for_every_list() -> None:
    at = {"payroll": matched(require(max_age=timedelta(hours=1)), require(max_age=timedelta(minutes=1)))}
    found = judged(at, enrollment=holder(), assurance=PROVED)
    assert (found.word, found.requirement.max_age) == (Ask.CHALLENGE, timedelta(minutes=1))


def test_the_earliest_end_of_grace_counts_and_a_hard_rule_has_none() -> None:
    soft = [require(grace_days=9), require(grace_days=2)]
    found = judged({APP: matched(*soft)})
    assert (found.word, found.grace_ends_at) == (Ask.PROMPT, NOW + 2 * DAY)
    begun = EnrollmentState("k", graces={"hit0": NOW - 8 * DAY - timedelta(hours=12)})
    assert judged({APP: matched(*soft)}, enrollment=begun).grace_ends_at == NOW + timedelta(hours=12)
    assert judged({APP: matched(*soft, REQUIRE)}).ask is Ask.ENROLL


# 2 and 4


@pytest.mark.parametrize(
    ("default", "found", "word"),
    [
        ("user-setting", [], Ask.CHALLENGE), ("allow", [], Ask.PASS), ("require", [], Ask.CHALLENGE),
        ("deny", [], Ask.DENY),
        ("deny", matched(ALLOW), Ask.PASS), ("deny", unsure(ALLOW), Ask.DENY),
        ("deny", matched(REQUIRE), Ask.CHALLENGE), ("deny", unsure(REQUIRE), Ask.DENY),
        ("require", matched(ALLOW), Ask.PASS), ("require", unsure(ALLOW), Ask.CHALLENGE),
        ("allow", matched(REQUIRE), Ask.CHALLENGE), ("allow", unsure(REQUIRE), Ask.CHALLENGE),
        ("user-setting", matched(ALLOW), Ask.PASS), ("user-setting", unsure(ALLOW), Ask.CHALLENGE),
        ("user-setting", unsure(DENY), Ask.DENY), ("allow", unsure(DENY), Ask.DENY),
    ],
)  # fmt: skip
def test_default_access_of_the_app(default: str, found: list[Match], word: Ask) -> None:
    assert judged({APP: found}, enrollment=holder(), rules=defaults(default)).word is word


def test_a_require_with_grace_never_displaces_a_default_require() -> None:
    assert judged({APP: matched(require(grace_days=9))}, rules=defaults("require")).ask is Ask.ENROLL
    assert judged({APP: matched(require(grace_days=9), ALLOW)}, rules=defaults("require")).ask is Ask.ENROLL
    assert judged({APP: matched(require(grace_days=9))}).ask is Ask.PROMPT
    at = {"payroll": matched(require(grace_days=9))}
    assert judged(at, rules=defaults("require", "payroll")).ask is Ask.ENROLL


def test_default_access_of_a_resource() -> None:
    for default, word in (("allow", Ask.PASS), ("require", Ask.CHALLENGE), ("deny", Ask.DENY)):
        old = replace(PROVED, proofs=())
        found = judged({"payroll": []}, enrollment=holder(), rules=Rules(
            default_access={"payroll": Access(default), APP: Access.ALLOW}), assurance=old)  # fmt: skip
        assert found.word is word


@pytest.mark.parametrize("default", ["allow", "require", "deny"])
@pytest.mark.parametrize("effects", [(), (ALLOW,), (require(grace_days=9),)])
def test_nothing_opens_the_console_without_a_proof(default: str, effects: tuple[Effect, ...]) -> None:
    rules = Rules(default_access={MFA_ADMIN: Access(default), APP: Access.ALLOW})
    assert judged({MFA_ADMIN: matched(*effects)}, enrollment=holder(), rules=rules).ask is Ask.CHALLENGE
    assert judged({MFA_ADMIN: matched(*effects)}, rules=rules).ask is Ask.ENROLL
    assert judged({MFA_ADMIN: matched(*effects)}, enrollment=holder(), rules=rules, assurance=PROVED).ask is Ask.PASS


def test_a_hidden_fact_does_not_let_a_default_allow_drop_the_challenge() -> None:
    """One who holds an app where keys are demanded, softly: known to apply, the app is asked for all the same."""
    keys = require(factors=frozenset({FactorKind("webauthn")}), grace_days=9)
    assert judged({APP: matched(keys)}, enrollment=holder(), rules=defaults("allow")).ask is Ask.CHALLENGE
    assert judged({APP: unsure(keys)}, enrollment=holder(), rules=defaults("allow")).ask is Ask.CHALLENGE


# 5


@pytest.mark.parametrize("found", [matched(ALLOW), matched(require(grace_days=365)), []])
def test_the_users_own_requirement_is_a_floor(found: list[Match]) -> None:
    at = {APP: found}
    assert judged(at, enrollment=EnrollmentState("k", required=True)).ask is Ask.ENROLL, "forced"
    assert judged(at, enrollment=EnrollmentState("k", required=True, period=RUNNING)).ask is Ask.PROMPT
    assert judged(at, enrollment=EnrollmentState("k", required=True, period=LAPSED)).ask is Ask.LOCKED
    confined = Rules(lapse=Lapse.CONFINED)
    assert judged(at, enrollment=EnrollmentState("k", required=True, period=LAPSED), rules=confined).ask is Ask.ENROLL


@pytest.mark.parametrize("name", [APP, "payroll"])
def test_allow_lets_nobody_off_the_setup_that_is_asked_of_everybody(name: str) -> None:
    at, rules = {name: matched(ALLOW)}, defaults("require", name)
    assert judged(at, enrollment=holder(), rules=replace(rules, challenge_unrequired=False)).ask is Ask.PASS
    forced = judged(at, rules=rules)
    assert (forced.word, forced.policies) == (Ask.ENROLL, ()), "the default asks, and not the policy"
    assert judged(at, enrollment=EnrollmentState("k", required=True, period=RUNNING), rules=rules).ask is Ask.ENROLL
    assert judged(at, enrollment=EnrollmentState("k", required=True, period=LAPSED), rules=rules).ask is Ask.LOCKED


def test_allow_opens_what_is_shut_by_default_also_to_who_holds_nothing() -> None:
    assert judged({APP: matched(ALLOW)}, rules=defaults("deny")).ask is Ask.PASS
    assert judged({"payroll": matched(ALLOW)}, rules=defaults("deny", "payroll")).ask is Ask.PASS


def test_allow_leaves_the_prompt_to_one_who_holds_another_factor() -> None:
    both = Rules(enabled=frozenset(FactorKind))
    keyed = EnrollmentState("k", required=True, period=RUNNING, factors=frozenset({FactorKind("webauthn")}))
    assert judged({APP: matched(ALLOW)}, enrollment=keyed, rules=both).ask is Ask.PROMPT


# 6 and 7


def test_require_forces_whoever_has_no_accepted_factor() -> None:
    found = judged({APP: matched(REQUIRE)})
    assert (found.word, found.reason, found.policies) == (Ask.ENROLL, Reason.ENROLLMENT_FORCED, ("hit0",))
    assert (
        judged({APP: matched(REQUIRE)}, enrollment=EnrollmentState("k", required=True, period=RUNNING)).ask
        is Ask.ENROLL
    )
    at_resource = judged({"payroll": matched(REQUIRE)})
    assert (at_resource.word, at_resource.at_resource, at_resource.app_is_satisfied) == (Ask.ENROLL, True, True)


def test_grace_is_hard_from_its_end() -> None:
    for hours, word in ((47, Ask.PROMPT), (48, Ask.ENROLL), (49, Ask.ENROLL)):
        begun = EnrollmentState("k", graces={"hit0": NOW - timedelta(hours=hours)})
        assert judged({APP: matched(require(grace_days=2))}, enrollment=begun).word is word, hours
    assert judged({APP: matched(require(grace_days=2))}, deferred=True).ask is Ask.PASS
    assert judged({APP: matched(require(grace_days=2))}, promptable=False).ask is Ask.PASS, "never stops a token"


# 8


def test_zero_age_wants_a_grant_whatever_was_proved() -> None:
    at = {"payroll": matched(require(max_age=timedelta(0)))}
    fresh = Assurance(SignIn.PASSWORD, NOW, (Proof(Method("totp"), NOW),))
    assert judged(at, enrollment=holder(), assurance=fresh).ask is Ask.CHALLENGE
    assert judged(at, enrollment=holder(), assurance=fresh, granted=True).ask is Ask.PASS


def test_a_grant_serves_only_the_lists_that_were_proved_for_it() -> None:
    at = {"payroll": matched(*(require(factors=frozenset({kind}), max_age=timedelta(0)) for kind in FactorKind))}
    both = EnrollmentState("k", factors=frozenset(FactorKind))
    rules = Rules(enabled=frozenset(FactorKind))

    def met(*methods: Method, minutes: int = 0) -> Ask:
        proofs = tuple(Proof(method, NOW - timedelta(minutes=minutes)) for method in methods)
        assurance = Assurance(SignIn.PASSWORD, NOW, (Proof(Method("access_pass"), NOW), *proofs))
        return judged(at, enrollment=both, rules=rules, assurance=assurance, granted=True).word

    assert met(Method("totp")) is Ask.CHALLENGE
    assert met(Method("totp"), Method("webauthn")) is Ask.PASS
    assert met(Method("totp"), Method("webauthn"), minutes=6) is Ask.CHALLENGE


# Ways back in


def test_a_pass_for_enrollment_opens_the_setup_also_where_no_code_would_be_asked_for() -> None:
    pass_only = BARE.with_proof(Method("enrollment_pass"), at=NOW)
    for at, rules in (
        ({APP: matched(ALLOW)}, Rules()),
        ({}, defaults("allow")),
        ({}, Rules(challenge_unrequired=False)),
    ):
        assert judged(at, enrollment=holder(), rules=rules).ask is Ask.PASS
        assert judged(at, enrollment=holder(), rules=rules, assurance=pass_only).reason is Reason.ENROLLMENT_PASS


def test_a_pass_for_enrollment_opens_the_setup_also_where_the_app_demands_the_lost_factor() -> None:
    pass_only = BARE.with_proof(Method("enrollment_pass"), at=NOW)
    for at, rules in (
        ({APP: matched(REQUIRE)}, Rules()),
        ({APP: matched(require(factors=TOTP, max_age=timedelta(hours=1)))}, Rules()),
        ({}, defaults("require")),
    ):
        assert judged(at, enrollment=holder(), rules=rules).ask is Ask.CHALLENGE
        decision = judged(at, enrollment=holder(), rules=rules, assurance=pass_only)
        assert (decision.ask, decision.reason) == (Ask.ENROLL, Reason.ENROLLMENT_PASS)


@pytest.mark.parametrize("way", [Method("recovery_code"), Method("access_pass")])
def test_a_way_back_in_meets_the_app_where_totp_would(way: Method) -> None:
    back = Assurance(SignIn.PASSWORD, NOW, (Proof(way, NOW),))
    keys = frozenset({FactorKind("webauthn")})
    both = Rules(enabled=frozenset(FactorKind))
    rich = EnrollmentState("k", factors=frozenset(FactorKind))
    assert judged({APP: matched(REQUIRE)}, enrollment=rich, rules=both, assurance=back).ask is Ask.PASS
    assert judged({APP: matched(require(factors=TOTP))}, enrollment=rich, rules=both, assurance=back).ask is Ask.PASS
    assert (
        judged({APP: matched(require(factors=keys))}, enrollment=rich, rules=both, assurance=back).ask is Ask.CHALLENGE
    )
    assert judged({"payroll": matched(REQUIRE)}, enrollment=rich, rules=both, assurance=back).ask is Ask.CHALLENGE
    assert judged({MFA_ADMIN: []}, enrollment=rich, rules=both, assurance=back).ask is Ask.CHALLENGE


# Accounts for emergencies


def test_an_account_for_emergencies_is_outside_policies_and_lapse_and_nothing_else() -> None:
    rules = Rules(break_glass=frozenset({"k"}))
    for effects in ((DENY,), (ALLOW,), (require(max_age=timedelta(0)),)):
        at = {APP: matched(*effects), "payroll": matched(*effects)}
        assert judged(at, enrollment=holder(), rules=rules).ask is Ask.CHALLENGE, "its own factor is always asked"
        assert judged(at, enrollment=holder(), rules=rules, assurance=PROVED).ask is Ask.PASS
    assert judged({}, enrollment=EnrollmentState("k", required=True, period=LAPSED), rules=rules).ask is not Ask.LOCKED
    assert judged({}, enrollment=holder(), rules=rules, is_active=False).ask is Ask.DENY
    denied = replace(rules, default_access={APP: Access.DENY})
    assert judged({}, enrollment=holder(), rules=denied, assurance=PROVED).ask is Ask.DENY
    lenient = replace(rules, default_access={APP: Access.ALLOW}, challenge_unrequired=False)
    assert judged({}, enrollment=holder(), rules=lenient).ask is Ask.CHALLENGE


# What a refusal says


def test_a_refusal_names_its_policy_to_admins_and_not_to_users() -> None:
    said = Match(Policy("secret name", DENY, message="no", help_link="https://h.example"), MatchResult.HIT)
    found = judged({APP: [said]})
    assert (found.policies, found.message, found.help_link) == (("secret name",), "no", "https://h.example")
    assert "secret" not in found.reason_id
    assert found.reason_id == judged({"payroll": [said]}).reason_id


# Whatever policies and facts there are

effect_lists = st.lists(st.tuples(EFFECTS, st.sampled_from([MatchResult.HIT, MatchResult.UNKNOWN])), max_size=4)
assurances = st.builds(
    Assurance, st.just(SignIn.PASSWORD), st.just(NOW),
    st.lists(st.builds(Proof, st.sampled_from([*Method]), st.sampled_from([NOW, NOW - timedelta(minutes=30)])), max_size=2).map(tuple),
)  # fmt: skip
enrollments = st.builds(
    lambda required, period, factors, graces: EnrollmentState(
        "k", required=required or period is not None, period=None if FactorKind("totp") in factors else period,
        factors=factors, graces=graces,
    ),
    st.booleans(), st.sampled_from([None, RUNNING, LAPSED]),
    st.sampled_from([NONE, TOTP, frozenset({FactorKind("webauthn")}), frozenset(FactorKind)]),
    st.dictionaries(st.sampled_from(["p0", "p1", "p2", "new"]), st.sampled_from([NOW - 8 * DAY, NOW - DAY]), max_size=2),
)  # fmt: skip
all_rules = st.builds(
    Rules,
    st.fixed_dictionaries({APP: st.sampled_from(Access)}, optional={"payroll": st.sampled_from([Access.ALLOW, Access.REQUIRE, Access.DENY])}),
    st.sampled_from([TOTP, frozenset(FactorKind)]), st.just(TOTP), st.sampled_from(Lapse),
    st.sampled_from(LockoutScope), st.booleans(),
)  # fmt: skip
cases = st.tuples(effect_lists, effect_lists, assurances, enrollments, all_rules, st.booleans(), st.booleans())


def as_matches(effects: list[tuple[Effect, MatchResult]], *, first: int = 0) -> list[Match]:
    return [Match(Policy(f"p{first + place}", effect), mark) for place, (effect, mark) in enumerate(effects)]


def word_of(case: Any, *, app: list[Match] | None = None, payroll: list[Match] | None = None) -> Ask:
    at_app, at_payroll, assurance, enrollment, rules, deferred, granted = case
    at = {
        APP: as_matches(at_app) if app is None else app,
        "payroll": as_matches(at_payroll, first=9) if payroll is None else payroll,
    }
    return judged(at, enrollment=enrollment, rules=rules, assurance=assurance, deferred=deferred, granted=granted).ask


@given(cases, st.randoms())
def test_the_order_of_policies_never_matters(case: Any, random: Any) -> None:
    shuffled = as_matches(case[0])
    random.shuffle(shuffled)
    assert word_of(case, app=shuffled) is word_of(case)


@given(cases, st.sampled_from([MatchResult.HIT, MatchResult.UNKNOWN]), st.booleans())
def test_one_more_deny_never_loosens(case: Any, mark: MatchResult, at_app: bool) -> None:
    more = Match(Policy("new", DENY), mark)
    old = as_matches(case[0]) if at_app else as_matches(case[1], first=9)
    after = word_of(case, app=[*old, more]) if at_app else word_of(case, payroll=[*old, more])
    assert after is Ask.DENY


@given(cases, EFFECTS, st.sampled_from([MatchResult.HIT, MatchResult.UNKNOWN]), st.booleans())
def test_one_more_require_never_loosens_where_the_law_says_so(
    case: Any, effect: Effect, mark: MatchResult, at_app: bool
) -> None:
    name = APP if at_app else "payroll"
    old = as_matches(case[0]) if at_app else as_matches(case[1], first=9)
    is_certain = any(match.mark is MatchResult.HIT for match in old)
    if effect.action is not Action.REQUIRE or not (
        is_certain or case[4].access(name) in {Access.ALLOW, Access.USER_SETTING}
    ):
        return
    new = [*old, Match(Policy("new", effect), mark)]
    after = word_of(case, app=new) if at_app else word_of(case, payroll=new)
    assert RANK[after] <= RANK[word_of(case)]


@given(cases)
def test_no_policy_lowers_the_users_own_requirement_or_lock(case: Any) -> None:
    enrollment, rules = case[3], case[4]
    setting = replace(rules, default_access={APP: Access.USER_SETTING})
    own = word_of((case[0], case[1], case[2], enrollment, setting, case[5], case[6]), app=[], payroll=[])
    if own in {Ask.ENROLL, Ask.PROMPT} or (own is Ask.LOCKED and rules.lockout_scope is LockoutScope.APP):
        assert RANK[word_of(case)] <= RANK[own]


@given(cases, st.sampled_from([MatchResult.HIT, MatchResult.UNKNOWN]))
def test_an_allow_beside_others_changes_at_most_the_challenge(case: Any, mark: MatchResult) -> None:
    given_access = case[4].default_access.get(APP)
    access = Access.USER_SETTING if given_access is Access.DENY else given_access or Access.USER_SETTING
    rules = replace(case[4], default_access={**case[4].default_access, APP: access})
    usual = (*case[:4], rules, *case[5:])
    before = word_of(usual)
    after = word_of(usual, app=[*as_matches(case[0]), Match(Policy("new", ALLOW), mark)])
    assert after is before or (before is Ask.CHALLENGE and case[3].factors)


@given(cases)
def test_policies_never_reach_an_account_for_emergencies(case: Any) -> None:
    rules = replace(case[4], break_glass=frozenset({"k"}))
    safe = (*case[:4], rules, *case[5:])
    assert word_of(safe) is word_of(safe, app=[], payroll=[])


FACTS = (
    "address",
    "country",
    "platform",
    "browser",
    "device",
    "sign_in",
    "provider",
    "upstream_amr",
    "method",
    "endpoint",
    "risk",
    "at",
)


@given(
    POLICY_SETS, SUBJECTS, ENVIRONMENTS, cases, st.sets(st.sampled_from([*FACTS, "groups"]), min_size=1),
    st.sampled_from([(), ("payroll",), ("payroll", MFA_ADMIN)]),
)  # fmt: skip
def test_hiding_facts_never_loosens(
    policies: PolicySet, subject: Subject, environment: Environment, case: Any, hidden: set[str],
    opened: tuple[str, ...],
) -> None:  # fmt: skip
    ready = compile_policies(policies, BUILT_IN, version=1)
    _, _, assurance, enrollment, rules, deferred, granted = case
    blind = replace(environment, **{name: None for name in hidden if name != "groups"})
    stranger = replace(subject, groups=None) if "groups" in hidden else subject
    words = []
    for whom, facts in ((subject, environment), (stranger, blind)):
        request = AccessRequest(
            replace(enrollment, user_key=whom.key), assurance, resources=opened, deferred=deferred, granted=granted,
            groups=whom.groups, environment=facts,
        )  # fmt: skip
        words.append(decide(request, ready, rules, now=NOW).ask)
    assert RANK[words[1]] <= RANK[words[0]]


def test_policies_say_which_facts_they_look_at() -> None:
    office, late = Condition("network", ("10.0.0.0/8",)), Condition("request", {"methods": ("GET",)})
    rows = (
        Policy("a", REQUIRE, state=PolicyState.ON, conditions=office),
        Policy("b", REQUIRE, state=PolicyState.ON, conditions=Not(late), resources=("payroll",)),
        Policy("c", REQUIRE, state=PolicyState.REPORT_ONLY, conditions=Condition("risk", ("new-device",))),
        Policy("d", REQUIRE, state=PolicyState.OFF, conditions=Condition("country", ("DE",))),
    )
    ready = compile_policies(PolicySet(rows), BUILT_IN, version=1)
    assert ready.facts == {APP: {"address"}, "payroll": {"method", "endpoint"}}
    assert ready.reported_facts == {APP: {"risk"}}


def test_a_word_of_the_host_that_does_not_say_what_it_looks_at_gets_every_fact() -> None:
    registry = BUILT_IN.with_word(ListedWord("badge", lambda subject, environment: environment.browser))
    badge = Policy("a", REQUIRE, state=PolicyState.ON, conditions=Condition("badge", ("x",)))
    assert compile_policies(PolicySet((badge,)), registry, version=1).facts == {APP: ALL_FACTS}
    assert all(facts_of(word) < ALL_FACTS for word in BUILT_IN.words.values())


def test_a_condition_that_raises_is_named_by_the_decision_and_counts_as_unknown() -> None:
    registry = BUILT_IN.with_word(ListedWord("badge", lambda subject, environment: 1 / 0))  # type: ignore[arg-type, return-value]
    badge = Policy("a", require(grace_days=3), state=PolicyState.ON, conditions=Condition("badge", ("x",)))
    ready = compile_policies(PolicySet((badge,)), registry, version=1)
    found = decide(AccessRequest(EnrollmentState("k"), BARE), ready, Rules(), now=NOW)
    assert found.failures == (ConditionFailure("a", "badge", "ZeroDivisionError"),)
    assert found.beginning == {"a"}

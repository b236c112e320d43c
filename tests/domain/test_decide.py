"""The one decision, over everything that it looks at."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations, product
from typing import TypeAlias

import pytest

from flask_mfa_gate.domain.access import Access
from flask_mfa_gate.domain.authorization.decide import decide
from flask_mfa_gate.domain.authorization.decision import Ask, AuthnRequirement, Reason
from flask_mfa_gate.domain.authorization.request import AccessRequest
from flask_mfa_gate.domain.authorization.rules import Lapse, LockoutScope, Rules, is_required
from flask_mfa_gate.domain.enrollment.enrollment import EnrollmentState, Period
from flask_mfa_gate.domain.sign_in.assurance import Assurance, FactorKind, Method, SignIn
from tests.domain.policy.kit import NO_POLICIES

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
DAY = timedelta(days=1)
NONE: frozenset[FactorKind] = frozenset()
TOTP, KEY, EVERY = frozenset({FactorKind("totp")}), frozenset({FactorKind("webauthn")}), frozenset(FactorKind)
RANK = {word: rank for rank, word in enumerate(Ask)}

SOMEBODY = EnrollmentState("k")
PASSWORD = Assurance(SignIn.PASSWORD, NOW - timedelta(minutes=1))
TO_TOTP, TO_KEY = frozenset({Method("totp")}), frozenset({Method("webauthn")})
ASSURANCES = [
    PASSWORD,
    PASSWORD.with_proof(Method("totp"), at=NOW),
    PASSWORD.with_proof(Method("totp"), at=NOW - timedelta(minutes=30)),
    PASSWORD.with_proof(Method("recovery_code"), at=NOW).with_proof(Method("webauthn"), at=NOW - timedelta(minutes=30)),
    PASSWORD.with_proof(Method("recovery_code"), at=NOW),
    PASSWORD.with_proof(Method("enrollment_pass"), at=NOW),
]
PERIODS = [Period(NOW - DAY, NOW + 2 * DAY), Period(NOW - 2 * DAY, NOW)]
STANDINGS = [
    *[
        EnrollmentState("k", required=required, factors=factors)
        for required in (False, True)
        for factors in (NONE, TOTP, EVERY)
    ],
    *[
        EnrollmentState("k", required=True, period=period, factors=factors)
        for period in PERIODS
        for factors in (NONE, KEY)
    ],
]
# How often the prompt may come back, and when it was last put off.
Prompts: TypeAlias = Sequence[tuple[timedelta, datetime | None]]
PROMPTS: Prompts = [(timedelta(0), None), (timedelta(0), NOW - timedelta(hours=1)), (DAY, NOW - timedelta(hours=1))]
RULES = [
    Rules(
        {"app": app, "asks": Access.REQUIRE, "shut": Access.DENY}, enabled=EVERY, satisfying=satisfying,
        lapse=lapse, lockout_scope=scope, challenge_unrequired=unrequired,
    )
    for app in Access for satisfying in (TOTP, EVERY) for lapse in Lapse for scope in LockoutScope
    for unrequired in (False, True)
]  # fmt: skip
REQUESTS = [
    {},
    {"deferred": True},
    {"promptable": False},
    {"resources": ("asks",)},
    {"resources": ("shut", "open", "app")},
    {"demands": (AuthnRequirement(TO_TOTP, timedelta(minutes=5)), AuthnRequirement(TO_KEY, timedelta(hours=1)))},
    {"demands": (AuthnRequirement(Method.of_factors, max_age=timedelta(0)),), "granted": True},
    {
        "demands": (AuthnRequirement(Method.of_factors, max_age=timedelta(0)), AuthnRequirement(TO_TOTP)),
        "resources": ("open", "asks"),
    },
]
MORE = [
    AuthnRequirement(Method.of_factors),
    AuthnRequirement(TO_KEY),
    AuthnRequirement(TO_TOTP, timedelta(minutes=5)),
    AuthnRequirement(Method.of_factors, max_age=timedelta(0)),
]


def situations(prompts: Prompts = PROMPTS[:1]) -> Iterator[tuple[AccessRequest, Rules]]:
    """Every mix of what a decision looks at, each by its few cases that can make a difference."""
    for (interval, deferred_at), enrollment, chosen in product(prompts, STANDINGS, RULES):
        kept, asked = replace(enrollment, deferred_at=deferred_at), replace(chosen, prompt_interval=interval)
        for assurance, request in product(ASSURANCES, REQUESTS):
            yield AccessRequest(kept, assurance, **request), asked


def word(request: AccessRequest, chosen: Rules) -> Ask:
    return decide(request, NO_POLICIES, chosen, now=NOW).ask


def test_one_more_demand_never_loosens() -> None:
    for request, chosen in situations():
        without = RANK[word(request, chosen)]
        for more in MORE:
            stricter = request._replace(demands=(*request.demands, more))
            assert RANK[word(stricter, chosen)] <= without, (stricter, chosen)


def test_the_order_of_demands_and_resources_never_matters() -> None:
    for request, chosen in situations():
        words = {
            word(request._replace(demands=demanded, resources=opened), chosen)
            for demanded in permutations(request.demands)
            for opened in permutations(request.resources)
        }
        assert len(words) == 1


def test_one_more_proof_never_tightens() -> None:
    for request, chosen in situations():
        proved = request._replace(assurance=request.assurance.with_proof(Method("totp"), at=NOW))
        assert RANK[word(proved, chosen)] >= RANK[word(request, chosen)]


def test_nobody_with_a_factor_and_a_demand_passes_without_proof() -> None:
    for request, chosen in situations():
        holds = bool(request.enrollment.factors)
        asked = chosen.challenge_unrequired or is_required(request.enrollment, chosen)
        relaxed = chosen.default_access["app"] is Access.ALLOW
        if holds and asked and not relaxed and not request.assurance.proofs:
            assert word(request, chosen) in {Ask.DENY, Ask.LOCKED, Ask.CHALLENGE}


def test_default_allow_never_lifts_prompt_force_or_lock() -> None:
    for request, chosen in situations(PROMPTS):
        allow = replace(chosen, default_access={**chosen.default_access, "app": Access.ALLOW})
        setting = replace(chosen, default_access={**chosen.default_access, "app": Access.USER_SETTING})
        under_setting = decide(request, NO_POLICIES, setting, now=NOW)
        if under_setting.ask in {Ask.LOCKED, Ask.ENROLL, Ask.PROMPT}:
            assert word(request, allow) is under_setting.ask


def test_a_switched_off_account_is_denied_whatever_it_proved() -> None:
    for request, chosen in situations():
        assert word(request._replace(is_active=False), chosen) is Ask.DENY


@pytest.mark.parametrize(
    ("enrollment", "expected"),
    [
        (EnrollmentState("k"), Ask.PASS),
        (EnrollmentState("k", required=True), Ask.ENROLL),
        (EnrollmentState("k", required=True, period=Period(NOW - DAY, NOW + timedelta(microseconds=1))), Ask.PROMPT),
        (EnrollmentState("k", required=True, period=Period(NOW - DAY, NOW)), Ask.LOCKED),
        (EnrollmentState("k", factors=TOTP), Ask.CHALLENGE),
        (EnrollmentState("k", required=True, factors=TOTP), Ask.CHALLENGE),
    ],
)
def test_the_six_words_at_sign_in(enrollment: EnrollmentState, expected: Ask) -> None:
    assert word(AccessRequest(SOMEBODY, PASSWORD)._replace(enrollment=enrollment), Rules()) is expected


def test_a_recovery_code_signs_in_and_opens_no_resource() -> None:
    recovered = PASSWORD.with_proof(Method("recovery_code"), at=NOW)
    enrollment = EnrollmentState("k", factors=TOTP)
    assert word(AccessRequest(SOMEBODY, recovered)._replace(enrollment=enrollment), Rules()) is Ask.PASS
    opened = decide(
        AccessRequest(SOMEBODY, recovered, resources=("a",))._replace(enrollment=enrollment),
        NO_POLICIES,
        Rules({"a": Access.REQUIRE}),
        now=NOW,
    )
    assert (opened.word, opened.at_resource) == (Ask.CHALLENGE, True)


@pytest.mark.parametrize(
    ("age", "met"),
    [(timedelta(minutes=5), True), (timedelta(minutes=5, microseconds=1), False), (timedelta(minutes=-1), False)],
)
def test_the_age_of_a_proof_has_an_exact_boundary(age: timedelta, met: bool) -> None:
    assurance = PASSWORD.with_proof(Method("totp"), at=NOW - age)
    demand = AuthnRequirement(Method.of_factors, max_age=timedelta(minutes=5))
    assert (
        word(
            AccessRequest(SOMEBODY, assurance, demands=(demand,))._replace(
                enrollment=EnrollmentState("k", factors=TOTP)
            ),
            Rules(),
        )
        is Ask.PASS
    ) == met


def test_the_reason_tells_why() -> None:
    assert (
        decide(
            AccessRequest(SOMEBODY, PASSWORD, is_active=False)._replace(enrollment=EnrollmentState("k")),
            NO_POLICIES,
            Rules(),
            now=NOW,
        ).reason
        is Reason.INACTIVE
    )
    lapsed = EnrollmentState("k", required=True, period=Period(NOW - DAY, NOW))
    assert (
        decide(AccessRequest(SOMEBODY, PASSWORD)._replace(enrollment=lapsed), NO_POLICIES, Rules(), now=NOW).reason
        is Reason.LAPSED
    )


def test_amr_and_acr_follow_from_the_proofs() -> None:
    assert (PASSWORD.amr, PASSWORD.acr.rsplit("/", 1)[1]) == (("pwd",), "sfa")
    assert PASSWORD.with_proof(Method("totp"), at=NOW).amr == ("pwd", "otp", "mfa")
    assert PASSWORD.with_proof(Method("recovery_code"), at=NOW).amr == ("pwd", "mfa")
    for kind in set(SignIn) - {SignIn.PASSWORD}:
        unseen = replace(PASSWORD, sign_in=kind)
        assert (unseen.amr, unseen.with_proof(Method("totp"), at=NOW).amr) == ((), ("otp", "mfa")), (
            "no password was seen"
        )
    assert PASSWORD.with_proof(Method("totp"), at=NOW).acr.rsplit("/", 1)[1] == "mfa"
    assert PASSWORD.with_proof(Method("totp"), at=NOW + DAY).authenticated_at == NOW + DAY


STRICTEST_FIRST = [Ask.DENY, Ask.LOCKED, Ask.CHALLENGE, Ask.ENROLL, Ask.PROMPT, Ask.PASS]
RUNNING = Period(NOW - DAY, NOW + 2 * DAY)
LAPSED = EnrollmentState("k", required=True, period=Period(NOW - DAY, NOW))
SOFT = EnrollmentState("k", required=True, period=RUNNING)
HOLDER = EnrollmentState("k", factors=TOTP)


def test_the_order_of_the_words_is_the_law() -> None:
    assert list(Ask) == STRICTEST_FIRST


@pytest.mark.parametrize(
    ("asked", "enrollment", "chosen", "expected"),
    [
        (AccessRequest(SOMEBODY, PASSWORD, is_active=False), LAPSED, Rules(), Ask.DENY),
        (AccessRequest(SOMEBODY, PASSWORD), LAPSED, Rules({"app": Access.DENY}), Ask.DENY),
        (AccessRequest(SOMEBODY, PASSWORD, resources=("a",)), LAPSED, Rules({"a": Access.DENY}), Ask.DENY),
        (AccessRequest(SOMEBODY, PASSWORD, demands=(AuthnRequirement(Method.of_factors),)), LAPSED, Rules(), Ask.LOCKED),
        (AccessRequest(SOMEBODY, PASSWORD), LAPSED, Rules({"app": Access.ALLOW}), Ask.LOCKED),
        (AccessRequest(SOMEBODY, PASSWORD), LAPSED, Rules(lapse=Lapse.CONFINED), Ask.ENROLL),
        (AccessRequest(SOMEBODY, PASSWORD, demands=(AuthnRequirement(frozenset({Method("webauthn")})),)), HOLDER, Rules(), Ask.CHALLENGE),
        (AccessRequest(SOMEBODY, PASSWORD, demands=(AuthnRequirement(Method.of_factors),)), SOFT, Rules(), Ask.ENROLL),
        (AccessRequest(SOMEBODY, PASSWORD), SOFT, Rules({"app": Access.REQUIRE}), Ask.ENROLL),
        (AccessRequest(SOMEBODY, PASSWORD), EnrollmentState("k"), Rules({"app": Access.REQUIRE}), Ask.ENROLL),
        (AccessRequest(SOMEBODY, PASSWORD), SOFT, Rules({"app": Access.ALLOW}), Ask.PROMPT),
        (AccessRequest(SOMEBODY, PASSWORD), HOLDER, Rules({"app": Access.ALLOW}), Ask.PASS),
        (AccessRequest(SOMEBODY, PASSWORD), HOLDER, Rules(challenge_unrequired=False), Ask.PASS),
        (AccessRequest(SOMEBODY, PASSWORD), EnrollmentState("k", required=True, factors=TOTP), Rules(challenge_unrequired=False), Ask.CHALLENGE),
        (AccessRequest(SOMEBODY, PASSWORD), HOLDER, Rules({"app": Access.REQUIRE}, challenge_unrequired=False), Ask.CHALLENGE),
        (AccessRequest(SOMEBODY, PASSWORD, resources=("b",)), HOLDER, Rules({"app": Access.ALLOW, "b": Access.REQUIRE}), Ask.CHALLENGE),
        (AccessRequest(SOMEBODY, PASSWORD, resources=("unnamed",)), EnrollmentState("k"), Rules(), Ask.PASS),
    ],
)  # fmt: skip
def test_the_strictest_of_all_that_applies_is_said(
    asked: AccessRequest, enrollment: EnrollmentState, chosen: Rules, expected: Ask
) -> None:
    assert word(asked._replace(enrollment=enrollment), chosen) is expected


def test_the_decision_is_the_strictest_of_its_parts() -> None:
    for request, chosen in situations():
        alone = request._replace(resources=(), demands=())
        parts = [alone]
        parts += [alone._replace(resources=(name,)) for name in request.resources]
        parts += [alone._replace(demands=(demand,)) for demand in request.demands]
        words = {word(part, chosen) for part in parts}
        assert word(request, chosen) is min(words, key=STRICTEST_FIRST.index)


def test_only_a_passed_decision_has_no_reason_to_stop() -> None:
    for request, chosen in situations(PROMPTS):
        decision = decide(request, NO_POLICIES, chosen, now=NOW)
        assert (decision.reason is Reason.SATISFIED) == (decision.ask is Ask.PASS)


def test_a_soft_prompt_never_stops_a_token() -> None:
    for request, chosen in situations(PROMPTS):
        assert word(request._replace(promptable=False), chosen) is not Ask.PROMPT


def test_set_up_later_lifts_a_prompt_and_nothing_else() -> None:
    for request, chosen in situations(PROMPTS):
        asked = word(request._replace(deferred=False), chosen)
        later = word(request._replace(deferred=True), chosen)
        assert later is (Ask.PASS if asked is Ask.PROMPT else asked)


@pytest.mark.parametrize(
    ("since", "left", "expected"),
    [
        (timedelta(hours=1), 2 * DAY, Ask.PASS),
        (timedelta(hours=4) - timedelta(microseconds=1), 2 * DAY, Ask.PASS),
        (timedelta(hours=4), 2 * DAY, Ask.PROMPT),
        (timedelta(hours=1), DAY + timedelta(microseconds=1), Ask.PASS),
        (timedelta(hours=1), DAY, Ask.PROMPT),
        (timedelta(hours=1), timedelta(0), Ask.LOCKED),
    ],
)
def test_the_prompt_can_be_rarer_but_not_past_the_last_day(since: timedelta, left: timedelta, expected: Ask) -> None:
    enrollment = EnrollmentState("k", required=True, period=Period(NOW - 9 * DAY, NOW + left), deferred_at=NOW - since)
    assert (
        word(
            AccessRequest(SOMEBODY, PASSWORD)._replace(enrollment=enrollment), Rules(prompt_interval=timedelta(hours=4))
        )
        is expected
    )
    if left:
        assert word(AccessRequest(SOMEBODY, PASSWORD)._replace(enrollment=enrollment), Rules()) is Ask.PROMPT, (
            "by default each sign-in asks"
        )


@pytest.mark.parametrize("granted", [True, False])
def test_a_demand_for_one_request_is_met_by_a_grant_only(granted: bool) -> None:
    proved = PASSWORD.with_proof(Method("totp"), at=NOW)
    request = AccessRequest(
        SOMEBODY, proved, demands=(AuthnRequirement(Method.of_factors, max_age=timedelta(0)),), granted=granted
    )
    assert word(request._replace(enrollment=HOLDER), Rules()) is (Ask.PASS if granted else Ask.CHALLENGE)


def test_a_grant_is_no_sign_in() -> None:
    request = AccessRequest(
        SOMEBODY, PASSWORD, demands=(AuthnRequirement(Method.of_factors, max_age=timedelta(0)),), granted=True
    )
    assert word(request._replace(enrollment=HOLDER), Rules()) is Ask.CHALLENGE


def test_a_decision_on_a_resource_says_so_and_what_it_wants() -> None:
    demand = AuthnRequirement(frozenset({Method("totp")}), timedelta(minutes=5))
    proved = PASSWORD.with_proof(Method("totp"), at=NOW - timedelta(hours=1))
    decision = decide(
        AccessRequest(SOMEBODY, proved, demands=(demand,))._replace(enrollment=HOLDER), NO_POLICIES, Rules(), now=NOW
    )
    assert (decision.ask, decision.reason, decision.requirement, decision.at_resource) == (
        Ask.CHALLENGE, Reason.STEP_UP, demand, True,
    )  # fmt: skip
    at_sign_in = decide(
        AccessRequest(SOMEBODY, PASSWORD, demands=(demand,))._replace(enrollment=HOLDER), NO_POLICIES, Rules(), now=NOW
    )
    assert (at_sign_in.reason, at_sign_in.at_resource) == (Reason.SIGN_IN, False), "of equals the app's own"

"""The one decision, over everything that it looks at."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations, product
from typing import TypeAlias

import pytest

from flask_mfa_gate.domain.access import Access
from flask_mfa_gate.domain.assurance import Assurance, FactorKind, Method, SignIn
from flask_mfa_gate.domain.decision import Context, decide
from flask_mfa_gate.domain.enrollment import Period, Standing
from flask_mfa_gate.domain.rules import Lapse, LockoutScope, Rules, is_required
from flask_mfa_gate.domain.verdict import Demand, Reason, Word

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
DAY = timedelta(days=1)
NONE: frozenset[FactorKind] = frozenset()
TOTP, KEY, EVERY = frozenset({FactorKind("totp")}), frozenset({FactorKind("webauthn")}), frozenset(FactorKind)
RANK = {word: rank for rank, word in enumerate(Word)}

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
        Standing("k", required=required, factors=factors)
        for required in (False, True)
        for factors in (NONE, TOTP, EVERY)
    ],
    *[Standing("k", required=True, period=period, factors=factors) for period in PERIODS for factors in (NONE, KEY)],
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
    {"demands": (Demand(TO_TOTP, timedelta(minutes=5)), Demand(TO_KEY, timedelta(hours=1)))},
    {"demands": (Demand(Method.of_factors, max_age=timedelta(0)),), "granted": True},
    {"demands": (Demand(Method.of_factors, max_age=timedelta(0)), Demand(TO_TOTP)), "resources": ("open", "asks")},
]
MORE = [
    Demand(Method.of_factors),
    Demand(TO_KEY),
    Demand(TO_TOTP, timedelta(minutes=5)),
    Demand(Method.of_factors, max_age=timedelta(0)),
]


def situations(prompts: Prompts = PROMPTS[:1]) -> Iterator[tuple[Context, Standing, Rules]]:
    """Every mix of what a decision looks at, each by its few cases that can make a difference."""
    for (interval, deferred_at), standing, chosen in product(prompts, STANDINGS, RULES):
        kept, asked = replace(standing, deferred_at=deferred_at), replace(chosen, prompt_interval=interval)
        for assurance, request in product(ASSURANCES, REQUESTS):
            yield Context(assurance, **request), kept, asked


def word(context: Context, standing: Standing, chosen: Rules) -> Word:
    return decide(context, standing, chosen, now=NOW).word


def test_one_more_demand_never_loosens() -> None:
    for context, standing, chosen in situations():
        without = RANK[word(context, standing, chosen)]
        for more in MORE:
            stricter = context._replace(demands=(*context.demands, more))
            assert RANK[word(stricter, standing, chosen)] <= without, (stricter, standing, chosen)


def test_the_order_of_demands_and_resources_never_matters() -> None:
    for context, standing, chosen in situations():
        words = {
            word(context._replace(demands=demanded, resources=opened), standing, chosen)
            for demanded in permutations(context.demands)
            for opened in permutations(context.resources)
        }
        assert len(words) == 1


def test_one_more_proof_never_tightens() -> None:
    for context, standing, chosen in situations():
        proved = context._replace(assurance=context.assurance.with_proof(Method("totp"), at=NOW))
        assert RANK[word(proved, standing, chosen)] >= RANK[word(context, standing, chosen)]


def test_nobody_with_a_factor_and_a_demand_passes_without_proof() -> None:
    for context, standing, chosen in situations():
        holds = bool(standing.factors)
        asked = chosen.challenge_unrequired or is_required(standing, chosen)
        relaxed = chosen.default_access["app"] is Access.ALLOW
        if holds and asked and not relaxed and not context.assurance.proofs:
            assert word(context, standing, chosen) in {Word.DENY, Word.LOCKED, Word.CHALLENGE}


def test_default_allow_never_lifts_prompt_force_or_lock() -> None:
    for context, standing, chosen in situations(PROMPTS):
        allow = replace(chosen, default_access={**chosen.default_access, "app": Access.ALLOW})
        setting = replace(chosen, default_access={**chosen.default_access, "app": Access.USER_SETTING})
        under_setting = decide(context, standing, setting, now=NOW)
        if under_setting.word in {Word.LOCKED, Word.ENROLL, Word.PROMPT}:
            assert word(context, standing, allow) is under_setting.word


def test_a_switched_off_account_is_denied_whatever_it_proved() -> None:
    for context, standing, chosen in situations():
        assert word(context._replace(is_active=False), standing, chosen) is Word.DENY


@pytest.mark.parametrize(
    ("standing", "expected"),
    [
        (Standing("k"), Word.PASS),
        (Standing("k", required=True), Word.ENROLL),
        (Standing("k", required=True, period=Period(NOW - DAY, NOW + timedelta(microseconds=1))), Word.PROMPT),
        (Standing("k", required=True, period=Period(NOW - DAY, NOW)), Word.LOCKED),
        (Standing("k", factors=TOTP), Word.CHALLENGE),
        (Standing("k", required=True, factors=TOTP), Word.CHALLENGE),
    ],
)
def test_the_six_words_at_sign_in(standing: Standing, expected: Word) -> None:
    assert word(Context(PASSWORD), standing, Rules()) is expected


def test_a_recovery_code_signs_in_and_opens_no_resource() -> None:
    recovered = PASSWORD.with_proof(Method("recovery_code"), at=NOW)
    standing = Standing("k", factors=TOTP)
    assert word(Context(recovered), standing, Rules()) is Word.PASS
    opened = decide(Context(recovered, resources=("a",)), standing, Rules({"a": Access.REQUIRE}), now=NOW)
    assert (opened.word, opened.at_resource) == (Word.CHALLENGE, True)


@pytest.mark.parametrize(
    ("age", "met"),
    [(timedelta(minutes=5), True), (timedelta(minutes=5, microseconds=1), False), (timedelta(minutes=-1), False)],
)
def test_the_age_of_a_proof_has_an_exact_boundary(age: timedelta, met: bool) -> None:
    assurance = PASSWORD.with_proof(Method("totp"), at=NOW - age)
    demand = Demand(Method.of_factors, max_age=timedelta(minutes=5))
    assert (word(Context(assurance, demands=(demand,)), Standing("k", factors=TOTP), Rules()) is Word.PASS) == met


def test_the_reason_tells_why() -> None:
    assert decide(Context(PASSWORD, is_active=False), Standing("k"), Rules(), now=NOW).reason is Reason.INACTIVE
    lapsed = Standing("k", required=True, period=Period(NOW - DAY, NOW))
    assert decide(Context(PASSWORD), lapsed, Rules(), now=NOW).reason is Reason.LAPSED


def test_amr_and_acr_follow_from_the_proofs() -> None:
    assert (PASSWORD.amr, PASSWORD.acr.rsplit("/", 1)[1]) == (("pwd",), "sfa")
    assert PASSWORD.with_proof(Method("totp"), at=NOW).amr == ("pwd", "otp", "mfa")
    assert PASSWORD.with_proof(Method("recovery_code"), at=NOW).amr == ("pwd", "mfa")
    assert PASSWORD.with_proof(Method("totp"), at=NOW).acr.rsplit("/", 1)[1] == "mfa"
    assert PASSWORD.with_proof(Method("totp"), at=NOW + DAY).authenticated_at == NOW + DAY


STRICTEST_FIRST = [Word.DENY, Word.LOCKED, Word.CHALLENGE, Word.ENROLL, Word.PROMPT, Word.PASS]
RUNNING = Period(NOW - DAY, NOW + 2 * DAY)
LAPSED = Standing("k", required=True, period=Period(NOW - DAY, NOW))
SOFT = Standing("k", required=True, period=RUNNING)
HOLDER = Standing("k", factors=TOTP)


def test_the_order_of_the_words_is_the_law() -> None:
    assert list(Word) == STRICTEST_FIRST


@pytest.mark.parametrize(
    ("context", "standing", "chosen", "expected"),
    [
        (Context(PASSWORD, is_active=False), LAPSED, Rules(), Word.DENY),
        (Context(PASSWORD), LAPSED, Rules({"app": Access.DENY}), Word.DENY),
        (Context(PASSWORD, resources=("a",)), LAPSED, Rules({"a": Access.DENY}), Word.DENY),
        (Context(PASSWORD, demands=(Demand(Method.of_factors),)), LAPSED, Rules(), Word.LOCKED),
        (Context(PASSWORD), LAPSED, Rules({"app": Access.ALLOW}), Word.LOCKED),
        (Context(PASSWORD), LAPSED, Rules(lapse=Lapse.CONFINED), Word.ENROLL),
        (Context(PASSWORD, demands=(Demand(frozenset({Method("webauthn")})),)), HOLDER, Rules(), Word.CHALLENGE),
        (Context(PASSWORD, demands=(Demand(Method.of_factors),)), SOFT, Rules(), Word.ENROLL),
        (Context(PASSWORD), SOFT, Rules({"app": Access.REQUIRE}), Word.ENROLL),
        (Context(PASSWORD), Standing("k"), Rules({"app": Access.REQUIRE}), Word.ENROLL),
        (Context(PASSWORD), SOFT, Rules({"app": Access.ALLOW}), Word.PROMPT),
        (Context(PASSWORD), HOLDER, Rules({"app": Access.ALLOW}), Word.PASS),
        (Context(PASSWORD), HOLDER, Rules(challenge_unrequired=False), Word.PASS),
        (Context(PASSWORD), Standing("k", required=True, factors=TOTP), Rules(challenge_unrequired=False), Word.CHALLENGE),
        (Context(PASSWORD), HOLDER, Rules({"app": Access.REQUIRE}, challenge_unrequired=False), Word.CHALLENGE),
        (Context(PASSWORD, resources=("b",)), HOLDER, Rules({"app": Access.ALLOW, "b": Access.REQUIRE}), Word.CHALLENGE),
        (Context(PASSWORD, resources=("unnamed",)), Standing("k"), Rules(), Word.PASS),
    ],
)  # fmt: skip
def test_the_strictest_of_all_that_applies_is_said(
    context: Context, standing: Standing, chosen: Rules, expected: Word
) -> None:
    assert word(context, standing, chosen) is expected


def test_the_verdict_is_the_strictest_of_its_parts() -> None:
    for context, standing, chosen in situations():
        alone = context._replace(resources=(), demands=())
        parts = [alone]
        parts += [alone._replace(resources=(name,)) for name in context.resources]
        parts += [alone._replace(demands=(demand,)) for demand in context.demands]
        words = {word(part, standing, chosen) for part in parts}
        assert word(context, standing, chosen) is min(words, key=STRICTEST_FIRST.index)


def test_only_a_passed_verdict_has_no_reason_to_stop() -> None:
    for context, standing, chosen in situations(PROMPTS):
        verdict = decide(context, standing, chosen, now=NOW)
        assert (verdict.reason is Reason.SATISFIED) == (verdict.word is Word.PASS)


def test_a_soft_prompt_never_stops_a_token() -> None:
    for context, standing, chosen in situations(PROMPTS):
        assert word(context._replace(promptable=False), standing, chosen) is not Word.PROMPT


def test_set_up_later_lifts_a_prompt_and_nothing_else() -> None:
    for context, standing, chosen in situations(PROMPTS):
        asked = word(context._replace(deferred=False), standing, chosen)
        later = word(context._replace(deferred=True), standing, chosen)
        assert later is (Word.PASS if asked is Word.PROMPT else asked)


@pytest.mark.parametrize(
    ("since", "left", "expected"),
    [
        (timedelta(hours=1), 2 * DAY, Word.PASS),
        (timedelta(hours=4) - timedelta(microseconds=1), 2 * DAY, Word.PASS),
        (timedelta(hours=4), 2 * DAY, Word.PROMPT),
        (timedelta(hours=1), DAY + timedelta(microseconds=1), Word.PASS),
        (timedelta(hours=1), DAY, Word.PROMPT),
        (timedelta(hours=1), timedelta(0), Word.LOCKED),
    ],
)
def test_the_prompt_can_be_rarer_but_not_past_the_last_day(since: timedelta, left: timedelta, expected: Word) -> None:
    standing = Standing("k", required=True, period=Period(NOW - 9 * DAY, NOW + left), deferred_at=NOW - since)
    assert word(Context(PASSWORD), standing, Rules(prompt_interval=timedelta(hours=4))) is expected
    if left:
        assert word(Context(PASSWORD), standing, Rules()) is Word.PROMPT, "by default each sign-in asks"


@pytest.mark.parametrize("granted", [True, False])
def test_a_demand_for_one_request_is_met_by_a_grant_only(granted: bool) -> None:
    proved = PASSWORD.with_proof(Method("totp"), at=NOW)
    context = Context(proved, demands=(Demand(Method.of_factors, max_age=timedelta(0)),), granted=granted)
    assert word(context, HOLDER, Rules()) is (Word.PASS if granted else Word.CHALLENGE)


def test_a_grant_is_no_sign_in() -> None:
    context = Context(PASSWORD, demands=(Demand(Method.of_factors, max_age=timedelta(0)),), granted=True)
    assert word(context, HOLDER, Rules()) is Word.CHALLENGE


def test_a_verdict_of_a_resource_says_so_and_what_it_wants() -> None:
    demand = Demand(frozenset({Method("totp")}), timedelta(minutes=5))
    proved = PASSWORD.with_proof(Method("totp"), at=NOW - timedelta(hours=1))
    verdict = decide(Context(proved, demands=(demand,)), HOLDER, Rules(), now=NOW)
    assert (verdict.word, verdict.reason, verdict.demand, verdict.at_resource) == (
        Word.CHALLENGE, Reason.STEP_UP, demand, True,
    )  # fmt: skip
    at_sign_in = decide(Context(PASSWORD, demands=(demand,)), HOLDER, Rules(), now=NOW)
    assert (at_sign_in.reason, at_sign_in.at_resource) == (Reason.SIGN_IN, False), "of equals the app's own"

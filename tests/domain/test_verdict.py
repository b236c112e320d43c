"""The one decision, over random facts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_mfa_gate.domain.assurance import FACTOR_METHODS, Assurance, FactorKind, Method, Proof, SignIn
from flask_mfa_gate.domain.enrollment import Period, Standing
from flask_mfa_gate.domain.verdict import Access, Context, Demand, Lapse, Reason, Rules, Word, decide, is_required

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
DAY = timedelta(days=1)
TOTP = frozenset({FactorKind.TOTP})
RANK = {word: rank for rank, word in enumerate(Word)}

assurances = st.builds(
    Assurance,
    st.sampled_from(SignIn),
    st.just(NOW - timedelta(minutes=1)),
    st.lists(
        st.builds(
            Proof, st.sampled_from(Method), st.integers(0, 90).map(lambda minutes: NOW - timedelta(minutes=minutes))
        ),
        max_size=3,
    ).map(tuple),
)
periods = st.sampled_from(
    [None, Period(NOW - DAY, NOW + DAY), Period(NOW - 2 * DAY, NOW), Period(NOW - 9 * DAY, NOW - DAY)]
)
standings = st.builds(
    lambda required, period, factors, deferred: Standing(
        "k", required=required or period is not None, period=None if FactorKind.TOTP in factors else period,
        factors=factors, deferred_at=deferred,
    ),
    st.booleans(), periods, st.sampled_from([frozenset(), TOTP, frozenset(FactorKind)]), st.sampled_from([None, NOW - timedelta(hours=1)]),
)  # fmt: skip
demands = st.builds(
    Demand,
    st.sampled_from([FACTOR_METHODS, frozenset({Method.TOTP}), frozenset({Method.WEBAUTHN})]),
    st.sampled_from([None, timedelta(0), timedelta(minutes=5), timedelta(hours=1)]),
)
rules = st.builds(
    Rules,
    st.fixed_dictionaries({"app": st.sampled_from(Access)}, optional={"a": st.sampled_from([Access.ALLOW, Access.REQUIRE, Access.DENY]), "b": st.sampled_from([Access.ALLOW, Access.REQUIRE])}),
    st.just(frozenset(FactorKind)), st.sampled_from(Lapse), st.booleans(), st.sampled_from([timedelta(0), timedelta(days=1)]),
)  # fmt: skip
contexts = st.builds(
    Context, assurances, st.booleans(), st.lists(st.sampled_from(["a", "b", "app"]), max_size=2).map(tuple),
    st.lists(demands, max_size=2).map(tuple), st.booleans(), st.booleans(), st.booleans(),
)  # fmt: skip


def word(context: Context, standing: Standing, chosen: Rules) -> Word:
    return decide(context, standing, chosen, now=NOW).word


@given(contexts, standings, rules, demands)
def test_one_more_demand_never_loosens(context: Context, standing: Standing, chosen: Rules, more: Demand) -> None:
    from dataclasses import replace

    stricter = replace(context, demands=(*context.demands, more))
    assert RANK[word(stricter, standing, chosen)] <= RANK[word(context, standing, chosen)]


@given(contexts, standings, rules)
def test_the_order_of_demands_and_resources_never_matters(context: Context, standing: Standing, chosen: Rules) -> None:
    from dataclasses import replace

    words = {
        word(replace(context, demands=demanded, resources=opened), standing, chosen)
        for demanded in permutations(context.demands)
        for opened in permutations(context.resources)
    }
    assert len(words) == 1


@given(contexts, standings, rules)
def test_one_more_proof_never_tightens(context: Context, standing: Standing, chosen: Rules) -> None:
    from dataclasses import replace

    proved = replace(context, assurance=context.assurance.with_proof(Method.TOTP, at=NOW))
    assert RANK[word(proved, standing, chosen)] >= RANK[word(context, standing, chosen)]


@given(contexts, standings, rules)
def test_nobody_with_a_factor_and_a_demand_passes_without_proof(
    context: Context, standing: Standing, chosen: Rules
) -> None:
    holds = bool(standing.factors)
    asked = chosen.challenge_unrequired or is_required(standing, chosen)
    relaxed = chosen.default_access["app"] is Access.ALLOW
    if holds and asked and not relaxed and not context.assurance.proofs:
        assert word(context, standing, chosen) in {Word.DENY, Word.LOCKED, Word.CHALLENGE}


@given(contexts, standings, rules)
def test_default_allow_never_lifts_prompt_force_or_lock(context: Context, standing: Standing, chosen: Rules) -> None:
    from dataclasses import replace

    allow = replace(chosen, default_access={**chosen.default_access, "app": Access.ALLOW})
    setting = replace(chosen, default_access={**chosen.default_access, "app": Access.USER_SETTING})
    under_setting = word(context, standing, setting)
    if under_setting in {Word.LOCKED, Word.ENROLL, Word.PROMPT}:
        assert word(context, standing, allow) is under_setting


@given(contexts, standings, rules)
def test_a_switched_off_account_is_denied_whatever_it_proved(
    context: Context, standing: Standing, chosen: Rules
) -> None:
    from dataclasses import replace

    assert word(replace(context, is_active=False), standing, chosen) is Word.DENY


PASSWORD = Assurance(SignIn.PASSWORD, NOW)


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
    recovered = PASSWORD.with_proof(Method.RECOVERY_CODE, at=NOW)
    standing = Standing("k", factors=TOTP)
    assert word(Context(recovered), standing, Rules()) is Word.PASS
    opened = decide(Context(recovered, resources=("a",)), standing, Rules({"a": Access.REQUIRE}), now=NOW)
    assert (opened.word, opened.at_resource) == (Word.CHALLENGE, True)


@pytest.mark.parametrize(
    ("age", "met"),
    [(timedelta(minutes=5), True), (timedelta(minutes=5, microseconds=1), False), (timedelta(minutes=-1), False)],
)
def test_the_age_of_a_proof_has_an_exact_boundary(age: timedelta, met: bool) -> None:
    assurance = PASSWORD.with_proof(Method.TOTP, at=NOW - age)
    demand = Demand(max_age=timedelta(minutes=5))
    assert (word(Context(assurance, demands=(demand,)), Standing("k", factors=TOTP), Rules()) is Word.PASS) == met


def test_the_reason_tells_why() -> None:
    assert decide(Context(PASSWORD, is_active=False), Standing("k"), Rules(), now=NOW).reason is Reason.INACTIVE
    lapsed = Standing("k", required=True, period=Period(NOW - DAY, NOW))
    assert decide(Context(PASSWORD), lapsed, Rules(), now=NOW).reason is Reason.LAPSED


def test_amr_and_acr_follow_from_the_proofs() -> None:
    assert (PASSWORD.amr, PASSWORD.acr.rsplit("/", 1)[1]) == (("pwd",), "sfa")
    assert PASSWORD.with_proof(Method.TOTP, at=NOW).amr == ("pwd", "otp", "mfa")
    assert PASSWORD.with_proof(Method.RECOVERY_CODE, at=NOW).amr == ("pwd", "mfa")
    assert PASSWORD.with_proof(Method.TOTP, at=NOW).acr.rsplit("/", 1)[1] == "mfa"
    assert PASSWORD.with_proof(Method.TOTP, at=NOW + DAY).authenticated_at == NOW + DAY

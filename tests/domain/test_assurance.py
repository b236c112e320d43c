"""What a session has proved, and what follows from it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_mfa_gate.domain.sign_in.assurance import (
    ACR_MULTI,
    ACR_SINGLE,
    UPSTREAM,
    Assurance,
    FactorKind,
    Method,
    SignIn,
)
from flask_mfa_gate.domain.sign_in.upstream import Trust, Upstream, UpstreamTrust

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
PASSWORD = Assurance(SignIn.PASSWORD, NOW)
QUARTER = timedelta(minutes=15)
INSTANT = timedelta(microseconds=1)
STEPS = st.lists(st.tuples(st.sampled_from([*Method]), st.integers(0, 600)), max_size=6)


def proved(steps: list[tuple[Method, int]]) -> Assurance:
    """Proofs in the order in which they were given."""
    assurance = PASSWORD
    for method, minutes in sorted(steps, key=lambda step: step[1]):
        assurance = assurance.with_proof(method, at=NOW + timedelta(minutes=minutes))
    return assurance


@given(STEPS)
def test_there_is_one_proof_a_method_and_it_is_the_latest(steps: list[tuple[Method, int]]) -> None:
    assurance = proved(steps)
    latest: dict[Method, int] = {}
    for method, minutes in steps:
        latest[method] = max(minutes, latest.get(method, 0))
    assert {proof.method: proof.at for proof in assurance.proofs} == {
        method: NOW + timedelta(minutes=minutes) for method, minutes in latest.items()
    }
    assert len(assurance.proofs) == len(assurance.methods)
    assert all(earlier.at <= later.at for earlier, later in pairwise(assurance.proofs))


@given(STEPS)
def test_words_are_never_repeated_and_the_password_is_first(steps: list[tuple[Method, int]]) -> None:
    assurance = proved(steps)
    assert assurance.amr[0] == "pwd"
    assert len(set(assurance.amr)) == len(assurance.amr)
    signs_in = bool(assurance.methods & Method.at_sign_in)
    assert ("mfa" in assurance.amr) == signs_in == (assurance.acr == ACR_MULTI)
    assert ("otp" in assurance.amr) == (Method("totp") in assurance.methods)
    assert ("hwk" in assurance.amr) == (Method("webauthn") in assurance.methods)
    assert steps or assurance.acr == ACR_SINGLE


@given(STEPS)
def test_the_last_proof_is_the_time_of_authentication(steps: list[tuple[Method, int]]) -> None:
    latest = max((minutes for _, minutes in steps), default=0)
    assert proved(steps).authenticated_at == NOW + timedelta(minutes=latest)


@given(STEPS, st.integers(0, 700), st.none() | st.integers(0, 700))
def test_a_longer_age_never_takes_a_proof_away(steps: list[tuple[Method, int]], minutes: int, most: int | None) -> None:
    assurance, now = proved(steps), NOW + timedelta(minutes=minutes)
    max_age = None if most is None else timedelta(minutes=most)
    if assurance.proved(Method.of_factors, now=now, max_age=max_age):
        assert assurance.proved(Method.of_factors, now=now, max_age=None if max_age is None else max_age + QUARTER)
        assert assurance.methods & Method.of_factors


@pytest.mark.parametrize(
    ("age", "is_proved"),
    [(timedelta(0), True), (QUARTER, True), (QUARTER + INSTANT, False), (-INSTANT, False), (-timedelta(days=1), False)],
)
def test_the_age_of_a_proof_counts_to_the_instant(age: timedelta, is_proved: bool) -> None:
    assurance = PASSWORD.with_proof(Method("totp"), at=NOW - age)
    assert assurance.proved({Method("totp")}, now=NOW, max_age=QUARTER) is is_proved


def test_nothing_is_proved_by_nothing_and_by_another_method() -> None:
    assert not PASSWORD.proved(Method.of_factors, now=NOW)
    recovered = PASSWORD.with_proof(Method("recovery_code"), at=NOW)
    assert not recovered.proved(Method.of_factors, now=NOW)
    assert not recovered.proved((), now=NOW)
    assert recovered.proved({Method("recovery_code")}, now=NOW)


def test_a_recovery_code_is_no_factor() -> None:
    assert Method("recovery_code") not in Method.of_factors
    assert {method.value for method in Method.of_factors} == {kind.value for kind in FactorKind}


@pytest.mark.parametrize("sign_in", SignIn)
def test_only_what_the_user_did_now_is_a_fresh_sign_in(sign_in: SignIn) -> None:
    fresh = Assurance(sign_in, NOW).is_fresh_sign_in(now=NOW, within=QUARTER)
    assert fresh is (sign_in in {SignIn.PASSWORD, SignIn.FEDERATED})


@pytest.mark.parametrize(
    ("later", "is_fresh"),
    [(timedelta(0), True), (QUARTER, True), (QUARTER + INSTANT, False), (-INSTANT, False)],
)
def test_a_sign_in_is_fresh_for_fifteen_minutes(later: timedelta, is_fresh: bool) -> None:
    assert PASSWORD.is_fresh_sign_in(now=NOW + later, within=QUARTER) is is_fresh


def test_a_later_proof_makes_an_old_sign_in_no_fresher() -> None:
    assurance = PASSWORD.with_proof(Method("totp"), at=NOW + timedelta(hours=1))
    assert not assurance.is_fresh_sign_in(now=NOW + timedelta(hours=1), within=QUARTER)


def test_what_a_provider_tells_of_long_ago_is_not_of_this_moment() -> None:
    old = NOW - timedelta(hours=9)
    said = Assurance(SignIn.FEDERATED, NOW, upstream=Upstream("https://id.example", at=old))
    assert (said.authenticated_at, said.witnessed_at) == (NOW, old)


def test_what_a_provider_tells_no_time_of_is_of_no_known_time() -> None:
    said = Assurance(SignIn.FEDERATED, NOW, upstream=Upstream("https://id.example", is_multi_factor=True))
    assert (said.authenticated_at, said.witnessed_at) == (NOW, None)
    believed = said.believing(UpstreamTrust({"https://id.example": Trust.ALWAYS}), now=NOW)
    assert believed.methods
    assert believed.witnessed_at is None
    later = NOW + timedelta(minutes=5)
    assert said.with_proof(Method("totp"), at=later).witnessed_at == later
    assert said.signed_in_again(at=later).witnessed_at == later, "the password, in this app"


def test_a_provider_is_believed_by_whoever_asks_and_never_for_good() -> None:
    said = Assurance(
        SignIn.FEDERATED, NOW, upstream=Upstream("https://id.example", ("mfa",), is_multi_factor=True, at=NOW)
    )
    trust = UpstreamTrust({"https://id.example": Trust.WHEN_PROVED})
    believed = said.believing(trust, now=NOW)
    assert (said.methods, believed.methods, believed.amr) == (frozenset(), {UPSTREAM}, ("mfa",))
    assert believed.believing(UpstreamTrust(), now=NOW).methods == frozenset()

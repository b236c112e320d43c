"""How long a gate session lives, and what a grant covers."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_mfa_gate.domain.authorization.decision import AuthnRequirement
from flask_mfa_gate.domain.sign_in.assurance import Assurance, Method, SignIn
from flask_mfa_gate.domain.sign_in.session import (
    GRANT_LIFETIME,
    ROTATION_GRACE,
    GateSession,
    Lifetimes,
    StepUp,
    act_of,
    leaves_grant,
)

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
INSTANT = timedelta(microseconds=1)
LIVES = Lifetimes(pending=timedelta(minutes=10), idle=timedelta(hours=1), max_age=timedelta(hours=12))
ONE_REQUEST = AuthnRequirement(Method.of_factors, max_age=timedelta(0))
SPANS = st.timedeltas(timedelta(0), timedelta(days=2))


def session(**facts: Any) -> GateSession:
    assurance = Assurance(SignIn.PASSWORD, NOW)
    return GateSession(
        **{
            "id_digest": "0" * 64, "lineage": "1" * 32, "user_key": "7", "assurance": assurance,
            "began_at": NOW, "seen_at": NOW, **facts,
        }
    )  # fmt: skip


@pytest.mark.parametrize(
    ("facts", "life"),
    [
        ({}, LIVES.idle),
        ({"seen_at": NOW + timedelta(hours=11, minutes=30)}, LIVES.max_age),
        ({"seen_at": NOW + timedelta(hours=3)}, timedelta(hours=4)),
        ({"parked": b"sealed", "parked_at": NOW}, LIVES.pending),
        ({"parked": b"sealed", "parked_at": NOW, "seen_at": NOW + timedelta(minutes=9)}, LIVES.pending),
        ({"parked": b"sealed"}, LIVES.idle),
        ({"parked": b"sealed", "seen_at": NOW + timedelta(hours=11, minutes=30)}, LIVES.max_age),
        ({"superseded_at": NOW}, ROTATION_GRACE),
        ({"superseded_at": NOW, "parked": b"sealed", "parked_at": NOW}, ROTATION_GRACE),
        ({"superseded_at": NOW + timedelta(minutes=59, seconds=50)}, LIVES.idle),
    ],
)
def test_it_dies_at_the_instant(facts: dict[str, Any], life: timedelta) -> None:
    assert session(**facts).is_alive(LIVES, now=NOW + life - INSTANT)
    assert not session(**facts).is_alive(LIVES, now=NOW + life)


@pytest.mark.parametrize("began_at", [NOW, NOW + timedelta(hours=11)])
def test_only_evidence_makes_it_younger(began_at: datetime) -> None:
    last = NOW + timedelta(hours=11)
    assert not session(began_at=began_at, seen_at=NOW + LIVES.max_age).is_alive(LIVES, now=NOW + LIVES.max_age)
    proved = session(assurance=session().assurance.with_proof(Method("totp"), at=last), seen_at=last + LIVES.max_age)
    assert proved.is_alive(LIVES, now=last + LIVES.max_age - INSTANT)
    again = session(assurance=session().assurance.signed_in_again(at=last), seen_at=last + LIVES.max_age)
    assert again.is_alive(LIVES, now=last + LIVES.max_age - INSTANT)
    early = session().assurance.with_proof(Method("totp"), at=NOW).signed_in_again(at=last)
    assert not session(assurance=early, seen_at=NOW + LIVES.max_age).is_alive(LIVES, now=NOW + LIVES.max_age)


@given(SPANS, SPANS, st.booleans(), st.none() | SPANS)
def test_what_is_dead_stays_dead(one: timedelta, more: timedelta, pending: bool, superseded: timedelta | None) -> None:
    facts: dict[str, Any] = {"parked": b"sealed", "parked_at": NOW} if pending else {}
    row = session(**facts, superseded_at=None if superseded is None else NOW + superseded)
    if not row.is_alive(LIVES, now=NOW + one):
        assert not row.is_alive(LIVES, now=NOW + one + more)


@given(SPANS, SPANS)
def test_being_superseded_never_lengthens_a_life(since: timedelta, later: timedelta) -> None:
    row = session()
    if replace(row, superseded_at=NOW + since).is_alive(LIVES, now=NOW + later):
        assert row.is_alive(LIVES, now=NOW + later)


def test_the_old_id_lives_for_half_a_minute_and_a_grant_for_five() -> None:
    assert (timedelta(seconds=30), timedelta(minutes=5)) == (ROTATION_GRACE, GRANT_LIFETIME)


def test_pending_means_parked_and_superseded_means_replaced() -> None:
    assert not session().is_pending
    assert session(parked=b"").is_pending
    assert not session().is_superseded
    assert session(superseded_at=NOW).is_superseded


def test_an_act_is_an_endpoint_with_the_arguments_of_its_path() -> None:
    acts = [
        act_of("pay", {}), act_of("pay2", {}), act_of("pay", {"n": 1}), act_of("pay", {"n": 2}), act_of("pay", {"m": 1}),
        act_of(None, {}), act_of("pay", {"n": 1, "m": 2}), act_of("pay", {"n": "1, m"}),
    ]  # fmt: skip
    assert len(set(acts)) == len(acts)
    assert act_of("pay", {"n": 1, "m": 2}) == act_of("pay", {"m": 2, "n": 1})
    assert {len(act) for act in acts} == {64}


def test_an_argument_that_a_host_made_an_object_of_is_told_by_its_path() -> None:
    class Account:
        def __str__(self) -> str:
            return "savings"

    def act(path: str, root: str = "localhost") -> str:
        return act_of("pay", {"account": Account()}, root=root, path=path)

    assert act("/pay/1") == act("/pay/1")
    assert len({act("/pay/1"), act("/pay/2"), act("/pay/1", "localhost/tenant")}) == 3
    assert act_of("pay", {"n": 1}, path="/pay/1") == act_of("pay", {"n": 1}, path="/pay/01")


STEP_UP = StepUp(ONE_REQUEST, "pay", "act", "/pay")


@pytest.mark.parametrize(
    ("facts", "method", "leaves_one"),
    [
        ({"step_up": STEP_UP}, Method("totp"), True), ({"parked": b""}, Method("totp"), True), ({}, Method("totp"), False),
        ({"step_up": STEP_UP}, Method("recovery_code"), False), ({"parked": b""}, Method("access_pass"), False),
        ({"step_up": replace(STEP_UP, requirement=AuthnRequirement(frozenset({Method("webauthn")})))}, Method("totp"), False),
    ],
)  # fmt: skip
def test_a_factor_that_was_asked_for_leaves_a_grant(facts: dict[str, Any], method: Method, leaves_one: bool) -> None:
    assert leaves_grant(session(**facts), method) is leaves_one

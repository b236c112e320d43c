"""Of two decisions on one request the stricter holds, and what only the user can do stops the actor."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from flask_mfa_gate.domain.authorization.decision import Ask, AuthnRequirement, Decision, Reason
from flask_mfa_gate.domain.authorization.impersonation import decide_for_both
from flask_mfa_gate.domain.sign_in.assurance import Method
from flask_mfa_gate.factors.registry import FactorRegistry  # noqa: F401 - defines the kinds

TOTP, KEY = Method("totp"), Method("webauthn")
STRICTNESS = {ask: rank for rank, ask in enumerate(Ask)}
methods = st.frozensets(st.sampled_from([TOTP, KEY]))
decisions = st.builds(
    Decision,
    st.sampled_from(Ask),
    st.just(Reason.STEP_UP),
    st.builds(AuthnRequirement, methods),
    st.booleans(),
    st.booleans(),
)


@given(decisions, decisions, methods)
def test_it_is_never_laxer_than_either(actor: Decision, subject: Decision, held: frozenset[Method]) -> None:
    both = decide_for_both(actor, subject, held=held)
    assert STRICTNESS[both.ask] <= min(STRICTNESS[actor.ask], STRICTNESS[subject.ask])
    assert both.app_is_satisfied is (actor.app_is_satisfied and subject.app_is_satisfied)


@given(decisions, methods)
def test_only_what_the_actor_can_prove_is_asked(subject: Decision, held: frozenset[Method]) -> None:
    both = decide_for_both(Decision(Ask.PASS), subject, held=held)
    can_prove = bool(held & (subject.requirement.methods or Method.of_factors))
    as_it_is = subject.ask in {Ask.PASS, Ask.DENY, Ask.LOCKED} or (subject.ask is Ask.CHALLENGE and can_prove)
    assert (both.ask, both.reason) == ((subject.ask, both.reason) if as_it_is else (Ask.DENY, Reason.IMPERSONATION))

"""What the parameters of an authentication request ask."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_mfa_gate.domain.oidc.authn_request import AuthnRequest, BadAuthnRequest, Prompt, read_authn_request
from flask_mfa_gate.domain.oidc.strength import DEFAULT_ACR, AcrWords, Level, best_level, level_of
from flask_mfa_gate.domain.sign_in.assurance import Assurance, Method, SignIn
from flask_mfa_gate.factors import registry  # noqa: F401 - defines the methods


def read(default_max_age: int | None = None, **parameters: str) -> AuthnRequest:
    return read_authn_request(parameters, default_max_age=default_max_age)


def acr(**asked: Any) -> str:
    return json.dumps({"id_token": {"acr": asked}, "userinfo": {"email": None}})


def test_nothing_is_asked_by_default() -> None:
    assert read() == AuthnRequest()
    assert not read().wants_new_proof


def test_what_may_be_asked() -> None:
    asked = read(prompt="login consent", max_age="300", acr_values="phr mfa", login_hint="dave")
    assert asked.prompts == {Prompt.LOGIN, Prompt.CONSENT}
    assert (asked.max_age, asked.acr_values, asked.login_hint) == (300, ("phr", "mfa"), "dave")
    assert asked.wants_new_proof
    assert read(max_age="0").wants_new_proof
    assert read(prompt="none").is_silent
    assert read(default_max_age=60).max_age == 60
    assert read(default_max_age=60, max_age="5").max_age == 5


@pytest.mark.parametrize(
    ("sent", "wishes"),
    [
        ({}, {}),
        ({"login_hint": "dave"}, {"login_hint": "dave"}),
        ({"prompt": "login consent", "max_age": "60"}, {"prompt": "login"}),
        ({"max_age": "0"}, {"prompt": "login"}),
        ({"max_age": "60", "login_hint": "dave"}, {"max_age": "60", "login_hint": "dave"}),
        ({"prompt": "select_account"}, {}),
    ],
)
def test_what_the_sign_in_of_the_app_may_act_on(sent: dict[str, str], wishes: dict[str, str]) -> None:
    assert read(**sent).wishes == wishes


def test_an_essential_strength_is_one_of_its_values() -> None:
    assert read(claims=acr(essential=True, values=["mfa", "phr"])).essential_acr == ("mfa", "phr")
    assert read(claims=acr(essential=True, value="mfa")).essential_acr == ("mfa",)
    wished = read(claims=acr(essential=False, value="mfa"))
    assert (wished.essential_acr, wished.acr_values) == ((), ("mfa",))
    assert read(claims='{"id_token": {"acr": null}}').essential_acr == ()
    assert read(claims='{"userinfo": {}}').essential_acr == ()
    assert read(claims='{"id_token": {"sub": {"value": "4"}}}').subject == "4"


@pytest.mark.parametrize(
    ("about", "is_needed"), [(None, False), ({}, False), ({"essential": False}, False), ({"essential": True}, True)]
)
def test_an_essential_time_has_to_be_told(about: Any, is_needed: bool) -> None:
    assert read(claims=json.dumps({"id_token": {"auth_time": about}})).needs_auth_time is is_needed


@given(
    st.dictionaries(st.sampled_from(["prompt", "max_age", "acr_values", "claims", "login_hint"]), st.text(max_size=100))
)
def test_nothing_else_is_raised_whatever_is_sent(parameters: dict[str, str]) -> None:
    told = ""
    try:
        read_authn_request(parameters, default_max_age=None)
    except BadAuthnRequest as error:
        told = str(error)
    assert told.isascii()
    assert not {'"', "\\"} & set(told)


@given(
    st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(), st.text()),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(st.sampled_from(["id_token", "acr", "sub", "value", "values", "essential"]), inner)
        ),
    )
)
def test_nor_whatever_claims_are_made_of(claims: Any) -> None:
    try:
        read(claims=json.dumps(claims))
    except BadAuthnRequest:
        return


@pytest.mark.parametrize(
    ("method", "level"),
    [(None, 1), ("recovery_code", 1), ("access_pass", 1), ("totp", 2), ("webauthn", 3)],
)
def test_how_strong_a_proof_is(method: str | None, level: int, clock: Any) -> None:
    assurance = Assurance(SignIn.PASSWORD, clock())
    if method is not None:
        assurance = assurance.with_proof(Method(method), at=clock())
    assert level_of(assurance) == level
    assert best_level([Method("totp"), Method("recovery_code")]) is Level.MULTI_FACTOR


def test_a_value_is_that_of_one_level() -> None:
    words = AcrWords({**DEFAULT_ACR, "phr": "gold"})
    assert words.value(Level.PHISHING_RESISTANT) == "gold"
    assert words.levels(["gold", "silver", DEFAULT_ACR["1fa"]]) == (Level.PHISHING_RESISTANT, Level.ONE_FACTOR)
    assert len(words.all) == 3

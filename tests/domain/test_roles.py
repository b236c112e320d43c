"""Who may do what to whom: the whole table."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_mfa_gate.domain.enrollment.state_changes import Extend, Remind, Remove, Require, Reset, Unlock
from flask_mfa_gate.domain.people.roles import Actor, Right, Role, refusal

ROLES = (*Role, None)
ACTOR = "7"

WORDS = ("cli", "host", "system")


@pytest.mark.parametrize(("right", "role"), list(product(Right, ROLES)))
def test_words_may_do_everything_to_everybody(right: Right, role: Role | None) -> None:
    for word in WORDS:
        assert refusal(Actor(word), right, subject=word, role=role) is None
        assert refusal(Actor(word), right, subject=ACTOR, role=role) is None


@pytest.mark.parametrize(("mine", "right", "role"), list(product(ROLES, Right, ROLES)))
def test_nobody_acts_on_himself(mine: Role | None, right: Right, role: Role | None) -> None:
    assert refusal(Actor(f"user:{ACTOR}", mine), right, subject=ACTOR, role=role) == "yourself"


@pytest.mark.parametrize(("right", "role"), list(product(Right, ROLES)))
def test_an_admin_does_everything_to_everybody_else(right: Right, role: Role | None) -> None:
    assert refusal(Actor(f"user:{ACTOR}", Role.ADMIN), right, subject="8", role=role) is None


@pytest.mark.parametrize("role", ROLES)
def test_helpdesk_rescues_people_without_a_role_and_rules_over_nobody(role: Role | None) -> None:
    helpdesk = Actor(f"user:{ACTOR}", Role.HELPDESK)
    assert refusal(helpdesk, Right.RESCUE, subject="8", role=role) == (None if role is None else "higher-role")
    assert refusal(helpdesk, Right.RULE, subject="8", role=role) == "not-allowed"


@pytest.mark.parametrize(("mine", "right", "role"), list(product((Role.AUDITOR, None), Right, ROLES)))
def test_auditors_and_people_without_a_role_act_on_nobody(mine: Role | None, right: Right, role: Role | None) -> None:
    assert refusal(Actor(f"user:{ACTOR}", mine), right, subject="8", role=role) == "not-allowed"


def test_what_each_action_takes() -> None:
    rescues = (Extend(1, None), Reset(None, 7), Remind(), Unlock())
    assert {action.right for action in rescues} == {Right.RESCUE}
    assert {action.right for action in (Require(7, renew=False), Remove())} == {Right.RULE}
    assert [action.must_tell for action in (*rescues, Require(7, renew=False), Remove())] == [
        False, True, False, False, False, False,
    ]  # fmt: skip


@given(st.text(min_size=1))
def test_text_that_is_no_word_is_a_user_key(text: str) -> None:
    name = Actor.parse(text).name
    if text in WORDS:
        assert name == text
        assert Actor(name).may_be_silent
    else:
        assert name == (text if text.startswith("user:") else f"user:{text}")
        assert Actor(name).user_key == text.removeprefix("user:")
        assert not Actor(name).may_be_silent
    assert Actor.parse(name).name == name, "once is enough"


@pytest.mark.parametrize("key", sorted(WORDS))
def test_a_user_whose_key_is_a_word_has_no_more_rights_than_others(key: str) -> None:
    """Views always pass the form ``user:``."""
    actor = Actor.user(key)
    assert actor.user_key == key
    assert refusal(actor, Right.RESCUE, subject="8", role=None) == "not-allowed"
    assert refusal(actor, Right.RESCUE, subject=key, role=None) == "yourself"

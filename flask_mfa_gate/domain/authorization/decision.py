"""What a decision says: what is asked, why, and what would satisfy it."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import NamedTuple

from ..sign_in.assurance import Method


class Ask(StrEnum):
    """What is asked of a request. The order of definition is the order of precedence."""

    DENY = "deny"
    LOCKED = "locked"
    CHALLENGE = "challenge"
    ENROLL = "enroll"
    PROMPT = "prompt"
    PASS = "pass"  # noqa: S105 - a word of the vocabulary, not a secret


class Reason(StrEnum):
    """Why, as a stable word that an admin can search for."""

    SATISFIED = "satisfied"
    STRANGER = "not-signed-in"
    INACTIVE = "account-inactive"
    DEFAULT_DENY = "default-access-deny"
    LAPSED = "enrollment-lapsed"
    SIGN_IN = "second-factor-at-sign-in"
    STEP_UP = "step-up"
    ENROLLMENT_FORCED = "enrollment-required-now"
    ENROLLMENT_PERIOD = "enrollment-period"
    ENROLLMENT_PASS = "pass-for-enrollment-only"  # noqa: S105
    IMPERSONATION = "only-for-the-user"
    POLICY = "policy"


class AuthnRequirement(NamedTuple):
    """Proof that the app, one resource or one view asks for.

    :param methods: acceptable proofs; one of them is enough.
    :param max_age: how old the proof may be; zero asks for this one request; None for the session's life.
    """

    methods: frozenset[Method]
    max_age: timedelta | None = None

    @property
    def is_for_one_request(self) -> bool:
        """Whether each single request needs a proof of its own."""
        return self.max_age == timedelta(0)


_REFUSALS = frozenset({Ask.DENY, Ask.LOCKED})
AS_AT_SIGN_IN = AuthnRequirement(frozenset())
"""No requirement of its own: what signs in would do. Nobody could ever meet it."""


class ConditionFailure(NamedTuple):
    """A condition that raised, and counted as unknown.

    :param error: the name of what it raised.
    """

    policy: str
    word: str
    error: str


class Decision(NamedTuple):
    """The outcome, why, and what would satisfy it.

    :param at_resource: whether one resource or view says so, and not the app itself.
    :param app_is_satisfied: whether the app itself asks for nothing more; if it does, nobody may be seen.
    :param policies: names of the policies that say so; empty when none does.
    :param grace_ends_at: until when a prompt may be put off, where policies give days of grace.
    :param message: what they have to say to whom they refuse, and where help is.
    :param beginning: names of policies whose days of grace begin with this decision.
    :param failures: conditions that raised on the way.
    """

    ask: Ask
    reason: Reason = Reason.SATISFIED
    requirement: AuthnRequirement = AS_AT_SIGN_IN
    at_resource: bool = False
    app_is_satisfied: bool = True
    policies: tuple[str, ...] = ()
    message: str = ""
    help_link: str = ""
    grace_ends_at: datetime | None = None
    beginning: frozenset[str] = frozenset()
    failures: tuple[ConditionFailure, ...] = ()

    @property
    def word(self) -> Ask:
        """``ask``, as templates and menus of the app call it."""
        return self.ask

    @property
    def is_refusal(self) -> bool:
        """Whether no proof can lift it."""
        return self.ask in _REFUSALS

    @property
    def reason_id(self) -> str:
        """A short word that is shown to the user and that an admin can search for; it does not give policies away."""
        return reason_of_policy(self.policies[0]) if self.policies else self.reason.value


PASSED = Decision(Ask.PASS)


def policy_id(name: str) -> str:
    """Names a policy to those who must not read its name."""
    return sha256(name.encode()).hexdigest()[:8]


def reason_of_policy(name: str) -> str:
    """The ``reason_id`` of what this policy decides."""
    return f"policy-{policy_id(name)}"

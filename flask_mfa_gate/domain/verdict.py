"""The one decision. Pure: live requests, command line and tests call the same :func:`decide`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from .assurance import FACTOR_METHODS, SIGN_IN_METHODS, Assurance, FactorKind, Method
from .enrollment import Standing, Status, status_of

APP = "app"


class Word(StrEnum):
    """What happens to a request. The order of definition is the order of precedence."""

    DENY = "deny"
    LOCKED = "locked"
    CHALLENGE = "challenge"
    ENROLL = "enroll"
    PROMPT = "prompt"
    PASS = "pass"  # noqa: S105 - a word of the vocabulary, not a secret


_PRECEDENCE = {word: rank for rank, word in enumerate(Word)}


class Access(StrEnum):
    """Default access of a resource."""

    USER_SETTING = "user-setting"
    ALLOW = "allow"
    REQUIRE = "require"
    DENY = "deny"


class Lapse(StrEnum):
    """What a period that ended without enrollment does."""

    LOCKED = "locked"
    CONFINED = "confined"


class LockoutScope(StrEnum):
    """How far a lapse locks: the whole account, or wherever a demand is met by no other factor of the user."""

    APP = "app"
    PROTECTED = "protected"


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


@dataclass(frozen=True, slots=True)
class Demand:
    """Proof that one resource or view asks for on a live session.

    :param methods: acceptable proofs; one of them is enough.
    :param max_age: how old the proof may be; zero asks for this one request; None for the session's life.
    """

    methods: frozenset[Method] = FACTOR_METHODS
    max_age: timedelta | None = None

    @property
    def is_for_one_request(self) -> bool:
        """Whether each single request needs a proof of its own."""
        return self.max_age == timedelta(0)


@dataclass(frozen=True, slots=True)
class Rules:
    """The settings that the decision depends on.

    :param enabled: kinds that are switched on.
    :param satisfying: kinds whose enrollment ends a period.
    """

    default_access: Mapping[str, Access] = field(default_factory=dict)
    enabled: frozenset[FactorKind] = frozenset({FactorKind.TOTP})
    satisfying: frozenset[FactorKind] = frozenset({FactorKind.TOTP})
    lapse: Lapse = Lapse.LOCKED
    lockout_scope: LockoutScope = LockoutScope.APP
    challenge_unrequired: bool = True
    prompt_interval: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True)
class Context:
    """One request, as far as the decision looks at it.

    :param resources: what is being opened, beside the app itself.
    :param demands: what the view itself asks for.
    :param deferred: whether this session chose "Set up later".
    :param promptable: False for tokens, which a soft prompt never stops.
    :param granted: whether a grant for exactly this request is at hand.
    """

    assurance: Assurance
    is_active: bool = True
    resources: tuple[str, ...] = ()
    demands: tuple[Demand, ...] = ()
    deferred: bool = False
    promptable: bool = True
    granted: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome, why, and what would satisfy it.

    :param at_resource: whether one resource or view says so, and not the app itself.
    :param app_is_satisfied: whether the app itself asks for nothing more; if it does, nobody may be seen.
    """

    word: Word
    reason: Reason = Reason.SATISFIED
    demand: Demand = Demand(SIGN_IN_METHODS)
    at_resource: bool = False
    app_is_satisfied: bool = True


PASSED = Verdict(Word.PASS)


def decide(context: Context, standing: Standing, rules: Rules, *, now: datetime) -> Verdict:
    """The strictest of what the app and each resource say; of equals the first."""
    # SECURITY: a factor that was switched off counts nowhere, not even where a session proved it before.
    context = replace(context, assurance=context.assurance.counting(rules.enabled))
    app = _judge_app(context, standing, rules, now)
    verdicts = [app]
    for name in _guarded(context, rules):
        verdicts.append(_judge_default(rules.default_access[name], context, standing, rules, now))
    verdicts += [_judge_demand(demand, context, standing, rules, now) for demand in context.demands]
    strictest = min(verdicts, key=lambda verdict: _PRECEDENCE[verdict.word])
    return replace(strictest, app_is_satisfied=app.word is Word.PASS)


def is_required(standing: Standing, rules: Rules) -> bool:
    """Whether this user must have MFA: by the stored flag, or because everybody must."""
    return standing.required or _app_access(rules) is Access.REQUIRE


def _app_access(rules: Rules) -> Access:
    return rules.default_access.get(APP, Access.USER_SETTING)


def _guarded(context: Context, rules: Rules) -> list[str]:
    return [name for name in context.resources if name != APP and name in rules.default_access]


def _judge_app(context: Context, standing: Standing, rules: Rules, now: datetime) -> Verdict:
    if not context.is_active:
        return Verdict(Word.DENY, Reason.INACTIVE)
    if _app_access(rules) is Access.DENY:
        return Verdict(Word.DENY, Reason.DEFAULT_DENY)
    if is_locked_out(standing, rules, now) and rules.lockout_scope is LockoutScope.APP:
        return Verdict(Word.LOCKED, Reason.LAPSED)
    if standing.factors & rules.enabled:
        return _judge_holder(context, standing, rules, now)
    return _judge_unenrolled(context, standing, rules, now)


def is_locked_out(standing: Standing, rules: Rules, now: datetime) -> bool:
    """Whether the period ended without enrollment, in an app where that locks: no factor can be set up then."""
    lapsed = status_of(standing, now=now, enabled=rules.enabled) is Status.ENROLLMENT_EXPIRED
    return lapsed and not _has_satisfied(standing, rules) and rules.lapse is Lapse.LOCKED


def _has_satisfied(standing: Standing, rules: Rules) -> bool:
    """Whether the user holds what ends a period, which one that began before the setting was changed does not know."""
    return bool(standing.factors & rules.enabled & rules.satisfying)


def _judge_holder(context: Context, standing: Standing, rules: Rules, now: datetime) -> Verdict:
    relaxed = _app_access(rules) is Access.ALLOW or not (rules.challenge_unrequired or is_required(standing, rules))
    if relaxed or context.assurance.proved(SIGN_IN_METHODS, now=now):
        return _judge_period(context, standing, rules, now)
    # SECURITY: such a pass opens the setup of a factor, and not the app.
    if context.assurance.proved({Method.ENROLLMENT_PASS}, now=now):
        return Verdict(Word.ENROLL, Reason.ENROLLMENT_PASS)
    return Verdict(Word.CHALLENGE, Reason.SIGN_IN)


def _judge_unenrolled(context: Context, standing: Standing, rules: Rules, now: datetime) -> Verdict:
    if is_locked_out(standing, rules, now):
        return Verdict(Word.LOCKED, Reason.LAPSED) if _app_access(rules) is Access.REQUIRE else PASSED
    status = status_of(standing, now=now, enabled=rules.enabled)
    if standing.is_forced or status is Status.ENROLLMENT_EXPIRED or _app_access(rules) is Access.REQUIRE:
        return Verdict(Word.ENROLL, Reason.ENROLLMENT_FORCED)
    return _judge_period(context, standing, rules, now)


def _judge_period(context: Context, standing: Standing, rules: Rules, now: datetime) -> Verdict:
    """A running period prompts, also one who holds another factor than the period asks for."""
    status = status_of(standing, now=now, enabled=rules.enabled)
    runs = status is Status.IN_ENROLLMENT and not _has_satisfied(standing, rules)
    if runs and context.promptable and not _is_deferred(context, standing, rules, now):
        return Verdict(Word.PROMPT, Reason.ENROLLMENT_PERIOD)
    return PASSED


def _is_deferred(context: Context, standing: Standing, rules: Rules, now: datetime) -> bool:
    """Deferred in this session, or in any not longer than the interval ago; on the last day each sign-in asks."""
    if context.deferred:
        return True
    if standing.deferred_at is None or standing.period is None or standing.period.days_left(now) <= 1:
        return False
    return now - standing.deferred_at < rules.prompt_interval


def _judge_default(access: Access, context: Context, standing: Standing, rules: Rules, now: datetime) -> Verdict:
    if access is Access.DENY:
        return Verdict(Word.DENY, Reason.DEFAULT_DENY, at_resource=True)
    if access is Access.REQUIRE:
        return _judge_demand(Demand(), context, standing, rules, now)
    return PASSED


def _judge_demand(demand: Demand, context: Context, standing: Standing, rules: Rules, now: datetime) -> Verdict:
    if not _can_meet(demand, standing, rules):
        if is_locked_out(standing, rules, now):
            return Verdict(Word.LOCKED, Reason.LAPSED, demand, at_resource=True)
        return Verdict(Word.ENROLL, Reason.ENROLLMENT_FORCED, demand, at_resource=True)
    if demand.is_for_one_request:
        met = context.granted
    else:
        met = context.assurance.proved(demand.methods, now=now, max_age=demand.max_age)
    return PASSED if met else Verdict(Word.CHALLENGE, Reason.STEP_UP, demand, at_resource=True)


def _can_meet(demand: Demand, standing: Standing, rules: Rules) -> bool:
    return any(Method(kind.value) in demand.methods for kind in standing.factors & rules.enabled)

"""The one decision. Pure: live requests, simulator, report-only, commands and tests call the same :func:`decide`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from .access import APP, MFA_ADMIN, Access
from .assurance import FACTOR_METHODS, SIGN_IN_METHODS, Assurance, FactorKind, Method
from .enrollment import DAY, Standing, Status, status_of
from .policy.effects import PolicyDemand, Ruling
from .session import GRANT_LIFETIME
from .verdict import PASSED, Demand, Reason, Verdict, Word

_PRECEDENCE = {word: rank for rank, word in enumerate(Word)}
_NO_RULING = Ruling()
_BACK_IN = SIGN_IN_METHODS - FACTOR_METHODS


class Lapse(StrEnum):
    """What a period that ended without enrollment does."""

    LOCKED = "locked"
    CONFINED = "confined"


class LockoutScope(StrEnum):
    """How far a lapse locks: the whole account, or wherever a demand is met by no other factor of the user."""

    APP = "app"
    PROTECTED = "protected"


@dataclass(frozen=True, slots=True)
class Rules:
    """The settings that the decision depends on.

    :param enabled: kinds that are switched on.
    :param satisfying: kinds whose enrollment ends a period.
    :param break_glass: keys of accounts that are outside of policies and lapse.
    """

    default_access: Mapping[str, Access] = field(default_factory=dict)
    enabled: frozenset[FactorKind] = frozenset({FactorKind.TOTP})
    satisfying: frozenset[FactorKind] = frozenset({FactorKind.TOTP})
    lapse: Lapse = Lapse.LOCKED
    lockout_scope: LockoutScope = LockoutScope.APP
    challenge_unrequired: bool = True
    prompt_interval: timedelta = timedelta(0)
    break_glass: frozenset[str] = frozenset()

    def access(self, resource: str) -> Access:
        """The default access of a resource. The console always requires."""
        if resource == MFA_ADMIN:
            return Access.REQUIRE
        return self.default_access.get(resource, Access.USER_SETTING if resource == APP else Access.ALLOW)


@dataclass(frozen=True, slots=True)
class Context:
    """One request, as far as the decision looks at it.

    :param resources: what is being opened, beside the app itself.
    :param demands: what the view itself asks for.
    :param deferred: whether this session chose "Set up later".
    :param promptable: False for tokens, which a soft prompt never stops.
    :param granted: whether a grant for exactly this request is at hand.
    :param rulings: what policies come to, by resource; one that is not there has no policy that applies.
    """

    assurance: Assurance
    is_active: bool = True
    resources: tuple[str, ...] = ()
    demands: tuple[Demand, ...] = ()
    deferred: bool = False
    promptable: bool = True
    granted: bool = False
    rulings: Mapping[str, Ruling] = field(default_factory=dict)


def decide(context: Context, standing: Standing, rules: Rules, *, now: datetime) -> Verdict:
    """The strictest of what the app and each resource say; of equals the first."""
    # SECURITY: a factor that was switched off counts nowhere, not even where a session proved it before.
    counted = context.assurance.counting(rules.enabled)
    if counted is not context.assurance:
        context = replace(context, assurance=counted)
    judge = _Judge(context, standing, rules, now, status_of(standing, now=now, enabled=rules.enabled))
    app = judge.app()
    verdicts = [app]
    for name in context.resources:
        if name != APP:
            verdicts.append(judge.resource(name))
    for demand in context.demands:
        verdicts.append(judge.demand(demand))
    strictest, is_satisfied = _strictest(verdicts), app.word is Word.PASS
    if strictest.app_is_satisfied is is_satisfied:
        return strictest
    return replace(strictest, app_is_satisfied=is_satisfied)


def is_required(standing: Standing, rules: Rules) -> bool:
    """Whether this user must have MFA: by the stored flag, or because everybody must."""
    return standing.required or rules.access(APP) is Access.REQUIRE


def is_locked_out(standing: Standing, rules: Rules, now: datetime) -> bool:
    """Whether the period ended without enrollment, in an app where that locks: no factor can be set up then."""
    return _locks(status_of(standing, now=now, enabled=rules.enabled), standing, rules)


def _locks(status: Status, standing: Standing, rules: Rules) -> bool:
    if status is not Status.ENROLLMENT_EXPIRED or rules.lapse is not Lapse.LOCKED:
        return False
    return standing.user_key not in rules.break_glass and not _has_satisfied(standing, rules)


def _has_satisfied(standing: Standing, rules: Rules) -> bool:
    """Whether the user holds what ends a period, which one that began before the setting was changed does not know."""
    return bool(standing.factors & rules.enabled & rules.satisfying)


def _strictest(verdicts: list[Verdict]) -> Verdict:
    if len(verdicts) == 1:
        return verdicts[0]
    return min(verdicts, key=lambda verdict: _PRECEDENCE[verdict.word])


@dataclass(frozen=True, slots=True)
class _Judge:
    """The facts of one decision, and what each resource makes of them."""

    context: Context
    standing: Standing
    rules: Rules
    now: datetime
    status: Status

    def app(self) -> Verdict:
        """What the app itself asks, policies, default access and the user's own requirement together."""
        ruling = self._ruling(APP)
        if not self.context.is_active:
            return Verdict(Word.DENY, Reason.INACTIVE)
        if (refused := self._refused(APP, ruling)) is not None:
            return refused
        if self._is_locked and self.rules.lockout_scope is LockoutScope.APP:
            return Verdict(Word.LOCKED, Reason.LAPSED)
        demanded = [self._demanded(demand, ruling, grace=grace) for demand, grace in self._app_demands(ruling)]
        own = self._holder(ruling) if self._held else self._unenrolled()
        return _strictest([*demanded, own])

    def resource(self, name: str) -> Verdict:
        """What one resource asks beside the app."""
        ruling = self._ruling(name)
        if (refused := self._refused(name, ruling)) is not None:
            return refused
        verdicts = [PASSED]
        if ruling.default_applies and self.rules.access(name) is Access.REQUIRE:
            verdicts.append(self.demand(Demand()))
        grace = self._grace_end(ruling)
        for wanted in ruling.demands:
            demand = Demand(_methods(wanted), wanted.max_age)
            verdicts.append(self._demanded(demand, ruling, grace=grace, at_resource=True))
        return _strictest(verdicts)

    def demand(self, demand: Demand) -> Verdict:
        """What a view asks by itself, or a resource by default."""
        return self._demanded(demand, _NO_RULING, grace=None, at_resource=True)

    def _ruling(self, resource: str) -> Ruling:
        """An account for emergencies is outside of policies."""
        if self.standing.user_key in self.rules.break_glass:
            return _NO_RULING
        return self.context.rulings.get(resource, _NO_RULING)

    def _refused(self, resource: str, ruling: Ruling) -> Verdict | None:
        if (policy := ruling.denied_by) is not None:
            return Verdict(
                Word.DENY, Reason.POLICY, at_resource=resource != APP, policies=(policy.name,),
                message=policy.message, help_link=policy.help_link,
            )  # fmt: skip
        if ruling.default_applies and self.rules.access(resource) is Access.DENY:
            return Verdict(Word.DENY, Reason.DEFAULT_DENY, at_resource=resource != APP)
        return None

    def _app_demands(self, ruling: Ruling) -> Iterator[tuple[Demand, datetime | None]]:
        """Each with the end of its grace. What is demanded of everybody has none."""
        if ruling.default_applies and self.rules.access(APP) is Access.REQUIRE:
            yield Demand(SIGN_IN_METHODS), None
        grace = self._grace_end(ruling)
        for wanted in ruling.demands:
            methods = _methods(wanted)
            # A way back in stands for the authenticator app at the sign-in, and for no other factor.
            ways = methods | _BACK_IN if not wanted.factors or FactorKind.TOTP in wanted.factors else methods
            yield Demand(ways, wanted.max_age), grace

    def _demanded(
        self, demand: Demand, ruling: Ruling, *, grace: datetime | None, at_resource: bool = False
    ) -> Verdict:
        """Whether this proof is there; if it can't be, whether there is still time to set a factor up."""
        if self._can_meet(demand):
            if self._meets(demand):
                return PASSED
            if self._is_setting_up and not at_resource:
                return Verdict(Word.ENROLL, Reason.ENROLLMENT_PASS, demand, policies=ruling.names)
            reason = Reason.STEP_UP if at_resource or self._is_in else Reason.SIGN_IN
            return Verdict(Word.CHALLENGE, reason, demand, at_resource, policies=ruling.names)
        if self._is_locked:
            return Verdict(Word.LOCKED, Reason.LAPSED, demand, at_resource)
        if grace is not None and self.now < grace:
            if not self._prompts(ends_at=grace):
                return PASSED
            return Verdict(
                Word.PROMPT, Reason.ENROLLMENT_PERIOD, demand, at_resource, policies=ruling.names, grace_ends_at=grace
            )
        return Verdict(Word.ENROLL, Reason.ENROLLMENT_FORCED, demand, at_resource, policies=ruling.names)

    def _holder(self, ruling: Ruling) -> Verdict:
        """The floor under whatever is demanded: a factor that is there is asked for."""
        if self._is_in:
            return self._period()
        # SECURITY: such a pass opens the setup of a factor, and not the app, also where no code would be asked for.
        if self._is_setting_up:
            return Verdict(Word.ENROLL, Reason.ENROLLMENT_PASS)
        return self._period() if self._is_relaxed(ruling) else Verdict(Word.CHALLENGE, Reason.SIGN_IN)

    def _is_relaxed(self, ruling: Ruling) -> bool:
        # SECURITY: no rule lets an account for emergencies in by its password alone.
        if self.standing.user_key in self.rules.break_glass:
            return False
        # SECURITY: a demand through a fact that was hidden leaves the default in, which must not let off more for it.
        by_default = ruling.default_applies and not ruling.demands and self.rules.access(APP) is Access.ALLOW
        unasked = not (self.rules.challenge_unrequired or is_required(self.standing, self.rules))
        return ruling.allows or by_default or unasked

    def _unenrolled(self) -> Verdict:
        """The user's own requirement, which no policy lowers."""
        if self._is_locked:
            return PASSED
        if self.standing.is_forced or self.status is Status.ENROLLMENT_EXPIRED:
            return Verdict(Word.ENROLL, Reason.ENROLLMENT_FORCED)
        return self._period()

    def _period(self) -> Verdict:
        """A running period prompts, also one who holds another factor than the period asks for."""
        period = self.standing.period
        runs = self.status is Status.IN_ENROLLMENT and not _has_satisfied(self.standing, self.rules)
        if runs and period is not None and self._prompts(ends_at=period.ends_at):
            return Verdict(Word.PROMPT, Reason.ENROLLMENT_PERIOD)
        return PASSED

    def _prompts(self, *, ends_at: datetime) -> bool:
        """Deferred in this session, or in any not longer than the interval ago; on the last day each sign-in asks."""
        if not self.context.promptable or self.context.deferred:
            return False
        deferred_at = self.standing.deferred_at
        if deferred_at is None or ends_at - self.now <= DAY:
            return True
        return self.now - deferred_at >= self.rules.prompt_interval

    def _grace_end(self, ruling: Ruling) -> datetime | None:
        """The earliest end; of a policy that matches for the first time it is counted from now."""
        if not ruling.graced:
            return None
        ends = (
            self.standing.graces.get(policy.name, self.now) + policy.effect.grace_days * DAY for policy in ruling.graced
        )
        return min(ends)

    def _can_meet(self, demand: Demand) -> bool:
        return any(Method(kind.value) in demand.methods for kind in self._held)

    def _meets(self, demand: Demand) -> bool:
        if not demand.is_for_one_request:
            return self.context.assurance.proved(demand.methods, now=self.now, max_age=demand.max_age)
        # SECURITY: one grant serves several lists only where each was proved, as a stronger factor could be left out.
        proved = self.context.assurance.proved(demand.methods, now=self.now, max_age=GRANT_LIFETIME)
        return self.context.granted and proved

    @property
    def _held(self) -> frozenset[FactorKind]:
        return self.standing.factors & self.rules.enabled

    @property
    def _is_in(self) -> bool:
        return self.context.assurance.proved(SIGN_IN_METHODS, now=self.now)

    @property
    def _is_setting_up(self) -> bool:
        """Whether a pass stands in for the factor that was lost, until another is set up."""
        return not self._is_in and self.context.assurance.proved({Method.ENROLLMENT_PASS}, now=self.now)

    @property
    def _is_locked(self) -> bool:
        return _locks(self.status, self.standing, self.rules)


def _methods(wanted: PolicyDemand) -> frozenset[Method]:
    return frozenset([Method(kind.value) for kind in wanted.factors]) if wanted.factors else FACTOR_METHODS

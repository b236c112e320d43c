"""The one decision. Pure: live requests, simulator, report-only, commands and tests call the same :func:`decide`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import NamedTuple

from .access import APP, Access
from .assurance import Assurance, FactorKind, Method, methods_of
from .authorization.combine import PolicyDemand, PolicyResult
from .enrollment import DAY, Standing, Status, status_of
from .rules import LockoutScope, Rules, has_satisfied, is_required, locks
from .session import GRANT_LIFETIME
from .verdict import PASSED, Demand, Reason, Verdict, Word

# Until Python 3.12 finding the member of an enum takes longer than judging by it.
ALLOW, REQUIRE, DENY = Access.ALLOW, Access.REQUIRE, Access.DENY
EXPIRED, IN_ENROLLMENT = Status.ENROLLMENT_EXPIRED, Status.IN_ENROLLMENT
PASS = Word.PASS

_PRECEDENCE = {word: rank for rank, word in enumerate(Word)}
_NO_RULING = PolicyResult()
_NO_RULINGS: Mapping[str, PolicyResult] = MappingProxyType({})


class Context(NamedTuple):
    """One request, as far as the decision looks at it.

    :param resources: what is being opened, beside the app itself.
    :param demands: what the view itself asks for.
    :param deferred: whether this session chose "Set up later".
    :param promptable: False for tokens, which a soft prompt never stops.
    :param granted: whether a grant for exactly this request is at hand.
    :param waives_app: whether what the app asks stops nobody here, so that only resources and demands do.
    :param rulings: what policies come to, by resource; one that is not there has no policy that applies.
    """

    assurance: Assurance
    is_active: bool = True
    resources: tuple[str, ...] = ()
    demands: tuple[Demand, ...] = ()
    deferred: bool = False
    promptable: bool = True
    granted: bool = False
    waives_app: bool = False
    rulings: Mapping[str, PolicyResult] = _NO_RULINGS


def decide(context: Context, standing: Standing, rules: Rules, *, now: datetime) -> Verdict:
    """The strictest of what the app and each resource say; of equals the first."""
    # SECURITY: a factor that was switched off counts nowhere, not even where a session proved it before.
    counted = context.assurance.counting(rules.enabled)
    if counted is not context.assurance:
        context = context._replace(assurance=counted)
    judge = _judge(context, standing, rules, now)
    app = judge.app()
    strictest = PASSED if context.waives_app else app
    for name in context.resources:
        if name != APP:
            strictest = _stricter(strictest, judge.resource(name))
    for demand in context.demands:
        strictest = _stricter(strictest, judge.demand(demand))
    is_satisfied = app.word is PASS
    if strictest.app_is_satisfied is is_satisfied:
        return strictest
    return strictest._replace(app_is_satisfied=is_satisfied)


def _stricter(first: Verdict, second: Verdict) -> Verdict:
    """The stricter of two; of equals the first."""
    if second is PASSED or _PRECEDENCE[first.word] <= _PRECEDENCE[second.word]:
        return first
    return second


def _judge(context: Context, standing: Standing, rules: Rules, now: datetime) -> _Judge:
    status = status_of(standing, now=now, enabled=rules.enabled)
    held = methods_of(standing.factors & rules.enabled)
    rulings = _NO_RULINGS if standing.user_key in rules.break_glass else context.rulings
    return _Judge(context, standing, rules, now, status, held, locks(status, standing, rules), rulings)


@dataclass(slots=True)
class _Judge:
    """The facts of one decision, and what each resource makes of them. Not frozen, since that takes as long as judging.

    :param held: what can be proved with the factors that count.
    :param rulings: none for an account for emergencies, which is outside of policies.
    """

    context: Context
    standing: Standing
    rules: Rules
    now: datetime
    status: Status
    held: frozenset[Method]
    is_locked: bool
    rulings: Mapping[str, PolicyResult]

    def app(self) -> Verdict:
        """What the app itself asks, policies, default access and the user's own requirement together."""
        ruling = self.rulings.get(APP, _NO_RULING)
        if not self.context.is_active:
            return Verdict(Word.DENY, Reason.INACTIVE)
        access = self._default(APP, ruling)
        if (refused := _refused(APP, ruling, access)) is not None:
            return refused
        if self.is_locked and self.rules.lockout_scope is LockoutScope.APP:
            return Verdict(Word.LOCKED, Reason.LAPSED)
        # What is demanded of everybody has no days of grace.
        asked = self._demanded(Demand(Method.at_sign_in), _NO_RULING, grace=None) if access is REQUIRE else PASSED
        if ruling.demands:
            grace = self._grace_end(ruling)
            for wanted in ruling.demands:
                asked = _stricter(asked, self._demanded(_at_sign_in(wanted), ruling, grace=grace))
        return _stricter(asked, self._holder(ruling) if self.held else self._unenrolled())

    def resource(self, name: str) -> Verdict:
        """What one resource asks beside the app."""
        ruling = self.rulings.get(name, _NO_RULING)
        access = self._default(name, ruling)
        if (refused := _refused(name, ruling, access)) is not None:
            return refused
        asked = self.demand(Demand(Method.of_factors)) if access is REQUIRE else PASSED
        if ruling.demands:
            grace = self._grace_end(ruling)
            for wanted in ruling.demands:
                demand = Demand(_methods(wanted), wanted.max_age)
                asked = _stricter(asked, self._demanded(demand, ruling, grace=grace, at_resource=True))
        return asked

    def demand(self, demand: Demand) -> Verdict:
        """What a view asks by itself, or a resource by default."""
        return self._demanded(demand, _NO_RULING, grace=None, at_resource=True)

    def _default(self, resource: str, ruling: PolicyResult) -> Access | None:
        """What the default access says beside the policies, if anything."""
        if ruling.default_applies:
            return self.rules.access(resource)
        # SECURITY: dropping the code at the office must not leave setting one up to whoever has the password elsewhere.
        is_let_off = self.held or not ruling.allows or self.rules.access(resource) is not REQUIRE
        return None if is_let_off else REQUIRE

    def _demanded(
        self, demand: Demand, ruling: PolicyResult, *, grace: datetime | None, at_resource: bool = False
    ) -> Verdict:
        """Whether this proof is there; if it can't be, whether there is still time to set a factor up."""
        if self._can_meet(demand):
            if self._meets(demand):
                return PASSED
            if self._is_setting_up and not at_resource:
                return Verdict(Word.ENROLL, Reason.ENROLLMENT_PASS, demand, policies=ruling.names)
            reason = Reason.STEP_UP if at_resource or self._is_in else Reason.SIGN_IN
            return Verdict(Word.CHALLENGE, reason, demand, at_resource, policies=ruling.names)
        if self.is_locked:
            return Verdict(Word.LOCKED, Reason.LAPSED, demand, at_resource)
        if grace is not None and self.now < grace:
            if not self._prompts(ends_at=grace):
                return PASSED
            return Verdict(
                Word.PROMPT, Reason.ENROLLMENT_PERIOD, demand, at_resource, policies=ruling.names, grace_ends_at=grace
            )
        return Verdict(Word.ENROLL, Reason.ENROLLMENT_FORCED, demand, at_resource, policies=ruling.names)

    def _holder(self, ruling: PolicyResult) -> Verdict:
        """The floor under whatever is demanded: a factor that is there is asked for."""
        if self._is_in:
            return self._period()
        # SECURITY: such a pass opens the setup of a factor, and not the app, also where no code would be asked for.
        if self._is_setting_up:
            return Verdict(Word.ENROLL, Reason.ENROLLMENT_PASS)
        return self._period() if self._is_relaxed(ruling) else Verdict(Word.CHALLENGE, Reason.SIGN_IN)

    def _is_relaxed(self, ruling: PolicyResult) -> bool:
        # SECURITY: no rule lets an account for emergencies in by its password alone.
        if self.standing.user_key in self.rules.break_glass:
            return False
        # SECURITY: a demand through a fact that was hidden leaves the default in, which must not let off more for it.
        by_default = ruling.default_applies and not ruling.demands and self.rules.access(APP) is ALLOW
        unasked = not (self.rules.challenge_unrequired or is_required(self.standing, self.rules))
        return ruling.allows or by_default or unasked

    def _unenrolled(self) -> Verdict:
        """The user's own requirement, which no policy lowers."""
        if self.is_locked:
            return PASSED
        if self.standing.is_forced or self.status is EXPIRED:
            return Verdict(Word.ENROLL, Reason.ENROLLMENT_FORCED)
        return self._period()

    def _period(self) -> Verdict:
        """A running period prompts, also one who holds another factor than the period asks for."""
        period = self.standing.period
        runs = self.status is IN_ENROLLMENT and not has_satisfied(self.standing, self.rules)
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

    def _grace_end(self, ruling: PolicyResult) -> datetime | None:
        """The earliest end; of a policy that matches for the first time it is counted from now."""
        if not ruling.graced:
            return None
        ends = (
            self.standing.graces.get(policy.name, self.now) + policy.effect.grace_days * DAY for policy in ruling.graced
        )
        return min(ends)

    def _can_meet(self, demand: Demand) -> bool:
        return not self.held.isdisjoint(demand.methods)

    def _meets(self, demand: Demand) -> bool:
        if not demand.is_for_one_request:
            return self.context.assurance.proved(demand.methods, now=self.now, max_age=demand.max_age)
        # SECURITY: one grant serves several lists only where each was proved, as a stronger factor could be left out.
        proved = self.context.assurance.proved(demand.methods, now=self.now, max_age=GRANT_LIFETIME)
        return self.context.granted and proved

    @property
    def _is_in(self) -> bool:
        return self.context.assurance.proved(Method.at_sign_in, now=self.now)

    @property
    def _is_setting_up(self) -> bool:
        """Whether a pass stands in for the factor that was lost, until another is set up."""
        return not self._is_in and self.context.assurance.proved(Method.setup_only, now=self.now)


def _refused(resource: str, ruling: PolicyResult, access: Access | None) -> Verdict | None:
    if (policy := ruling.denied_by) is not None:
        return Verdict(
            Word.DENY, Reason.POLICY, at_resource=resource != APP, policies=(policy.name,),
            message=policy.message, help_link=policy.help_link,
        )  # fmt: skip
    if access is DENY:
        return Verdict(Word.DENY, Reason.DEFAULT_DENY, at_resource=resource != APP)
    return None


def _at_sign_in(wanted: PolicyDemand) -> Demand:
    """A way back in stands for the kinds that may be recovered by one at the sign-in, and for no other factor."""
    methods = _methods(wanted)
    takes_way_back = not wanted.factors or not wanted.factors.isdisjoint(FactorKind.recoverable)
    return Demand(methods | Method.ways_back if takes_way_back else methods, wanted.max_age)


def _methods(wanted: PolicyDemand) -> frozenset[Method]:
    return methods_of(wanted.factors) if wanted.factors else Method.of_factors

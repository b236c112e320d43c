"""The one decision. Pure: live requests, own pages, simulator, preview and tests call the same :func:`decide`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from ..access import APP, MFA_ADMIN, Access
from ..enrollment.enrollment import DAY, EnrollmentState, Status, status_of
from ..policy.evaluation.compiled_policies import CompiledPolicies
from ..policy.evaluation.compiled_policy import OnError
from ..policy.facts import Subject
from ..sign_in.assurance import UPSTREAM, FactorKind, Method, methods_of
from ..sign_in.session import GRANT_LIFETIME
from .combine import PolicyDemand, PolicyResult, combine, graced_for_the_first_time
from .decision import PASSED, Ask, AuthnRequirement, ConditionFailure, Decision, Reason
from .request import AccessRequest
from .rules import LockoutScope, Rules, has_satisfied, is_required, locks

# Until Python 3.12 finding the member of an enum takes longer than judging by it.
ALLOW, REQUIRE, DENY = Access.ALLOW, Access.REQUIRE, Access.DENY
EXPIRED, IN_ENROLLMENT = Status.ENROLLMENT_EXPIRED, Status.IN_ENROLLMENT
PASS = Ask.PASS

_PRECEDENCE = {ask: rank for rank, ask in enumerate(Ask)}
_NO_RESULT = PolicyResult()
Results = Mapping[str, PolicyResult]
NO_RESULTS: Results = MappingProxyType({})


def decide(request: AccessRequest, policies: CompiledPolicies, rules: Rules, *, now: datetime) -> Decision:
    """The strictest of what the app and each resource say under these policies; of equals the first."""
    if not policies.live or request.enrollment.user_key in rules.break_glass:
        return weigh(request, NO_RESULTS, rules, now=now)
    failures: list[ConditionFailure] = []
    results = results_of(request, policies, rules, now=now, failures=failures)
    decision = weigh(request, results, rules, now=now)
    beginning = graced_for_the_first_time(results, request.enrollment.graces)
    if not beginning and not failures:
        return decision
    return decision._replace(beginning=frozenset(beginning), failures=tuple(failures))


def subject_of(request: AccessRequest, rules: Rules, *, now: datetime) -> Subject:
    """The user as policies see them."""
    enrollment = request.enrollment
    return Subject(enrollment.user_key, request.groups, status_of(enrollment, now=now, enabled=rules.enabled))


def results_of(
    request: AccessRequest, policies: CompiledPolicies, rules: Rules, *, now: datetime, failures: list[ConditionFailure]
) -> dict[str, PolicyResult]:
    """What the policies come to for the app and each resource.

    :param failures: takes each condition that raises.
    """
    subject, on_error = subject_of(request, rules, now=now), noting(failures)
    return {
        name: combine(
            policies.matches(subject, name, request.environment, on_error), resource=name, default=rules.access(name)
        )
        for name in (APP, *request.resources)
    }


def noting(failures: list[ConditionFailure]) -> OnError:
    """Takes what conditions raise into this list."""
    return lambda policy, word, error: failures.append(ConditionFailure(policy, word, type(error).__name__))


def weigh(request: AccessRequest, results: Results, rules: Rules, *, now: datetime) -> Decision:
    """The decision, where it is known what policies come to; one that has no result has no policy that applies."""
    enrollment = request.enrollment
    counted = rules.counted(request.assurance, enrollment.user_key, now=now)
    if counted is not request.assurance:
        request = request._replace(assurance=counted)
    status = status_of(enrollment, now=now, enabled=rules.enabled)
    judge = _Judge(
        request, enrollment, rules, now, status, methods_of(enrollment.factors & rules.enabled),
        is_locked=locks(status, enrollment, rules), is_in=counted.proved(Method.at_sign_in, now=now), results=results,
    )  # fmt: skip
    app = judge.app()
    strictest = PASSED if request.waives_app else app
    for name in request.resources:
        if name != APP:
            strictest = stricter(strictest, judge.resource(name))
    for demand in request.demands:
        strictest = stricter(strictest, judge.demand(demand))
    is_satisfied = app.ask is PASS
    if strictest.app_is_satisfied is is_satisfied:
        return strictest
    return strictest._replace(app_is_satisfied=is_satisfied)


def stricter(first: Decision, second: Decision) -> Decision:
    """The stricter of two; of equals the first."""
    if second is PASSED or _PRECEDENCE[first.ask] <= _PRECEDENCE[second.ask]:
        return first
    return second


@dataclass(slots=True, repr=False)
class _Judge:
    """The facts of one decision, and what each resource makes of them. Not frozen, since that takes as long as judging.

    :param held: what can be proved with the factors that count.
    :param is_in: whether a proof of the session opens the app.
    :param results: none for a break-glass account, which is outside of policies.
    """

    request: AccessRequest
    enrollment: EnrollmentState
    rules: Rules
    now: datetime
    status: Status
    held: frozenset[Method]
    is_locked: bool
    is_in: bool
    results: Results

    def app(self) -> Decision:
        """What the app itself asks, policies, default access and the user's own requirement together."""
        result = self.results.get(APP, _NO_RESULT)
        if not self.request.is_active:
            return Decision(Ask.DENY, Reason.INACTIVE)
        access = self._default(APP, result)
        if result.denied_by is not None or access is DENY:
            return _refusal(APP, result)
        if self.is_locked and self._locks_here:
            return Decision(Ask.LOCKED, Reason.LAPSED)
        # What is demanded of everybody has no days of grace.
        asked = (
            self._demanded(AuthnRequirement(Method.at_sign_in), _NO_RESULT, grace=None) if access is REQUIRE else PASSED
        )
        if result.demands:
            grace = self._grace_end(result)
            for wanted in result.demands:
                asked = stricter(asked, self._demanded(_at_sign_in(wanted), result, grace=grace))
        floor = self._holder(result) if self.held else self._unenrolled()
        return floor if asked is PASSED else stricter(asked, floor)

    def resource(self, name: str) -> Decision:
        """What one resource asks beside the app."""
        result = self.results.get(name, _NO_RESULT)
        access = self._default(name, result)
        if result.denied_by is not None or access is DENY:
            return _refusal(name, result)
        accepted = _accepted_at(name)
        asked = self.demand(AuthnRequirement(accepted)) if access is REQUIRE else PASSED
        if result.demands:
            grace = self._grace_end(result)
            for wanted in result.demands:
                demand = AuthnRequirement(_methods(wanted) & accepted, wanted.max_age)
                asked = stricter(asked, self._demanded(demand, result, grace=grace, at_resource=True))
        return asked

    def demand(self, demand: AuthnRequirement) -> Decision:
        """What a view asks by itself, or a resource by default."""
        return self._demanded(demand, _NO_RESULT, grace=None, at_resource=True)

    @property
    def _locks_here(self) -> bool:
        # SECURITY: nobody sets up a factor after a lapse, or anyone who waited would lift it by themselves.
        return self.rules.lockout_scope is LockoutScope.APP or self.request.sets_up_factor

    def _default(self, resource: str, result: PolicyResult) -> Access | None:
        """What the default access says beside the policies, if anything."""
        if result.default_applies:
            return self.rules.access(resource)
        # SECURITY: dropping the code at the office must not leave setup to anyone with the password elsewhere.
        is_let_off = self.held or not result.allows or self.rules.access(resource) is not REQUIRE
        return None if is_let_off else REQUIRE

    def _demanded(
        self, demand: AuthnRequirement, result: PolicyResult, *, grace: datetime | None, at_resource: bool = False
    ) -> Decision:
        """Whether this proof is there; if it can't be, whether there is still time to set a factor up."""
        if self._can_meet(demand, at_resource=at_resource):
            if self._meets(demand):
                return PASSED
            if self._is_setting_up and not at_resource:
                return Decision(Ask.ENROLL, Reason.ENROLLMENT_PASS, demand, policies=result.names)
            reason = Reason.STEP_UP if at_resource or self.is_in else Reason.SIGN_IN
            return Decision(Ask.CHALLENGE, reason, demand, at_resource, policies=result.names)
        if self.is_locked:
            return Decision(Ask.LOCKED, Reason.LAPSED, demand, at_resource)
        if grace is not None and self.now < grace:
            if not self._prompts(ends_at=grace):
                return PASSED
            return Decision(
                Ask.PROMPT, Reason.ENROLLMENT_PERIOD, demand, at_resource, policies=result.names, grace_ends_at=grace
            )
        return Decision(Ask.ENROLL, Reason.ENROLLMENT_FORCED, demand, at_resource, policies=result.names)

    def _holder(self, result: PolicyResult) -> Decision:
        """The floor under whatever is demanded: a factor that is there is asked for."""
        if self.is_in:
            return self._period()
        # SECURITY: such a pass opens the setup of a factor, and not the app, also where no code would be asked for.
        if self._is_setting_up:
            return Decision(Ask.ENROLL, Reason.ENROLLMENT_PASS)
        return self._period() if self._is_relaxed(result) else Decision(Ask.CHALLENGE, Reason.SIGN_IN)

    def _is_relaxed(self, result: PolicyResult) -> bool:
        # SECURITY: no rule lets a break-glass account in by its password alone.
        if self.enrollment.user_key in self.rules.break_glass:
            return False
        # SECURITY: a demand through a fact that was hidden leaves the default in, which must not let off more for it.
        by_default = result.default_applies and not result.demands and self.rules.access(APP) is ALLOW
        unasked = not (self.rules.challenge_unrequired or is_required(self.enrollment, self.rules))
        return result.allows or by_default or unasked

    def _unenrolled(self) -> Decision:
        """The user's own requirement, which no policy lowers."""
        if self.is_locked:
            return PASSED
        if self.enrollment.is_forced or self.status is EXPIRED:
            return Decision(Ask.ENROLL, Reason.ENROLLMENT_FORCED)
        return self._period()

    def _period(self) -> Decision:
        """A running period prompts, also one who holds another factor than the period asks for."""
        period = self.enrollment.period
        runs = self.status is IN_ENROLLMENT and not has_satisfied(self.enrollment, self.rules)
        if runs and period is not None and self._prompts(ends_at=period.ends_at):
            return Decision(Ask.PROMPT, Reason.ENROLLMENT_PERIOD)
        return PASSED

    def _prompts(self, *, ends_at: datetime) -> bool:
        """Deferred in this session, or in any not longer than the interval ago; on the last day each sign-in asks."""
        if not self.request.promptable or self.request.deferred:
            return False
        deferred_at = self.enrollment.deferred_at
        if deferred_at is None or ends_at - self.now <= DAY:
            return True
        return self.now - deferred_at >= self.rules.prompt_interval

    def _grace_end(self, result: PolicyResult) -> datetime | None:
        """The earliest end; of a policy that matches for the first time it is counted from now."""
        if not result.graced:
            return None
        ends = (
            self.enrollment.graces.get(policy.name, self.now) + policy.effect.grace_days * DAY
            for policy in result.graced
        )
        return min(ends)

    def _can_meet(self, demand: AuthnRequirement, *, at_resource: bool) -> bool:
        if not self.held.isdisjoint(demand.methods):
            return True
        # SECURITY: a period that ended is a lock, no matter who comes in the user's name.
        is_lent = at_resource and not self.is_locked and not self.request.lent.isdisjoint(demand.methods)
        return is_lent or (UPSTREAM in demand.methods and self._has_upstream(demand))

    def _meets(self, demand: AuthnRequirement) -> bool:
        if not demand.is_for_one_request:
            return self.request.assurance.proved(demand.methods, now=self.now, max_age=demand.max_age)
        # SECURITY: one grant serves several lists only where each was proved, as a stronger factor could be left out.
        proved = self.request.assurance.proved(demand.methods, now=self.now, max_age=GRANT_LIFETIME)
        return self.request.granted and proved

    def _has_upstream(self, demand: AuthnRequirement) -> bool:
        """Whether another provider proved enough of the user, or can be asked to."""
        # SECURITY: a period that ended is a lock, whatever another provider says.
        if self.is_locked or self.enrollment.user_key in self.rules.break_glass:
            return False
        return self._meets(demand) or self.rules.trust.can_ask(self.request.assurance.upstream)

    @property
    def _is_setting_up(self) -> bool:
        """Whether a pass stands in for the factor that was lost, until another is set up."""
        return not self.is_in and self.request.assurance.proved(Method.setup_only, now=self.now)


def _refusal(resource: str, result: PolicyResult) -> Decision:
    """By the policy that denies, or by the default access."""
    if (policy := result.denied_by) is None:
        return Decision(Ask.DENY, Reason.DEFAULT_DENY, at_resource=resource != APP)
    return Decision(
        Ask.DENY, Reason.POLICY, at_resource=resource != APP, policies=(policy.name,),
        message=policy.message, help_link=policy.help_link,
    )  # fmt: skip


def _at_sign_in(wanted: PolicyDemand) -> AuthnRequirement:
    """A way back in stands for the kinds that may be recovered by one at the sign-in, and for no other factor."""
    methods = _methods(wanted)
    takes_way_back = not wanted.factors or not wanted.factors.isdisjoint(FactorKind.recoverable)
    return AuthnRequirement(methods | Method.ways_back if takes_way_back else methods, wanted.max_age)


def _methods(wanted: PolicyDemand) -> frozenset[Method]:
    return methods_of(wanted.factors) if wanted.factors else Method.at_step_up


def _accepted_at(resource: str) -> frozenset[Method]:
    # SECURITY: the console takes the admin's own factor, and nobody's word for it.
    return Method.of_factors if resource == MFA_ADMIN else Method.at_step_up

"""The decision on a live request: its facts and its session under the policies and rules of the moment."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from ...domain.access import APP
from ...domain.authorization.decide import decide
from ...domain.authorization.decision import Ask, Decision
from ...domain.authorization.report_only import ReportOnlyResult, report
from ...domain.authorization.request import AccessRequest
from ...domain.enrollment.enrollment import EnrollmentState
from ...domain.policy.conditions.condition_type import ALL_FACTS
from ...domain.policy.evaluation.compiled_policies import NO_POLICIES, CompiledPolicies
from ...domain.policy.facts import Environment
from ...domain.sign_in.assurance import Assurance, Method, SignIn
from ...domain.view_protection import ViewProtection
from ...errors import MFAGateError
from ...services.people.user_objects import is_switched_on
from ...services.policies.policies import log_failure
from ...services.sign_in.arrival import Seen
from ..acts import is_granted, try_grant
from ..request_context import RequestContext
from .recorder import record, record_report, record_risk

log = logging.getLogger("flask_mfa_gate")
_NONE = frozenset[str]()
_NONE_PROVED = frozenset[Method]()


@dataclass(slots=True)
class RequestAuthorizer:
    """Decides about one user at one request. What it has to know of the request is collected there, and once.

    :param user: the host's user object; None where the row alone says who this is.
    :param notes: whether what comes of it is written down; not of a user who is only acted as.
    :param is_on: whether the account is active, where there is no such object to tell.
    :param lent: what somebody can prove who acts as this user.
    """

    context: RequestContext
    user: Any = None
    is_on: bool = True
    notes: bool = True
    lent: frozenset[Method] = _NONE_PROVED

    def here(self, protection: ViewProtection, *, waives_app: bool = False) -> Decision:
        """What this request meets; a grant for exactly this one is used up where one is asked for.

        :param waives_app: to hear only what the view itself asks, and whether the app would be satisfied.
        """
        context = self.context
        request, policies = self._request(protection)
        if waives_app or context.granted is not None:
            request = request._replace(waives_app=waives_app, granted=is_granted(context))
        decision = self._decide(request, policies)
        if policies.policies:
            decision = self._at_this_request(protection, request, policies, decision)
        wants_grant = decision.at_resource and decision.requirement.is_for_one_request
        if not wants_grant or is_granted(context) or not try_grant(context):
            return decision
        return self.here(protection, waives_app=waives_app)

    def of(self, resource: str) -> Decision:
        """What a resource would meet at this request. Nothing comes of it."""
        request, policies = self._request(ViewProtection(resources=() if resource == APP else (resource,)))
        return self._decide(request, policies)

    def after(
        self, assurance: Assurance, enrollment: EnrollmentState, *, deferred: bool, sets_up_factor: bool = False
    ) -> Decision:
        """What the app as a whole asks of a session that has proved this. Nothing comes of it."""
        policies, session = self._policies(enrollment), self.context.session
        request = AccessRequest(
            enrollment, assurance, self._is_active, deferred=deferred, sets_up_factor=sets_up_factor
        )
        kept = session.risk if session is not None else None
        return self._decide(self._as_whole(request, policies, assurance.sign_in, kept), policies)

    def now(self, *, sets_up_factor: bool = False) -> Decision:
        """The same of the session as it is, for a page that the row alone answers."""
        session, enrollment = self.context.session, self.context.enrollment
        assert session is not None and enrollment is not None  # noqa: S101, PT018 - the caller saw both
        was_deferred = session.deferred_at is not None
        return self.after(session.assurance, enrollment, deferred=was_deferred, sets_up_factor=sets_up_factor)

    def at_sign_in(
        self, assurance: Assurance, enrollment: EnrollmentState, *, deferred: bool = False
    ) -> tuple[Decision, Seen]:
        """What the app asks of a sign-in, and what there is to keep about it."""
        state, policies, facts, key = (
            self.context.state,
            self._policies(enrollment),
            self.context.facts,
            enrollment.user_key,
        )
        risk = facts.fresh_risk(key, self.user, None) if "risk" in policies.words else None
        request = AccessRequest(enrollment, assurance, self._is_active, deferred=deferred)
        # A draft may ask for any fact later, so all of them are kept.
        request = self._as_whole(request, policies, assurance.sign_in, risk, wanted=ALL_FACTS)
        decision = self._decide(request, policies)
        if policies.policies:
            record(state, key, decision)
        seen = Seen(
            decision, _recorded(request.environment), facts.client.device, risk, {},
            policy_version=policies.version, default_access=state.rules.access(APP).value,
            upstream=assurance.upstream,
        )  # fmt: skip
        if APP not in policies.reported:
            return decision, seen
        # What is only reported is judged apart: its facts are neither kept nor looked at by what is on.
        if "risk" in policies.reported_words and risk is None:
            raised = facts.risk(key, self.user, facts.fresh_risk(key, self.user, None))
            request = request._replace(environment=replace(request.environment, risk=raised))
        return decision, replace(seen, report=self._report(request, policies, (APP,)))

    def recorded_facts(self) -> dict[str, Any]:
        """All that is known of this request, as JSON values, for later decisions."""
        session = self.context.session
        assert session is not None  # noqa: S101 - the caller saw it
        risk = self.context.facts.risk(session.user_key, self.user, session.risk)
        sign_in = self._sign_in
        upstream = session.assurance.upstream if sign_in is SignIn.FEDERATED else None
        facts = self.context.facts.environment(
            ALL_FACTS, sign_in=sign_in, upstream=upstream, risk=risk, is_sign_in=False
        )
        return _recorded(facts)

    def refresh_risk(self) -> None:
        """Take the risk signals of the session again where address or client changed and a policy asks for them."""
        session, enrollment = self.context.session, self.context.enrollment
        if session is not None and enrollment is not None:
            self._refresh_risk(self._policies(enrollment))

    def _refresh_risk(self, policies: CompiledPolicies) -> None:
        context, session = self.context, self.context.session
        if session is None or "risk" not in policies.words:
            return
        if session.risk is None or not context.facts.client.is_as_in(session.risk):
            risk = context.facts.fresh_risk(session.user_key, self.user, session.risk)
            context.session = record_risk(context.state, session, risk)

    def _record(
        self, protection: ViewProtection, request: AccessRequest, policies: CompiledPolicies, decision: Decision
    ) -> None:  # fmt: skip
        """What comes of a decision on this request."""
        context = self.context
        record(context.state, request.enrollment.user_key, decision)
        reported = policies.reported.keys() & set(protection.resources)
        if context.session is not None and reported:
            wanted = _NONE.union(*(policies.reported_facts[name] for name in reported))
            asked, _ = self._request(protection, wanted=wanted)
            record_report(context.state, context.session, self._report(asked, policies, reported))

    def _at_this_request(
        self, protection: ViewProtection, request: AccessRequest, policies: CompiledPolicies, decision: Decision
    ) -> Decision:  # fmt: skip
        """The decision, noted, as one about this request where only rules about methods or views of the app say so.

        It is met or refused here: a sign-in opens the app as a whole, and could never prove what that does not ask for.
        """
        if self.notes:
            self._record(protection, request, policies, decision)
        if decision.app_is_satisfied or "request" not in policies.words:
            return decision
        session = self.context.session
        alone = request._replace(resources=(), demands=(), granted=False, waives_app=False)
        kept = session.risk if session is not None else None
        whole = self._decide(self._as_whole(alone, policies, self._sign_in, kept), policies)
        # SECURITY: the identity stays in place only where the app as a whole is satisfied; else everything is parked.
        return decision._replace(at_resource=True, app_is_satisfied=True) if whole.ask is Ask.PASS else decision

    def _request(
        self, protection: ViewProtection, *, wanted: Collection[str] | None = None
    ) -> tuple[AccessRequest, CompiledPolicies]:
        """This request with what the policies look at that speak of what it opens, and those policies."""
        context = self.context
        assert context.enrollment is not None  # noqa: S101 - bound before
        policies = self._policies(context.enrollment)
        if "risk" in policies.words:
            self._refresh_risk(policies)
        session = context.session
        request = AccessRequest(
            context.enrollment,
            context.assurance,
            self._is_active,
            protection.resources,
            protection.demands,
            deferred=session is not None and session.deferred_at is not None,
            # A prompt protects nothing that its own "later" does not open, so what may be a token is not stopped.
            promptable=not context.may_be_token,
            lent=self.lent,
        )
        if not policies.policies:
            return request, policies
        kept = session.risk if session is not None else None
        return self._known(request, policies, self._sign_in, kept, wanted=wanted, is_sign_in=False), policies

    def _as_whole(
        self, request: AccessRequest, policies: CompiledPolicies, sign_in: SignIn, kept: Mapping[str, Any] | None, *,
        wanted: Collection[str] | None = None,
    ) -> AccessRequest:  # fmt: skip
        """The app as a whole is opened, and not the view of this request."""
        if not policies.policies and wanted is None:
            return request
        return self._known(request, policies, sign_in, kept, wanted=wanted, is_sign_in=True)

    def _known(
        self, request: AccessRequest, policies: CompiledPolicies, sign_in: SignIn, kept: Mapping[str, Any] | None, *,
        wanted: Collection[str] | None, is_sign_in: bool,
    ) -> AccessRequest:  # fmt: skip
        """With the facts and groups that policies ask for here.

        :param kept: the risk signals that the session keeps.
        :param wanted: facts that are to be known as well.
        """
        facts, key, names = self.context.facts, request.enrollment.user_key, (APP, *request.resources)
        asked = frozenset(wanted or ()).union(*(policies.facts.get(name, _NONE) for name in names))
        risk = facts.risk(key, self.user, kept) if "risk" in asked else None
        upstream = request.assurance.upstream if sign_in is SignIn.FEDERATED else None
        return request._replace(
            environment=facts.environment(asked, sign_in=sign_in, upstream=upstream, risk=risk, is_sign_in=is_sign_in),
            groups=_NONE if policies.grouped_resources.isdisjoint(names) else facts.groups_of(key, self.user),
        )

    def _report(
        self, request: AccessRequest, policies: CompiledPolicies, resources: Collection[str]
    ) -> dict[str, ReportOnlyResult]:
        """What policies that are only reported would do."""
        state = self.context.state
        asked = request._replace(groups=self._groups_if_told(request.enrollment.user_key))
        found, failures = report(asked, policies, state.rules, resources, now=state.clock())
        for failure in failures:
            log_failure(failure)
        return found

    def _groups_if_told(self, key: str) -> frozenset[str] | None:
        """A callback that fails is unknown here: what is only reported stops nobody."""
        try:
            return self.context.facts.groups_of(key, self.user)
        except MFAGateError as error:
            log.warning("groups are not known to reported policies: %s", error)
            return None

    def _decide(self, request: AccessRequest, policies: CompiledPolicies) -> Decision:
        state = self.context.state
        return decide(request, policies, state.rules, now=state.clock())

    def _policies(self, enrollment: EnrollmentState) -> CompiledPolicies:
        digest = enrollment.policy_version
        # Apps without policies don't pay for them.
        return NO_POLICIES if digest is None else self.context.state.access.policies.at(digest)

    @property
    def _is_active(self) -> bool:
        return self.is_on if self.user is None else is_switched_on(self.user)

    @property
    def _sign_in(self) -> SignIn:
        context = self.context
        if context.is_token:
            return SignIn.TOKEN
        return (
            context.session.assurance.sign_in if context.session else context.state.host.identity.kind(context.before)
        )


def _recorded(facts: Environment) -> dict[str, Any]:
    """Facts as JSON values, for the record of a sign-in; the user agent itself is not kept there."""
    values = {fact.name: getattr(facts, fact.name) for fact in fields(facts) if fact.name != "user_agent"}
    values["at"] = facts.at.isoformat() if facts.at else None
    values["device"] = sorted(facts.device) if facts.device is not None else None
    values["upstream_amr"] = sorted(facts.upstream_amr) if facts.upstream_amr is not None else None
    values["device_unknown"] = sorted(facts.device_unknown) or None
    values["risk"] = dict(facts.risk) if facts.risk is not None else None
    return {name: value for name, value in values.items() if value is not None}

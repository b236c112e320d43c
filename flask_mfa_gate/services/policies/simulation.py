""" "What if": the live decision, on facts that somebody makes up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from ...clock import Clock
from ...domain.access import APP, MFA_ADMIN
from ...domain.authorization.decide import decide, subject_of
from ...domain.authorization.decision import Ask, AuthnRequirement, Decision
from ...domain.authorization.request import AccessRequest
from ...domain.authorization.rules import Rules
from ...domain.enrollment.enrollment import EnrollmentState
from ...domain.oidc.client import RESOURCE_PREFIX
from ...domain.oidc.upstream_claims import are_two_factors
from ...domain.people.person import Person
from ...domain.people.user_filter import EVERYBODY
from ...domain.policy.document.policy import Policy, PolicySet, PolicyState
from ...domain.policy.evaluation.compiled_policies import CompiledPolicies
from ...domain.policy.evaluation.trace import PolicyTrace
from ...domain.policy.facts import Environment
from ...domain.sign_in.assurance import Assurance, SignIn
from ...domain.sign_in.upstream import Upstream
from ...domain.view_protection import NO_PROTECTION, NO_VIEWS, ViewProtection, Views, local_policies
from ...errors import BadRequest, UnknownUser
from ...sentences import Sentence
from ...store import Store
from ...store.sign_in.sign_ins import SignInRecord
from ..actions.actions import ActionRunner
from ..client.geoip import Places
from ..client.user_agents import words_of
from ..people.directory import UserDirectory
from ..people.population import Population
from ..people.user_objects import is_key
from .edits import with_policy
from .environment_input import checked_facts, recorded_environment
from .impact import Changed, Preview, change_of, preview_of
from .policies import PolicyService, log_condition, log_failure

MEMORY = timedelta(days=30)
_NOTHING = Environment()
_KINDS = {kind.value: kind for kind in (SignIn.REMEMBER_ME, SignIn.FEDERATED)}


@dataclass(frozen=True, slots=True)
class Explanation:
    """What would happen, and why.

    :param reason: a stable word; ``reason_id`` is what the user would be shown.
    :param policies: every policy with each of its criteria, explained when it is read.
    :param decided_by: names of the policies that say so; empty where the user's own state or a default does.
    """

    user: str
    resource: str
    verdict: str
    reason: str
    reason_id: str
    policies: Sequence[PolicyTrace]
    decided_by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Sample:
    """Somebody who signs in, under facts that are made up or were recorded.

    :param case: what tells this one from the others.
    """

    case: Hashable
    person: Person
    enrollment: EnrollmentState
    facts: Environment


class Simulator:
    """Asks the same :func:`decide` as live requests do. It changes nothing."""

    def __init__(
        self, store: Store, policies: PolicyService, directory: UserDirectory, runner: ActionRunner, rules: Rules,
        population: Population, *, places: Places, clock: Clock,
    ) -> None:  # fmt: skip
        self._store, self._policies, self._directory, self._runner = store, policies, directory, runner
        self._rules, self._population, self._places, self._clock = rules, population, places, clock

    def simulate(
        self, user: str, *, resource: str = APP, environment: Environment | None = None,
        draft: PolicySet | None = None, views: Views = NO_VIEWS,
    ) -> Explanation:  # fmt: skip
        """What a sign-in or a request of this user would meet; a fact that is left out stays unknown, unless another
        tells it: the country follows from the address, platform and browser from the user agent, and an endpoint
        brings what its view is marked with.

        :param draft: judged in place of the policies of today.
        :param views: the marks of the app's views, by endpoint.
        :raises UnknownUser, BadRequest: for a user or resource that is not known, and a fact of the wrong type.
        """
        facts, compiled = self._as_live(self._checked(environment)), self._compiled(draft)
        self._require_resource(resource, compiled, views.values())
        protection = views.get(facts.endpoint or "", NO_PROTECTION)
        opened = tuple(dict.fromkeys((APP, resource, *protection.resources)))
        sample = _Sample(user, self._person(user), self._standing(user), facts)
        asked = _asked(sample, opened, demands=protection.demands, now=self._clock())
        decision, subject = self._decide(asked, compiled), subject_of(asked, self._rules, now=self._clock())
        traces = self._with_local(compiled, facts.endpoint, protection).explain(subject, opened, facts, log_condition)
        return Explanation(
            user, resource, decision.ask.value, decision.reason.value, decision.reason_id, traces, decision.policies
        )

    def draft(self, given: PolicySet | Policy | str) -> PolicySet:
        """What is to be judged and not kept: a set, a document, or one policy among those of today.

        :raises PolicyError, BadRequest: for a document with a fault, and for anything else.
        """
        if isinstance(given, str):
            return self._policies.read(given)
        if isinstance(given, Policy):
            return with_policy(self._policies.current(), given)
        if not isinstance(given, PolicySet):
            raise BadRequest("A draft is a Policy, a PolicySet, or the text of a document.")
        return given

    def preview(self, given: PolicySet | Policy | str) -> Preview:
        """How many would be challenged, forced, denied or relaxed by a draft, wherever a policy speaks.

        What is only reported in the draft is judged as if it were on: whom it would hit is the question then.
        """
        draft = self.draft(_switched_on(given) if isinstance(given, Policy) else given)
        if not isinstance(given, Policy):
            draft = replace(draft, policies=tuple(map(_switched_on, draft.policies)))
        now, then = self._compiled(None), self._compiled(draft)
        resources = sorted({*now.live, *then.live})
        return preview_of(resources, self._of_users(now, then, resources), self._of_records(now, then, resources))

    def report(self, days: int) -> Mapping[str, Mapping[str, int]]:
        """What policies that are only reported would have done in the last days: counts by policy and result."""
        found: dict[str, Counter[str]] = {}
        with self._store.database.read() as tx:
            for record in self._store.sign_ins.since(tx, self._clock() - timedelta(days=days)):
                for name, would in record.report.items():
                    found.setdefault(name, Counter())[would] += 1
        return found

    def _of_users(self, now: CompiledPolicies, then: CompiledPolicies, resources: Sequence[str]) -> Iterator[Changed]:
        for people, enrollments in self._everybody():
            for person in people:
                sample = _Sample(person.key, person, enrollments[person.key], _NOTHING)
                yield from _changed(sample, partial(self._ask_at, sample), now, then, resources)

    def _everybody(self) -> Iterator[tuple[Sequence[Person], Mapping[str, EnrollmentState]]]:
        """Page by page, with their enrollment state."""
        if self._population.is_taken_over():
            yield from self._runner.states(EVERYBODY)
            return
        for people in self._population.pages():
            keys = [person.key for person in people]
            with self._store.database.read() as tx:
                enrollments = self._store.enrollments.states(tx, keys, now=self._clock())
            yield people, enrollments

    def _of_records(self, now: CompiledPolicies, then: CompiledPolicies, resources: Sequence[str]) -> Iterator[Changed]:
        with self._store.database.read() as tx:
            records = list(self._store.sign_ins.since(tx, self._clock() - MEMORY))
            keys = sorted({record.user_key for record in records})
            people = self._store.people.known(tx, keys, now=self._clock())
            enrollments = self._store.enrollments.states(tx, keys, now=self._clock())
        for place, record in enumerate(records):
            known = people.get(record.user_key)
            if known is not None:
                # Everybody who signed in then was active.
                person = replace(known.person, is_active=True)
                sample = _Sample(place, person, enrollments[record.user_key], environment_of(record))
                yield from _changed(sample, partial(self._ask_at, sample), now, then, resources)

    def _ask_at(self, sample: _Sample, compiled: CompiledPolicies, resource: str) -> Ask:
        opened = tuple(dict.fromkeys((APP, resource)))
        return self._decide(_asked(sample, opened, now=self._clock()), compiled).ask

    def _decide(self, asked: AccessRequest, compiled: CompiledPolicies) -> Decision:
        decision = decide(asked, compiled, self._rules, now=self._clock())
        for failure in decision.failures:
            log_failure(failure)
        return decision

    def _checked(self, given: Environment | None) -> Environment:
        return checked_facts(given, signals=self._policies.risk_signals)

    def _as_live(self, given: Environment) -> Environment:
        """A live request knows these facts by the same means."""
        platform, browser = words_of(given.user_agent or "")
        return replace(
            given, country=given.country or self._places.of(given.address).country,
            platform=given.platform or platform, browser=given.browser or browser,
        )  # fmt: skip

    def _compiled(self, draft: PolicySet | None) -> CompiledPolicies:
        if draft is not None:
            return self._policies.compile(draft)
        with self._store.database.read() as tx:
            digest = self._store.policies.in_force(tx)
        return self._policies.at(digest)

    def _with_local(
        self, compiled: CompiledPolicies, endpoint: str | None, protection: ViewProtection
    ) -> CompiledPolicies:
        """The policies with what the view asks for by itself."""
        if not endpoint or not protection.demands:
            return compiled
        local = self._policies.compile(PolicySet(tuple(local_policies(endpoint, protection))))
        return replace(compiled, policies=(*compiled.policies, *local.policies))

    def _require_resource(self, resource: str, compiled: CompiledPolicies, views: Iterable[ViewProtection]) -> None:
        named = {name for row in compiled.policies for name in row.resources}
        marked = {name for protection in views for name in protection.resources}
        there = {APP, MFA_ADMIN, *marked, *named, *self._rules.default_access}
        # Clients come and go without the policies, which may be written before them.
        if not isinstance(resource, str) or (resource not in there and not resource.startswith(RESOURCE_PREFIX)):
            raise BadRequest(Sentence("There is no resource %(resource)r.", resource=resource))

    def _person(self, key: str) -> Person:
        person = self._directory.existing(key) if is_key(key) else None
        if person is None:
            raise UnknownUser(Sentence("No user with the key %(key)r is known.", key=key))
        return person

    def _standing(self, key: str) -> EnrollmentState:
        with self._store.database.read() as tx:
            return self._store.enrollments.state(tx, key, now=self._clock())


def _asked(
    sample: _Sample, opened: Sequence[str], *, now: datetime, demands: tuple[AuthnRequirement, ...] = ()
) -> AccessRequest:
    """The request of somebody who has proved nothing yet beside the sign-in itself."""
    person, facts = sample.person, sample.facts
    return AccessRequest(
        sample.enrollment, _signed_in(facts, now), is_active=person.is_active,
        resources=tuple(opened[1:]), demands=demands, groups=person.groups, environment=facts,
    )  # fmt: skip


def _signed_in(facts: Environment, now: datetime) -> Assurance:
    """The sign-in itself. What a provider says counts as far as it is believed."""
    kind = _KINDS.get(facts.sign_in or "", SignIn.PASSWORD)
    amr = tuple(sorted(facts.upstream_amr or ()))
    said = Upstream(facts.provider, amr, are_two_factors(amr), now) if kind is SignIn.FEDERATED else None
    return Assurance(kind, now, upstream=said)


def environment_of(record: SignInRecord) -> Environment:
    """The facts of a recorded sign-in."""
    return recorded_environment(record.facts)


def _switched_on(policy: Policy) -> Policy:
    return replace(policy, state=PolicyState.ON) if policy.state is PolicyState.REPORT_ONLY else policy


def _changed(
    sample: _Sample, judge: Callable[[CompiledPolicies, str], Ask], now: CompiledPolicies, then: CompiledPolicies,
    resources: Sequence[str],
) -> Iterator[Changed]:  # fmt: skip
    for resource in resources:
        # Only people with a role get as far as the policies of the console.
        if resource == MFA_ADMIN and sample.person.role is None:
            continue
        change = change_of(judge(now, resource), judge(then, resource))
        if change is not None:
            yield Changed(sample.case, sample.person.key, resource, change)

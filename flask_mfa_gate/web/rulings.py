"""What policies say of a request: its facts brought together with the policies of the version that counts now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from typing import Any

from ..domain.access import APP
from ..domain.assurance import SignIn
from ..domain.decision import Context, decide
from ..domain.enrollment import Standing, status_of
from ..domain.policy.effects import Ruling
from ..domain.policy.engine import CompiledPolicies
from ..domain.policy.facts import Environment, Subject
from ..domain.policy.report import report
from ..domain.session import GateSession
from ..domain.verdict import Verdict
from ..services.policies import graced_for_the_first_time, log_condition
from ..services.sessions import Ruler, Seen
from .environment import client_of_request, environment
from .newcomers import person_of
from .state import GateState


def ruler_of(
    state: GateState, session: GateSession | None, key: str, *, sign_in: SignIn, user: Any = None,
    resources: Sequence[str] = (), is_sign_in: bool = False,
) -> Ruler:  # fmt: skip
    """Judges a standing of this user under the policies, for the app and these resources, at this request.

    :param user: the host's user object; None where it isn't loaded.
    :param is_sign_in: whether the app as a whole is being opened, and not the view of this request.
    """

    def rulings(standing: Standing) -> Mapping[str, Ruling]:
        compiled = state.policies.at(standing.policy_version)
        if not compiled.policies:
            return {}
        names = (APP, *resources)
        subject = subject_of(state, compiled, standing, user, names)
        facts = facts_of(state, session, sign_in=sign_in, user=user, is_sign_in=is_sign_in)
        return state.policies.rulings(compiled, subject, names, facts)

    return rulings


def own_page_ruler(state: GateState, session: GateSession) -> Ruler:
    """The same at the gate's own pages, where the row alone says who this is."""
    return ruler_of(state, session, session.user_key, sign_in=session.assurance.sign_in, is_sign_in=True)


def facts_of(
    state: GateState, session: GateSession | None, *, sign_in: SignIn, user: Any, is_sign_in: bool
) -> Environment:
    """The facts of this request. A sign-in reads: what the login view is called and takes is not what is opened."""
    facts = environment(state, session, sign_in, user)
    return replace(facts, method="GET") if is_sign_in else facts


def subject_of(
    state: GateState, compiled: CompiledPolicies, standing: Standing, user: Any, resources: Sequence[str]
) -> Subject:
    """Who is judged. The host is asked for groups only if a policy here names one."""
    key = standing.user_key
    status = status_of(standing, now=state.clock(), enabled=state.rules.enabled)
    return Subject(key, _groups(state, user, key) if compiled.ask_groups(resources) else frozenset(), status)


def _groups(state: GateState, user: Any, key: str) -> frozenset[str] | None:
    if user is not None:
        return person_of(state, user, key).groups
    person = state.directory.get(key)
    return None if person is None else person.groups


def risk_of_request(state: GateState, key: str, standing: Standing) -> Mapping[str, Any] | None:
    """The risk signals of this user from here, where a policy asks for them."""
    if "risk" not in state.policies.at(standing.policy_version).words:
        return None
    client = client_of_request()
    return {
        "address": client.address,
        "device": client.device,
        "signals": dict(state.risk.signals(key, client)),
    }


def with_fresh_risk(state: GateState, session: GateSession, standing: Standing) -> GateSession:
    """The session with signals for where the user is now; they are taken again when address or client change."""
    client, kept = client_of_request(), session.risk
    if kept is not None and (kept["address"], kept["device"]) == (client.address, client.device):
        return session
    risk = risk_of_request(state, session.user_key, standing)
    if risk is None:
        return session
    state.sessions.note_risk(session, risk)
    return replace(session, risk=risk)


def note_reports(
    state: GateState, session: GateSession | None, context: Context, standing: Standing, user: Any
) -> None:
    """What policies that are only reported would do at the resources of this request, kept with the sign-in."""
    compiled = state.policies.at(standing.policy_version)
    touched = [name for name in context.resources if name in compiled.reported]
    if session is None or not touched:
        return
    facts = facts_of(state, session, sign_in=session.assurance.sign_in, user=user, is_sign_in=False)
    subject = subject_of(state, compiled, standing, user, touched)
    found: dict[str, str] = {}
    for name in touched:
        found |= report(
            compiled, subject, name, facts, log_condition, default=state.rules.access(name),
            judge=partial(_judge_with, state, context, standing, name),
        )  # fmt: skip
    state.sessions.note_report(session, found)


def _judge_with(state: GateState, context: Context, standing: Standing, resource: str, ruling: Ruling) -> Verdict:
    changed = replace(context, rulings={**context.rulings, resource: ruling})
    return decide(changed, standing, state.rules, now=state.clock())


def note_graces(state: GateState, standing: Standing, rulings: Mapping[str, Ruling]) -> None:
    """Days of grace begin with the first request that a policy applies to."""
    if names := graced_for_the_first_time(rulings, standing.graces):
        state.policies.note_graces(standing.user_key, names)


def judge_sign_in(
    state: GateState, context: Context, standing: Standing, user: Any, *, sign_in: SignIn
) -> tuple[Verdict, Seen]:
    """What the app asks of a sign-in, and what there is to keep about it."""
    key, compiled = standing.user_key, state.policies.at(standing.policy_version)
    risk = risk_of_request(state, key, standing)
    facts = facts_of(state, None, sign_in=sign_in, user=user, is_sign_in=True)
    if risk is not None:
        facts = replace(facts, risk={**risk["signals"], **(facts.risk or {})})
    subject = subject_of(state, compiled, standing, user, (APP,))
    rulings = state.policies.rulings(compiled, subject, (APP,), facts)
    note_graces(state, standing, rulings)

    judge = partial(_judge_with, state, context, standing, APP)
    verdict = judge(rulings[APP]) if APP in rulings else decide(context, standing, state.rules, now=state.clock())
    reported = report(compiled, subject, APP, facts, log_condition, default=state.rules.access(APP), judge=judge)
    seen = Seen(verdict, _recorded(facts), client_of_request().device, risk, reported)
    return verdict, seen


def _recorded(facts: Environment) -> dict[str, Any]:
    """Facts as JSON values, for the record of a sign-in; the user agent itself is not kept there."""
    values = asdict(replace(facts, user_agent=None))
    values["at"] = facts.at.isoformat() if facts.at else None
    values["device"] = sorted(facts.device) if facts.device is not None else None
    values["risk"] = dict(facts.risk) if facts.risk is not None else None
    return {name: value for name, value in values.items() if value is not None}

"""What policies say of a request: its facts brought together with the policies of the version that counts now."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from typing import Any

from ...domain.access import APP
from ...domain.assurance import SignIn
from ...domain.authorization.combine import PolicyResult, graced_for_the_first_time
from ...domain.authorization.report_only import report
from ...domain.decision import Context, decide
from ...domain.enrollment import Standing, status_of
from ...domain.policy.evaluation.compiled_policies import CompiledPolicies
from ...domain.policy.facts import Environment, Subject
from ...domain.session import GateSession
from ...domain.verdict import Verdict, Word
from ...errors import MFAGateError
from ...services.policies.policies import log_condition
from ...services.sign_in.arrival import Seen
from ...services.sign_in.sessions import Ruler
from ..passage import current_passage
from ..sessions.signing_in_user import groups_of
from ..state import GateState
from .environment import client_of_request, environment, host_risk

log = logging.getLogger("flask_mfa_gate")
_SIGN_IN_PAGE = "mfa_gate.challenge"


def ruler_of(
    state: GateState, session: GateSession | None, *, sign_in: SignIn, user: Any = None,
    resources: Sequence[str] = (), is_sign_in: bool = False,
) -> Ruler:  # fmt: skip
    """Judges a standing of this user under the policies, for the app and these resources, at this request.

    :param user: the host's user object; None where it isn't loaded.
    :param is_sign_in: whether the app as a whole is being opened, and not the view of this request.
    """

    def rulings(standing: Standing) -> Mapping[str, PolicyResult]:
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
    return ruler_of(state, session, sign_in=session.assurance.sign_in, is_sign_in=True)


def facts_of(
    state: GateState, session: GateSession | None, *, sign_in: SignIn, user: Any, is_sign_in: bool
) -> Environment:
    """The facts of this request. A sign-in reads: what the login view is called and takes is not what is opened."""
    facts = environment(state, session, sign_in, user)
    return replace(facts, method="GET", endpoint=_SIGN_IN_PAGE) if is_sign_in else facts


def at_this_request(
    state: GateState, session: GateSession | None, context: Context, standing: Standing, verdict: Verdict, *,
    sign_in: SignIn, user: Any,
) -> Verdict:  # fmt: skip
    """The verdict, as one about this request where only rules about methods or views of the app say so.

    It is met or refused here: a sign-in opens the app as a whole, and could never prove what that does not ask for.
    """
    if verdict.app_is_satisfied or "request" not in state.policies.at(standing.policy_version).words:
        return verdict
    rulings = ruler_of(state, session, sign_in=sign_in, user=user, is_sign_in=True)(standing)
    whole = decide(
        context._replace(resources=(), demands=(), rulings=rulings), standing, state.rules, now=state.clock()
    )
    # SECURITY: the identity stays in place only where the app as a whole is satisfied; else everything is parked.
    return verdict._replace(at_resource=True, app_is_satisfied=True) if whole.word is Word.PASS else verdict


def subject_of(
    state: GateState, compiled: CompiledPolicies, standing: Standing, user: Any, resources: Sequence[str]
) -> Subject:
    """Who is judged. The host is asked for groups only if a policy here names one."""
    key = standing.user_key
    status = status_of(standing, now=state.clock(), enabled=state.rules.enabled)
    return Subject(key, _groups(state, user, key) if compiled.ask_groups(resources) else frozenset(), status)


def _groups(state: GateState, user: Any, key: str) -> frozenset[str] | None:
    """Asked once a request, so that it is never asked within a transaction that could be the only one to be had."""
    passage = current_passage()
    known = passage.groups if passage is not None else {}
    if key not in known:
        known[key] = groups_of(state, user, key)
    return known[key]


def forget_groups() -> None:
    """The host is asked anew."""
    if (passage := current_passage()) is not None:
        passage.groups.clear()


def risk_of_request(state: GateState, key: str, host: Mapping[str, bool]) -> Mapping[str, Any]:
    """The risk signals of this user from here, as a session keeps them, beside what the host said."""
    client = client_of_request()
    signals = dict(state.risk.signals(key, client))
    return {"address": client.address, "device": client.device, "signals": signals, "host": dict(host)}


def with_fresh_risk(state: GateState, session: GateSession, standing: Standing, user: Any = None) -> GateSession:
    """The session with signals for where the user is now, where a policy asks for them.

    They are taken again when address or client change.
    """
    client, kept = client_of_request(), session.risk
    if "risk" not in state.policies.at(standing.policy_version).words:
        return session
    if kept is not None and client.is_as_in(kept):
        return session
    host = host_risk(state, user) if user is not None else (kept or {}).get("host", {})
    risk = risk_of_request(state, session.user_key, host)
    state.sessions.note_risk(session, risk)
    return replace(session, risk=risk)


def _judge_with(state: GateState, context: Context, standing: Standing, resource: str, ruling: PolicyResult) -> Verdict:
    changed = context._replace(rulings={**context.rulings, resource: ruling})
    return decide(changed, standing, state.rules, now=state.clock())


def note_graces(state: GateState, standing: Standing, rulings: Mapping[str, PolicyResult]) -> None:
    """Days of grace begin with the first request that a policy applies to; an account for emergencies has none."""
    if standing.user_key in state.rules.break_glass:
        return
    if names := graced_for_the_first_time(rulings, standing.graces):
        state.policies.note_graces(standing.user_key, names)


def report_here(
    state: GateState, session: GateSession | None, context: Context, standing: Standing, *, sign_in: SignIn, user: Any
) -> None:
    """What policies that are only reported would say of the resources here, for the record of the sign-in."""
    compiled = state.policies.at(standing.policy_version)
    names = [name for name in context.resources if name in compiled.reported]
    if session is None or not names:
        return
    facts = facts_of(state, session, sign_in=sign_in, user=user, is_sign_in=False)
    subject = _with_groups(state, subject_of(state, compiled, standing, user, ()), user)
    found: dict[str, str] = {}
    for name in names:
        judge, default = partial(_judge_with, state, context, standing, name), state.rules.access(name)
        found |= report(compiled, subject, name, facts, log_condition, default=default, judge=judge)
    try:
        state.sessions.note_report(session, found)
    except MFAGateError as error:
        log.warning("what reported policies say could not be noted: %s", error)


def _with_groups(state: GateState, subject: Subject, user: Any) -> Subject:
    """A callback that fails is unknown here: what is only reported stops nobody."""
    try:
        return replace(subject, groups=_groups(state, user, subject.key))
    except MFAGateError as error:
        log.warning("groups are not known to reported policies: %s", error)
        return replace(subject, groups=None)


def judge_sign_in(
    state: GateState, context: Context, standing: Standing, user: Any, *, sign_in: SignIn
) -> tuple[Verdict, Seen]:
    """What the app asks of a sign-in, and what there is to keep about it."""
    compiled = state.policies.at(standing.policy_version)
    facts = facts_of(state, None, sign_in=sign_in, user=user, is_sign_in=True)
    host = facts.risk or {}
    risk = risk_of_request(state, standing.user_key, host) if "risk" in compiled.words else None
    facts = facts if risk is None else replace(facts, risk={**risk["signals"], **host})
    subject = subject_of(state, compiled, standing, user, (APP,))
    rulings = state.policies.rulings(compiled, subject, (APP,), facts)
    note_graces(state, standing, rulings)

    judge = partial(_judge_with, state, context, standing, APP)
    verdict = judge(rulings[APP]) if APP in rulings else decide(context, standing, state.rules, now=state.clock())
    seen = Seen(verdict, _recorded(facts), client_of_request().device, risk, {})
    if APP not in compiled.reported:
        return verdict, seen
    # What is only reported is judged apart: its facts are neither kept nor looked at by what is on.
    if "risk" in compiled.reported_words and risk is None:
        facts = replace(facts, risk={**risk_of_request(state, standing.user_key, host)["signals"], **host})
    whom = _with_groups(state, subject, user)
    found = report(compiled, whom, APP, facts, log_condition, default=state.rules.access(APP), judge=judge)
    return verdict, replace(seen, report=found)


def _recorded(facts: Environment) -> dict[str, Any]:
    """Facts as JSON values, for the record of a sign-in; the user agent itself is not kept there."""
    values = asdict(replace(facts, user_agent=None))
    values["at"] = facts.at.isoformat() if facts.at else None
    values["device"] = sorted(facts.device) if facts.device is not None else None
    values["device_unknown"] = sorted(facts.device_unknown) or None
    values["risk"] = dict(facts.risk) if facts.risk is not None else None
    return {name: value for name, value in values.items() if value is not None}

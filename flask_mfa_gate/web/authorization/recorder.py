"""What a decision leaves behind: days of grace, conditions that failed, what is only reported, fresh risk."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ...domain.authorization.decision import Decision
from ...domain.sign_in.session import GateSession
from ...errors import MFAGateError
from ...services.policies.policies import log_failure
from ..state import GateState

log = logging.getLogger("flask_mfa_gate")


def record(state: GateState, user_key: str, decision: Decision) -> None:
    """Days of grace begin with the first request that a policy applies to."""
    for failure in decision.failures:
        log_failure(failure)
    if decision.beginning:
        state.access.policies.note_graces(user_key, decision.beginning)


def record_report(state: GateState, session: GateSession, report: Mapping[str, str]) -> None:
    """Beside the sign-in. What is only reported stops nobody, not even where it can't be noted."""
    try:
        state.sign_in.sessions.note_report(session, report)
    except MFAGateError as error:
        log.warning("what reported policies say could not be noted: %s", error)


def record_risk(state: GateState, session: GateSession, risk: Mapping[str, Any]) -> GateSession:
    """The session with signals that were taken from another address or with another client."""
    state.sign_in.sessions.note_risk(session, risk)
    return replace(session, risk=risk)

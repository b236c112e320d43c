"""Multi-factor authentication between the password and a Flask app."""

from __future__ import annotations

from .domain.authorization.decision import Ask as Word
from .domain.authorization.decision import Decision as Verdict
from .domain.enrollment.enrollment import Status
from .domain.enrollment.mfa_status import MfaStatus
from .domain.people.person import Person
from .domain.people.roles import Actor
from .domain.people.user_filter import UserFilter
from .domain.policy.addresses import Network
from .domain.policy.analysis.diff import PolicyDiff
from .domain.policy.document.policy import Policy, PolicySet
from .domain.policy.facts import Environment
from .errors import ConfigError, Conflict, MFAGateError, NotAllowed, PolicyError, StoreBusy, UnknownUser
from .extension import MFAGate
from .services.actions.action_result import ActionResult
from .services.policies.simulation import Explanation
from .signals import Event

__all__ = [
    "ActionResult",
    "Actor",
    "ConfigError",
    "Conflict",
    "Environment",
    "Event",
    "Explanation",
    "MFAGate",
    "MFAGateError",
    "MfaStatus",
    "Network",
    "NotAllowed",
    "Person",
    "Policy",
    "PolicyDiff",
    "PolicyError",
    "PolicySet",
    "Status",
    "StoreBusy",
    "UnknownUser",
    "UserFilter",
    "Verdict",
    "Word",
]

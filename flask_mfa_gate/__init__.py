"""Multi-factor authentication between the password and a Flask app."""

from __future__ import annotations

from .domain.authorization.decision import Ask as Word
from .domain.authorization.decision import Decision as Verdict
from .domain.enrollment import Status
from .domain.mfa_status import MfaStatus
from .domain.person import Person
from .domain.policy.addresses import Network
from .domain.policy.analysis.diff import PolicyDiff
from .domain.policy.document.policy import Policy, PolicySet
from .domain.policy.facts import Environment
from .domain.roles import Actor
from .domain.user_filter import UserFilter
from .errors import ConfigError, Conflict, MFAGateError, NotAllowed, PolicyError, StoreBusy, UnknownUser
from .extension import MFAGate
from .services.enrollment.action_result import ActionResult
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

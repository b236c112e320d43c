"""Multi-factor authentication between the password and a Flask app."""

from __future__ import annotations

from .domain.enrollment import Status
from .domain.person import Person
from .domain.verdict import Verdict, Word
from .errors import ConfigError, Conflict, MFAGateError, StoreBusy, UnknownUser
from .extension import MFAGate
from .services.results import ActionResult, MfaStatus
from .signals import Event

__all__ = [
    "ActionResult",
    "ConfigError",
    "Conflict",
    "Event",
    "MFAGate",
    "MFAGateError",
    "MfaStatus",
    "Person",
    "Status",
    "StoreBusy",
    "UnknownUser",
    "Verdict",
    "Word",
]

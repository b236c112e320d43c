"""``flask mfa …``: everything an operator does, with an exit status and, on demand, JSON."""

from __future__ import annotations

from . import (
    access_passes,
    audit,
    health,
    keys,
    networks,
    people,
    policies,
    policy_edits,
    policy_trials,
    policy_versions,
    upkeep,
    users,
    why,
)
from .group import mfa

__all__ = [
    "access_passes",
    "audit",
    "health",
    "keys",
    "mfa",
    "networks",
    "people",
    "policies",
    "policy_edits",
    "policy_trials",
    "policy_versions",
    "upkeep",
    "users",
    "why",
]

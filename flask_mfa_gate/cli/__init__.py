"""``flask mfa …``: everything an operator does, with an exit status and, on demand, JSON."""

from __future__ import annotations

from . import audit, health, keys, people, policies, policy_trials, users
from .group import mfa

__all__ = ["audit", "health", "keys", "mfa", "people", "policies", "policy_trials", "users"]

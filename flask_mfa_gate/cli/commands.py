"""Every command of ``flask mfa``: to import this module is to have them in the group."""

from __future__ import annotations

from . import audit, events, health, keys, upkeep
from .oidc import clients, signing_keys
from .people import access_passes, users, why
from .people import directory as people
from .policies import edits as policy_edits
from .policies import networks, policies
from .policies import trials as policy_trials
from .policies import versions as policy_versions

__all__ = [
    "access_passes",
    "audit",
    "clients",
    "events",
    "health",
    "keys",
    "networks",
    "people",
    "policies",
    "policy_edits",
    "policy_trials",
    "policy_versions",
    "signing_keys",
    "upkeep",
    "users",
    "why",
]

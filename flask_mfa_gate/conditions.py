"""What a host needs to add condition words of its own to policies."""

from __future__ import annotations

from .domain.policy.conditions.backing import Backing
from .domain.policy.conditions.listed import ListedWord
from .domain.policy.conditions.registry import BUILT_IN, Registry
from .domain.policy.facts import Environment, Subject

__all__ = ["BUILT_IN", "Backing", "Environment", "ListedWord", "Registry", "Subject"]

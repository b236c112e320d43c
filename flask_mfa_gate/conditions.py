"""What a host needs to add condition words of its own to policies."""

from __future__ import annotations

from .domain.policy.conditions.listed import ListedWord
from .domain.policy.conditions.registry import BUILT_IN, Registry
from .domain.policy.facts import Environment, Subject

__all__ = ["BUILT_IN", "Environment", "ListedWord", "Registry", "Subject"]

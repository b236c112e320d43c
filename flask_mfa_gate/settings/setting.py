"""How one setting is declared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any

from .checks import Check


def setting(default: Any, kind: str, check: Check, meaning: str, *, unit: str = "", secret: bool = False) -> Any:
    """One key: the type in words, the check, the line of the reference page, and what a number counts.

    A secret stays out of the representation, and so out of logs and tracebacks.
    """
    metadata = {"kind": kind, "check": check, "meaning": meaning, "unit": unit}
    # A mapping is no default that dataclasses take, though this one can't change.
    start: dict[str, Any] = (
        {"default_factory": lambda: default} if isinstance(default, Mapping) else {"default": default}
    )
    return field(**start, repr=not secret, metadata=metadata)

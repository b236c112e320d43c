"""Recovery codes: the way back in that comes with a user's first factor."""

from __future__ import annotations

from .factor import LOW, RecoveryCodes
from .words import METHOD

__all__ = ["LOW", "METHOD", "RecoveryCodes"]

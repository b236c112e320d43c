"""Authenticator app codes (RFC 6238). The arithmetic of steps is in ``domain/totp.py``, which settings need too."""

from __future__ import annotations

from .factor import TotpFactor
from .words import KIND

__all__ = ["KIND", "TotpFactor"]

"""Authenticator app codes (RFC 6238). Steps are counted in ``domain/factors/totp.py``; settings need it too."""

from __future__ import annotations

from .factor import TotpFactor
from .words import KIND

__all__ = ["KIND", "TotpFactor"]

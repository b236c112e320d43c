"""``flask mfa …``: everything an operator does, with an exit status and, on demand, JSON."""

from __future__ import annotations

from .group import mfa

__all__ = ["mfa"]

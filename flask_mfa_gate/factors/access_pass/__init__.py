"""Access passes: the way back in, or to the first factor, by an admin's hand. Their terms are in
``domain/factors/access_pass.py``, which the store keeps.
"""

from __future__ import annotations

from .factor import AccessPasses
from .words import METHOD

__all__ = ["METHOD", "AccessPasses"]

"""Codes that people keep on paper, in recovery codes and access passes: 16 characters of base32 (RFC 4648), 80 bits,
shown in groups of four.
"""

from __future__ import annotations

from base64 import b32encode
from collections.abc import Callable

from ..domain.factors.typed_code import CodeShape, usable_text

_BYTES = 10
_LENGTH = 16
_ALPHABET = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")
_LOOKALIKES = str.maketrans("018", "OIB")


def make_code(random_bytes: Callable[[int], bytes]) -> str:
    """A new code in canonical form."""
    return b32encode(random_bytes(_BYTES)).decode()


def show(code: str) -> str:
    """The form in which a person gets it."""
    return "-".join(code[start : start + 4] for start in range(0, _LENGTH, 4))


def read_code(raw: object) -> tuple[CodeShape, str]:
    """Canonical form of a typed code: any case and grouping; 0, 1 and 8 are read as what they look like."""
    text = usable_text(raw)
    if text is None:
        return CodeShape.UNUSABLE, ""
    # Outside ASCII, upper-casing makes plain letters of others: a long s for "S".
    if not text.isascii():
        return CodeShape.WRONG, ""
    code = text.upper().translate(_LOOKALIKES)
    is_code = len(code) == _LENGTH and _ALPHABET.issuperset(code)
    return (CodeShape.OK, code) if is_code else (CodeShape.WRONG, "")

"""The name of somebody who is forgotten, in what stays without them."""

from __future__ import annotations

_PREFIX = "forgotten-"


def pseudonym_of(new_id: str) -> str:
    """One that leads to nobody, made from a random id."""
    return f"{_PREFIX}{new_id}"


def is_pseudonym(key: str) -> bool:
    """Whether that is what this key looks like."""
    return key.startswith(_PREFIX)

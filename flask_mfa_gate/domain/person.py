"""A user of the host, as far as the gate has to know."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Person:
    """Whom a key stands for. ``name`` and ``email`` may be empty."""

    key: str
    name: str = ""
    email: str = ""
    is_active: bool = True


@dataclass(frozen=True, slots=True)
class Origin:
    """From where an act was done. Both are None outside of a request."""

    address: str | None = None
    user_agent: str | None = None


NOWHERE = Origin()
ACTOR_WORDS = frozenset({"cli", "host", "system"})


def actor_of(text: str) -> str:
    """The actor in its stored form: ``user:KEY`` or one of the words; other bare text is read as a user key."""
    return text if text in ACTOR_WORDS or text.startswith("user:") else f"user:{text}"

"""What an ``allow`` can stand on: how much it says of the client that a criterion holds."""

from __future__ import annotations

from enum import IntEnum


class Backing(IntEnum):
    """From nothing to evidence. Of criteria that hold together the strongest counts."""

    ANYBODY = 0
    """It holds of nearly everybody, as a network as wide as half of the internet does."""
    NEUTRAL = 1
    """It says nothing of the client: who the user is, or which page is opened."""
    CHOSEN = 2
    """The client says it, chooses it or waits for it."""
    EVIDENCE = 3
    """The server sees it, and somebody who knows only a password can't bring it about."""

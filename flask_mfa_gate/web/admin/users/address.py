"""Where the page of a user is, and whom a text means."""

from __future__ import annotations

import re

from ....errors import UnknownUser
from ..console import Console, console_url

# What a path keeps as it is: no slash at the ends or twice, and no step up, which browsers and servers resolve.
_PLAIN = re.compile(r"(?!.*(^|/)\.{1,2}(/|$))[^/]+(/[^/]+)*")


def user_url(key: str) -> str:
    """The address of a user's page, whatever their key looks like."""
    if _PLAIN.fullmatch(key):
        return console_url("user", key=key)
    return console_url("user_by_key", key=key)


def key_of_typed(console: Console, typed: str) -> str:
    """The key of who is meant by a key or an email; what users did who are gone is found by their key."""
    try:
        return console.state.people.lookup.key_of(typed)
    except UnknownUser:
        return typed

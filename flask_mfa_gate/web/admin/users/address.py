"""Where the page of a user is."""

from __future__ import annotations

import re

from ..console import console_url

# What a path keeps as it is: no slash at the ends or twice, and no step up, which browsers and servers resolve.
_PLAIN = re.compile(r"(?!.*(^|/)\.{1,2}(/|$))[^/]+(/[^/]+)*")


def user_url(key: str) -> str:
    """The address of a user's page, whatever their key looks like."""
    if _PLAIN.fullmatch(key):
        return console_url("user", key=key)
    return console_url("user_by_key", key=key)

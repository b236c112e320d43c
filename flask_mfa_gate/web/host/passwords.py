"""Credentials in a header that are a name and a password, whatever they call themselves."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator

from flask import Request

from ...settings import Settings

_PASSWORD_SCHEMES = ("basic", "digest")
_LONGEST = 8192


def carries_password(request: Request, settings: Settings) -> bool:
    """Whether ``Authorization`` or a header of tokens holds a name and a password."""
    names = ("Authorization", *settings.token_headers)
    return any(is_password(value) for name in names for value in request.headers.getlist(name))


def is_password(value: str) -> bool:
    """RFC 7617, with any scheme or none: loaders take off the word Basic where it stands, and don't miss it."""
    # SECURITY: what is too long to be looked at for certain is no token.
    if len(value) > _LONGEST or value.strip().lower().startswith(_PASSWORD_SCHEMES):
        return True
    return any(":" in text or _hides_pair(text) for text in _readings(value))


def _readings(value: str) -> Iterator[str]:
    """The words of a header, and what is left of it when they are read as one."""
    words = re.split(r"[\s,]+", value.strip())
    yield from words
    yield "".join(words)
    yield "".join(words[1:])


def _hides_pair(text: str) -> bool:
    """Whether this is a name, a colon and a password in base64, of which Python skips what is not in its alphabet."""
    for marks in (None, b"-_"):
        try:
            decoded = base64.b64decode(f"{text}==", marks)
        except (binascii.Error, ValueError):
            continue
        # A random token of some length is no readable text.
        if b":" in decoded and any(_is_readable(decoded, encoding) for encoding in ("utf-8", "latin-1")):
            return True
    return False


def _is_readable(text: bytes, encoding: str) -> bool:
    try:
        return text.decode(encoding).isprintable()
    except UnicodeDecodeError:
        return False

"""Redirect targets: only pages of the same origin."""

from __future__ import annotations

import re
from unicodedata import category
from urllib.parse import unquote, urlsplit

_PLAIN = re.compile(r"[!-\[\]-~]{1,2048}")
_BREAKS = frozenset({"Cc", "Zl", "Zp"})
_DEFAULT_PORTS = {"http": 80, "https": 443}


def safe_target(raw: object, *, origin: str) -> str | None:
    """Path and query of a page of this origin; None for anything else.

    :param origin: scheme, host and port, e.g. ``https://app.example.org``.
    """
    # SECURITY: browsers drop control characters and read backslashes as slashes, so such a text means another place.
    if not isinstance(raw, str) or not _PLAIN.fullmatch(raw) or raw.startswith("//"):
        return None
    try:
        parts = urlsplit(raw)
        # SECURITY: anyone who could send a user elsewhere from here could show a copy of our pages there.
        if parts.scheme and _origin_of(raw) != _origin_of(origin):
            return None
    except ValueError:
        return None
    path = parts.path or ("/" if parts.netloc else "")
    if not _stays_here(path):
        return None
    return f"{path}?{parts.query}" if parts.query else path


def _stays_here(path: str) -> bool:
    """One slash at the front, and the same page for everybody who reads the path."""
    decoded = unquote(path).replace("\\", "/")
    # SECURITY: a path that is decoded or resolved once more must become neither "//host" nor another page.
    if decoded.startswith("//") or not {".", ".."}.isdisjoint(decoded.split("/")):
        return False
    return path.startswith("/") and not any(category(character) in _BREAKS for character in decoded)


def _origin_of(url: str) -> tuple[str, str, int | None]:
    parts = urlsplit(url)
    if parts.username is not None or parts.password is not None or not parts.hostname:
        raise ValueError("no plain origin")
    return parts.scheme, parts.hostname, _DEFAULT_PORTS.get(parts.scheme) if parts.port is None else parts.port

"""Redirect targets: only pages of the same origin."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

_LONGEST = 2048
_DEFAULT_PORTS = {"http": 80, "https": 443}


def safe_target(raw: object, *, origin: str) -> str | None:
    """Path and query of a page of this origin; None for anything else.

    :param origin: scheme, host and port, e.g. ``https://app.example.org``.
    """
    # SECURITY: browsers drop control characters and read backslashes as slashes, so such a text means another place.
    if not isinstance(raw, str) or not 0 < len(raw) <= _LONGEST or not raw.isascii() or not _is_plain(raw):
        return None
    try:
        parts = urlsplit(raw)
        if (parts.scheme or parts.netloc) and _origin_of(raw) != _origin_of(origin):
            return None
    except ValueError:
        return None
    if not _is_plain_path(parts.path):
        return None
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def _is_plain(text: str) -> bool:
    return all(" " < character != "\\" for character in text) and "\x7f" not in text


def _is_plain_path(path: str) -> bool:
    """One slash at the front, also when somebody decodes the path once more."""
    decoded = unquote(path).replace("\\", "/")
    return (
        path.startswith("/") and not path.startswith("//") and not decoded.startswith("//") and _is_printable(decoded)
    )


def _is_printable(text: str) -> bool:
    return all(character.isprintable() for character in text)


def _origin_of(url: str) -> tuple[str, str, int | None]:
    parts = urlsplit(url)
    if parts.username is not None or parts.password is not None or not parts.hostname:
        raise ValueError("no plain origin")
    return parts.scheme, parts.hostname, parts.port or _DEFAULT_PORTS.get(parts.scheme)

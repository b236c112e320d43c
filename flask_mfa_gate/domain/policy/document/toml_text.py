"""A document as TOML 1.0 text: just what policies need. The standard library reads TOML and does not write it."""

from __future__ import annotations

import re
from collections.abc import Mapping

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_SHORT = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r"}
_ESCAPED = re.compile(r'["\\\x00-\x1f\x7f]')


def write_toml(document: Mapping[str, object]) -> str:
    """The text of a document: plain values first, then each list of tables as ``[[name]]`` sections."""
    sections = {key: tables for key, value in document.items() if (tables := _tables(value))}
    blocks = ["".join(_line(key, value) for key, value in document.items() if key not in sections)]
    for key, tables in sections.items():
        blocks += [f"[[{_key(key)}]]\n{''.join(_line(*item) for item in table.items())}" for table in tables]
    return "\n".join(blocks)


def _tables(value: object) -> list[Mapping[str, object]]:
    """The entries of a list of tables; none for any other value."""
    tables = [entry for entry in value if isinstance(entry, Mapping)] if isinstance(value, list) else []
    return tables if isinstance(value, list) and len(tables) == len(value) else []


def _line(key: str, value: object) -> str:
    return f"{_pair(key, value)}\n"


def _pair(key: str, value: object) -> str:
    return f"{_key(key)} = {_value(value)}"


def _key(key: str) -> str:
    return key if _BARE_KEY.fullmatch(key) else _string(key)


def _value(value: object) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return repr(value)
        case str():
            return _string(value)
        case Mapping():
            inside = ", ".join(_pair(key, entry) for key, entry in value.items())
            return f"{{ {inside} }}" if inside else "{}"
        case list():
            return f"[{', '.join(_value(entry) for entry in value)}]"
    raise TypeError(f"no form in TOML for {type(value).__name__}")


def _string(text: str) -> str:
    return f'"{_ESCAPED.sub(_escape, text)}"'


def _escape(match: re.Match[str]) -> str:
    character = match.group()
    return _SHORT.get(character, f"\\u{ord(character):04x}")

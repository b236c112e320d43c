"""What an UPDATE is about to replace, read with its own WHERE; statements of any other shape are left alone."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sqlalchemy import Connection

_HEAD = re.compile(r"\s*UPDATE\s+([^\s(]+)\s+SET\s+", re.IGNORECASE)
_TOKEN = re.compile(
    r""""[^"]*"|`[^`]*`|\[[^\]]*\]|'[^']*'"""
    r"""|(?P<mark>--|/\*|;|\\|\$\$|[(),]|\b(?:FROM|OUTPUT|WHERE|RETURNING)\b)""",
    re.IGNORECASE,
)
_NAME = r"""[\w.]+|"[^"]+"|`[^`]+`|\[[^\]]+\]"""
_ASSIGNMENT = re.compile(
    rf"\s*(?P<column>{_NAME})\s*=\s*(?:\?|%s|%\((?P<given>[^)]+)\)s|:(?P<named>\w+))(?:::\w+(?:\(\d+\))?)?\s*"
)
_OF_CURSOR = re.compile(r"\s*CURRENT\s+OF\b", re.IGNORECASE)
_QUOTED = re.compile(r""""[^"]*"|`[^`]*`|'[^']*'""")
_PLACE = re.compile(r"\?|%s")
# What is shorter, such as a count, may be written for any reason; what is longer, such as a text, is no hash.
_SHORTEST, _LONGEST = 16, 1000
# Of many rows in one go.
_MOST = 100


@dataclass(frozen=True, slots=True)
class Replaced:
    """One value, and what a row holds until the UPDATE: digests of passwords, so neither is shown."""

    before: str | bytes = field(repr=False)
    after: str | bytes = field(repr=False)


class _Parts(NamedTuple):
    """An UPDATE in three."""

    table: str
    assignments: list[str]
    where: str


@dataclass(frozen=True, slots=True)
class _Lookup:
    """What to ask before the UPDATE, and what it would write."""

    statement: str
    parameters: Any = field(repr=False)
    values: list[str | bytes] = field(repr=False)


def replaced_by(conn: Connection, statement: str, parameters: Any) -> Iterator[Replaced]:
    """Each text that the UPDATE changes, row by row.

    Past SQLAlchemy's events, so that nothing but the app's own statements is seen there.

    :param conn: which is about to execute it.
    :param parameters: of one statement, or a list of those of many.
    """
    parts = _parts(statement)
    if parts is None:
        return
    for one in (parameters if isinstance(parameters, list) else [parameters])[:_MOST]:
        lookup = _lookup(parts, one)
        if lookup is not None:
            yield from _ask(conn, lookup)


def _ask(conn: Connection, lookup: _Lookup) -> Iterator[Replaced]:
    with closing(conn.connection.cursor()) as own:
        own.execute(lookup.statement, lookup.parameters)
        rows = own.fetchall()
    for row in rows:
        for before, after in zip(row, lookup.values, strict=True):
            plain = bytes(before) if isinstance(before, bytearray | memoryview) else before
            if isinstance(plain, str | bytes) and plain != after:
                yield Replaced(plain, after)


def _parts(statement: str) -> _Parts | None:
    """None for what can't be told apart without doubt."""
    head = _HEAD.match(statement)
    if head is None:
        return None
    marks = [found for found in _TOKEN.finditer(statement, head.end()) if found["mark"]]
    # SECURITY: what is asked before must not do a second time what the statement does.
    if any(found["mark"] in {"--", "/*", ";", "\\", "$$"} for found in marks):
        return None
    top = list(_at_the_top(marks))
    where = next((found for found in top if found["mark"] not in {",", ")"}), None)
    # Neither another table, nor a cursor of the app's, is there when it is asked.
    if where is None or where["mark"].upper() != "WHERE" or _OF_CURSOR.match(statement, where.end()):
        return None
    commas = [found.start() for found in top if found["mark"] == "," and found.start() < where.start()]
    starts, ends = [head.end(), *(one + 1 for one in commas)], [*commas, where.start()]
    assignments = [statement[start:end] for start, end in zip(starts, ends, strict=True)]
    end = next((found.start() for found in top if found["mark"].upper() == "RETURNING"), len(statement))
    return _Parts(head[1], assignments, statement[where.start() : end])


def _at_the_top(marks: list[re.Match[str]]) -> Iterator[re.Match[str]]:
    """Those that stand in no brackets."""
    depth = 0
    for found in marks:
        depth += {"(": 1, ")": -1}.get(found["mark"], 0)
        if depth == 0:
            yield found


def _lookup(parts: _Parts, parameters: Any) -> _Lookup | None:
    """None where nothing that is written looks like a hash."""
    named: dict[str, str | bytes] = {}
    at = 0
    for assignment in parts.assignments:
        found = _ASSIGNMENT.fullmatch(assignment)
        value = _value(found, parameters, at) if found is not None else None
        if found is not None and isinstance(value, str | bytes) and _SHORTEST <= len(value) <= _LONGEST:
            named[found["column"]] = value
        at += len(_PLACE.findall(_QUOTED.sub("", assignment)))
    if not named:
        return None
    rest = parameters if isinstance(parameters, Mapping) else parameters[at:]
    # The names are those of the app's own statement.
    statement = f"SELECT {', '.join(named)} FROM {parts.table} {parts.where}"  # noqa: S608
    return _Lookup(statement, rest, list(named.values()))


def _value(assignment: re.Match[str], parameters: Any, at: int) -> Any:
    if isinstance(parameters, Mapping):
        return parameters.get(assignment["given"] or assignment["named"])
    return parameters[at] if parameters and at < len(parameters) else None

"""Statements about a thousand rows at once. On SQLite and PostgreSQL a list goes over as one value, a JSON text:
a parameter for each key or cell costs more than what the statement does with it.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import JSON, Column, ColumnElement, Connection, Insert, String, Text, cast, func, literal, select, true
from sqlalchemy.types import TypeEngine

from .types import Exact

Rows = Sequence[Mapping[str, Any]]


def among(tx: Connection, column: Column[str], keys: Collection[str]) -> ColumnElement[bool]:
    """Whether a column holds one of these keys."""
    if len(keys) == 1:
        return column == next(iter(keys))
    if not _reads_json(tx):
        return column.in_(keys)
    listed = _listed(tx, list(keys), in_text=True)
    return column.in_(select(listed))


def insert_many(tx: Connection, statement: Insert, rows: Rows) -> None:
    """Insert rows, which all have the same columns.

    :param statement: the INSERT without any value.
    """
    if not rows:
        return
    shared, varying = _parted(rows)
    types = [statement.table.c[name].type for name in varying]
    if len(rows) == 1 or not _reads_json(tx) or not all(isinstance(one, _IN_JSON) for one in types):
        tx.execute(statement, rows)
        return
    listed = _listed(tx, [[row[name] for name in varying] for row in rows], in_text=False)
    cells = [_cell(tx, listed, place, kind) for place, kind in enumerate(types)]
    constants = [literal(value, statement.table.c[name].type) for name, value in shared.items()]
    # SQLite takes ON CONFLICT behind a SELECT only if that has a WHERE.
    source = select(*constants, *cells).where(true())
    tx.execute(statement.from_select([*shared, *varying], source, include_defaults=False))


_IN_JSON = (String, Exact, JSON)


def _reads_json(tx: Connection) -> bool:
    return tx.dialect.name in {"sqlite", "postgresql"}


def _parted(rows: Rows) -> tuple[dict[str, Any], list[str]]:
    """What all rows share, and the names of the columns in which they differ."""
    first = rows[0]
    varying = [name for name, value in first.items() if any(row[name] != value for row in rows)]
    return {name: value for name, value in first.items() if name not in varying}, varying


def _listed(tx: Connection, values: list[Any], *, in_text: bool) -> ColumnElement[Any]:
    """The values of a list, one a row."""
    text = json.dumps(values)
    if tx.dialect.name == "sqlite":
        return func.json_each(text).table_valued("value").c.value
    elements = func.json_array_elements_text if in_text else func.json_array_elements
    return elements(cast(literal(text, Text), JSON)).column_valued()


def _cell(tx: Connection, row: ColumnElement[Any], place: int, kind: TypeEngine[Any]) -> ColumnElement[Any]:
    if tx.dialect.name == "sqlite":
        return func.json_extract(row, f"$[{place}]")
    return row.op("->" if isinstance(kind, JSON) else "->>")(place)

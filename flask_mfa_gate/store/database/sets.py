"""Statements about a thousand rows at once. On SQLite and PostgreSQL a list goes over as one value, a JSON text:
a parameter for each key or cell costs more than what the statement does with it.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    JSON,
    Column,
    ColumnElement,
    Connection,
    Insert,
    String,
    Text,
    any_,
    cast,
    func,
    literal,
    select,
    text,
    true,
)
from sqlalchemy.types import TypeEngine

from ..tables.types import Exact

Rows = Sequence[Mapping[str, Any]]


def among(tx: Connection, column: Column[str], keys: Collection[str]) -> ColumnElement[bool]:
    """Whether a column holds one of these keys."""
    if len(keys) == 1:
        return column == next(iter(keys))
    if not _reads_json(tx):
        return column.in_(keys)
    listed = select(_listed(tx, list(keys), in_text=True))
    # PostgreSQL meets IN with a scan of a table that has just grown; for an array it can take the index.
    return column.in_(listed) if tx.dialect.name == "sqlite" else column == any_(func.array(listed.scalar_subquery()))


def prefer_indexes(tx: Connection) -> None:
    """For the rest of the transaction. PostgreSQL counts rows a minute later: a table that has just grown from nothing
    is small to it, so it would scan the whole for each set of keys.
    """
    if tx.dialect.name == "postgresql":
        tx.execute(text("SET LOCAL enable_seqscan = off"))


def insert_many(tx: Connection, statement: Insert, rows: Rows) -> int:
    """Insert rows, which all have the same columns.

    :param statement: the INSERT without any value.
    :returns: how many the server says it wrote.
    """
    if not rows:
        return 0
    if len(rows) == 1:
        return tx.execute(statement, dict(rows[0]), execution_options=_COUNTED).rowcount
    shared, names = _parted(rows)
    return insert_cells(tx, statement, shared, names, [[row[name] for name in names] for row in rows])


def insert_cells(
    tx: Connection, statement: Insert, shared: Mapping[str, Any], names: Sequence[str], cells: Sequence[Sequence[Any]]
) -> int:
    """Insert a row for each of the cells.

    :param shared: columns that are the same in all rows.
    :param names: the columns that the cells are of.
    :returns: how many the server says it wrote.
    """
    columns = statement.table.c
    is_text = all(isinstance(columns[name].type, _IN_JSON) for name in names)
    if len(cells) == 1 or not is_text or not _reads_json(tx):
        told = [{**shared, **dict(zip(names, row, strict=True))} for row in cells]
        return tx.execute(statement, told, execution_options=_COUNTED).rowcount
    listed = _listed(tx, cells, in_text=False)
    source = select(
        *(literal(value, columns[name].type) for name, value in shared.items()),
        *(_cell(tx, listed, place, columns[name].type) for place, name in enumerate(names)),
    )
    # SQLite takes ON CONFLICT behind a SELECT only if that has a WHERE.
    filled = statement.from_select([*shared, *names], source.where(true()), include_defaults=False)
    return tx.execute(filled, execution_options=_COUNTED).rowcount


# With the execution: a copy of the statement for them would have its cache key computed again each time.
_COUNTED: Mapping[str, Any] = {"preserve_rowcount": True}
_IN_JSON = (String, Exact, JSON)


def _reads_json(tx: Connection) -> bool:
    return tx.dialect.name in {"sqlite", "postgresql"}


def _parted(rows: Rows) -> tuple[dict[str, Any], list[str]]:
    """What all rows share, and the names of the columns in which they differ."""
    first = rows[0]
    varying = [name for name, value in first.items() if any(row[name] != value for row in rows)]
    return {name: value for name, value in first.items() if name not in varying}, varying


def _listed(tx: Connection, values: Sequence[Any], *, in_text: bool) -> ColumnElement[Any]:
    """The values of a list, one a row."""
    document = json.dumps(values)
    if tx.dialect.name == "sqlite":
        return func.json_each(document).table_valued("value").c.value
    elements = func.json_array_elements_text if in_text else func.json_array_elements
    return elements(cast(literal(document, Text), JSON)).column_valued()


def _cell(tx: Connection, row: ColumnElement[Any], place: int, kind: TypeEngine[Any]) -> ColumnElement[Any]:
    if tx.dialect.name == "sqlite":
        return func.json_extract(row, f"$[{place}]")
    return row.op("->" if isinstance(kind, JSON) else "->>")(place)

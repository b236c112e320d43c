"""INSERT that makes do with a row that is there already, in the words of each server."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import mysql, postgresql, sqlite

from .sets import insert_many


def upsert(tx: Connection, table: Table, rows: Sequence[Mapping[str, Any]], *, update: Collection[str] = ()) -> int:
    """Insert rows; where the primary key is taken, write the columns ``update`` there, or leave the row as it is.

    :returns: how many were written for certain. MariaDB counts rows that it left as they were, so there it is none.
    """
    if tx.dialect.name in {"mysql", "mariadb"}:
        insert_many(tx, _on_mysql(table, update), rows)
        return 0
    return insert_many(tx, _on_conflict(tx.dialect.name, table, update), rows)


def _on_mysql(table: Table, update: Collection[str]) -> mysql.Insert:
    # SECURITY: INSERT IGNORE would also cut a key that is too long down to that of another user.
    statement = mysql.insert(table)
    names = update or [column.name for column in table.primary_key]
    return statement.on_duplicate_key_update({name: statement.inserted[name] for name in names})


def _on_conflict(dialect: str, table: Table, update: Collection[str]) -> postgresql.Insert | sqlite.Insert:
    statement = postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)
    key = [column.name for column in table.primary_key]
    if not update:
        return statement.on_conflict_do_nothing(index_elements=key)
    return statement.on_conflict_do_update(index_elements=key, set_={name: statement.excluded[name] for name in update})

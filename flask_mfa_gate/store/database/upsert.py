"""INSERT that makes do with a row that is there already, in the words of each server."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Insert, Table

from .sets import insert_many

if TYPE_CHECKING:
    from sqlalchemy.dialects import mysql, postgresql, sqlite

_MYSQL = frozenset({"mysql", "mariadb"})


def upsert(
    tx: Connection, table: Table, rows: Sequence[Mapping[str, Any]], *, update: Collection[str] = (), key: str = ""
) -> int:
    """Insert rows; where the key is taken, write the columns ``update`` there, or leave the row as it is.

    :param key: a unique column; by default the primary key.
    :returns: how many were written for certain. MariaDB counts rows that it left as they were, so there it is none.
    """
    count = insert_many(tx, _built(tx.dialect.name, table, tuple(update), key), rows)
    return 0 if tx.dialect.name in _MYSQL else count


def _built(dialect: str, table: Table, update: tuple[str, ...], key: str) -> Insert:
    """Building one takes longer than running it, so each is kept with its table."""
    name = (upsert, dialect, update, key)
    if name not in table.info:
        table.info[name] = _on_mysql(table, update) if dialect in _MYSQL else _on_conflict(dialect, table, update, key)
    built: Insert = table.info[name]
    return built


def on_conflict_insert(dialect: str, table: Table) -> postgresql.Insert | sqlite.Insert:
    """An INSERT that can say ON CONFLICT. Only the dialect of the app's own server is loaded."""
    found: postgresql.Insert | sqlite.Insert = import_module(f"sqlalchemy.dialects.{dialect}").insert(table)
    return found


def on_duplicate_key_insert(table: Table) -> mysql.Insert:
    """An INSERT of MariaDB and MySQL that can say ON DUPLICATE KEY."""
    from sqlalchemy.dialects import mysql  # noqa: PLC0415 - only for such a server

    return mysql.insert(table)


def _on_mysql(table: Table, update: Collection[str]) -> mysql.Insert:
    # SECURITY: INSERT IGNORE would also cut a key that is too long down to that of another user.
    statement = on_duplicate_key_insert(table)
    names = update or [column.name for column in table.primary_key]
    return statement.on_duplicate_key_update({name: statement.inserted[name] for name in names})


def _on_conflict(dialect: str, table: Table, update: Collection[str], key: str) -> postgresql.Insert | sqlite.Insert:
    statement = on_conflict_insert(dialect, table)
    taken = [key] if key else [column.name for column in table.primary_key]
    if not update:
        return statement.on_conflict_do_nothing(index_elements=taken)
    return statement.on_conflict_do_update(
        index_elements=taken, set_={name: statement.excluded[name] for name in update}
    )

"""Tables of a new SQLite database, made as an earlier one of this process has them.

A host's tests make an app each, with the gate's tables in memory or in a new file; to go through all revisions for each
would take most of their time.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, text

_kept: dict[tuple[Path, str], _NewTables] = {}


@dataclass(frozen=True, slots=True)
class _NewTables:
    """What the newest revision leaves of an empty database.

    :param statements: of tables and indexes, as SQLite keeps them.
    :param revisions: the whole history, oldest first.
    """

    statements: tuple[str, ...]
    revisions: tuple[str, ...]


def remember(
    connection: Connection, names: Collection[str], revisions: Sequence[str], *, folder: Path, prefix: str
) -> None:
    """Keep how these tables were made, when all of these revisions were just applied to a database without any."""
    if connection.dialect.name == "sqlite":
        # A table comes before its indexes.
        query = "SELECT sql, tbl_name FROM sqlite_master WHERE sql IS NOT NULL ORDER BY type = 'index', rowid"
        found = connection.execute(text(query)).all()
        statements = tuple(row.sql for row in found if row.tbl_name in names)
        _kept[folder, prefix] = _NewTables(statements, tuple(revisions))


def make_alike(connection: Connection, *, folder: Path, prefix: str, version_table: str) -> tuple[str, ...]:
    """Make them in a database that has none of them.

    :returns: the revisions that they stand for; none where they have to be applied.
    """
    kept = _kept.get((folder, prefix)) if connection.dialect.name == "sqlite" else None
    if kept is None:
        return ()
    for statement in kept.statements:
        connection.exec_driver_sql(statement)
    connection.exec_driver_sql(f"INSERT INTO {version_table} VALUES (?)", (kept.revisions[-1],))  # noqa: S608
    return kept.revisions

"""Rows that somebody edited by hand so that nothing can read them: which they are, and what is wrong with each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import Column, ColumnElement, Connection, Table, select, type_coerce
from sqlalchemy.types import NullType

from ...domain.people.roles import Role
from ...domain.sign_in.assurance import FactorKind
from ..database.engine import Database
from ..tables.tables import Tables

T = TypeVar("T")
K = TypeVar("K")
MOST_TOLD = 20
FAULTS = (ValueError, TypeError, LookupError, AttributeError)
# Tables that hold some rows a user, and no history.
_OF_USERS = frozenset({"enrollment", "factor", "person"})
_OWN_WORDS: Mapping[tuple[str, str], Callable[[Any], Any]] = {
    ("person", "role"): Role,
    ("factor", "kind"): FactorKind,
    ("enrollment", "graces"): lambda graces: [datetime.fromisoformat(at) for at in graces.values()],
}


def unreadable_rows(database: Database, tables: Tables) -> Iterator[str]:
    """One sentence a row, of the first of them; tables that read well as a whole are not looked at row by row.

    Histories, such as the audit log, are left out: they are too long to be read for this.
    """
    told = 0
    with database.read() as tx:
        for name, table in _named(tables):
            if name not in _OF_USERS or _reads_well(tx, name, table):
                continue
            for key in _keys(tx, table):
                if (fault := _fault(tx, name, table, key)) is not None:
                    yield f"The row {', '.join(map(str, key))} of the table {table.name} can't be read: {fault}."
                    told += 1
                if told == MOST_TOLD:
                    return


def read_well(read: Callable[[Sequence[K]], Sequence[T]], keys: Sequence[K]) -> tuple[list[T], list[K]]:
    """What can be read of these, in order, and the keys of what can't: one bad row must not take a list away."""
    try:
        return list(read(keys)), []
    except FAULTS:
        if len(keys) == 1:
            return [], list(keys)
    middle = len(keys) // 2
    (first, bad), (second, worse) = read_well(read, keys[:middle]), read_well(read, keys[middle:])
    return first + second, bad + worse


def as_stored(column: Column[Any]) -> ColumnElement[Any]:
    """A column without the type that makes something of it."""
    return type_coerce(column, NullType())


def _named(tables: Tables) -> Iterator[tuple[str, Table]]:
    names = {table.name: table for table in tables.metadata.sorted_tables}
    prefix_length = len(tables.person.name) - len("person")
    return ((name[prefix_length:], table) for name, table in names.items())


def _reads_well(tx: Connection, name: str, table: Table) -> bool:
    try:
        for row in tx.execute(select(table)):
            _read_words(name, row._mapping)
    except FAULTS:
        return False
    return True


def _keys(tx: Connection, table: Table) -> Sequence[Any]:
    """The primary keys as they are stored, which their own types may not be able to read either."""
    return tx.execute(select(*map(as_stored, table.primary_key))).all()


def _fault(tx: Connection, name: str, table: Table, key: Sequence[Any]) -> str | None:
    same = [as_stored(column) == value for column, value in zip(table.primary_key, key, strict=True)]
    for column in table.columns:
        try:
            row = tx.execute(select(column).where(*same)).first()
            _read_words(name, row._mapping if row is not None else {})
        except FAULTS as error:
            return f"{column.name}: {error}"
    return None


def _read_words(name: str, row: Mapping[Any, Any]) -> None:
    for column, value in row.items():
        read = _OWN_WORDS.get((name, str(column)))
        if read is not None and value is not None:
            read(value)

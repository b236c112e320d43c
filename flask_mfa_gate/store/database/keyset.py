"""Where the next page of a sorted list begins, as a condition that an index serves on every database."""

from __future__ import annotations

from typing import Any, Protocol

from sqlalchemy import ColumnElement, Connection, and_, or_, tuple_


class Place(Protocol):
    """Where a row stands: the values of both columns there."""

    @property
    def value(self) -> Any:
        """Of the column that is sorted by."""

    @property
    def key(self) -> Any:
        """Of the one that tells equals apart."""


def behind(
    tx: Connection,
    columns: tuple[ColumnElement[Any], ColumnElement[Any]],
    after: Place,
    *,
    begins: tuple[ColumnElement[Any], Any] | None = None,
    is_descending: bool,
) -> ColumnElement[bool]:
    """What comes after a place, in the form for which each server finds the place in its index.

    :param begins: a column that the index has before these, and the value that it is to have there; PostgreSQL only.
    """
    value, key = columns
    if tx.dialect.name in {"mysql", "mariadb"}:
        further = value < after.value if is_descending else value > after.value
        beyond = key < after.key if is_descending else key > after.key
        return or_(further, and_(value == after.value, beyond))
    known = () if begins is None else (begins,)
    pairs = (*known, (value, after.value), (key, after.key))
    place = tuple_(*(at for _, at in pairs), types=[column.type for column, _ in pairs])
    met = tuple_(*(column for column, _ in pairs))
    return met < place if is_descending else met > place

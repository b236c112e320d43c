"""Where the next page of a sorted list begins, as a condition that an index serves on every database."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, or_, tuple_

from ...domain.people.user_list import Position


def behind(
    tx: Connection,
    columns: tuple[ColumnElement[Any], ColumnElement[Any]],
    after: Position,
    *,
    is_descending: bool,
) -> ColumnElement[bool]:
    """What comes after a place, in the form for which each server finds the place in its index."""
    value, key = columns
    if tx.dialect.name in {"mysql", "mariadb"}:
        further = value < after.value if is_descending else value > after.value
        beyond = key < after.key if is_descending else key > after.key
        return or_(further, and_(value == after.value, beyond))
    place = tuple_(after.value, after.key, types=[value.type, key.type])
    return tuple_(value, key) < place if is_descending else tuple_(value, key) > place

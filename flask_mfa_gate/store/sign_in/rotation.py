"""One id of a session takes the place of another, in one statement."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, CompoundSelect, Connection, Insert, Select, Table, bindparam, select

from ..database.upsert import on_conflict_insert, on_duplicate_key_insert

_NEW, _GAVE_WAY = "new_", "superseded_at"


def try_put_in_place(tx: Connection, table: Table, id_digest: str, successor: Mapping[str, Any], *, now: Any) -> bool:
    """Write ``successor`` and note at the row of ``id_digest`` that it gave way; False, and nothing is written, where
    that did so before or is over. The caller holds the user's row.
    """
    values = {f"{_NEW}{name}": value for name, value in successor.items()}
    return tx.execute(_rotating(table, tx.dialect.name), {"id": id_digest, "now": now, **values}).rowcount > 1


@cache
def _rotating(table: Table, dialect: str) -> Insert:
    """INSERT of both rows, of which the former one is there. Servers count a row that they update once, or twice."""
    build = _on_mysql if dialect in {"mysql", "mariadb"} else _on_conflict
    return build(dialect, table).execution_options(preserve_rowcount=True)


def _on_mysql(_dialect: str, table: Table) -> Insert:
    into = on_duplicate_key_insert(table).from_select(table.c.keys(), _both(table), include_defaults=False)
    return into.on_duplicate_key_update({_GAVE_WAY: into.inserted[_GAVE_WAY]})


def _on_conflict(dialect: str, table: Table) -> Insert:
    into = on_conflict_insert(dialect, table).from_select(table.c.keys(), _both(table), include_defaults=False)
    return into.on_conflict_do_update(index_elements=["id_digest"], set_={_GAVE_WAY: into.excluded[_GAVE_WAY]})


def _both(table: Table) -> CompoundSelect[Any]:
    now = bindparam("now", type_=table.c.superseded_at.type)
    former = _of_former(table, lambda column: now if column.name == _GAVE_WAY else column)
    return former.union_all(_of_former(table, lambda column: bindparam(f"{_NEW}{column.name}", type_=column.type)))


def _of_former(table: Table, cell: Any) -> Select[Any]:
    """A row where the former id counts, else none."""
    old = table.alias()
    cells: list[ColumnElement[Any]] = [cell(column) for column in old.c]
    # SECURITY: of two requests that rise from one id only one continues; the other keeps the old assurance.
    untouched = (old.c.id_digest == bindparam("id"), old.c.superseded_at.is_(None))
    # SECURITY: nor does one that was ended since this request began.
    return select(*cells).select_from(old).where(*untouched, old.c.ended_at.is_(None))

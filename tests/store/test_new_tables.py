"""A second new database of a process, whose tables are made as the first one has them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic.operations import Operations
from sqlalchemy import make_url, text
from sqlalchemy.exc import OperationalError

from flask_mfa_gate.errors import StoreError
from flask_mfa_gate.store import new_tables, schema
from flask_mfa_gate.store.database.engine import Database, make_engine
from flask_mfa_gate.store.database.location import Location
from flask_mfa_gate.store.tables.tables import build_tables

PREFIX = "mfa_gate_"


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Database]]:
    """New databases, of which none is remembered."""
    monkeypatch.setattr(new_tables, "_kept", {})
    made: list[Database] = []

    def new(name: str) -> Database:
        made.append(Database(make_engine(Location(make_url(f"sqlite:///{tmp_path}/{name}.sqlite3"), embedded=True))))
        return made[-1]

    yield new
    for database in made:
        database.dispose()


def upgraded(database: Database, prefix: str = PREFIX, **options: Any) -> Database:
    schema.upgrade(database, prefix=prefix, **options)
    return database


def kept_in(database: Database) -> set[Any]:
    with database.read() as tx:
        return {tuple(row) for row in tx.execute(text("SELECT type, name, tbl_name, sql FROM sqlite_master"))}


def refuse(*_arguments: Any) -> None:
    raise RuntimeError("a revision was applied")


def test_it_is_alike_and_takes_no_revision(make: Callable[[str], Database], monkeypatch: pytest.MonkeyPatch) -> None:
    first = upgraded(make("first"))
    monkeypatch.setattr(Operations, "create_table", refuse)
    second = upgraded(make("second"))
    assert kept_in(second) == kept_in(first)
    assert schema.is_ready(second, prefix=PREFIX)
    assert list(schema.damage(second, build_tables(PREFIX).metadata)) == []


def test_its_older_rows_would_be_settled_as_ever(make: Callable[[str], Database]) -> None:
    told: list[Any] = []
    for name in ("first", "second"):
        upgraded(make(name), settle=lambda _tx, revisions: told.append(tuple(revisions)))
    assert told[0] == told[1]
    assert told[0][0] == "0001"
    assert told[0][-1] == schema.head()


def test_tables_of_others_stay_where_they_are(make: Callable[[str], Database]) -> None:
    first, second = make("first"), make("second")
    with first.write() as tx:
        tx.execute(text("CREATE TABLE orders (id INTEGER)"))
    upgraded(first)
    upgraded(first, "other_")
    names = {name for _, name, _, _ in kept_in(upgraded(second))}
    assert "orders" not in names
    assert not [name for name in names if name.startswith("other_")]
    assert not schema.is_ready(second, prefix="other_")


def test_tables_that_have_begun_go_through_every_revision(make: Callable[[str], Database]) -> None:
    first, old = upgraded(make("first")), upgraded(make("old"), revision="0004")
    told: list[str] = []
    upgraded(old, settle=lambda _tx, revisions: told.extend(revisions))
    assert told[0] == "0005"
    assert {row[:3] for row in kept_in(old)} == {row[:3] for row in kept_in(first)}


def test_one_that_has_a_table_of_this_name_is_left_as_it_is(make: Callable[[str], Database]) -> None:
    upgraded(make("first"))
    second = make("second")
    with second.write() as tx:
        tx.execute(text(f"CREATE TABLE {PREFIX}session (id INTEGER)"))
    with pytest.raises((StoreError, OperationalError)):
        upgraded(second)
    assert {name for _, name, _, _ in kept_in(second)} == {f"{PREFIX}session"}

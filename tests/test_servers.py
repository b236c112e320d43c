"""What the tests themselves rest on: each database is really used, and each test begins with the same rows."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import MetaData, create_engine, select, text

from tests.conftest import require_or_skip, state_of
from tests.servers import DATABASES, SERVERS, SeededDatabase, is_reachable

DIALECTS = {"sqlite": "sqlite", "postgresql": "postgresql", "mariadb": "mysql"}
CHANGED_ROWS = (
    "DELETE FROM mfa_gate_enrollment",
    "INSERT INTO mfa_gate_failure (user_key, address, ordinal, at) VALUES ('4', '', 1, '2026-03-02 09:00:00')",
    "UPDATE portal_user SET name = 'nobody'",
)
CHANGED_TABLES = (
    "DROP TABLE mfa_gate_session",
    "ALTER TABLE mfa_gate_factor DROP COLUMN counter",
    "CREATE TABLE stray (id INTEGER)",
)


@pytest.fixture(params=SERVERS)
def seeded(request: pytest.FixtureRequest, portal_on: Callable[[str], SeededDatabase]) -> SeededDatabase:
    require_or_skip(request.param, is_reachable(request.param))
    portal_on(request.param).restore()
    return portal_on(request.param)


def content(uri: str) -> dict[str, list[str]]:
    """The columns and rows of each table, rows sorted: a server gives them in any order it likes."""
    engine, found = create_engine(uri), MetaData()
    with engine.connect() as connection:
        found.reflect(connection)
        kept = {
            one.name: [*one.columns.keys(), *sorted(map(str, connection.execute(select(one))))]
            for one in found.sorted_tables
        }
    engine.dispose()
    return kept


def change(uri: str, statement: str) -> None:
    engine = create_engine(uri)
    with engine.begin() as connection:
        connection.execute(text(statement))
    engine.dispose()


@pytest.mark.parametrize("portal_uri", DATABASES, indirect=True)
def test_portal_and_gate_are_where_the_test_says(app: Flask, request: pytest.FixtureRequest) -> None:
    from example_app.models import db

    with app.app_context():
        used = {db.engine.dialect.name, state_of(app).store.database.engine.dialect.name}
    assert used == {DIALECTS[request.node.callspec.params["portal_uri"]]}


@pytest.mark.parametrize("statement", CHANGED_ROWS)
def test_rows_that_a_test_changed_are_put_back(seeded: SeededDatabase, statement: str) -> None:
    before = content(seeded.uri)
    change(seeded.uri, statement)
    assert content(seeded.uri) != before
    seeded.restore()
    assert content(seeded.uri) == before


@pytest.mark.parametrize("statement", CHANGED_TABLES)
def test_tables_that_a_test_changed_are_made_again(seeded: SeededDatabase, statement: str) -> None:
    """The seed too, with other salts."""
    before = content(seeded.uri)
    change(seeded.uri, statement)
    assert content(seeded.uri) != before
    seeded.restore()
    after = content(seeded.uri)
    assert {name: len(found) for name, found in after.items()} == {name: len(found) for name, found in before.items()}
    assert after["mfa_gate_enrollment"] == before["mfa_gate_enrollment"]

"""Every step of the migrations' history, up and down, with rows in the tables."""

from __future__ import annotations

import shutil
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import Column, MetaData, Table, func, insert, inspect, select

from flask_mfa_gate.store import schema
from flask_mfa_gate.store.database.engine import Database

NEXT = "aaaa"
REVISION = f"""
import sqlalchemy as sa

revision, down_revision, branch_labels, depends_on = "{NEXT}", "{schema.head()}", None, None

def upgrade(op, prefix):
    op.add_column(f"{{prefix}}factor", sa.Column("shelf", sa.String(16), nullable=False, server_default="top"))
    op.create_table(f"{{prefix}}shelf", sa.Column("id", sa.Integer, primary_key=True))

def downgrade(op, prefix):
    op.drop_table(f"{{prefix}}shelf")
    op.drop_column(f"{{prefix}}factor", "shelf")
"""
# A digit is a name, a number and JSON; the servers know what they store as JSON by other names.
FILLERS: dict[type, Any] = {
    bool: True, int: 1, str: "1", bytes: b"\0\xff", datetime: datetime(2026, 3, 2, 9, 0, 0, 250_000),  # noqa: DTZ001
}  # fmt: skip


@pytest.fixture(params=["as it is", "with one more"])
def history(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The revisions, oldest first."""
    if request.param == "with one more":
        copy = shutil.copytree(schema._SCRIPTS, tmp_path / "migrations")
        (copy / "versions" / f"{NEXT}_next.py").write_text(REVISION)
        monkeypatch.setattr(schema, "_SCRIPTS", copy)
    return [script.revision for script in reversed(list(ScriptDirectory(str(schema._SCRIPTS)).walk_revisions()))]


def test_the_name_of_the_newest_file_tells_the_revision_that_the_code_needs(history: list[str]) -> None:
    assert schema.head() == history[-1]


def reflected(database: Database, prefix: str) -> list[Table]:
    """Names and types of columns, which is all that is looked at here; no table points to another."""
    with database.read() as tx:
        there = inspect(tx)
        names = {name for name in there.get_table_names() if name.startswith(prefix)} - {schema.version_table(prefix)}
        columns = there.get_multi_columns(filter_names=names)
    return [
        Table(name, MetaData(), *(Column(column["name"], column["type"]) for column in columns[schema_name, name]))
        for schema_name, name in sorted(columns)
    ]


def fill(database: Database, tables: list[Table]) -> None:
    """One row in every table that has none."""
    with database.write() as tx:
        for table in tables:
            if not tx.execute(select(func.count()).select_from(table)).scalar_one():
                tx.execute(
                    insert(table).values({one.name: FILLERS.get(one.type.python_type, {}) for one in table.columns})
                )


def content(database: Database, tables: list[Table]) -> dict[tuple[str, str], Any]:
    """Of each column of each table its one value."""
    found: dict[tuple[str, str], Any] = {}
    with database.read() as tx:
        for table in tables:
            row = tx.execute(select(table)).one_or_none()
            found |= {(table.name, name): getattr(row, name, "no row") for name in table.columns.keys()}  # noqa: SIM118
    return found


def test_every_step_keeps_the_rows_and_can_be_taken_again(
    history: list[str], empty_database: Database, prefix: str
) -> None:
    before: dict[tuple[str, str], Any] = {}
    up = [(schema.upgrade, revision) for revision in history]
    down = [(schema.downgrade, revision) for revision in reversed(history[:-1])]
    for move, revision in [*up, *down, *up[1:]]:
        move(empty_database, prefix=prefix, revision=revision)
        assert schema.current(empty_database, prefix=prefix) == revision
        tables = reflected(empty_database, prefix)
        after = content(empty_database, tables)
        both = before.keys() & after.keys()
        assert {place: after[place] for place in both} == {place: before[place] for place in both}
        fill(empty_database, tables)
        before = content(empty_database, tables)
        assert "no row" not in before.values()
    assert schema.is_ready(empty_database, prefix=prefix)

"""Migrations: exactly the tables, up and down, alone, beside the host's own."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Connection, LargeBinary, create_engine, event, insert, inspect, make_url, select, text
from sqlalchemy.dialects import mysql

from flask_mfa_gate.errors import BadRequest, StoreBusy, StoreNotReady
from flask_mfa_gate.store import new_tables, schema
from flask_mfa_gate.store.database.engine import Database, make_engine
from flask_mfa_gate.store.database.location import Location
from flask_mfa_gate.store.tables.tables import build_tables

OpenDatabase = Callable[[], Database]
NOW = datetime(2026, 3, 2, 9, 0, 0, 250_000, tzinfo=UTC)
MIGRATIONS = Path(schema.__file__).parent / "migrations"
MOST_STATEMENTS = 300


@pytest.fixture(autouse=True)
def nothing_is_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is looked at here is the way through the revisions."""
    monkeypatch.setattr(new_tables, "_kept", {})


def tables_of(database: Database, prefix: str) -> set[str]:
    with database.read() as tx:
        return {name for name in inspect(tx).get_table_names() if name.startswith(prefix)}


def is_other_type(_context: Any, _found: Any, _column: Any, reflected: Any, wanted: Any) -> bool | None:
    """MariaDB picks the kind of BLOB by the length that was asked for; all else is left to Alembic's own comparison."""
    if isinstance(reflected, mysql.MEDIUMBLOB) and isinstance(wanted, LargeBinary):
        return wanted.length != 2**24 - 1
    return None


def differences(connection: Connection, prefix: str) -> list[Any]:
    def is_ours(name: str | None, kind: str, _parents: Any) -> bool:
        return kind != "table" or (name or "").startswith(prefix)

    options = {"compare_type": is_other_type, "version_table": schema.version_table(prefix), "include_name": is_ours}
    context = MigrationContext.configure(connection, opts=options)
    return list(compare_metadata(context, build_tables(prefix).metadata))


def fill(database: Database, prefix: str) -> None:
    """One row in every table."""
    tables = build_tables(prefix)
    filler: dict[str, Any] = {
        "BOOLEAN": True, "INTEGER": 1, "BIGINT": 2**40, "JSON": {"a": ["ä"]}, "DATETIME": NOW, "TEXT": "🔐", "BLOB": b"\0\xff",
    }  # fmt: skip
    with database.write() as tx:
        for table in tables.metadata.sorted_tables:
            kinds = {column.name: str(column.type).partition("(")[0] for column in table.columns}
            tx.execute(insert(table).values({name: filler.get(kind, "x") for name, kind in kinds.items()}))


def rows(database: Database, prefix: str) -> dict[str, list[Any]]:
    tables = build_tables(prefix)
    with database.read() as tx:
        return {table.name: list(tx.execute(select(table)).all()) for table in tables.metadata.sorted_tables}


def test_the_migrations_make_exactly_the_tables(database: Database, prefix: str) -> None:
    wanted = build_tables(prefix).metadata
    with database.read() as tx:
        assert differences(tx, prefix) == []
        for table in wanted.sorted_tables:
            primary = inspect(tx).get_pk_constraint(table.name)["constrained_columns"]
            assert primary == [column.name for column in table.primary_key]
    assert tables_of(database, prefix) == {*wanted.tables, f"{prefix}alembic_version"}


def test_the_comparison_would_find_a_difference(database: Database, prefix: str) -> None:
    with database.write() as tx:
        tx.execute(text(f"ALTER TABLE {prefix}outbox DROP COLUMN problem"))
        tx.execute(text(f"ALTER TABLE {prefix}audit ADD COLUMN more INTEGER"))
        tx.execute(text(f"CREATE TABLE {prefix}stray (id INTEGER)"))
    with database.read() as tx:
        assert len(differences(tx, prefix)) == 3


@pytest.mark.parametrize("location", ["mariadb"], indirect=True)
def test_mariadb_keeps_transactions_and_any_text_whatever_its_defaults(location: Location, prefix: str) -> None:
    careless = f"{prefix}latin1"
    server = create_engine(location.url.set(database=None), isolation_level="AUTOCOMMIT")
    url = location.url.set(database=careless).update_query_dict({"init_command": "SET default_storage_engine = 'Aria'"})
    database = Database(make_engine(Location(url)))
    with server.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {careless} CHARACTER SET latin1"))
        try:
            schema.upgrade(database, prefix=prefix)
            fill(database, prefix)
            assert rows(database, prefix)[f"{prefix}audit"][0].reason == "🔐"
            with database.read() as tx:
                found = [inspect(tx).get_table_options(name) for name in build_tables(prefix).metadata.tables]
            assert {(one["mysql_engine"], one["mysql_default charset"]) for one in found} == {("InnoDB", "utf8mb4")}
        finally:
            database.dispose()
            connection.execute(text(f"DROP DATABASE {careless}"))
    server.dispose()


def test_up_down_and_up_again_with_rows_in_the_tables(database: Database, prefix: str) -> None:
    for _ in range(2):
        schema.upgrade(database, prefix=prefix)
        assert schema.current(database, prefix=prefix) == schema.head()
        fill(database, prefix)
        schema.upgrade(database, prefix=prefix)
        assert all(len(found) == 1 for found in rows(database, prefix).values())
        schema.downgrade(database, prefix=prefix, revision="base")
        assert tables_of(database, prefix) == {f"{prefix}alembic_version"}
        assert schema.current(database, prefix=prefix) is None
        schema.downgrade(database, prefix=prefix, revision="base")


def test_readiness(empty_database: Database, prefix: str) -> None:
    assert schema.current(empty_database, prefix=prefix) is None
    assert not schema.is_ready(empty_database, prefix=prefix)
    schema.upgrade(empty_database, prefix=prefix)
    assert schema.is_ready(empty_database, prefix=prefix)


def test_a_ready_database_is_not_locked_by_a_start(
    database: Database, prefix: str, open_database: OpenDatabase
) -> None:
    other = open_database()
    with database.write() as tx:
        tx.execute(insert(build_tables(prefix).enrollment).values(user_key="1", required=False))
        began = time.monotonic()
        schema.upgrade(other, prefix=prefix)
        assert time.monotonic() - began < 1


def test_each_prefix_is_on_its_own(database: Database, prefix: str) -> None:
    fill(database, prefix)
    other = f"{prefix}b_"
    schema.upgrade(database, prefix=other)
    schema.downgrade(database, prefix=other, revision="base")
    assert schema.is_ready(database, prefix=prefix)
    assert all(len(found) == 1 for found in rows(database, prefix).values())


@pytest.mark.parametrize("revision", ["nope", "9999", "", "head+1", "+1", "ffff:0001"])
def test_a_revision_that_does_not_exist_is_refused(database: Database, prefix: str, revision: str) -> None:
    with pytest.raises(BadRequest, match="revisions"):
        schema.upgrade(database, prefix=prefix, revision=revision)
    with pytest.raises(BadRequest, match="revisions"):
        schema.downgrade(database, prefix=prefix, revision=revision)
    assert schema.is_ready(database, prefix=prefix)


def test_tables_that_are_newer_than_the_code_are_left_alone(database: Database, prefix: str) -> None:
    with database.write() as tx:
        tx.execute(text(f"UPDATE {prefix}alembic_version SET version_num = '9999'"))
    assert not schema.is_ready(database, prefix=prefix)
    for move in (schema.upgrade, schema.downgrade):
        with pytest.raises(StoreNotReady, match="9999"):
            move(database, prefix=prefix, revision="head" if move is schema.upgrade else "base")
    assert len(tables_of(database, prefix)) == len(build_tables(prefix).metadata.tables) + 1


@pytest.mark.parametrize("location", ["sqlite", "postgresql"], indirect=True)
def test_a_migration_that_fails_leaves_nothing_behind(
    empty_database: Database, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not so on MariaDB, which ends the transaction at every change of a table."""

    def fail(*_arguments: Any) -> None:
        raise RuntimeError("power cut")

    with monkeypatch.context() as patch:
        patch.setattr(MigrationContext, "stamp", fail)
        with pytest.raises(RuntimeError, match="power cut"):
            schema.upgrade(empty_database, prefix=prefix)
    assert tables_of(empty_database, prefix) == set()
    schema.upgrade(empty_database, prefix=prefix)


UPGRADE = """
import sys
from sqlalchemy import make_url
from flask_mfa_gate.store import schema
from flask_mfa_gate.store.database.engine import Database, make_engine
from flask_mfa_gate.store.database.location import Location

uri, prefix = sys.argv[1:]
database = Database(make_engine(Location(make_url(uri))))
print("at the line", flush=True)
sys.stdin.readline()
schema.upgrade(database, prefix=prefix)
assert schema.is_ready(database, prefix=prefix)
"""


def test_processes_that_start_at_once_make_the_tables_once(empty_database: Database, prefix: str) -> None:
    uri = empty_database.engine.url.render_as_string(hide_password=False)
    started = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", UPGRADE, uri, prefix], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )
        for _ in range(3)
    ]  # fmt: skip
    for process in started:
        assert process.stdout is not None
        process.stdout.readline()
    for process in started:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    said = [process.communicate(timeout=60)[1] for process in started]
    assert [process.returncode for process in started] == [0, 0, 0], said
    assert schema.is_ready(empty_database, prefix=prefix)
    with empty_database.read() as tx:
        assert differences(tx, prefix) == []


@pytest.mark.parametrize("location", ["mariadb"], indirect=True)
def test_the_turn_is_over_when_others_can_see_what_was_done(
    empty_database: Database, prefix: str, open_database: OpenDatabase
) -> None:
    """Given away before the commit, the next one would find no revision and make the tables again."""
    other = open_database()
    seen: list[str | None] = []

    def look(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        if "RELEASE_LOCK" in statement:
            seen.append(schema.current(other, prefix=prefix))

    event.listen(empty_database.engine, "before_cursor_execute", look)
    schema.upgrade(empty_database, prefix=prefix)
    schema.downgrade(empty_database, prefix=prefix, revision="base")
    assert seen == [schema.head(), None]


def test_apps_that_start_in_threads_do_not_disturb_each_other(open_database: OpenDatabase, prefix: str) -> None:
    databases = [open_database() for _ in range(4)]
    problems: list[BaseException] = []

    def start(number: int) -> None:
        try:
            schema.upgrade(databases[number], prefix=f"{prefix}{number % 2}_")
        except BaseException as problem:  # noqa: BLE001
            problems.append(problem)

    threads = [threading.Thread(target=start, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    for number in range(2):
        assert schema.is_ready(databases[0], prefix=f"{prefix}{number}_")
        schema.downgrade(databases[0], prefix=f"{prefix}{number}_", revision="base")
    with databases[0].write() as tx:
        for number in range(2):
            tx.execute(text(f"DROP TABLE {prefix}{number}_alembic_version"))


@pytest.mark.parametrize("location", ["mariadb"], indirect=True)
def test_a_turn_that_does_not_come_is_busy(
    database: Database, prefix: str, open_database: OpenDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schema, "_TURN_SECONDS", 1)
    with open_database().read() as holder:
        # Others on this server may have it for a while.
        assert holder.execute(text(f"SELECT GET_LOCK('{schema._LOCK_NAME}', 60)")).scalar_one() == 1
        with pytest.raises(StoreBusy, match="Another process"):
            schema.downgrade(database, prefix=prefix, revision="base")
        holder.execute(text(f"SELECT RELEASE_LOCK('{schema._LOCK_NAME}')"))
    assert schema.is_ready(database, prefix=prefix)


@pytest.mark.parametrize("location", ["postgresql"], indirect=True)
def test_a_turn_may_take_longer_than_a_row(
    empty_database: Database, prefix: str, open_database: OpenDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    with empty_database.write() as tx:
        tx.execute(text("SET lock_timeout = '50ms'"))
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with open_database().write() as tx:
            tx.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": schema._LOCK_NUMBER})
            held.set()
            time.sleep(0.4)
        done.set()

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait(5)
    schema.upgrade(empty_database, prefix=prefix)
    assert done.is_set()
    holder.join()


def test_a_fresh_embedded_file_is_made_in_one_go(tmp_path: Path) -> None:
    database = Database(make_engine(Location(make_url(f"sqlite:///{tmp_path}/a/gate.sqlite3"), embedded=True)))
    ends: list[str] = []
    statements: list[str] = []
    event.listen(database.engine, "commit", lambda _connection: ends.append("commit"))
    event.listen(database.engine, "before_cursor_execute", lambda _c, _x, said, *_: statements.append(said))
    schema.upgrade(database, prefix="mfa_gate_")
    assert ends == ["commit"], "the disk is waited for once"
    assert len(statements) < MOST_STATEMENTS
    database.dispose()


def test_logging_stays_as_the_host_has_it(tmp_path: Path) -> None:
    def state() -> list[Any]:
        loggers = [logging.getLogger(name) for name in (None, "alembic", "sqlalchemy", "sqlalchemy.engine")]
        return [(one.level, one.disabled, list(one.handlers), one.propagate) for one in loggers]

    before = state()
    database = Database(make_engine(Location(make_url(f"sqlite:///{tmp_path}/gate.sqlite3"))))
    schema.upgrade(database, prefix="mfa_gate_")
    schema.downgrade(database, prefix="mfa_gate_", revision="base")
    assert state() == before
    database.dispose()


HOSTS_ENV = """
from alembic import context
from sqlalchemy import make_url
from flask_mfa_gate.store import schema
from flask_mfa_gate.store.database.engine import Database, make_engine
from flask_mfa_gate.store.database.location import Location

url = make_url(context.config.get_main_option("sqlalchemy.url"))
gate = Database(make_engine(Location(url)))      # as create_app() does
schema.upgrade(gate, prefix="mfa_gate_")
with gate.write() as connection:
    context.configure(connection=connection)
    context.run_migrations()
gate.dispose()
"""
HOSTS_REVISION = """
from alembic import op
import sqlalchemy as sa
from sqlalchemy import make_url
from flask_mfa_gate.store import schema
from flask_mfa_gate.store.database.engine import Database, make_engine
from flask_mfa_gate.store.database.location import Location

revision, down_revision = "host1", None

def upgrade():
    gate = Database(make_engine(Location(make_url("sqlite://"), memory=True)))
    schema.upgrade(gate, prefix="mfa_gate_")     # a data migration that makes the app
    gate.dispose()
    op.create_table("host", sa.Column("id", sa.Integer, primary_key=True))
"""


def test_a_host_whose_own_migrations_make_the_app(tmp_path: Path) -> None:
    scripts = tmp_path / "migrations"
    (scripts / "versions").mkdir(parents=True)
    (scripts / "env.py").write_text(HOSTS_ENV)
    (scripts / "versions" / "host1.py").write_text(HOSTS_REVISION)
    config = Config()
    config.set_main_option("script_location", str(scripts))
    config.set_main_option("path_separator", "os")
    config.set_main_option("sqlalchemy.url", f"sqlite:///{tmp_path}/host.sqlite3")
    command.upgrade(config, "head")
    engine = create_engine(f"sqlite:///{tmp_path}/host.sqlite3")
    with engine.connect() as connection:
        assert {"host", "alembic_version", "mfa_gate_enrollment", "mfa_gate_alembic_version"} <= set(
            inspect(connection).get_table_names()
        )
        for name, expected in (("alembic_version", "host1"), ("mfa_gate_alembic_version", schema.head())):
            assert connection.execute(text(f"SELECT version_num FROM {name}")).scalars().all() == [expected]
    engine.dispose()


def test_the_template_makes_revisions_that_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What ``alembic.command.revision`` writes has the shape that the gate runs; two steps up, one down."""
    copy = tmp_path / "migrations"
    (copy / "versions").mkdir(parents=True)
    for path in (MIGRATIONS / "script.py.mako", MIGRATIONS / "versions" / "0001_first_tables.py"):
        (copy / path.relative_to(MIGRATIONS)).write_text(path.read_text())
    config = Config()
    config.set_main_option("script_location", str(copy))
    config.set_main_option("path_separator", "os")
    command.revision(config, "second", rev_id="0002")
    monkeypatch.setattr(schema, "_SCRIPTS", copy)
    database = Database(make_engine(Location(make_url("sqlite://"), memory=True)))
    schema.upgrade(database, prefix="t_", revision="0001")
    assert (schema.current(database, prefix="t_"), schema.is_ready(database, prefix="t_")) == ("0001", False)
    schema.upgrade(database, prefix="t_")
    assert schema.current(database, prefix="t_") == schema.head() == "0002"
    schema.downgrade(database, prefix="t_", revision="0001")
    assert schema.current(database, prefix="t_") == "0001"
    with pytest.raises(BadRequest):
        schema.downgrade(database, prefix="t_", revision="0002")
    database.dispose()

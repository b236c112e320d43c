"""Location, engine, schema and types, on SQLite."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import insert, select, text

from flask_mfa_gate.errors import ConfigError, StoreBusy, StoreError, StoreNotReady
from flask_mfa_gate.store import engine as engine_module
from flask_mfa_gate.store import schema
from flask_mfa_gate.store.engine import Database, make_engine
from flask_mfa_gate.store.location import locate
from flask_mfa_gate.store.tables import build_tables


@pytest.fixture(params=["file", "memory"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    uri = f"sqlite:///{tmp_path}/gate.sqlite3" if request.param == "file" else "sqlite://"
    made = Database(make_engine(locate(configured=uri, host_uri=None, instance_path=str(tmp_path))))
    yield made
    made.dispose()


@pytest.mark.parametrize(
    ("configured", "host", "database", "embedded", "memory"),
    [
        (None, None, "/inst/mfa_gate.sqlite3", True, False),
        (None, "sqlite:///app.db", "/inst/mfa_gate.sqlite3", True, False),
        (None, "sqlite:////data/app.db", "/data/mfa_gate.sqlite3", True, False),
        (None, "sqlite:///file:/data/app.db?uri=true", "/data/mfa_gate.sqlite3", True, False),
        (None, "sqlite://", None, False, True),
        (None, "sqlite:///:memory:", None, False, True),
        (None, "postgresql://u@h/db", "db", False, False),
        ("sqlite:////own/gate.db", "postgresql://u@h/db", "/own/gate.db", False, False),
        ("sqlite:///gate.db", None, "/inst/gate.db", False, False),
    ],
)
def test_where_the_tables_live(
    configured: str | None, host: str | None, database: str | None, embedded: bool, memory: bool
) -> None:
    found = locate(configured=configured, host_uri=host, instance_path="/inst")
    assert (found.url.database, found.embedded, found.memory) == (database, embedded, memory)


@pytest.mark.parametrize(
    "uri", ["nonsense", "mystery://x/y", "postgresql+asyncpg://u:hunter2@h/db", "sqlite+aiosqlite:///x"]
)
def test_an_address_that_cant_be_used_stops_the_start(uri: str) -> None:
    with pytest.raises(ConfigError, match="MFA_GATE_DATABASE_URI") as refused:
        locate(configured=uri, host_uri=None, instance_path="/inst")
    assert "hunter2" not in str(refused.value)


def test_migrations_make_exactly_the_tables(database: Database) -> None:
    schema.upgrade(database, prefix="t_")
    assert schema.is_ready(database, prefix="t_")
    with database.read() as connection:
        context = MigrationContext.configure(
            connection, opts={"version_table": "t_alembic_version", "compare_type": True}
        )
        assert compare_metadata(context, build_tables("t_").metadata) == []


def test_up_down_up_with_rows(database: Database) -> None:
    tables = build_tables("t_")
    for _ in range(2):
        schema.upgrade(database, prefix="t_")
        schema.upgrade(database, prefix="t_")
        with database.write() as tx:
            tx.execute(insert(tables.enrollment).values(user_key="1", required=True))
        schema.downgrade(database, prefix="t_", revision="base")
        assert schema.current(database, prefix="t_") is None
    with pytest.raises(StoreNotReady, match="flask mfa upgrade"), database.read() as tx:
        tx.execute(select(tables.enrollment))


def test_two_prefixes_are_two_tenants(database: Database) -> None:
    for prefix in ("a_", "b_"):
        schema.upgrade(database, prefix=prefix)
    with database.write() as tx:
        tx.execute(insert(build_tables("a_").enrollment).values(user_key="1", required=True))
    with database.read() as tx:
        assert tx.execute(select(build_tables("b_").enrollment)).all() == []


ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


def test_instants_come_back_aware_in_utc_to_the_microsecond(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    schema.upgrade(database, prefix="t_")
    tables = build_tables("t_")
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()

    @given(st.datetimes(datetime(1990, 1, 2), datetime(2100, 1, 1), timezones=ZONES))  # noqa: DTZ001
    def check(instant: datetime) -> None:
        with database.write() as tx:
            tx.execute(insert(tables.enrollment).values(user_key="1", required=True, ends_at=instant))
            found = tx.execute(select(tables.enrollment.c.ends_at)).scalar_one()
            tx.execute(tables.enrollment.delete())
        assert found == instant
        assert found.tzinfo is UTC

    check()
    monkeypatch.undo()
    time.tzset()
    with pytest.raises(StoreError), database.write() as tx:
        tx.execute(insert(tables.enrollment).values(user_key="2", required=True, ends_at=datetime(2026, 1, 1)))  # noqa: DTZ001


def test_keys_are_exact(database: Database) -> None:
    schema.upgrade(database, prefix="t_")
    tables = build_tables("t_")
    keys = ["bob", "Bob", "bob ", "bób", "🙂"]
    with database.write() as tx:
        for key in keys:
            tx.execute(insert(tables.enrollment).values(user_key=key, required=False))
        for key in keys:
            assert tx.execute(
                select(tables.enrollment.c.user_key).where(tables.enrollment.c.user_key == key)
            ).scalars().all() == [key]


def test_an_error_undoes_the_transaction_and_says_no_sql(database: Database) -> None:
    schema.upgrade(database, prefix="t_")
    tables = build_tables("t_")
    with pytest.raises(StoreError) as refused, database.write() as tx:  # noqa: PT012
        tx.execute(insert(tables.enrollment).values(user_key="1", required=True))
        tx.execute(text("SELECT hunter2("))
    assert "hunter2" not in str(refused.value)
    with database.read() as tx:
        assert tx.execute(select(tables.enrollment)).all() == []


def test_a_held_lock_is_busy_within_a_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "LOCK_WAIT_SECONDS", 0)
    database = Database(make_engine(locate(configured=f"sqlite:///{tmp_path}/g.db", host_uri=None, instance_path="/")))
    schema.upgrade(database, prefix="t_")
    holder = sqlite3.connect(tmp_path / "g.db", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    tried: list[int] = []
    with pytest.raises(StoreBusy, match="Commit the app's own work"):
        database.transact(lambda tx: tried.append(1))
    holder.execute("COMMIT")
    holder.close()
    assert tried == []
    database.transact(lambda tx: tried.append(1))
    assert tried == [1]
    database.dispose()


def test_writers_take_turns(database: Database) -> None:
    schema.upgrade(database, prefix="t_")
    tables = build_tables("t_")
    problems: list[BaseException] = []

    def work(name: int) -> None:
        try:
            for number in range(20):
                with database.write() as tx:
                    tx.execute(select(tables.enrollment)).all()
                    tx.execute(insert(tables.enrollment).values(user_key=f"{name}-{number}", required=False))
        except BaseException as error:  # noqa: BLE001
            problems.append(error)

    threads = [threading.Thread(target=work, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    with database.read() as tx:
        assert len(tx.execute(select(tables.enrollment)).all()) == 80

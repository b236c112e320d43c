"""The gate connects as the host does: options of the default bind, a setting on top, and rules of its own."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import make_url, text
from sqlalchemy.pool import NullPool, QueuePool, StaticPool

from flask_mfa_gate.errors import ConfigError
from flask_mfa_gate.store.database.engine import Database, make_engine
from flask_mfa_gate.store.database.engine_options import default_bind
from flask_mfa_gate.store.database.location import Location, locate
from flask_mfa_gate.store.schema import damage, is_ready, upgrade
from flask_mfa_gate.store.tables.tables import build_tables

URI = "postgresql+psycopg://u:geheim@127.0.0.1:1/x"


@pytest.mark.parametrize(
    ("config", "of_extension", "expected"),
    [
        ({"SQLALCHEMY_DATABASE_URI": "a"}, {}, {"url": "a"}),
        ({"SQLALCHEMY_BINDS": {None: "a", "b": "c"}}, {}, {"url": "a"}),
        ({"SQLALCHEMY_BINDS": {None: {"url": "a", "pool_size": 2}}}, {"echo": True}, {"url": "a", "pool_size": 2, "echo": True}),
        ({"SQLALCHEMY_ENGINE_OPTIONS": {"url": "a", "pool_size": 1}}, {}, {"url": "a", "pool_size": 1}),
        ({"SQLALCHEMY_DATABASE_URI": "a", "SQLALCHEMY_BINDS": {None: "b"}}, {}, {"url": "a"}),
        ({"SQLALCHEMY_DATABASE_URI": "a", "SQLALCHEMY_ENGINE_OPTIONS": None}, {"pool_size": 3}, {"url": "a", "pool_size": 3}),
        ({}, {}, {}),
    ],
)  # fmt: skip
def test_the_default_bind_is_put_together_as_flask_sqlalchemy_does(
    config: Any, of_extension: Any, expected: Any
) -> None:
    assert default_bind(config, of_extension) == expected


def engine_of(host: dict[str, Any] | None = None, own: dict[str, Any] | None = None, uri: str = URI) -> Any:
    return make_engine(
        locate(configured=None, host_uri=uri, instance_path="/nowhere", host_options=host or {}, options=own or {})
    )


def test_the_setting_goes_on_top_and_the_gates_rules_last() -> None:
    host = {
        "pool_size": 2, "max_overflow": 1, "pool_recycle": 60, "connect_args": {"sslmode": "require", "a": 1},
        "isolation_level": "SERIALIZABLE", "json_serializer": str, "hide_parameters": False, "pool_pre_ping": False,
        "execution_options": {"isolation_level": "SERIALIZABLE", "stream_results": True},
    }  # fmt: skip
    engine = engine_of(host, {"pool_size": 7, "connect_args": {"a": 2}})
    assert (engine.pool.size(), engine.pool._max_overflow, engine.pool._recycle) == (7, 1, 60)
    assert engine.dialect._on_connect_isolation_level == "AUTOCOMMIT"
    assert engine.hide_parameters
    assert engine.dialect._json_serializer is None
    assert engine.get_execution_options().get("stream_results") is None
    seen: dict[str, Any] = {}
    engine.dialect.connect = lambda *_args, **options: seen.update(options)
    with pytest.raises(Exception, match="NoneType"):
        engine.raw_connection()
    assert (seen["sslmode"], seen["a"]) == ("require", 2)


def test_a_host_behind_a_pooler_has_no_second_pool() -> None:
    engine = engine_of({"poolclass": NullPool, "pool_size": 3})
    assert isinstance(engine.pool, NullPool)
    assert isinstance(engine_of({"poolclass": StaticPool}, {"poolclass": QueuePool}).pool, QueuePool)


@pytest.mark.parametrize(
    ("host", "own", "key"),
    [
        ({"poolclass": StaticPool}, {}, "SQLALCHEMY_ENGINE_OPTIONS"),
        ({}, {"poolclass": "NullPool"}, "MFA_GATE_ENGINE_OPTIONS"),
        ({"pool": object()}, {}, "SQLALCHEMY_ENGINE_OPTIONS"),
        ({"no_such_option": 1}, {}, "SQLALCHEMY_ENGINE_OPTIONS"),
        ({}, {"no_such_option": 1}, "MFA_GATE_ENGINE_OPTIONS"),
    ],
)
def test_what_cant_be_used_stops_the_start_and_names_the_way_out(host: Any, own: Any, key: str) -> None:
    with pytest.raises(ConfigError, match="MFA_GATE_ENGINE_OPTIONS") as refused:
        engine_of(host, own)
    assert refused.value.key == key
    assert "geheim" not in str(refused.value)


def test_a_driver_that_is_not_there_stops_the_start() -> None:
    for uri, driver in (("postgres+pg8000://u:geheim@db/x", "pg8000"), ("mysql+cymysql://u:geheim@db/x", "cymysql")):
        with pytest.raises(ConfigError, match=f"SQLALCHEMY_DATABASE_URI needs the database driver {driver}") as refused:
            engine_of(uri=uri)
        assert "geheim" not in str(refused.value)
        assert refused.value.__cause__ is None
        assert refused.value.__suppress_context__


def test_beside_an_sqlite_host_only_what_the_driver_is_told_counts(tmp_path: Any) -> None:
    def never() -> None:
        raise AssertionError("this opens the file of the host")

    host = {"creator": never, "connect_args": {"timeout": 1, "check_same_thread": True}, "poolclass": StaticPool}
    engine = engine_of(host, uri=f"sqlite:///{tmp_path}/app.sqlite3")
    with engine.connect() as connection:
        assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"
    assert isinstance(engine.pool, QueuePool)
    engine.dispose()


@pytest.mark.parametrize("location", ["postgresql"], indirect=True)
def test_tables_in_a_schema_of_the_hosts_map(location: Location, prefix: str) -> None:
    uri = location.url.render_as_string(hide_password=False)
    options = {"execution_options": {"schema_translate_map": {None: f"{prefix}schema"}}}
    database = Database(engine_of(options, uri=uri))
    with database.write() as tx:
        tx.execute(text(f"CREATE SCHEMA {prefix}schema"))
    try:
        upgrade(database, prefix=prefix)
        assert is_ready(database, prefix=prefix)
        upgrade(database, prefix=prefix)
        assert list(damage(database, build_tables(prefix).metadata)) == []
        with database.read() as tx:
            found = tx.execute(text(f"SELECT DISTINCT schemaname FROM pg_tables WHERE tablename LIKE '{prefix}%'"))
            assert found.scalars().all() == [f"{prefix}schema"]
    finally:
        with database.write() as tx:
            tx.execute(text(f"DROP SCHEMA {prefix}schema CASCADE"))
        database.dispose()


def test_an_address_that_is_configured_has_nothing_of_the_hosts_options() -> None:
    place = locate(
        configured=URI,
        host_uri="postgresql+psycopg://h/x",
        instance_path="/",
        host_options={"pool_size": 1},
        options={},
    )
    assert make_engine(place).pool.size() == 5  # type: ignore[attr-defined]
    assert make_url(URI) == place.url

"""The database servers of the tests: where they are, databases of the tests' own on them, and a quick way to a seed."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache

import redis
from sqlalchemy import URL, Connection, Engine, MetaData, make_url, text
from sqlalchemy.exc import SQLAlchemyError

from flask_mfa_gate.store.database.engine import Database, make_engine
from flask_mfa_gate.store.database.location import Location

# Without the last part PyMySQL reads all certificates of the machine for each connection.
SERVERS = {
    "postgresql": os.environ.get("MFA_GATE_TEST_POSTGRESQL", "postgresql+psycopg://root@localhost/postgres"),
    "mariadb": os.environ.get("MFA_GATE_TEST_MARIADB", "mysql+pymysql://root@127.0.0.1/?ssl_disabled=true"),
}
DATABASES = ("sqlite", *SERVERS)
# What the information schema says of them is a join of ten tables on PostgreSQL.
_POSTGRESQL_COLUMNS = """
    SELECT md5(string_agg(relname || ' ' || attname, ',' ORDER BY relname, attname))
    FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid
    WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'v') AND attnum > 0 AND NOT attisdropped
"""
_MARIADB_COLUMNS = """
    SELECT md5(group_concat(table_name, ' ', column_name ORDER BY table_name, column_name))
    FROM information_schema.columns WHERE table_schema = database()
"""
REDIS = os.environ.get("MFA_GATE_TEST_REDIS", "redis://localhost:6379/0")


@cache
def is_reachable(server: str) -> bool:
    engine = _engine(make_url(SERVERS[server]).update_query_dict({"connect_timeout": "2"}))
    try:
        engine.connect().close()
    except SQLAlchemyError:
        return False
    finally:
        engine.dispose()
    return True


@contextmanager
def new_database(server: str) -> Iterator[URL]:
    """Other processes may be at work on the server, so its name is new too."""
    engine = _engine(make_url(SERVERS[server]))
    name = f"mfa_gate_test_{uuid.uuid4().hex[:8]}"
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
        if server == "postgresql":
            # A test database need not survive a power cut; what sessions and processes see of one another stays the same.
            connection.execute(text(f"ALTER DATABASE {name} SET synchronous_commit = off"))
        yield engine.url.set(database=name)
        connection.execute(text(f"DROP DATABASE {name}"))
    engine.dispose()


def as_uri(url: URL) -> str:
    return url.render_as_string(hide_password=False)


class SeededDatabase:
    """A database as the first start of an app leaves it, and a way back that is quicker than another first start.

    :param start: makes the tables and the first rows in an empty database.
    """

    def __init__(self, url: URL, *, start: Callable[[str], None]) -> None:
        self.uri = as_uri(url)
        self._start, self._own, self._copies = start, url.database, f"{url.database}_seed"
        self._database = Database(_engine(url))
        self._is_postgresql = self._database.engine.dialect.name == "postgresql"
        self._keep()

    def restore(self) -> None:
        """As after the first start, also when a test changed the tables themselves."""
        with self._database.write() as tx:
            is_whole = self._columns(tx) == self._kept
            if is_whole:
                tx.execute(text(f"{'SELECT' if self._is_postgresql else 'CALL'} {self._copies}.put_back()"))
        if not is_whole:
            self._drop()
            self._keep()

    def close(self) -> None:
        self._drop()
        self._database.dispose()

    def _keep(self) -> None:
        self._start(self.uri)
        tables = MetaData()
        with self._database.write() as tx:
            tables.reflect(tx)
            tx.execute(text(f"CREATE SCHEMA {self._copies}"))
            for name in tables.tables:
                tx.execute(text(f"CREATE TABLE {self._copies}.{name} AS SELECT * FROM {name}"))
            tx.execute(text(self._routine([table.name for table in tables.sorted_tables])))
            self._kept = self._columns(tx)

    def _routine(self, tables: list[str]) -> str:
        """Two statements a table in one message to the server, which plans them once."""
        own = "public" if self._is_postgresql else self._own
        body = [f"DELETE FROM {own}.{name};" for name in reversed(tables)]
        body += [f"INSERT INTO {own}.{name} SELECT * FROM {self._copies}.{name};" for name in tables]
        if self._is_postgresql:
            kind, head, tail = "FUNCTION", "RETURNS void LANGUAGE plpgsql AS $$", "$$"
        else:
            kind, head, tail = "PROCEDURE", "", ""
        return f"CREATE {kind} {self._copies}.put_back() {head} BEGIN {' '.join(body)} END {tail}"

    def _drop(self) -> None:
        cascade = "CASCADE" if self._is_postgresql else ""
        found = MetaData()
        with self._database.write() as tx:
            tx.execute(text(f"DROP SCHEMA {self._copies} {cascade}"))
            found.reflect(tx)
            found.drop_all(tx)

    def _columns(self, tx: Connection) -> str | None:
        """A digest of the names of all columns, as of all tables."""
        return tx.execute(text(_POSTGRESQL_COLUMNS if self._is_postgresql else _MARIADB_COLUMNS)).scalar_one()


def _engine(url: URL) -> Engine:
    """As the gate makes it: a lock that is in the way is an error, not a hanging run."""
    return make_engine(Location(url))


@cache
def is_redis_reachable() -> bool:
    server = redis.Redis.from_url(REDIS, socket_connect_timeout=2)
    try:
        return bool(server.ping())
    except redis.RedisError:
        return False
    finally:
        server.close()

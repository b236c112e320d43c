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
        self._start, self._copies = start, f"{url.database}_seed"
        self._database = Database(_engine(url))
        self._keep()

    def restore(self) -> None:
        """As after the first start, also when a test changed the tables themselves."""
        with self._database.write() as tx:
            is_whole = self._columns(tx) == self._kept
            if is_whole:
                self._put_back(tx)
        if not is_whole:
            self._drop()
            self._keep()

    def close(self) -> None:
        self._drop()
        self._database.dispose()

    def _keep(self) -> None:
        self._start(self.uri)
        self._tables = MetaData()
        with self._database.write() as tx:
            self._tables.reflect(tx)
            tx.execute(text(f"CREATE SCHEMA {self._copies}"))
            for name in self._tables.tables:
                tx.execute(text(f"CREATE TABLE {self._copies}.{name} AS SELECT * FROM {name}"))
            self._kept = self._columns(tx)

    def _put_back(self, tx: Connection) -> None:
        for table in reversed(self._tables.sorted_tables):
            tx.execute(text(f"DELETE FROM {table.name}"))
        for table in self._tables.sorted_tables:
            tx.execute(text(f"INSERT INTO {table.name} SELECT * FROM {self._copies}.{table.name}"))

    def _drop(self) -> None:
        cascade = "CASCADE" if self._database.engine.dialect.name == "postgresql" else ""
        found = MetaData()
        with self._database.write() as tx:
            tx.execute(text(f"DROP SCHEMA {self._copies} {cascade}"))
            found.reflect(tx)
            found.drop_all(tx)

    def _columns(self, tx: Connection) -> list[tuple[str, str]]:
        query = "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = :schema"
        found = tx.execute(text(query), {"schema": tx.dialect.default_schema_name})
        return sorted((table, column) for table, column in found)


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

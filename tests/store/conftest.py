"""One database of the tests' own on each server, and tables under a prefix of each test's own."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest
from sqlalchemy import MetaData, create_engine, make_url, text
from sqlalchemy.exc import SQLAlchemyError

from flask_mfa_gate.crypto import new_id
from flask_mfa_gate.store.engine import Database, make_engine
from flask_mfa_gate.store.location import Location
from flask_mfa_gate.store.schema import upgrade
from tests.conftest import require_or_skip

DATABASE_NAME = "mfa_gate_test_store"
SERVERS = {
    "postgresql": os.environ.get("MFA_GATE_TEST_POSTGRESQL", "postgresql+psycopg://root@localhost/postgres"),
    "mariadb": os.environ.get("MFA_GATE_TEST_MARIADB", "mysql+pymysql://root@127.0.0.1/"),
}


@cache
def is_reachable(server: str) -> bool:
    """Whether the server answers; makes the tests' database there on the way."""
    engine = create_engine(SERVERS[server], isolation_level="AUTOCOMMIT", connect_args={"connect_timeout": 2})
    try:
        engine.connect().close()
        create_database(server)
    except SQLAlchemyError:
        return False
    finally:
        engine.dispose()
    return True


def create_database(server: str) -> None:
    """Another worker may have made it already. It stays, as others may be at work in it; tables do not."""
    engine = create_engine(SERVERS[server], isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {DATABASE_NAME}"))
    except SQLAlchemyError as error:
        if "exist" not in str(error) and "duplicate" not in str(error):
            raise
    finally:
        engine.dispose()


@pytest.fixture(params=["sqlite", *SERVERS])
def location(request: pytest.FixtureRequest, tmp_path: Path) -> Location:
    """A file, and each server."""
    if request.param == "sqlite":
        return Location(make_url(f"sqlite:///{tmp_path}/gate.sqlite3"), embedded=True)
    require_or_skip(request.param, is_reachable(request.param))
    return Location(make_url(SERVERS[request.param]).set(database=DATABASE_NAME))


@pytest.fixture
def prefix() -> str:
    return f"t{new_id()[:10]}_"


@pytest.fixture
def open_database(location: Location) -> Iterator[Callable[[], Database]]:
    """Databases on engines of their own, as other processes would have them."""
    opened: list[Database] = []

    def open_one() -> Database:
        opened.append(Database(make_engine(location)))
        return opened[-1]

    yield open_one
    for database in opened:
        database.dispose()


@pytest.fixture
def empty_database(location: Location, open_database: Callable[[], Database], prefix: str) -> Iterator[Database]:
    """No tables yet; what is made under the prefix is dropped."""
    database = open_database()
    yield database
    database.dispose()
    found = MetaData()
    with database.write() as tx:
        found.reflect(tx, only=lambda name, _metadata: name.startswith(prefix))
        found.drop_all(tx)


@pytest.fixture
def database(empty_database: Database, prefix: str) -> Database:
    """With all tables, empty."""
    upgrade(empty_database, prefix=prefix)
    return empty_database

"""Databases of the tests' own on each server: one with all tables, one where each test makes some under its own prefix."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path

import pytest
from sqlalchemy import URL, MetaData, make_url

from flask_mfa_gate.crypto import new_id
from flask_mfa_gate.store.database.engine import Database, make_engine
from flask_mfa_gate.store.database.location import Location
from flask_mfa_gate.store.schema import upgrade
from tests.conftest import require_or_skip
from tests.servers import SeededDatabase, is_reachable, new_database

PREFIX = "t_"


@pytest.fixture(scope="session")
def database_on() -> Iterator[Callable[[str], URL]]:
    """On each server one database of this process, which is made when first asked for."""
    with ExitStack() as stack:
        yield cache(lambda server: stack.enter_context(new_database(server)))


@pytest.fixture(scope="session")
def tables_on() -> Iterator[Callable[[str], SeededDatabase]]:
    """On each server another, with all tables, which are emptied for each test."""
    with ExitStack() as stack:

        @cache
        def made(server: str) -> SeededDatabase:
            tables = SeededDatabase(stack.enter_context(new_database(server)), start=make_tables)
            stack.callback(tables.close)
            return tables

        yield made


def make_tables(uri: str) -> None:
    database = Database(make_engine(Location(make_url(uri))))
    upgrade(database, prefix=PREFIX)
    database.dispose()


@pytest.fixture
def has_tables(request: pytest.FixtureRequest) -> bool:
    """Whether the test begins with all tables, as opposed to none."""
    return "database" in request.fixturenames


@pytest.fixture
def location(
    request: pytest.FixtureRequest, tmp_path: Path, has_tables: bool, database_on: Callable[[str], URL],
    tables_on: Callable[[str], SeededDatabase],
) -> Location:  # fmt: skip
    """A file, or a server."""
    if request.param == "sqlite":
        return Location(make_url(f"sqlite:///{tmp_path}/gate.sqlite3"), embedded=True)
    require_or_skip(request.param, is_reachable(request.param))
    if not has_tables:
        return Location(database_on(request.param))
    tables_on(request.param).restore()
    return Location(make_url(tables_on(request.param).uri))


@pytest.fixture
def prefix(location: Location, has_tables: bool) -> str:
    """Another for each test that makes its tables in a database that others use too."""
    is_own = has_tables or location.url.get_backend_name() == "sqlite"
    return PREFIX if is_own else f"t{new_id()[:10]}_"


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
def database(open_database: Callable[[], Database], prefix: str) -> Database:
    """With all tables, empty."""
    database = open_database()
    upgrade(database, prefix=prefix)
    return database

"""One database of the tests' own on each server, and tables under a prefix of each test's own."""

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
from tests.servers import DATABASES, is_reachable, new_database


@pytest.fixture(scope="session")
def database_on() -> Iterator[Callable[[str], URL]]:
    """On each server one database of this process, which is made when first asked for."""
    with ExitStack() as stack:
        yield cache(lambda server: stack.enter_context(new_database(server)))


@pytest.fixture(params=DATABASES)
def location(request: pytest.FixtureRequest, tmp_path: Path, database_on: Callable[[str], URL]) -> Location:
    """A file, and each server."""
    if request.param == "sqlite":
        return Location(make_url(f"sqlite:///{tmp_path}/gate.sqlite3"), embedded=True)
    require_or_skip(request.param, is_reachable(request.param))
    return Location(database_on(request.param))


@pytest.fixture
def prefix(location: Location) -> str:
    """Of a file there is one for each test, so what is kept for one prefix serves all."""
    return "t_" if location.url.get_backend_name() == "sqlite" else f"t{new_id()[:10]}_"


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

"""The gate's tables: at which revision they are, and how they come to another.

Alembic is loaded where revisions are applied, and not by an app that finds its tables as it needs them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, MetaData, TableClause, inspect, literal_column, select, text
from sqlalchemy.exc import NoSuchTableError

from ..errors import StoreBusy
from .database.engine import LOCK_WAIT_SECONDS, Database
from .every_table.unreadable import as_stored
from .new_tables import make_alike, remember
from .tables.tables import build_tables

if TYPE_CHECKING:
    from .revisions import Revisions

_SCRIPTS = Path(__file__).parent / "migrations"
_LOCK_NAME, _LOCK_NUMBER = "mfa_gate_migrations", 0x6D666167
_TURN_SECONDS = 60
Settle = Callable[[Connection, Collection[str]], None]


def upgrade(database: Database, *, prefix: str, revision: str = "head", settle: Settle | None = None) -> None:
    """Bring the tables up to a revision. Two processes at once are safe: the second finds the work done.

    :param settle: called with the revisions that were just applied, in their transaction.
    :raises BadRequest: for a revision that does not exist or is behind the tables.
    :raises StoreNotReady: when the tables are newer than the code.
    """
    database.make_file()
    if revision == "head" and is_ready(database, prefix=prefix):
        return
    revisions = _revisions(prefix)
    with _alone(database) as connection:
        applied = _apply(connection, prefix, revision, revisions)
        if settle is not None:
            settle(connection, applied)


def _apply(
    connection: Connection, prefix: str, revision: str, revisions: Callable[[Connection], Revisions]
) -> Sequence[str]:
    version = version_table(prefix)
    is_new = revision == "head" and not inspect(connection).has_table(version)
    if is_new and (made := make_alike(connection, folder=_SCRIPTS, prefix=prefix, version_table=version)):
        return made
    applied = revisions(connection).upgrade(revision)
    if is_new:
        remember(connection, table_names(prefix), applied, folder=_SCRIPTS, prefix=prefix)
    return applied


def downgrade(database: Database, *, prefix: str, revision: str) -> None:
    """Take the tables down to a revision; ``base`` removes them.

    :raises BadRequest: for a revision that does not exist or is ahead of the tables.
    :raises StoreNotReady: when the tables are newer than the code.
    """
    revisions = _revisions(prefix)
    with _alone(database) as connection:
        revisions(connection).downgrade(revision)


def plan(database: Database, *, prefix: str, revision: str = "head") -> list[str]:
    """The revisions that :func:`upgrade` would apply, or, for ``base``, that :func:`downgrade` would take back.

    :raises BadRequest, StoreNotReady: as they do.
    """
    revisions = _revisions(prefix)
    with database.read() as connection:
        return revisions(connection).plan(revision)


def current(database: Database, *, prefix: str) -> str | None:
    """The revision that the tables are at; None before the first."""
    with database.read() as connection:
        noted = TableClause(version_table(prefix))
        if not inspect(connection).has_table(noted.name):
            return None
        found: str | None = connection.execute(select(literal_column("version_num")).select_from(noted)).scalar()
        return found


def head() -> str:
    """The revision that the code needs."""
    return _head_in(_SCRIPTS)


def is_ready(database: Database, *, prefix: str) -> bool:
    """Whether the tables are at the revision that the code needs."""
    return current(database, prefix=prefix) == head()


def damage(database: Database, metadata: MetaData) -> Iterator[str]:
    """What is not as the code expects, one sentence a table: tables and columns that are gone or can't be read."""
    with database.read() as connection:
        there = inspect(connection)
        for table in metadata.sorted_tables:
            try:
                found = {column["name"] for column in there.get_columns(table.name)}
            except NoSuchTableError:
                yield f"The table {table.name} is missing."
                continue
            if lacking := [column.name for column in table.columns if column.name not in found]:
                yield f"The table {table.name} lacks {', '.join(lacking)}."
                continue
            connection.execute(select(*map(as_stored, table.columns)).limit(1)).first()


def version_table(prefix: str) -> str:
    """Beside that of the host's own Alembic, never the same."""
    return f"{prefix}alembic_version"


def table_names(prefix: str) -> frozenset[str]:
    """Every table of one prefix."""
    return frozenset({*build_tables(prefix).metadata.tables, version_table(prefix)})


@cache
def _head_in(folder: Path) -> str:
    """Told by the names of the files, since to read and run each of them takes long."""
    return max(path.name.partition("_")[0] for path in (folder / "versions").glob("[!_]*.py"))


def _revisions(prefix: str) -> Callable[[Connection], Revisions]:
    """Loaded before a lock is taken, behind which other processes wait."""
    from .revisions import Revisions  # noqa: PLC0415 - only where tables change

    return partial(Revisions, folder=_SCRIPTS, prefix=prefix, version_table=version_table(prefix))


@contextmanager
def _alone(database: Database) -> Iterator[Connection]:
    """A transaction that no other migration runs beside: SQLite has one writer, a server gives a named lock."""
    if database.engine.dialect.name in {"mysql", "mariadb"}:
        with database.read() as guard, _named_lock(guard), database.write() as connection:
            yield connection
        return
    with database.write() as connection:
        if database.engine.dialect.name == "postgresql":
            _advisory_lock(connection)
        yield connection


def _advisory_lock(connection: Connection) -> None:
    """Held until the transaction is over. Its turn may take longer than a row's."""
    connection.execute(text(f"SET LOCAL lock_timeout = '{_TURN_SECONDS}s'"))
    connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _LOCK_NUMBER})
    connection.execute(text(f"SET LOCAL lock_timeout = '{LOCK_WAIT_SECONDS}s'"))


@contextmanager
def _named_lock(guard: Connection) -> Iterator[None]:
    """Held by a connection of its own, so that it outlives the transaction: before the commit nobody sees its work."""
    what = {"name": _LOCK_NAME, "seconds": _TURN_SECONDS}
    if guard.execute(text("SELECT GET_LOCK(:name, :seconds)"), what).scalar() != 1:
        raise StoreBusy("Another process is changing the gate's tables. Try again when it is done.")
    try:
        yield
    finally:
        guard.execute(text("SELECT RELEASE_LOCK(:name)"), what)

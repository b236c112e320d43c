"""Migrations of the gate's tables. They live in the wheel and keep a version table of their own.

A revision is one file in ``migrations/versions`` with ``upgrade(op, prefix)`` and ``downgrade(op, prefix)``; the
history is one line, without branches. Alembic's modules ``context`` and ``op`` are not used: a process has one of each,
and it belongs to the host, whose ``env.py`` may well be what is making this app.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import Script, ScriptDirectory
from alembic.script.revision import RevisionError
from alembic.util import CommandError
from sqlalchemy import Connection, MetaData, inspect, select, text
from sqlalchemy.exc import NoSuchTableError

from ..errors import BadRequest, StoreBusy, StoreNotReady
from ..sentences import Sentence
from .database.engine import LOCK_WAIT_SECONDS, Database
from .every_table.unreadable import as_stored
from .new_tables import make_alike, remember
from .tables.tables import build_tables

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
    with _alone(database) as connection:
        applied = _apply(connection, prefix, revision)
        if settle is not None:
            settle(connection, applied)


def _apply(connection: Connection, prefix: str, revision: str) -> Sequence[str]:
    version = version_table(prefix)
    is_new = revision == "head" and not inspect(connection).has_table(version)
    if is_new and (made := make_alike(connection, folder=_SCRIPTS, prefix=prefix, version_table=version)):
        return made
    context, scripts = _context(connection, prefix), _scripts()
    op = Operations(context)
    steps = list(reversed(_between(scripts, upper=revision, lower=_known(context, scripts))))
    for script in steps:
        script.module.upgrade(op, prefix)
        context.stamp(scripts, script.revision)
    applied = [script.revision for script in steps]
    if is_new:
        remember(connection, table_names(prefix), applied, folder=_SCRIPTS, prefix=prefix)
    return applied


def downgrade(database: Database, *, prefix: str, revision: str) -> None:
    """Take the tables down to a revision; ``base`` removes them.

    :raises BadRequest: for a revision that does not exist or is ahead of the tables.
    :raises StoreNotReady: when the tables are newer than the code.
    """
    with _alone(database) as connection:
        context, scripts = _context(connection, prefix), _scripts()
        op = Operations(context)
        for script in _between(scripts, upper=_known(context, scripts), lower=revision):
            script.module.downgrade(op, prefix)
            context.stamp(scripts, str(script.down_revision or "base"))


def plan(database: Database, *, prefix: str, revision: str = "head") -> list[str]:
    """The revisions that :func:`upgrade` would apply, or, for ``base``, that :func:`downgrade` would take back.

    :raises BadRequest, StoreNotReady: as they do.
    """
    with database.read() as connection:
        at = _known(_context(connection, prefix), scripts := _scripts())
    if revision == "base":
        return [script.revision for script in _between(scripts, upper=at, lower=revision)]
    return [script.revision for script in reversed(_between(scripts, upper=revision, lower=at))]


def current(database: Database, *, prefix: str) -> str | None:
    """The revision that the tables are at; None before the first."""
    with database.read() as connection:
        return _context(connection, prefix).get_current_revision()


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


def _scripts() -> ScriptDirectory:
    return ScriptDirectory(str(_SCRIPTS))


@cache
def _head_in(folder: Path) -> str:
    """Alembic reads and runs every file there for this, which an app that starts need not do twice."""
    newest = ScriptDirectory(str(folder)).get_current_head()
    assert newest is not None  # noqa: S101 - there is at least one revision
    return newest


def _context(connection: Connection, prefix: str) -> MigrationContext:
    return MigrationContext.configure(connection, opts={"version_table": version_table(prefix)})


def _known(context: MigrationContext, scripts: ScriptDirectory) -> str:
    found = context.get_current_revision() or "base"
    try:
        scripts.get_revision(found)
    except CommandError:
        raise StoreNotReady(
            f"The gate's tables are at revision {found}, which this version of flask-mfa-gate does not know. "
            "Install the newer one that made them."
        ) from None
    return found


def _between(scripts: ScriptDirectory, *, upper: str, lower: str) -> list[Script]:
    """The revisions above ``lower`` up to ``upper``, newest first. Alembic's relative steps are not for one line."""
    try:
        if upper.isalnum() and lower.isalnum():
            return list(scripts.iterate_revisions(upper, lower))
    except (CommandError, RevisionError):
        pass
    raise BadRequest(
        Sentence(
            "There is no way between the revisions %(lower)r and %(upper)r of the gate's tables.",
            lower=lower,
            upper=upper,
        )
    )


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

"""Migrations of the gate's tables. They live in the wheel and keep a version table of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from .engine import Database

_SCRIPTS = Path(__file__).parent / "migrations"
_LOCK_NUMBER = 0x6D666167


def upgrade(database: Database, *, prefix: str, revision: str = "head") -> None:
    """Bring the tables up to a revision. Two processes at once are safe: the second finds the work done."""
    _migrate(database, prefix, lambda config: command.upgrade(config, revision))


def downgrade(database: Database, *, prefix: str, revision: str) -> None:
    """Take the tables down to a revision; ``base`` removes them."""
    _migrate(database, prefix, lambda config: command.downgrade(config, revision))


def current(database: Database, *, prefix: str) -> str | None:
    """The revision that the tables are at; None before the first."""
    with database.read() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": version_table(prefix)})
        return context.get_current_revision()


def head() -> str:
    """The revision that the code needs."""
    newest = ScriptDirectory.from_config(_config()).get_current_head()
    assert newest is not None  # noqa: S101 - there is at least one revision
    return newest


def is_ready(database: Database, *, prefix: str) -> bool:
    """Whether the tables are at the revision that the code needs."""
    return current(database, prefix=prefix) == head()


def version_table(prefix: str) -> str:
    """Beside that of the host's own Alembic, never the same."""
    return f"{prefix}alembic_version"


def _migrate(database: Database, prefix: str, run: Callable[[Config], None]) -> None:
    with database.write() as connection, _alone(connection):
        config = _config()
        config.attributes["connection"] = connection
        config.attributes["prefix"] = prefix
        run(config)


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


@contextmanager
def _alone(connection: Connection) -> Iterator[None]:
    """SQLite's write lock is held already; servers give a named one."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _LOCK_NUMBER})
        yield
    elif connection.dialect.name in {"mysql", "mariadb"}:
        connection.execute(text("SELECT GET_LOCK('mfa_gate_migrations', 60)"))
        try:
            yield
        finally:
            connection.execute(text("SELECT RELEASE_LOCK('mfa_gate_migrations')"))
    else:
        yield

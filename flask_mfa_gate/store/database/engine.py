"""The gate's own engine and its short transactions, the same on SQLite, PostgreSQL and MariaDB."""

from __future__ import annotations

import os
import sqlite3
import time
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, event, make_url
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.pool import QueuePool

from ...errors import StoreBusy
from .engine_options import engine_with, merged, schema_of
from .location import Location, path_in
from .sqlite_file import make_file, watch
from .trouble import Trouble, meaning, trouble_of

T = TypeVar("T")
LOCK_WAIT_SECONDS = 5
_PAUSES_SECONDS = (0.05, 0.1)
_WAL_PAUSE_SECONDS = 0.01
_BUSY_CODES = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
# SECURITY: values stay out of the driver's errors, which are logged with the chain.
_RULES: Mapping[str, Any] = {"isolation_level": "AUTOCOMMIT", "hide_parameters": True}


class Database:
    """Transactions on the gate's own engine, which commits each statement by itself outside of :meth:`write`.

    Every error of the driver comes out as a :class:`StoreError`, without SQL, values or passwords in its sentence.
    Only ``IntegrityError`` passes as it is: a unique key that is taken is an answer.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        _databases.add(self)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One or a few SELECTs, each for itself."""
        try:
            with self.engine.connect() as connection:
                yield connection
        except IntegrityError:
            raise
        except SQLAlchemyError as error:
            raise self._meaning(error) from _shown(error)

    @contextmanager
    def read_in_order(self) -> Iterator[Connection]:
        """The same, for the first of many rows in the order of an index.

        Among rows that changed since the last VACUUM, PostgreSQL would gather and sort all an index leads to, often
        far more than it thinks. One transaction is told not to: a pooler may give the next another connection.
        """
        is_postgresql = self.engine.dialect.name == "postgresql"
        with self.write() if is_postgresql else self.read() as tx:
            if is_postgresql:
                tx.exec_driver_sql("SET LOCAL enable_bitmapscan = off")
            yield tx

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction: committed at the end, undone by any error.

        :raises StoreBusy: when a lock is in the way for longer than ``LOCK_WAIT_SECONDS``.
        """
        with self._translated(), self.engine.connect() as plain:
            is_sqlite = self.engine.dialect.name == "sqlite"
            tx = plain if is_sqlite else plain.execution_options(isolation_level="READ COMMITTED")
            with tx.begin():
                if is_sqlite:
                    # A writer takes the lock at once: one that read first could no longer get it.
                    tx.exec_driver_sql("BEGIN IMMEDIATE")
                yield tx

    def transact(self, work: Callable[[Connection], T]) -> T:
        """Do ``work`` in one transaction, up to three times if the database undoes it for the sake of another.

        There is no second wait for a lock that was waited for already: a host that holds it itself never lets go.

        :param work: called once for each try, so it must not keep anything of an earlier one.
        :raises StoreBusy: in the end. Nothing was changed.
        """
        give_up_at = time.monotonic() + 0.8 * LOCK_WAIT_SECONDS
        for pause in _PAUSES_SECONDS:
            try:
                with self.write() as tx:
                    return work(tx)
            except StoreBusy:
                if time.monotonic() >= give_up_at:
                    raise
            time.sleep(pause)
        with self.write() as tx:
            return work(tx)

    def make_file(self) -> None:
        """Make the file of an SQLite database that is not there yet."""
        if self.engine.dialect.name == "sqlite" and self.engine.url.database:
            make_file(Path(path_in(self.engine.url)))

    def name(self) -> str:
        """What a server calls this database."""
        asked = "current_database()" if self.engine.dialect.name == "postgresql" else "DATABASE()"
        with self.read() as connection:
            return str(connection.exec_driver_sql(f"SELECT {asked}").scalar_one())

    def dispose(self) -> None:
        """Close every connection. A memory database is gone then."""
        self.engine.dispose()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except IntegrityError:
            raise
        except SQLAlchemyError as error:
            raise self._meaning(error) from _shown(error)

    def _meaning(self, error: SQLAlchemyError) -> Exception:
        if trouble_of(error) is Trouble.READ_ONLY:
            # Whatever is kept leads to the same server; its address may lead to the new primary by now.
            self.engine.dispose()
        return meaning(error, file=path_in(self.engine.url))


def _shown(error: SQLAlchemyError) -> SQLAlchemyError | None:
    """What is understood is said in full; the chain would only show the statement."""
    return None if trouble_of(error) else error


def make_engine(location: Location) -> Engine:
    """An engine that keeps the promises of :class:`Database` on this location.

    :raises StoreNotReady: when the folder of the embedded file cannot be made.
    :raises ConfigError: for options or a driver that can't be used.
    """
    if location.url.get_backend_name() != "sqlite":
        return _server_engine(location)
    if location.embedded and not location.is_lost:
        make_file(location.file)
    # Of a memory database there is one connection, which lives as long as the process; threads take turns on it.
    size: dict[str, Any] = {"pool_size": 1, "max_overflow": 0} if location.memory else {}
    arguments = {"check_same_thread": False}
    rules = {"poolclass": QueuePool, "pool_timeout": LOCK_WAIT_SECONDS, "connect_args": arguments, **_RULES, **size}
    url = make_url("sqlite://") if location.memory else _never_making(location) if location.embedded else location.url
    engine = engine_with(url, _on_sqlite(location, rules), key=location.key, is_own=bool(location.options))
    if not location.memory:
        watch(engine, location.file)
    event.listen(engine, "connect", _prepare_sqlite)
    return engine


def _on_sqlite(location: Location, rules: dict[str, Any]) -> dict[str, Any]:
    """Beside an SQLite host, whose ``creator`` would open the host's file, only what the driver is told counts."""
    host = {"connect_args": location.host_options.get("connect_args", {})}
    own = {name: value for name, value in location.options.items() if name not in {"creator", "poolclass"}}
    return merged(host, own, **rules)


def _never_making(location: Location) -> URL:
    """A file that is gone must not come back as an empty one by being opened (https://www.sqlite.org/uri.html)."""
    # SECURITY: in an empty file nobody has a factor, so everybody would get in with only a password.
    return URL.create("sqlite", database=f"file:{quote(str(location.file))}", query={"mode": "rw", "uri": "true"})


def _server_engine(location: Location) -> Engine:
    url = location.url
    if url.get_driver_name() in {"pymysql", "mysqldb", "mysqlconnector"}:
        url = url.update_query_dict({"charset": "utf8mb4"})
    schema = schema_of(location.host_options, location.options)
    if schema is not None and url.get_backend_name() != "postgresql":
        url = url.set(database=schema)
    host = {**location.host_options, "pool_timeout": LOCK_WAIT_SECONDS}
    # What commits by itself needs no rollback behind it, which would be one more way to the server at each request.
    options = merged(host, location.options, **_RULES, skip_autocommit_rollback=True)
    engine = engine_with(url, options, key=location.key, is_own=bool(location.options))
    is_postgresql = engine.dialect.name == "postgresql"
    event.listen(engine, "connect", _prepare_postgresql if is_postgresql else _prepare_mysql)
    if schema is not None and is_postgresql:
        event.listen(engine, "connect", _searching(engine.dialect.identifier_preparer.quote(schema)))
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, _record: Any) -> None:
    connection.execute(f"PRAGMA busy_timeout = {LOCK_WAIT_SECONDS * 1000}")
    _use_wal(connection)
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA foreign_keys = ON")
    # SQLite's own knows the letters of ASCII only, so "özil" would not find Özil.
    connection.create_function("lower", 1, _lower, deterministic=True)


def _lower(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


def _use_wal(connection: sqlite3.Connection) -> None:
    """SQLite does not wait here by itself, and processes that start at once make one file together."""
    give_up_at = time.monotonic() + LOCK_WAIT_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF not in _BUSY_CODES or time.monotonic() >= give_up_at:
                raise
            time.sleep(_WAL_PAUSE_SECONDS)
        else:
            return


def _prepare_postgresql(connection: Any, _record: Any) -> None:
    with closing(connection.cursor()) as cursor:
        cursor.execute(f"SET lock_timeout = '{LOCK_WAIT_SECONDS}s'")
        cursor.execute("SET TIME ZONE 'UTC'")


def _searching(schema: str) -> Callable[[Any, Any], None]:
    def prepare(connection: Any, _record: Any) -> None:
        with closing(connection.cursor()) as cursor:
            cursor.execute(f"SET search_path TO {schema}")

    return prepare


def _prepare_mysql(connection: Any, _record: Any) -> None:
    # SECURITY: without strict mode a key that is too long would be cut to that of another user.
    settings = (
        f"innodb_lock_wait_timeout = {LOCK_WAIT_SECONDS}",
        f"lock_wait_timeout = {LOCK_WAIT_SECONDS}",
        "time_zone = '+00:00'",
        "sql_mode = CONCAT(@@SESSION.sql_mode, ',STRICT_TRANS_TABLES')",
    )
    with closing(connection.cursor()) as cursor:
        cursor.execute(f"SET SESSION {', '.join(settings)}")


_databases: weakref.WeakSet[Database] = weakref.WeakSet()


def _of_forks() -> list[Engine]:
    """A memory database is copied with the process and stays as it is."""
    engines = [database.engine for database in list(_databases)]
    return [engine for engine in engines if engine.dialect.name != "sqlite" or engine.url.database]


def _close_before_fork() -> None:
    """SQLite's files must not be open across a fork, not even to be closed in the child; servers need no more care."""
    for engine in _of_forks():
        engine.dispose()


def _forget_in_child() -> None:
    """What another thread had in use at the fork is the parent's."""
    for engine in _of_forks():
        engine.dispose(close=False)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_close_before_fork, after_in_child=_forget_in_child)

"""The gate's own engine and its short transactions, the same on SQLite, PostgreSQL and MariaDB."""

from __future__ import annotations

import os
import sqlite3
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as NoFreeConnection
from sqlalchemy.pool import QueuePool

from ..errors import StoreBusy, StoreError, StoreNotReady
from .location import Location

T = TypeVar("T")
LOCK_WAIT_SECONDS = 5
_PAUSES_SECONDS = (0.05, 0.1)
_WAL_PAUSE_SECONDS = 0.01
_WRITES = "mfa_gate_writes"

_BUSY_STATES = {"40001", "40P01", "55P03"}
_BUSY_NUMBERS = {1205, 1213}
_BUSY_CODES = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_MISSING_STATES = {"42P01", "42703", "3F000"}
_MISSING_NUMBERS = {1146, 1054}
_MISSING_TEXTS = ("no such table", "no such column", "has no column")
_UNUSABLE_CODES = {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_NOTADB}
_NO_SAVEPOINT = 1305

_BUSY = (
    "The gate's tables are locked by another transaction. Commit the app's own work first, then call the gate again."
)
_NOT_READY = "The gate's tables are missing or older than the code. Run: flask mfa upgrade"
_BROKEN = "The gate's database did not answer as it should."


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
        with self._translated(), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction: committed at the end, undone by any error.

        :raises StoreBusy: when a lock is in the way for longer than ``LOCK_WAIT_SECONDS``.
        """
        with self._translated(), self.engine.connect() as plain:
            is_sqlite = self.engine.dialect.name == "sqlite"
            tx = plain.execution_options(**{_WRITES: True} if is_sqlite else {"isolation_level": "READ COMMITTED"})
            with tx.begin():
                yield tx

    def transact(self, work: Callable[[Connection], T]) -> T:
        """Do ``work`` in one transaction, up to three times if the database undoes it for the sake of another.

        There is no second wait for a lock that was waited for already: a host that holds it itself never lets go.

        :param work: called anew for each try, so it must not keep anything of an earlier one.
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
            raise _meaning(error, file=self.engine.url.database) from error


def make_engine(location: Location) -> Engine:
    """An engine that keeps the promises of :class:`Database` on this location.

    :raises StoreNotReady: when the folder of the embedded file cannot be made.
    """
    if location.url.get_backend_name() != "sqlite":
        return _server_engine(location)
    if location.embedded:
        _make_folder(location)
    # Of a memory database there is one connection, which lives as long as the process; threads take turns on it.
    size: dict[str, Any] = {"pool_size": 1, "max_overflow": 0} if location.memory else {}
    engine = create_engine(
        "sqlite://" if location.memory else location.url,
        poolclass=QueuePool,
        connect_args={"check_same_thread": False},
        **_common(),
        **size,
    )
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _server_engine(location: Location) -> Engine:
    url = location.url
    if url.get_driver_name() in {"pymysql", "mysqldb", "mysqlconnector"}:
        url = url.update_query_dict({"charset": "utf8mb4"})
    engine = create_engine(url, pool_pre_ping=True, **_common())
    event.listen(engine, "connect", _prepare_postgresql if engine.dialect.name == "postgresql" else _prepare_mysql)
    return engine


def _common() -> dict[str, Any]:
    # SECURITY: values stay out of the driver's errors, which are logged with the chain.
    return {"isolation_level": "AUTOCOMMIT", "hide_parameters": True, "pool_timeout": LOCK_WAIT_SECONDS}


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


def _begin_sqlite(connection: Connection) -> None:
    """A writer takes the lock at once: one that read first could no longer get it."""
    if connection.get_execution_options().get(_WRITES):
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def _prepare_postgresql(connection: Any, _record: Any) -> None:
    with closing(connection.cursor()) as cursor:
        cursor.execute(f"SET lock_timeout = '{LOCK_WAIT_SECONDS}s'")
        cursor.execute("SET TIME ZONE 'UTC'")


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


def _make_folder(location: Location) -> None:
    try:
        location.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StoreNotReady(
            f"The gate can't make the folder of its database file, {location.folder}: {error.strerror}."
        ) from None


def _meaning(error: SQLAlchemyError, *, file: str | None) -> StoreError:
    if isinstance(error, NoFreeConnection):
        return StoreBusy(_BUSY)
    cause = _cause(error)
    state = getattr(cause, "sqlstate", None) or getattr(cause, "pgcode", None)
    number, code = _number(cause), getattr(cause, "sqlite_errorcode", 0) & 0xFF
    if state in _BUSY_STATES or number in _BUSY_NUMBERS or code in _BUSY_CODES:
        return StoreBusy(_BUSY)
    is_missing_in_sqlite = code == sqlite3.SQLITE_ERROR and any(text in str(cause) for text in _MISSING_TEXTS)
    if state in _MISSING_STATES or number in _MISSING_NUMBERS or is_missing_in_sqlite:
        return StoreNotReady(_NOT_READY)
    if code in _UNUSABLE_CODES:
        return StoreNotReady(f"The gate can't open its database file {file}, or can't write to it.")
    return StoreError(_BROKEN)


def _cause(error: SQLAlchemyError) -> BaseException | None:
    """MariaDB drops the savepoints of a transaction that it undoes, so going back to one hides the deadlock."""
    cause = error.orig if isinstance(error, DBAPIError) else None
    hidden = cause.__context__ if cause is not None and _number(cause) == _NO_SAVEPOINT else None
    return hidden.orig if isinstance(hidden, DBAPIError) else cause


def _number(cause: BaseException | None) -> int | None:
    """What MariaDB and MySQL call the error."""
    candidates = (getattr(cause, "errno", None), *getattr(cause, "args", ()))
    return next((one for one in candidates if isinstance(one, int)), None)


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

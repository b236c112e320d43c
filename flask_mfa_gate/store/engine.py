"""The gate's own engine and its short transactions, the same on SQLite, PostgreSQL and MariaDB."""

from __future__ import annotations

import os
import sqlite3
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.pool import QueuePool

from ..errors import StoreBusy, StoreError, StoreNotReady
from .location import Location

T = TypeVar("T")
LOCK_WAIT_SECONDS = 5
TRIES = 3
_PAUSE_SECONDS = 0.05
_WRITES = "mfa_gate_writes"
_BUSY_STATES = {"40001", "40P01", "55P03", "57014"}
_BUSY_NUMBERS = {1205, 1213, 3572}
_MISSING_STATES = {"42P01", "42703", "3F000"}
_MISSING_NUMBERS = {1146, 1054}
_BUSY = (
    "The gate's tables are locked by another transaction. Commit the app's own work first, then call the gate again."
)
_NOT_READY = "The gate's tables are missing or older than the code. Run: flask mfa upgrade"
_BROKEN = "The gate's database did not answer as it should."


class Database:
    """Transactions on the gate's own engine."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        forget = weakref.WeakMethod(self._forget_connections)
        os.register_at_fork(after_in_child=lambda: (method := forget()) and method())

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One or a few SELECTs, each for itself."""
        with _translated(), self.engine.connect() as plain:
            yield plain.execution_options(isolation_level="AUTOCOMMIT")

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction: committed at the end, undone by any error."""
        with _translated(), self._writing() as tx:
            yield tx

    def transact(self, work: Callable[[Connection], T]) -> T:
        """Do ``work`` in one transaction, again when the server undid it for the sake of another.

        :raises StoreBusy: after three tries.
        """
        for attempt in range(1, TRIES + 1):
            try:
                with self.write() as tx:
                    return work(tx)
            except StoreBusy:
                if attempt == TRIES:
                    raise
                time.sleep(_PAUSE_SECONDS * attempt)
        raise AssertionError("unreachable")

    def dispose(self) -> None:
        """Close every connection."""
        self.engine.dispose()

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        with self.engine.connect() as plain:
            tx = plain.execution_options(**{_WRITES: True})
            with tx.begin():
                yield tx

    def _forget_connections(self) -> None:
        """A forked child must not speak on its parent's sockets."""
        self.engine.dispose(close=False)


def make_engine(location: Location) -> Engine:
    """An engine that keeps the promises of :class:`Database` on this location."""
    if location.url.get_backend_name() != "sqlite":
        return _server_engine(location)
    if location.embedded:
        _make_folder(location)
    if location.memory:
        # One connection that lives as long as the process; threads take turns on it.
        engine = create_engine(
            "sqlite://", poolclass=QueuePool, pool_size=1, max_overflow=0, connect_args={"check_same_thread": False}
        )
    else:
        engine = create_engine(location.url, poolclass=QueuePool, connect_args={"check_same_thread": False})
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _server_engine(location: Location) -> Engine:
    engine = create_engine(location.url, pool_pre_ping=True, isolation_level="READ COMMITTED")
    event.listen(engine, "connect", _prepare_postgresql if engine.dialect.name == "postgresql" else _prepare_mysql)
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, _record: Any) -> None:
    connection.isolation_level = None
    for pragma in (
        "journal_mode = WAL",
        "synchronous = NORMAL",
        "foreign_keys = ON",
        f"busy_timeout = {LOCK_WAIT_SECONDS * 1000}",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    """A writer takes the lock at once: one that read first could no longer get it."""
    options = connection.get_execution_options()
    if options.get(_WRITES):
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    elif options.get("isolation_level") != "AUTOCOMMIT":
        connection.exec_driver_sql("BEGIN")


def _prepare_postgresql(connection: Any, _record: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SET lock_timeout = '{LOCK_WAIT_SECONDS}s'")
        cursor.execute("SET TIME ZONE 'UTC'")
    connection.commit()


def _prepare_mysql(connection: Any, _record: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SET SESSION innodb_lock_wait_timeout = {LOCK_WAIT_SECONDS}, time_zone = '+00:00'")


def _make_folder(location: Location) -> None:
    try:
        location.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StoreNotReady(
            f"The gate can't make the folder of its database file, {location.folder}: {error.strerror}."
        ) from None


@contextmanager
def _translated() -> Iterator[None]:
    """Errors of the driver become errors of the gate, without SQL or values in their text."""
    try:
        yield
    except IntegrityError:
        raise
    except SQLAlchemyError as error:
        raise _meaning(error) from error


def _meaning(error: SQLAlchemyError) -> StoreError:
    cause = error.orig if isinstance(error, DBAPIError) else None
    state = getattr(cause, "sqlstate", None)
    number = next((part for part in getattr(cause, "args", ()) if isinstance(part, int)), None)
    text = str(cause) if isinstance(cause, sqlite3.OperationalError) else ""
    if state in _BUSY_STATES or number in _BUSY_NUMBERS or "locked" in text or "busy" in text:
        return StoreBusy(_BUSY)
    if (
        state in _MISSING_STATES
        or number in _MISSING_NUMBERS
        or text.startswith(("no such table", "no such column"))
        or "has no column" in text
    ):
        return StoreNotReady(_NOT_READY)
    return StoreError(_BROKEN)

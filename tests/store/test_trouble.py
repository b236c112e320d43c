"""Errors of the database are told apart, on the real servers, and none shows SQL, values or passwords."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import URL, Connection, make_url, text
from sqlalchemy.exc import DBAPIError, OperationalError

from flask_mfa_gate.errors import StoreBusy, StoreError, StoreReadOnly
from flask_mfa_gate.store.database.engine import Database, make_engine
from flask_mfa_gate.store.database.location import Location
from flask_mfa_gate.store.database.trouble import Trouble, meaning, trouble_of
from flask_mfa_gate.store.schema import upgrade

SERVERS = pytest.mark.parametrize("location", ["postgresql", "mariadb"], indirect=True)
PASSWORD = "geheim"


@contextmanager
def role(location: Location, name: str, rights: str) -> Iterator[URL]:
    """An account of the server that may do little."""
    is_postgresql = location.url.get_backend_name() == "postgresql"
    owner = Database(make_engine(location))
    account = name if is_postgresql else f"'{name}'@'%'"
    with owner.read() as tx:
        tx.execute(text(f"CREATE {'ROLE' if is_postgresql else 'USER'} {account} {login(is_postgresql)}"))
        if rights and not is_postgresql:
            tx.execute(text(f"GRANT {rights} ON {location.url.database}.* TO {account}"))
    yield location.url.set(username=name, password=PASSWORD, host="127.0.0.1")
    with owner.read() as tx:
        tx.execute(text(f"DROP {'ROLE' if is_postgresql else 'USER'} {account}"))
    owner.dispose()


def login(is_postgresql: bool) -> str:
    return f"LOGIN PASSWORD '{PASSWORD}'" if is_postgresql else f"IDENTIFIED BY '{PASSWORD}'"


def said(url: URL, act: Callable[[Database], Any]) -> str:
    database = Database(make_engine(Location(url)))
    try:
        with pytest.raises(StoreError) as caught:
            act(database)
    finally:
        database.dispose()
    assert PASSWORD not in str(caught.value)
    assert caught.value.__cause__ is None, "the chain would show the statement"
    return str(caught.value)


def look(database: Database) -> None:
    with database.read() as tx:
        tx.execute(text("SELECT 1"))


@SERVERS
def test_no_right_to_make_tables(location: Location, prefix: str) -> None:
    with role(location, f"{prefix}poor", "SELECT, INSERT") as url:
        assert "lacks a permission" in said(url, lambda database: upgrade(database, prefix=prefix))


@SERVERS
def test_no_right_to_read_a_table(location: Location, prefix: str) -> None:
    owner = Database(make_engine(location))
    with owner.read() as tx:
        tx.execute(text(f"CREATE TABLE {prefix}secret (id INTEGER)"))

    def read(database: Database) -> None:
        with database.read() as tx:
            tx.execute(text(f"SELECT * FROM {prefix}secret"))

    try:
        with role(location, f"{prefix}poor", "INSERT") as url:
            assert "lacks a permission" in said(url, read)
    finally:
        with owner.read() as tx:
            tx.execute(text(f"DROP TABLE {prefix}secret"))
        owner.dispose()


@SERVERS
def test_login_database_and_server(location: Location, prefix: str) -> None:
    with role(location, f"{prefix}poor", "SELECT") as url:
        wrong_password = url.set(password=f"not{PASSWORD}")
        if url.get_backend_name() == "mariadb" or asks_for_passwords(wrong_password):
            assert "refuses to log in" in said(wrong_password, look)
    assert "refuses to log in" in said(location.url.set(username="nobody_here", password=PASSWORD), look)
    assert "no database of this name" in said(location.url.set(database=f"{prefix}none"), look)
    assert "can't be reached" in said(location.url.set(host="127.0.0.1", port=1, password=PASSWORD), look)


def asks_for_passwords(url: URL) -> bool:
    """Some servers of tests trust whoever comes."""
    engine = make_engine(Location(url))
    try:
        engine.connect().close()
    except OperationalError:
        return True
    finally:
        engine.dispose()
    return False


@pytest.mark.parametrize("location", ["postgresql"], indirect=True)
def test_a_server_that_became_read_only_is_left_at_once(location: Location, prefix: str) -> None:
    database = Database(make_engine(location))
    with database.read() as tx:
        before = tx.execute(text("SELECT pg_backend_pid()")).scalar()
        tx.execute(text("SET default_transaction_read_only = on"))

    def write(tx: Connection) -> None:
        tx.execute(text(f"CREATE TABLE {prefix}x (id INTEGER)"))

    with pytest.raises(StoreReadOnly, match="read-only"):
        database.transact(write)
    with database.write() as tx:
        assert tx.execute(text("SELECT pg_backend_pid()")).scalar() != before
        write(tx)
        tx.execute(text(f"DROP TABLE {prefix}x"))
    database.dispose()


def of_driver(**attributes: Any) -> DBAPIError:
    cause = Exception("INSERT INTO geheim")
    for name, value in attributes.items():
        setattr(cause, name, value)
    return DBAPIError("SELECT", {}, cause)


@pytest.mark.parametrize(
    ("attributes", "trouble"),
    [
        ({"sqlstate": "25006"}, Trouble.READ_ONLY), ({"errno": 1290}, Trouble.READ_ONLY),
        ({"sqlstate": "53100"}, Trouble.FULL), ({"errno": 1114}, Trouble.FULL),
        ({"sqlstate": "53300"}, Trouble.CROWDED), ({"errno": 1040}, Trouble.CROWDED),
        ({"sqlstate": "57P01"}, Trouble.UNREACHABLE), ({"pgcode": "08006"}, Trouble.UNREACHABLE),
        ({"errno": 2013}, Trouble.UNREACHABLE), ({"errno": 1044}, Trouble.PERMISSION),
        ({"errno": 1142}, Trouble.PERMISSION), ({"sqlstate": "42501"}, Trouble.PERMISSION),
        ({"sqlstate": "55P03"}, Trouble.BUSY), ({"errno": 1205}, Trouble.BUSY), ({"sqlstate": "57014"}, None),
    ],
)  # fmt: skip
def test_kinds_that_a_test_can_hardly_bring_about(attributes: Any, trouble: Trouble | None) -> None:
    found = of_driver(**attributes)
    assert trouble_of(found) is trouble
    assert "geheim" not in str(meaning(found))


@pytest.mark.parametrize(
    ("said_by_libpq", "trouble"),
    [
        ("FATAL:  sorry, too many clients already", Trouble.CROWDED),
        ("FATAL:  remaining connection slots are reserved", Trouble.CROWDED),
        ('FATAL:  no pg_hba.conf entry for host "10.0.0.1"', Trouble.LOGIN),
        ('FATAL:  permission denied for database "x"', Trouble.PERMISSION),
        ("FATAL:  the database system is starting up", Trouble.UNREACHABLE),
        ("Passwort-Authentifizierung fehlgeschlagen", Trouble.UNREACHABLE),
    ],
)
def test_connections_that_did_not_come_about(said_by_libpq: str, trouble: Trouble) -> None:
    """libpq gives no code then. Where the server speaks another language, this much is known."""
    assert trouble_of(DBAPIError(None, None, Exception(said_by_libpq))) is trouble


def test_an_unknown_error_has_its_code_for_whoever_looks_it_up() -> None:
    assert str(meaning(of_driver(sqlstate="XX000"))).endswith("(Exception XX000).")


def test_a_full_disk(tmp_path: Path) -> None:
    database = Database(make_engine(Location(make_url(f"sqlite:///{tmp_path}/gate.sqlite3"), embedded=True)))

    def fill(tx: Connection) -> None:
        tx.execute(text("PRAGMA max_page_count = 3"))
        tx.execute(text("CREATE TABLE big AS SELECT zeroblob(1000000) AS filling"))

    with pytest.raises(StoreError, match="no space left"):
        database.transact(fill)
    with pytest.raises(StoreBusy), database.write():
        raise sqlite_busy()
    database.dispose()


def sqlite_busy() -> DBAPIError:
    cause = sqlite3.OperationalError("database is locked")
    cause.sqlite_errorcode = sqlite3.SQLITE_BUSY
    return DBAPIError("SELECT", {}, cause)

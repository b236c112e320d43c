"""Short transactions that mean the same on every server."""

from __future__ import annotations

import logging
import os
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, func, insert, make_url, select, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError

from flask_mfa_gate.errors import StoreBusy, StoreError, StoreNotReady
from flask_mfa_gate.store.database import engine as engine_module
from flask_mfa_gate.store.database.engine import Database, make_engine
from flask_mfa_gate.store.database.location import Location
from flask_mfa_gate.store.database.trouble import meaning
from flask_mfa_gate.store.schema import is_ready, upgrade
from flask_mfa_gate.store.tables.tables import Tables, build_tables
from tests.servers import SERVERS

OpenDatabase = Callable[[], Database]


@pytest.fixture
def tables(prefix: str) -> Tables:
    return build_tables(prefix)


@pytest.fixture
def short_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked for before any database: connections are told once how long to wait."""
    monkeypatch.setattr(engine_module, "LOCK_WAIT_SECONDS", 1)


@pytest.fixture
def memory() -> Iterator[Database]:
    database = Database(make_engine(Location(make_url("sqlite://"), memory=True)))
    upgrade(database, prefix="m_")
    yield database
    database.dispose()


def add(tx: Connection, tables: Tables, key: str) -> None:
    tx.execute(insert(tables.enrollment).values(user_key=key, required=False, days=0))


def keys(database: Database, tables: Tables) -> list[str]:
    with database.read() as tx:
        return list(tx.execute(select(tables.enrollment.c.user_key).order_by(tables.enrollment.c.user_key)).scalars())


def touch(tx: Connection, tables: Tables, key: str) -> None:
    """Lock the row, and count."""
    row = tables.enrollment
    tx.execute(update(row).where(row.c.user_key == key).values(days=row.c.days + 1))


def in_threads(work: Callable[[int], Any], count: int) -> list[BaseException]:
    """What went wrong in any of them."""
    problems: list[BaseException] = []

    def run(number: int) -> None:
        try:
            work(number)
        except BaseException as problem:  # noqa: BLE001
            problems.append(problem)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return problems


@contextmanager
def row_held(database: Database, tables: Tables, key: str) -> Iterator[None]:
    """As by a host that has not committed yet."""
    with database.write() as tx:
        touch(tx, tables, key)
        yield


def test_a_transaction_is_committed_at_the_end_and_undone_by_any_error(database: Database, tables: Tables) -> None:
    def stop_halfway(problem: type[BaseException]) -> None:
        with database.write() as tx:
            add(tx, tables, "undone")
            raise problem

    with database.write() as tx:
        add(tx, tables, "kept")
    for problem in (LookupError, KeyboardInterrupt):
        with pytest.raises(problem):
            stop_halfway(problem)
    assert keys(database, tables) == ["kept"]


def test_a_write_is_not_seen_before_its_commit(database: Database, tables: Tables, open_database: OpenDatabase) -> None:
    other = open_database()
    with database.write() as tx:
        add(tx, tables, "1")
        assert keys(other, tables) == []
    assert keys(other, tables) == ["1"]


def test_a_read_sees_what_was_committed_meanwhile(
    database: Database, tables: Tables, open_database: OpenDatabase
) -> None:
    """No transaction is open, so no old snapshot either."""
    other = open_database()
    count = select(func.count()).select_from(tables.enrollment)
    with database.read() as tx:
        assert tx.execute(count).scalar_one() == 0
        with other.write() as writer:
            add(writer, tables, "1")
        assert tx.execute(count).scalar_one() == 1


@pytest.mark.parametrize("location", ["postgresql", "mariadb"], indirect=True)
def test_a_transaction_reads_what_others_committed(
    database: Database, tables: Tables, open_database: OpenDatabase
) -> None:
    other = open_database()
    count = select(func.count()).select_from(tables.enrollment)
    with database.write() as tx:
        assert tx.execute(count).scalar_one() == 0
        with other.write() as writer:
            add(writer, tables, "1")
        assert tx.execute(count).scalar_one() == 1


def test_an_aggregate_can_try_an_insert_and_go_on(database: Database, tables: Tables) -> None:
    with database.write() as tx:
        add(tx, tables, "1")
        with pytest.raises(IntegrityError), tx.begin_nested():
            add(tx, tables, "1")
        add(tx, tables, "2")
    assert keys(database, tables) == ["1", "2"]


def test_a_taken_unique_key_passes_untouched(database: Database, tables: Tables) -> None:
    def work(tx: Connection) -> None:
        tried.append(1)
        add(tx, tables, "1")
        add(tx, tables, "1")

    tried: list[int] = []
    with pytest.raises(IntegrityError):
        database.transact(work)
    assert tried == [1]
    assert keys(database, tables) == []


def test_missing_tables_name_the_command(empty_database: Database, tables: Tables) -> None:
    for door in (empty_database.read, empty_database.write):
        with pytest.raises(StoreNotReady, match="flask mfa upgrade"), door() as tx:
            tx.execute(select(tables.enrollment))
    with pytest.raises(StoreNotReady, match="flask mfa upgrade"):
        empty_database.transact(lambda tx: add(tx, tables, "1"))


def test_a_missing_column_names_the_command(database: Database, tables: Tables) -> None:
    with database.write() as tx:
        tx.execute(text(f"ALTER TABLE {tables.enrollment.name} DROP COLUMN days"))
    with pytest.raises(StoreNotReady, match="flask mfa upgrade"), database.read() as tx:
        tx.execute(select(tables.enrollment))
    with pytest.raises(StoreNotReady, match="flask mfa upgrade"):
        database.transact(lambda tx: add(tx, tables, "1"))


def test_a_table_that_is_called_locked_is_missing_all_the_same(empty_database: Database) -> None:
    with pytest.raises(StoreNotReady), empty_database.read() as tx:
        tx.execute(text("SELECT * FROM is_locked_and_busy"))


def test_other_errors_say_nothing_of_the_statement(
    database: Database, tables: Tables, caplog: pytest.LogCaptureFixture
) -> None:
    """SECURITY: values stay out of the sentence, and out of the log that shows the whole chain."""

    def work(tx: Connection) -> None:
        tried.append(1)
        tx.execute(text(f"SELECT :secret, nonsense( FROM {tables.enrollment.name}"), {"secret": "geheim"})

    tried: list[int] = []
    with pytest.raises(StoreError) as caught:
        database.transact(work)
    assert type(caught.value) is StoreError
    assert isinstance(caught.value.__cause__, SQLAlchemyError)
    assert tried == [1]
    assert "SELECT" not in str(caught.value)
    logging.getLogger("test").error("failed", exc_info=caught.value)
    assert "nonsense" in caplog.text
    assert "geheim" not in str(caught.value.__cause__)


def test_an_error_of_the_work_passes_untouched(database: Database, tables: Tables) -> None:
    def work(tx: Connection) -> None:
        add(tx, tables, "1")
        raise LookupError("no such user")

    with pytest.raises(LookupError, match="no such user"):
        database.transact(work)
    assert keys(database, tables) == []


def test_a_server_that_is_away_is_a_plain_error() -> None:
    for uri in ("postgresql+psycopg://u:geheim@127.0.0.1:1/x", "mysql+pymysql://u:geheim@127.0.0.1:1/x"):
        database = Database(make_engine(Location(make_url(uri))))
        with pytest.raises(StoreError) as caught, database.read():
            pass
        assert "geheim" not in f"{caught.value}{caught.value.__cause__}"


@pytest.mark.usefixtures("short_wait")
def test_a_held_lock_is_busy_within_bounded_time_and_says_what_to_do(
    short_wait: None, database: Database, tables: Tables, open_database: OpenDatabase
) -> None:
    with database.write() as tx:
        add(tx, tables, "1")
    other = open_database()
    with row_held(database, tables, "1"):
        began = time.monotonic()
        with pytest.raises(StoreBusy, match="Commit the app's own work first"):
            other.transact(lambda tx: touch(tx, tables, "1"))
        assert 0.8 < time.monotonic() - began < 2.5
    assert other.transact(lambda tx: touch(tx, tables, "1")) is None


def test_work_undone_for_another_is_done_again_three_times_at_most(
    database: Database, tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_module, "_PAUSES_SECONDS", (0, 0))
    tried: list[int] = []

    def work_until(last: int) -> Callable[[Connection], str]:
        def work(tx: Connection) -> str:
            tried.append(1)
            add(tx, tables, f"{last}: {len(tried)}")
            if len(tried) < last:
                raise StoreBusy("undone")
            return "done"

        return work

    assert database.transact(work_until(3)) == "done"
    assert keys(database, tables) == ["3: 3"]
    tried.clear()
    with pytest.raises(StoreBusy):
        database.transact(work_until(99))
    assert len(tried) == 3
    assert keys(database, tables) == ["3: 3"]


@pytest.mark.parametrize("is_nested", [False, True], ids=["plain", "in a savepoint"])
def test_a_deadlock_is_done_again_and_counts_once(database: Database, tables: Tables, is_nested: bool) -> None:
    """MariaDB drops the savepoint with the transaction, which must not hide what happened."""
    with database.write() as tx:
        add(tx, tables, "1")
        add(tx, tables, "2")
    both_hold_one = threading.Barrier(2, timeout=3 if database.engine.dialect.name != "sqlite" else 0.1)
    tries: list[int] = []

    def cross(number: int) -> None:
        first, second = ("1", "2") if number else ("2", "1")

        def work(tx: Connection) -> None:
            tries.append(number)
            touch(tx, tables, first)
            with suppress(threading.BrokenBarrierError):
                both_hold_one.wait()
            if is_nested:
                with tx.begin_nested():
                    touch(tx, tables, second)
            else:
                touch(tx, tables, second)
            both_hold_one.abort()

        database.transact(work)

    assert in_threads(cross, 2) == []
    assert len(tries) == (2 if database.engine.dialect.name == "sqlite" else 3)
    with database.read() as tx:
        assert tx.execute(select(tables.enrollment.c.days)).scalars().all() == [2, 2]


@pytest.mark.parametrize("location", SERVERS, indirect=True)
def test_who_loses_every_deadlock_is_told_in_the_end_and_changed_nothing(
    database: Database, tables: Tables, open_database: OpenDatabase
) -> None:
    """PostgreSQL undoes who waited first, MariaDB who wrote less."""
    other, winners = open_database(), []
    with database.write() as tx:
        add(tx, tables, "1")
        add(tx, tables, "2")

    def win(holds: threading.Event, is_waiting: threading.Event) -> None:
        with other.write() as tx:
            touch(tx, tables, "2")
            for number in range(20):
                add(tx, tables, f"{len(winners)}: {number}")
            holds.set()
            is_waiting.wait(5)
            time.sleep(0.2)
            touch(tx, tables, "1")

    def work(tx: Connection) -> None:
        for winner in winners:
            winner.join()
        holds, is_waiting = threading.Event(), threading.Event()
        winners.append(threading.Thread(target=win, args=(holds, is_waiting)))
        winners[-1].start()
        touch(tx, tables, "1")
        add(tx, tables, "never")
        holds.wait(5)
        is_waiting.set()
        touch(tx, tables, "2")

    with pytest.raises(StoreBusy):
        database.transact(work)
    for winner in winners:
        winner.join()
    assert len(winners) == 3
    with database.read() as tx:
        count = select(tables.enrollment.c.days).where(tables.enrollment.c.user_key.in_(["1", "2"]))
        assert tx.execute(count).scalars().all() == [3, 3]
    assert len(keys(database, tables)) == 2 + 3 * 20


def test_two_that_read_and_then_write_take_turns(
    database: Database, tables: Tables, open_database: OpenDatabase
) -> None:
    """With a plain BEGIN one of two SQLite readers can never write: the file was changed under it."""
    with database.write() as tx:
        add(tx, tables, "1")
    row = tables.enrollment
    mine = select(row.c.days).where(row.c.user_key == "1").with_for_update()

    def count(_number: int) -> None:
        database = open_database()
        for _ in range(25):
            with database.write() as tx:
                days = tx.execute(mine).scalar_one()
                tx.execute(update(row).values(days=days + 1))

    assert in_threads(count, 3) == []
    with database.read() as tx:
        assert tx.execute(select(row.c.days)).scalar_one() == 75


def test_reads_do_not_wait_for_a_writer(database: Database, tables: Tables, open_database: OpenDatabase) -> None:
    with database.write() as tx:
        add(tx, tables, "1")
    other = open_database()
    with row_held(database, tables, "1"):
        began = time.monotonic()
        assert keys(other, tables) == ["1"]
        assert time.monotonic() - began < 1


def settings_of(database: Database, *queries: str) -> list[object]:
    with database.read() as tx:
        return [tx.execute(text(query)).scalar() for query in queries]


def test_sqlite_is_set_up(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "instance"
    database = Database(make_engine(Location(make_url(f"sqlite:///{folder}/gate.sqlite3"), embedded=True)))
    assert settings_of(database, "PRAGMA journal_mode", "PRAGMA foreign_keys", "PRAGMA busy_timeout") == [
        "wal",
        1,
        5000,
    ]
    assert folder.stat().st_mode & 0o777 == 0o700
    for door in (database.read, database.write):
        with door() as tx:
            driver: Any = tx.connection.dbapi_connection
            assert driver.isolation_level is None
    database.dispose()


def test_a_file_that_another_is_just_making_is_waited_for(tmp_path: Path) -> None:
    """SQLite says at once that it is locked when two change the kind of journal, whatever the busy timeout is."""
    holder = sqlite3.connect(tmp_path / "gate.sqlite3", isolation_level=None, check_same_thread=False)
    holder.execute("CREATE TABLE other (id INTEGER)")
    holder.execute("BEGIN IMMEDIATE")
    holder.execute("INSERT INTO other VALUES (1)")
    release = threading.Timer(0.3, lambda: holder.execute("COMMIT"))
    release.start()
    database = Database(make_engine(Location(make_url(f"sqlite:///{tmp_path}/gate.sqlite3"), embedded=True)))
    assert settings_of(database, "PRAGMA journal_mode") == ["wal"]
    release.join()
    holder.close()
    database.dispose()


@pytest.mark.usefixtures("short_wait")
def test_a_file_that_stays_locked_is_busy_within_bounded_time(short_wait: None, tmp_path: Path) -> None:
    holder = sqlite3.connect(tmp_path / "gate.sqlite3", isolation_level=None)
    holder.execute("CREATE TABLE other (id INTEGER)")
    holder.execute("BEGIN IMMEDIATE")
    database = Database(make_engine(Location(make_url(f"sqlite:///{tmp_path}/gate.sqlite3"), embedded=True)))
    began = time.monotonic()
    with pytest.raises(StoreBusy), database.read():
        pass
    assert time.monotonic() - began < 2.5
    holder.close()
    database.dispose()


@pytest.mark.parametrize("location", ["postgresql"], indirect=True)
def test_postgresql_is_set_up(database: Database) -> None:
    assert settings_of(database, "SHOW lock_timeout", "SHOW TimeZone") == ["5s", "UTC"]
    with database.write() as tx:
        assert tx.execute(text("SHOW transaction_isolation")).scalar() == "read committed"


@pytest.mark.parametrize("location", ["mariadb"], indirect=True)
def test_only_a_transaction_is_rolled_back(database: Database, tables: Tables) -> None:
    database.dispose()

    def rollbacks() -> int:
        with database.read() as connection:
            return int(connection.exec_driver_sql("SHOW SESSION STATUS LIKE 'Com_rollback'").one()[1])

    before = rollbacks()
    assert keys(database, tables) == []
    assert rollbacks() == before
    with suppress(LookupError), database.write() as tx:
        add(tx, tables, "1")
        raise LookupError
    assert rollbacks() > before
    assert keys(database, tables) == []


@pytest.mark.parametrize("location", ["mariadb"], indirect=True)
def test_mariadb_is_set_up_whatever_the_server_and_the_address_say(location: Location, tables: Tables) -> None:
    """SECURITY: a key that is too long is refused, not cut to that of another user."""
    careless = location.url.update_query_dict(
        {"charset": "latin1", "init_command": "SET sql_mode='', time_zone='+3:00'"}
    )
    database = Database(make_engine(Location(careless)))
    upgrade(database, prefix=tables.enrollment.name.removesuffix("enrollment"))
    try:
        asked = ("@@innodb_lock_wait_timeout", "@@lock_wait_timeout", "@@time_zone", "@@character_set_client")
        assert settings_of(database, *(f"SELECT {one}" for one in asked)) == [5, 5, "+00:00", "utf8mb4"]
        with pytest.raises(StoreError), database.write() as tx:
            add(tx, tables, "k" * 192)
        with database.write() as tx:
            assert tx.execute(text("SELECT @@tx_isolation")).scalar() == "READ-COMMITTED"
            add(tx, tables, "🔐")
        assert keys(database, tables) == ["🔐"]
    finally:
        with database.write() as tx:
            tables.metadata.drop_all(tx)
            tx.execute(text(f"DROP TABLE {tables.enrollment.name.removesuffix('enrollment')}alembic_version"))
        database.dispose()


@pytest.mark.parametrize(
    ("attribute", "value", "expected"),
    [
        ("pgcode", "40P01", StoreBusy),
        ("pgcode", "42P01", StoreNotReady),
        ("errno", 1213, StoreBusy),
        ("errno", 1146, StoreNotReady),
        ("errno", 1305, StoreError),
        ("sqlstate", "57014", StoreError),
    ],
)
def test_other_drivers_name_their_errors_otherwise(attribute: str, value: object, expected: type[StoreError]) -> None:
    """psycopg2 and the connectors of MySQL and MariaDB. A statement that an operator stopped stays stopped."""
    cause = Exception("geheim")
    setattr(cause, attribute, value)
    found = meaning(DBAPIError("SELECT", {}, cause))
    assert type(found) is expected


def test_a_folder_that_cant_be_made_is_said_plainly(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(StoreNotReady, match=r"can't make the folder.*taken/instance.*Not a directory"):
        make_engine(Location(make_url(f"sqlite:///{tmp_path}/taken/instance/gate.sqlite3"), embedded=True))


def test_a_file_that_cant_be_used_is_said_plainly(tmp_path: Path) -> None:
    (tmp_path / "folder.sqlite3").mkdir()
    (tmp_path / "other.sqlite3").write_bytes(b"no database at all" * 100)
    for name in ("folder.sqlite3", "other.sqlite3"):
        database = Database(make_engine(Location(make_url(f"sqlite:///{tmp_path}/{name}"), embedded=True)))
        with pytest.raises(StoreNotReady, match=f" {name}") as caught, database.read() as tx:
            tx.execute(text("SELECT 1 FROM sqlite_master"))
        assert str(tmp_path) not in str(caught.value)
        database.dispose()


def test_a_configured_file_is_not_given_a_folder(tmp_path: Path) -> None:
    database = Database(make_engine(Location(make_url(f"sqlite:///{tmp_path}/none/gate.sqlite3"))))
    with pytest.raises(StoreNotReady), database.read():
        pass
    assert not (tmp_path / "none").exists()


def test_a_file_can_be_read_only(tmp_path: Path) -> None:
    path = tmp_path / "gate.sqlite3"
    database = Database(make_engine(Location(make_url(f"sqlite:///{path}"))))
    upgrade(database, prefix="g_")
    database.dispose()
    with sqlite3.connect(path) as plain:
        plain.execute("PRAGMA journal_mode = DELETE")
    plain.close()
    url = make_url(f"sqlite:///file:{path}?mode=ro&uri=true")
    readonly = Database(make_engine(Location(url)))
    with pytest.raises(StoreNotReady, match="can't write to it"), readonly.write() as tx:
        add(tx, build_tables("g_"), "1")
    readonly.dispose()


def test_threads_take_turns_on_a_memory_database(memory: Database) -> None:
    tables = build_tables("m_")

    def work(number: int) -> None:
        for turn in range(10):
            memory.transact(lambda tx: add(tx, tables, f"{number}-{turn}"))  # noqa: B023
            keys(memory, tables)

    assert in_threads(work, 8) == []
    assert len(keys(memory, tables)) == 80


@pytest.mark.usefixtures("short_wait")
def test_a_memory_database_in_use_is_busy_within_bounded_time(short_wait: None, memory: Database) -> None:
    began = time.monotonic()
    with memory.write():
        problems = in_threads(lambda _number: is_ready(memory, prefix="m_"), 1)
    assert [type(one) for one in problems] == [StoreBusy]
    assert time.monotonic() - began < 2.5


FORKING = """
import os, sys
from sqlalchemy import make_url, text
from flask_mfa_gate.store.database.engine import Database, make_engine
from flask_mfa_gate.store.database.location import Location

uri, query = sys.argv[1:]
memory = uri == "sqlite://"
database = Database(make_engine(Location(make_url(uri), memory=memory)))

def say(*words):
    os.write(1, (" ".join(map(str, words)) + "\\n").encode())     # one write, so that children do not mix

def ask():
    with database.read() as tx:
        return tx.execute(text(query)).scalar()

with database.write() as tx:
    if memory:
        tx.execute(text("CREATE TABLE kept AS SELECT 7 AS number"))
before = ask()
children = []
for _ in range(3):
    pid = os.fork()
    if not pid:
        if not memory:
            assert database.engine.pool.checkedin() == 0, "the child holds connections of its parent"
        say(ask())
        database.dispose()
        sys.exit(0)
    children.append(pid)
for pid in children:
    assert os.waitpid(pid, 0)[1] == 0, "a child failed"
say(before, ask())
database.dispose()
"""
QUERIES = {
    "sqlite": "SELECT 7",
    "memory": "SELECT number FROM kept",
    "postgresql": "SELECT pg_backend_pid()",
    "mariadb": "SELECT CONNECTION_ID()",
}


def fork_and_ask(uri: str, query: str) -> tuple[list[str], list[str]]:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", FORKING, uri, query], capture_output=True, text=True, timeout=60,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert "Warning" not in done.stderr
    *children, parent = done.stdout.split("\n")[:-1]
    return children, parent.split()


def test_a_forked_child_has_connections_of_its_own(location: Location, request: pytest.FixtureRequest) -> None:
    name = request.node.callspec.params["location"]
    children, (before, after) = fork_and_ask(location.url.render_as_string(hide_password=False), QUERIES[name])
    assert len(children) == 3
    if name != "sqlite":
        assert len({before, after, *children}) >= 4


def test_a_memory_database_is_copied_by_a_fork() -> None:
    assert fork_and_ask("sqlite://", QUERIES["memory"]) == (["7", "7", "7"], ["7", "7"])


def test_an_sqlite_file_is_not_open_across_a_fork(tmp_path: Path) -> None:
    """https://www.sqlite.org/howtocorrupt.html section 2.6: not even closing it in the child is safe."""
    database = Database(make_engine(Location(make_url(f"sqlite:///{tmp_path}/gate.sqlite3"))))
    with database.read():
        pass
    assert database.engine.pool.checkedin() == 1  # type: ignore[attr-defined]
    engine_module._close_before_fork()
    assert database.engine.pool.checkedin() == 0  # type: ignore[attr-defined]
    assert not (tmp_path / "gate.sqlite3-wal").exists()
    database.dispose()


def test_databases_do_not_outlive_their_users() -> None:
    database = Database(make_engine(Location(make_url("sqlite://"), memory=True)))
    held = len(engine_module._databases)
    database.dispose()
    del database
    assert len(engine_module._databases) < held

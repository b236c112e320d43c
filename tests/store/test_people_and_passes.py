"""Rows that are written where others may already stand, and passes that are used once."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import make_url, select

from flask_mfa_gate.crypto import Keyring
from flask_mfa_gate.domain.factors.access_pass import AccessPass, Scope
from flask_mfa_gate.errors import StoreBusy, StoreError
from flask_mfa_gate.store import Store, build_store
from flask_mfa_gate.store.database.engine import Database, make_engine
from flask_mfa_gate.store.database.location import Location
from flask_mfa_gate.store.database.upsert import upsert
from flask_mfa_gate.store.enrollment.access_passes import IssuedPass
from flask_mfa_gate.store.records.checkpoints import JobMark
from flask_mfa_gate.store.schema import upgrade
from tests.conftest import at_once

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


@pytest.fixture
def server(server_url: str) -> Any:
    database = Database(make_engine(Location(make_url(server_url))))
    upgrade(database, prefix="mfa_gate_")
    yield build_store(database, prefix="mfa_gate_", keyring=Keyring.from_keys([bytes(32)]))
    database.dispose()


@pytest.fixture
def embedded(tmp_path: Path) -> Any:
    database = Database(make_engine(Location(make_url(f"sqlite:///{tmp_path}/gate.sqlite3"))))
    upgrade(database, prefix="mfa_gate_")
    yield build_store(database, prefix="mfa_gate_", keyring=Keyring.from_keys([bytes(32)]))
    database.dispose()


def issue(store: Store, *, one_time: bool) -> None:
    terms = AccessPass(Scope.FULL, one_time, NOW, NOW + timedelta(hours=1))
    with store.database.write() as tx:
        store.access_passes.add(tx, IssuedPass("p", "7", b"digest", terms, "cli"), now=NOW)


def test_a_key_too_long_is_refused_and_not_cut_to_that_of_another_user(server: Store) -> None:
    with server.database.write() as tx:
        server.enrollments.lock(tx, "k" * 191)
    with pytest.raises(StoreError), server.database.write() as tx:
        server.enrollments.lock(tx, "k" * 192)
    with server.database.read() as tx:
        assert server.enrollments.keys(tx) == ["k" * 191]


def test_how_many_rows_are_new_is_known_where_the_server_tells(server: Store) -> None:
    """Else each lock would ask for its rows twice."""
    table = server.tables.enrollment
    with server.database.write() as tx:
        counts = [
            upsert(tx, table, [{"user_key": str(number), "required": False} for number in range(upto)])
            for upto in (1, 10, 12, 12)
        ]
        tells = tx.dialect.name in {"sqlite", "postgresql"}
    assert counts == ([1, 9, 2, 0] if tells else [0, 0, 0, 0])


def test_a_row_that_somebody_else_made_meanwhile_is_locked_too(server: Store) -> None:
    """The second finds no row, as the first has not committed it, waits to make it, and must have it in the end."""
    holds, done = threading.Event(), threading.Event()

    def second() -> None:
        with server.database.write() as tx:
            server.enrollments.lock(tx, "7", "8")
            holds.set()
            done.wait(10)

    thread = threading.Thread(target=second)
    with server.database.write() as tx:
        server.enrollments.lock(tx, "7", "8")
        thread.start()
        assert not holds.wait(0.5)
    assert holds.wait(10)
    row = server.tables.enrollment.c.user_key
    with pytest.raises(StoreBusy), server.database.write() as tx:
        tx.execute(select(row).where(row == "7").with_for_update(nowait=True))
    done.set()
    thread.join()


@pytest.mark.parametrize(("one_time", "winners"), [(True, 1), (False, 2)])
def test_of_two_who_found_one_pass_unused_only_one_uses_it(embedded: Store, one_time: bool, winners: int) -> None:
    """Both have read the row before either writes, as two transactions on a server may."""
    issue(embedded, one_time=one_time)
    table = embedded.access_passes
    with embedded.database.read() as tx:
        found = table.live(tx, "7", now=NOW)
    table.live = lambda *_, **__: found  # type: ignore[method-assign]
    used = []
    for _ in range(2):
        with embedded.database.write() as tx:
            used.append(table.try_use(tx, "7", lambda _row, kept: kept == b"digest", now=NOW))
    assert len([one for one in used if one is not None]) == winners
    with embedded.database.read() as tx:
        left = table.waiting_or_live(tx, "7", now=NOW)
    assert len(left) == (0 if one_time else 1), "what is spent is no pass any more"


def test_a_pass_is_its_owners_and_of_its_time(embedded: Store) -> None:
    issue(embedded, one_time=False)
    for key, digest, now in (
        ("8", b"digest", NOW), ("7", b"other", NOW), ("7", b"digest", NOW - timedelta(microseconds=1)),
        ("7", b"digest", NOW + timedelta(hours=1)),
    ):  # fmt: skip
        with embedded.database.write() as tx:
            found = embedded.access_passes.try_use(tx, key, lambda _row, kept, digest=digest: kept == digest, now=now)
            assert found is None
    with embedded.database.write() as tx:
        assert embedded.access_passes.try_use(tx, "7", lambda _row, kept: kept == b"digest", now=NOW) is not None


@pytest.mark.parametrize("before", [None, JobMark(NOW, "")])
def test_a_mark_is_moved_by_one_of_two(server: Store, before: JobMark | None) -> None:
    if before is not None:
        with server.database.write() as tx:
            server.checkpoints.put(tx, "digest", at=before.at)

    def move() -> bool:
        return server.database.transact(
            lambda tx: server.checkpoints.try_move(tx, "digest", before, at=NOW + timedelta(days=7))
        )

    assert sorted(at_once([move, move])) == [False, True]

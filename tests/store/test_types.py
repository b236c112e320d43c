"""Columns that mean the same on every server."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Dialect, func, insert, select, text
from sqlalchemy.dialects import mysql, postgresql, sqlite
from sqlalchemy.exc import IntegrityError, StatementError

from flask_mfa_gate.crypto import Keyring
from flask_mfa_gate.domain.enrollment.state_changes import Requirement
from flask_mfa_gate.domain.sign_in.assurance import FactorKind
from flask_mfa_gate.errors import StoreError
from flask_mfa_gate.signals import Event
from flask_mfa_gate.store import build_store
from flask_mfa_gate.store.database.engine import Database, make_engine
from flask_mfa_gate.store.database.location import Location
from flask_mfa_gate.store.enrollment.factors import NewFactor
from flask_mfa_gate.store.tables.tables import Tables, build_tables
from flask_mfa_gate.store.tables.types import UTCDateTime, exact

INSTANT = datetime(2026, 3, 29, 1, 30, 0, 123_456, tzinfo=UTC)
DIALECTS: list[Dialect] = [sqlite.dialect(), postgresql.dialect(), mysql.dialect()]


@pytest.fixture
def tables(prefix: str) -> Tables:
    return build_tables(prefix)


@pytest.fixture(params=["UTC", "Asia/Tokyo", "America/St_Johns"])
def local_zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Before any connection is made, so that the drivers see it too."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", request.param)
        time.tzset()
        yield request.param
    time.tzset()


def add(database: Database, tables: Tables, user_key: str, **values: Any) -> None:
    with database.write() as tx:
        tx.execute(insert(tables.enrollment).values(user_key=user_key, required=False, **values))


def test_an_instant_comes_back_to_the_microsecond_wherever_the_machine_is(
    local_zone: str, database: Database, tables: Tables
) -> None:
    tokyo = INSTANT.astimezone(timezone(timedelta(hours=9)))
    add(database, tables, "1", started_at=INSTANT, ends_at=tokyo)
    with database.read() as tx:
        row = tx.execute(select(tables.enrollment.c.started_at, tables.enrollment.c.ends_at)).one()
        found = tx.execute(
            select(func.count()).select_from(tables.enrollment).where(tables.enrollment.c.ends_at == INSTANT)
        )
        assert found.scalar_one() == 1
    assert row.started_at == row.ends_at == INSTANT
    assert row.started_at.tzinfo is row.ends_at.tzinfo is UTC


# A host may have put a zone into the address that it shares with the gate.
ZONED: dict[str, dict[str, str]] = {
    "sqlite": {},
    "postgresql": {"options": "-c TimeZone=Asia/Kolkata"},
    "mariadb": {"init_command": "SET time_zone = '+05:30'"},
}


def test_an_instant_is_the_same_in_sessions_of_any_zone(
    local_zone: str, request: pytest.FixtureRequest, location: Location, database: Database, tables: Tables
) -> None:
    zone = ZONED[request.node.callspec.params["location"]]
    zoned = Database(make_engine(replace(location, url=location.url.update_query_dict(zone))))
    add(zoned, tables, "zoned", ends_at=INSTANT)
    add(database, tables, "plain", ends_at=INSTANT)
    column = tables.enrollment.c.ends_at
    for each in (zoned, database):
        with each.read() as tx:
            assert tx.execute(select(column)).scalars().all() == [INSTANT, INSTANT]
            assert tx.execute(select(func.count()).where(column == INSTANT)).scalar_one() == 2
            written = text(f"SELECT CAST(ends_at AS CHAR(26)) FROM {tables.enrollment.name}")
            assert set(tx.execute(written).scalars()) == {"2026-03-29 01:30:00.123456"}
    zoned.dispose()


def test_instants_are_ordered_by_the_microsecond(database: Database, tables: Tables) -> None:
    add(database, tables, "1", ends_at=INSTANT)
    column = tables.enrollment.c.ends_at
    with database.read() as tx:
        for apart, expected in ((-1, 1), (0, 0), (1, 0)):
            later = select(func.count()).where(column > INSTANT + timedelta(microseconds=apart))
            assert tx.execute(later).scalar_one() == expected


def test_a_naive_datetime_is_refused(database: Database, tables: Tables) -> None:
    naive = INSTANT.replace(tzinfo=None)
    with pytest.raises(StoreError) as caught:
        add(database, tables, "1", ends_at=naive)
    assert isinstance(caught.value.__cause__, StatementError)
    assert "naive" in str(caught.value.__cause__)
    with pytest.raises(ValueError, match="aware UTC"):
        UTCDateTime().process_bind_param(naive, DIALECTS[0])


zones = st.timedeltas(min_value=timedelta(hours=-23), max_value=timedelta(hours=23)).map(
    lambda offset: timezone(timedelta(minutes=offset // timedelta(minutes=1)))
)


@given(
    st.datetimes(min_value=datetime(1971, 1, 1), max_value=datetime(2200, 1, 1), timezones=zones),  # noqa: DTZ001
    st.sampled_from(DIALECTS),
)
def test_any_zone_in_utc_out(instant: datetime, dialect: Dialect) -> None:
    column = UTCDateTime()
    stored = column.process_bind_param(instant, dialect)
    loaded = column.process_result_value(stored, dialect)
    assert loaded == instant
    assert loaded is not None
    assert loaded.tzinfo is UTC


KEYS = ["Bob", "bob", "bob ", "bob\t", "BOB", "böb", "bo\u0308b", "bob\u200b", "ß", "ss", "", " "]


def test_keys_that_look_alike_are_different_people(database: Database, tables: Tables) -> None:
    for key in KEYS:
        add(database, tables, key)
    column = tables.enrollment.c.user_key
    with database.read() as tx:
        assert sorted(tx.execute(select(column)).scalars()) == sorted(KEYS)
        for key in KEYS:
            assert tx.execute(select(column).where(column == key)).scalars().all() == [key]
    with pytest.raises(IntegrityError):
        add(database, tables, "bob ")


LONGEST = ["k" * 191, "🔐" * 191, "🔐" * 190 + "🔒"]


def test_the_longest_keys_come_back_and_stay_apart(database: Database, tables: Tables) -> None:
    for key in LONGEST:
        add(database, tables, key)
    column = tables.enrollment.c.user_key
    with database.read() as tx:
        for key in LONGEST:
            assert tx.execute(select(column).where(column == key)).scalars().all() == [key]


def test_people_whose_keys_look_alike_share_nothing(database: Database, prefix: str) -> None:
    """One is charged, required and given codes; all others stay as they were."""
    store = build_store(database, prefix=prefix, keyring=Keyring.from_keys([bytes(32)]))
    with database.write() as tx:
        for key in KEYS:
            store.enrollments.lock(tx, key)
        store.failures.add(tx, "bob", place="192.0.2.1", now=INSTANT)
        store.enrollments.set_requirement(tx, ["bob"], Requirement("user:Bob"), due_at=None)
        store.recovery_codes.replace(tx, "bob", [("1", b"digest")], now=INSTANT)
    with database.write() as tx:
        for key in KEYS:
            is_bob = key == "bob"
            assert store.enrollments.state(tx, key, now=INSTANT).required is is_bob
            assert store.failures.count(tx, key, place="192.0.2.1", now=INSTANT).in_total == is_bob
            assert store.recovery_codes.left(tx, key) == is_bob


@pytest.mark.parametrize("reason", ["r" * 10_000, "漢" * 10_000, "🔐" * 10_000], ids=["1 byte", "3 bytes", "4 bytes"])
def test_long_text_comes_back(database: Database, prefix: str, reason: str) -> None:
    store = build_store(database, prefix=prefix, keyring=Keyring.from_keys([bytes(32)]))
    actor, name = f"user:{'🔐' * 191}", "🔐" * 64
    event = Event(
        name="mfa_reset", at=INSTANT, actor=actor, subject="🔐" * 191, address=None, user_agent="🦊" * 255,
        reason=reason, details={"said": reason},
    )  # fmt: skip
    with database.write() as tx:
        store.audit.write(tx, [event])
        store.factors.add_pending(
            tx,
            NewFactor(id="f", user_key="1", kind=FactorKind("totp"), name=name, sealed=b"", data={}, lineage="l"),
            now=INSTANT,
        )
        pending = store.factors.pending(tx, "1", FactorKind("totp"), lineage="l", now=INSTANT)
        assert store.audit.recent(tx, event.subject, limit=2) == [event]
    assert pending is not None
    assert pending.name == name


def test_text_of_any_kind_comes_back(database: Database, tables: Tables) -> None:
    spoken = "naïve 漢字 🔐👩‍🚒 'quoted' \\ %s :x"
    with database.write() as tx:
        tx.execute(
            insert(tables.audit).values(
                at=INSTANT, event="e", actor="🔐", subject=spoken, reason=spoken, details={"said": spoken}
            )
        )
    with database.read() as tx:
        row = tx.execute(select(tables.audit)).one()
    assert (row.actor, row.subject, row.reason, row.details) == ("🔐", spoken, spoken, {"said": spoken})


@pytest.mark.parametrize(("is_mariadb", "collation"), [(True, "utf8mb4_nopad_bin"), (False, "utf8mb4_0900_bin")])
def test_each_server_has_its_own_name_for_exact(is_mariadb: bool, collation: str) -> None:
    dialect = mysql.dialect()
    dialect.is_mariadb = is_mariadb
    compiled = exact(8).compile(dialect=dialect)
    assert compiled == f"VARCHAR(8) CHARACTER SET utf8mb4 COLLATE {collation}"
    assert exact(8).compile(dialect=sqlite.dialect()) == exact(8).compile(dialect=postgresql.dialect()) == "VARCHAR(8)"

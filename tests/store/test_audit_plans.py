"""Each list of the audit log reads an index by time and stops at its limit, on every server, whatever it is filtered by."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import pytest
from sqlalchemy import Connection, text

from flask_mfa_gate.crypto import Keyring
from flask_mfa_gate.domain.records.event_name import EventName
from flask_mfa_gate.signals import Event
from flask_mfa_gate.store import Store, build_store
from flask_mfa_gate.store.database.engine import Database
from flask_mfa_gate.store.records.audit import AuditFilter, RecordPlace

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
ROWS = 3000
WHAT: tuple[dict[str, str], ...] = (
    {}, {"event": "signed_in"}, {"actor": "cli"}, {"subject": "7"}, {"reason_id": "default-access-deny"},
    {"event": "access_denied", "actor": "cli"}, {"event": "access_denied", "reason_id": "default-access-deny"},
)  # fmt: skip
WHEN: tuple[dict[str, datetime], ...] = (
    {}, {"since": NOW - timedelta(minutes=900)}, {"until": NOW - timedelta(minutes=900)},
    {"since": NOW - timedelta(minutes=905), "until": NOW - timedelta(minutes=900)},
)  # fmt: skip


def event(number: int) -> Event:
    name = (EventName.SIGNED_IN, EventName.SIGNED_OUT, EventName.ACCESS_DENIED)[number % 3]
    denied = {"reason_id": "default-access-deny", "reference": f"0000-{number:04}"}
    return Event(
        name, NOW - timedelta(minutes=number), ("cli", "host", "user:7")[number % 7 % 3], str(number % 50),
        details=denied if name is EventName.ACCESS_DENIED else {},
    )  # fmt: skip


@pytest.fixture
def store(database: Database, prefix: str) -> Store:
    store = build_store(database, prefix=prefix, keyring=Keyring.from_keys([b"\x01" * 32]))
    with database.write() as tx:
        store.audit.write(tx, [event(number) for number in range(ROWS)])
    with database.read() as tx:
        name = store.tables.audit.name
        # As in the tests of the users list: MariaDB still counts what earlier tests deleted.
        look = "ANALYZE" if tx.dialect.name in {"sqlite", "postgresql"} else "OPTIMIZE TABLE"
        tx.exec_driver_sql(f"{look} {name}").close()
    return store


def is_unbounded_on_sqlite(tx: Connection, statement: str) -> bool:
    plan = [row.detail for row in tx.execute(text(f"EXPLAIN QUERY PLAN {statement}"))]
    return any("TEMP B-TREE" in one or (one.startswith("SCAN") and "INDEX" not in one) for one in plan)


def is_unbounded_on_postgresql(tx: Connection, statement: str) -> bool:
    for way in ("seqscan", "bitmapscan", "sort"):
        tx.execute(text(f"SET enable_{way} = off"))
    plan = json.dumps(tx.execute(text(f"EXPLAIN (FORMAT JSON) {statement}")).scalar_one())
    return '"Seq Scan"' in plan or '"Sort"' in plan


def is_unbounded_on_mariadb(tx: Connection, statement: str) -> bool:
    rows = tx.execute(text(f"EXPLAIN {statement}")).mappings().all()
    return any("filesort" in (row["Extra"] or "") or row["type"] == "ALL" for row in rows)


IS_UNBOUNDED: dict[str, Callable[[Connection, str], bool]] = {
    "sqlite": is_unbounded_on_sqlite, "postgresql": is_unbounded_on_postgresql,
    "mysql": is_unbounded_on_mariadb, "mariadb": is_unbounded_on_mariadb,
}  # fmt: skip


def test_a_page_is_read_in_the_order_of_an_index(store: Store) -> None:
    found: list[Any] = []
    with store.database.read() as tx:
        for what, when in product(WHAT, WHEN):
            for before in (None, RecordPlace(NOW - timedelta(minutes=901), 902)):
                latest = store.audit.latest(tx, AuditFilter(**what, **when), before=before, limit=51)
                statement = str(latest.compile(tx, compile_kwargs={"literal_binds": True})).replace("%%", "%")
                if IS_UNBOUNDED[tx.dialect.name](tx, statement.replace(":", "\\:")):
                    found.append((what, when, before))
    assert found == []


def test_pages_follow_time_and_miss_nothing(store: Store) -> None:
    """Also where a clock was set back, so that a later record is older."""
    with store.database.write() as tx:
        store.audit.write(tx, [event(1500), event(1500), event(0)])
    for what, when in product(WHAT, WHEN):
        wanted, met, before = AuditFilter(**what, **when), list[Any](), None
        with store.database.read() as tx:
            while (found := store.audit.page(tx, wanted, before=before, limit=700)).count:
                met += [(one.event.at, one.id) for one in found.records]
                before = RecordPlace(*met[-1])
        expected = [one for one in [*map(event, range(ROWS)), event(1500), event(1500), event(0)] if fits(one, wanted)]
        assert len(met) == len(set(met)) == len(expected)
        assert met == sorted(met, reverse=True)


def fits(one: Event, wanted: AuditFilter) -> bool:
    said = {"event": one.name, "actor": one.actor, "subject": one.subject, "reason_id": one.details.get("reason_id")}
    is_in_time = (wanted.since is None or one.at >= wanted.since) and (wanted.until is None or one.at < wanted.until)
    return is_in_time and all(getattr(wanted, name) in (None, value) for name, value in said.items())


def test_a_reference_finds_its_record(store: Store) -> None:
    with store.database.read() as tx:
        found = store.audit.page(tx, AuditFilter(reference="0000-0302"), before=None, limit=2)
    assert [one.event.at for one in found.records] == [NOW - timedelta(minutes=302)]

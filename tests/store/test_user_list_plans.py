"""Each list reads an index in the order of the list, on every server: what is slow among a million shows in the plan of few."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import pytest
from sqlalchemy import Connection, text

from flask_mfa_gate.crypto import Keyring
from flask_mfa_gate.domain.enrollment.enrollment import Status
from flask_mfa_gate.domain.people.person import Person
from flask_mfa_gate.domain.people.roles import Role
from flask_mfa_gate.domain.people.user_filter import EVERYBODY, UserFilter
from flask_mfa_gate.domain.people.user_list import Position, UserSort
from flask_mfa_gate.domain.sign_in.assurance import FactorKind
from flask_mfa_gate.store import Store, build_store
from flask_mfa_gate.store.database.engine import Database
from flask_mfa_gate.store.people.user_list import UserList

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
FILTERS = (
    EVERYBODY, *(UserFilter(status=status) for status in Status if status is not Status.DISABLED),
    UserFilter(required=True), UserFilter(holds_any=False), UserFilter(ends_within=timedelta(days=1)),
)  # fmt: skip
BY_NAME = (UserFilter(role=Role.ADMIN), UserFilter(has_email=False), UserFilter(group="a"))


@pytest.fixture
def store(database: Database, prefix: str) -> Store:
    store = build_store(database, prefix=prefix, keyring=Keyring.from_keys([b"\x01" * 32]))
    people = [Person(f"{number:05}", f"Name {number % 977}", groups=frozenset({"a"})) for number in range(2000)]
    with database.write() as tx:
        for start in range(0, len(people), 1000):
            store.people.write(tx, people[start : start + 1000], now=NOW)
    with database.read() as tx:
        for table in (store.tables.person, store.tables.person_group):
            tx.exec_driver_sql(f"ANALYZE {'' if tx.dialect.name in {'sqlite', 'postgresql'} else 'TABLE'} {table.name}")
    return store


def sorts_on_sqlite(tx: Connection, statement: str) -> bool:
    """Whether more is sorted than the few rows that branches of a union hand on."""
    plan = [row.detail for row in tx.execute(text(f"EXPLAIN QUERY PLAN {statement}"))]
    scans = [one for one in plan if one.startswith("SCAN") and "INDEX" not in one and "CONSTANT" not in one]
    return bool([one for one in scans if "person" in one]) or (
        "UNION" not in statement and any("TEMP B-TREE" in one for one in plan)
    )


def sorts_on_postgresql(tx: Connection, statement: str) -> bool:
    tx.execute(text("SET enable_seqscan = off"))
    tx.execute(text("SET enable_bitmapscan = off"))
    plan = json.dumps(tx.execute(text(f"EXPLAIN (FORMAT JSON) {statement}")).scalar_one())
    return '"Seq Scan"' in plan or ("UNION" not in statement and '"Sort"' in plan)


def sorts_on_mariadb(tx: Connection, statement: str) -> bool:
    rows = tx.execute(text(f"EXPLAIN {statement}")).mappings().all()
    on_people = [row for row in rows if "person" in str(row["table"]) and int(row["rows"] or 0) > 1]
    return any("filesort" in (row["Extra"] or "") or row["type"] == "ALL" for row in on_people)


SORTS: dict[str, Callable[[Connection, str], bool]] = {
    "sqlite": sorts_on_sqlite, "postgresql": sorts_on_postgresql, "mysql": sorts_on_mariadb, "mariadb": sorts_on_mariadb,
}  # fmt: skip


def test_the_pages_of_many_are_read_in_the_order_of_an_index(store: Store) -> None:
    lists = UserList(store.tables, enabled={FactorKind("totp")}, everybody_required=False)
    cases: list[tuple[UserFilter, UserSort]] = [*product(FILTERS, UserSort), *((one, UserSort.NAME) for one in BY_NAME)]
    found: list[Any] = []
    with store.database.read() as tx:
        for users, sort in cases:
            for after in (None, Position("name 5" if sort is UserSort.NAME else NOW, "00100")):
                chosen = lists._walk(tx, lists._plan(tx, users, NOW), sort, after, 51)
                statement = str(chosen.compile(tx, compile_kwargs={"literal_binds": True})).replace("%%", "%")
                if SORTS[tx.dialect.name](tx, statement.replace(":", "\\:")):
                    found.append((users, sort, after))
    assert found == []

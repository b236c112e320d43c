"""Each list reads an index in the order of the list, on every server: what is slow among a million shows in the plan of few."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import pytest
from sqlalchemy import Connection, insert, text

from flask_mfa_gate.crypto import Keyring
from flask_mfa_gate.domain.enrollment.enrollment import Status
from flask_mfa_gate.domain.people.person import Person
from flask_mfa_gate.domain.people.roles import Role
from flask_mfa_gate.domain.people.user_filter import EVERYBODY, UserFilter
from flask_mfa_gate.domain.people.user_list import Position, UserSort
from flask_mfa_gate.domain.sign_in.assurance import FactorKind
from flask_mfa_gate.store import Store, build_store, schema
from flask_mfa_gate.store.database.engine import Database
from flask_mfa_gate.store.people import user_list
from flask_mfa_gate.store.people.list_parts import Scan
from flask_mfa_gate.store.people.user_conditions import UserConditions
from flask_mfa_gate.store.people.user_list import UserList

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
FILTERS = (
    EVERYBODY, *(UserFilter(status=status) for status in Status if status is not Status.DISABLED),
    UserFilter(required=True), UserFilter(holds_any=False), UserFilter(ends_within=timedelta(days=1)),
    UserFilter(has_email=False), UserFilter(group="a"),
)  # fmt: skip
BY_NAME = (UserFilter(role=Role.ADMIN),)


@pytest.fixture
def store(database: Database, prefix: str) -> Store:
    store = build_store(database, prefix=prefix, keyring=Keyring.from_keys([b"\x01" * 32]))
    people = [Person(f"{number:05}", f"Name {number % 977}", groups=frozenset({"a"})) for number in range(2000)]
    with database.write() as tx:
        for start in range(0, len(people), 1000):
            store.people.write(tx, people[start : start + 1000], now=NOW)
    with database.read() as tx:
        # MariaDB counts the rows that earlier tests deleted until it has purged them, unless the table is written out.
        look = "ANALYZE" if tx.dialect.name in {"sqlite", "postgresql"} else "OPTIMIZE TABLE"
        for table in (store.tables.person, store.tables.person_group):
            tx.exec_driver_sql(f"{look} {table.name}").close()
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
    return any(word in plan for word in ('"Seq Scan"', '"Sort"', '"Filter"'))


def sorts_on_mariadb(tx: Connection, statement: str) -> bool:
    rows = tx.execute(text(f"EXPLAIN {statement}")).mappings().all()
    on_people = [row for row in rows if "person" in str(row["table"]) and int(row["rows"] or 0) > 1]
    return any("filesort" in (row["Extra"] or "") or row["type"] == "ALL" for row in on_people)


SORTS: dict[str, Callable[[Connection, str], bool]] = {
    "sqlite": sorts_on_sqlite, "postgresql": sorts_on_postgresql, "mysql": sorts_on_mariadb, "mariadb": sorts_on_mariadb,
}  # fmt: skip


def test_the_pages_of_many_are_read_in_the_order_of_an_index(store: Store) -> None:
    conditions = UserConditions(store.tables, enabled={FactorKind("totp")}, everybody_required=False)
    row = store.tables.person.c
    whole = [(sort, Scan((conditions.sort_column(sort), row.user_key))) for sort in UserSort]
    parts = [part for users in (*FILTERS, *BY_NAME) for part in conditions.parts(users, NOW)]
    scans = [(sort, scan) for part in parts for sort, found in part.scans.items() for scan in found]
    assert len(scans) > 50
    slow: list[Any] = []
    with store.database.read() as tx:
        for sort, scan in (*whole, *scans):
            for after in (None, Position("name 5" if sort is UserSort.NAME else NOW, "00100")):
                chosen = scan.page(tx, after=after, limit=51, is_descending=sort.is_descending)
                if SORTS[tx.dialect.name](tx, literal_text(tx, chosen)):
                    slow.append((sort, scan.begins, after))
    assert slow == []


def test_a_list_is_not_gathered_and_sorted_where_nobody_has_vacuumed(store: Store) -> None:
    with store.database.read_in_order() as tx:
        told = tx.dialect.name != "postgresql" or tx.execute(text("SHOW enable_bitmapscan")).scalar_one() == "off"
    with store.database.read() as tx:
        forgotten = tx.dialect.name != "postgresql" or tx.execute(text("SHOW enable_bitmapscan")).scalar_one() == "on"
    assert (told, forgotten) == (True, True)


def test_what_a_filter_asks_of_a_user_is_looked_up_by_key(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever else a database might think to read first."""
    monkeypatch.setattr(user_list, "FEW", 2)
    lists = UserList(store.tables, enabled={FactorKind("totp")}, everybody_required=False)
    many = UserFilter(group="a", has_email=False, text="name", status=Status.NOT_ENROLLED)
    few = UserFilter(group="few", has_email=False, status=Status.NOT_ENROLLED)
    with store.database.write() as tx:
        store.people.write(tx, [Person("f", "Few", groups=frozenset({"few"}))], now=NOW)
    with store.database.read() as tx:
        for users, sort in product((many, few), UserSort):
            asked = lists._sized(tx, users, sort, NOW)
            assert asked is not None
            plan = lists._plan(asked, sort)
            if plan.few is None:
                chosen = lists._tested(tx, plan, sort, None, 51)
            else:
                chosen = lists._few(tx, plan.few, plan.tests, sort)
            assert (plan.few is None) is (users is many)
            assert reads_by_key(tx, literal_text(tx, chosen)), (users, sort)


def test_a_few_of_one_status_are_sorted_without_their_rows(store: Store) -> None:
    conditions = UserConditions(store.tables, enabled={FactorKind("totp")}, everybody_required=False)
    lists = UserList(store.tables, enabled={FactorKind("totp")}, everybody_required=False)
    (few,) = conditions.parts(UserFilter(ends_within=timedelta(days=1)), NOW)
    with store.database.read_in_order() as tx:
        for sort in (UserSort.NAME, UserSort.LAST_SIGN_IN):
            for one in range(len(few.own)):
                chosen = lists._few(tx, few.kept([one]), (), sort)
                assert reads_index_alone(tx, literal_text(tx, chosen)), (sort, one)


@pytest.mark.parametrize("location", ["sqlite"], indirect=True)
def test_an_upgrade_leaves_no_index_of_people_without_statistics(empty_database: Database, prefix: str) -> None:
    """SQLite would take it for the best; the others look by themselves."""
    schema.upgrade(empty_database, prefix=prefix, revision="0020")
    store = build_store(empty_database, prefix=prefix, keyring=Keyring.from_keys([b"\x01" * 32]))
    with empty_database.write() as tx:
        store.people.write(tx, [Person("1", "Anna")], now=NOW)
        tx.execute(text("ANALYZE"))
    schema.upgrade(empty_database, prefix=prefix)
    with empty_database.read() as tx:
        looked_at = {row.idx for row in tx.execute(text("SELECT tbl, idx FROM sqlite_stat1")) if "person" in row.tbl}
    assert {index.name for index in store.tables.person.indexes} <= looked_at


def test_of_those_who_failed_only_some_are_looked_at(store: Store) -> None:
    """Those who failed lately, and those who failed often."""
    failures = [
        {"user_key": f"{number:05}", "address": "a", "ordinal": times, "at": NOW - timedelta(hours=number), "on_record": 1}
        for number in range(500)
        for times in range(4)
    ]  # fmt: skip
    with store.database.write() as tx:
        tx.execute(insert(store.tables.failure), failures)
    conditions = UserConditions(store.tables, enabled={FactorKind("totp")}, everybody_required=False)
    with store.database.read() as tx:
        look = "ANALYZE" if tx.dialect.name in {"sqlite", "postgresql"} else "OPTIMIZE TABLE"
        tx.exec_driver_sql(f"{look} {store.tables.failure.name}").close()
        assert whole_reads(tx, literal_text(tx, conditions.throttled(NOW)), store.tables.failure.name) == []


def whole_reads(tx: Connection, statement: str, table: str) -> list[str]:
    """Where a plan reads all of a table, or of one of its indexes."""
    if tx.dialect.name == "sqlite":
        plan = [row.detail for row in tx.execute(text(f"EXPLAIN QUERY PLAN {statement}"))]
        return [one for one in plan if one.startswith("SCAN") and table in one]
    if tx.dialect.name == "postgresql":
        tx.execute(text("SET enable_seqscan = off"))
        (found,) = tx.execute(text(f"EXPLAIN (FORMAT JSON) {statement}")).scalar_one()
        return [one["Node Type"] for one in nodes_of(found["Plan"]) if "Scan" in one["Node Type"] and not is_bound(one)]
    rows = tx.execute(text(f"EXPLAIN {statement}")).mappings().all()
    return [row["type"] for row in rows if row["type"] in {"ALL", "index"} and not str(row["table"]).startswith("<")]


def nodes_of(plan: Any) -> Iterator[Any]:
    yield plan
    for one in plan.get("Plans", ()):
        yield from nodes_of(one)


def is_bound(node: Any) -> bool:
    return "Index Cond" in node or node["Node Type"] in {"Bitmap Heap Scan", "Subquery Scan"}


def literal_text(tx: Connection, chosen: Any) -> str:
    statement = str(chosen.compile(tx, compile_kwargs={"literal_binds": True})).replace("%%", "%")
    return statement.replace(":", "\\:")


def reads_index_alone(tx: Connection, statement: str) -> bool:
    if tx.dialect.name == "sqlite":
        plan = [row.detail for row in tx.execute(text(f"EXPLAIN QUERY PLAN {statement}"))]
        return [one for one in plan if "person" in one and "COVERING INDEX" not in one] == []
    if tx.dialect.name == "postgresql":
        tx.execute(text("SET LOCAL enable_seqscan = off"))
        (found,) = tx.execute(text(f"EXPLAIN (FORMAT JSON) {statement}")).scalar_one()
        return {one["Node Type"] for one in nodes_of(found["Plan"]) if "Relation Name" in one} == {"Index Only Scan"}
    rows = tx.execute(text(f"EXPLAIN {statement}")).mappings().all()
    read = [row["Extra"] for row in rows if "person" in str(row["table"])]
    return bool(read) and all("Using index" in extra for extra in read)


def reads_by_key(tx: Connection, statement: str) -> bool:
    if tx.dialect.name == "sqlite":
        plan = [row.detail for row in tx.execute(text(f"EXPLAIN QUERY PLAN {statement}"))]
        return any("person USING" in one and "(user_key=?)" in one for one in plan)
    if tx.dialect.name == "postgresql":
        plan = [str(row[0]) for row in tx.execute(text(f"EXPLAIN {statement}"))]
        return any("person_pkey" in one or "pk_mfa" in one for one in plan)
    rows = tx.execute(text(f"EXPLAIN {statement}")).mappings().all()
    return any(row["key"] == "PRIMARY" and row["type"] in {"eq_ref", "const"} for row in rows)

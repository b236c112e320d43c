"""What an UPDATE replaces is asked with its own WHERE, and never in a way that could do or break anything."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Connection, create_engine

from flask_mfa_gate.web.sessions.replaced_values import Replaced, replaced_by

OLD, NEW, OTHER = "old" * 8, "new" * 8, "other" * 8


@pytest.fixture
def conn() -> Iterator[Connection]:
    with create_engine("sqlite://").connect() as conn:
        conn.exec_driver_sql('CREATE TABLE person (id INTEGER, pw TEXT, "a, where" TEXT, n INTEGER)')
        conn.exec_driver_sql("INSERT INTO person VALUES (1, ?, ?, 0), (2, ?, NULL, 0)", (OLD, OTHER, OTHER))
        yield conn


FOUND: list[tuple[str, Any, list[str]]] = [
    ("UPDATE person SET pw = ? WHERE id = ?", (NEW, 1), [OLD]),
    ("update person set pw=:p where id=:id", {"p": NEW, "id": 1}, [OLD]),
    ("UPDATE person SET n=(n + ?), pw=? WHERE id = ? RETURNING id", (1, NEW, 1), [OLD]),
    ('UPDATE "person" SET "a, where"=?, n=max(n, ?), pw=? WHERE person.id IN (?, ?)', (NEW, 1, NEW, 1, 2), [OTHER, OLD, OTHER]),
    ("UPDATE person SET pw = ? WHERE id = ?", [(NEW, 1), (NEW, 2)], [OLD, OTHER]),
    ("UPDATE person SET pw = ?, n = 'it''s ? , where' WHERE id = ?", (NEW, 1), [OLD]),
]  # fmt: skip
NOTHING: list[tuple[str, Any]] = [
    ("UPDATE person SET pw = ? WHERE id = ?", (OLD, 1)),
    ("UPDATE person SET pw = ? WHERE id = ?", (NEW, 3)),
    ("UPDATE person SET pw = ? WHERE id = ?", ("short", 1)),
    ("UPDATE person SET n = 1 WHERE pw = ?", (OLD,)),
    ("UPDATE person SET pw = ?", (NEW,)),
    ("UPDATE person SET pw = lower(?) WHERE id = ?", (NEW, 1)),
    ("UPDATE person SET pw = ?, n = o.n FROM other AS o WHERE o.id = person.id", (NEW,)),
    ("UPDATE person SET pw = ? WHERE CURRENT OF rows", (NEW,)),
    ("UPDATE person SET pw = ? WHERE id = ?; DELETE FROM person", (NEW, 1)),
    ("UPDATE person SET pw = ? -- WHERE\n WHERE id = ?", (NEW, 1)),
    ("UPDATE person /* c */ SET pw = ? WHERE id = ?", (NEW, 1)),
]


def test_what_stands_there_is_found_row_by_row(conn: Connection) -> None:
    for statement, parameters, before in FOUND:
        assert list(replaced_by(conn, statement, parameters)) == [Replaced(one, NEW) for one in before], statement


def test_what_changes_nothing_or_cannot_be_told_apart_counts_for_nothing(conn: Connection) -> None:
    for statement, parameters in NOTHING:
        assert not list(replaced_by(conn, statement, parameters)), statement

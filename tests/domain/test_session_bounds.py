"""Which sessions of a user are too many."""

from __future__ import annotations

import pytest

from flask_mfa_gate.domain.sign_in.session_bounds import (
    MOST_FORMER,
    MOST_PENDING,
    MOST_UNPROVEN,
    SessionRow,
    may_have_surplus,
    surplus,
)


def rows(count: int, *, lineage: str = "", **kind: bool) -> list[SessionRow]:
    facts = {"is_pending": False, "is_proven": False, "is_former": False, **kind}
    return [SessionRow(f"{lineage}{number}", lineage or str(number), **facts) for number in range(count)]


@pytest.mark.parametrize(
    ("kind", "most"), [({"is_pending": True}, MOST_PENDING), ({}, MOST_UNPROVEN), ({"is_former": True}, MOST_FORMER)]
)
def test_the_oldest_beyond_what_is_kept_go(kind: dict[str, bool], most: int) -> None:
    assert surplus(rows(most, lineage="a", **kind)) == []
    assert surplus(rows(most + 3, lineage="a", **kind)) == [f"a{most}", f"a{most + 1}", f"a{most + 2}"]


def test_what_a_proof_stands_behind_stays() -> None:
    assert surplus(rows(1000, is_proven=True)) == []
    assert surplus([*rows(MOST_PENDING, is_pending=True), *rows(5, lineage="p", is_proven=True)]) == []


def test_each_kind_is_counted_for_itself_and_former_ids_by_sign_in() -> None:
    full = [
        *rows(MOST_PENDING, lineage="w", is_pending=True), *rows(MOST_UNPROVEN, lineage="u"),
        *rows(MOST_FORMER, lineage="a", is_former=True), *rows(MOST_FORMER, lineage="b", is_former=True),
    ]  # fmt: skip
    assert surplus(full) == []


@pytest.mark.parametrize(
    "full",
    [
        rows(MOST_PENDING, is_pending=True), rows(MOST_UNPROVEN), rows(MOST_FORMER, lineage="a", is_former=True),
        [*rows(MOST_PENDING, is_pending=True), *rows(5, lineage="p", is_proven=True)],
    ],
)  # fmt: skip
def test_one_more_of_what_is_full_is_found_by_the_numbers_alone(full: list[SessionRow]) -> None:
    former = sum(row.is_former for row in full)
    pending = sum(row.is_pending for row in full)
    assert surplus([full[0]._replace(id_digest="new"), *full]) != []
    assert may_have_surplus(current=len(full) - former, pending=pending, former=former)


def test_few_rows_are_not_gone_through() -> None:
    assert not may_have_surplus(current=MOST_UNPROVEN - 1, pending=MOST_PENDING - 1, former=MOST_FORMER - 1)

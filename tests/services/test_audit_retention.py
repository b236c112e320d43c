"""Old records leave the audit log from its beginning, and what is left still proves all that it proved."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text

from flask_mfa_gate.domain.people.person import Person
from flask_mfa_gate.errors import BadRequest
from flask_mfa_gate.services.audit import retention as retention_module
from flask_mfa_gate.services.audit.anchor import Anchors
from flask_mfa_gate.services.sign_in.sessions import DROPPED
from flask_mfa_gate.store.database.sets import insert_many
from tests.conftest import StillClock, state_of
from tests.services.kit import People, rows

DAVE = Person("4", "Dave", "dave@example.org")


@pytest.fixture
def kept_ten_days(make_host: Callable[..., Flask], clock: StillClock) -> Any:
    """A log of two months, half of it old enough to go."""
    app = make_host({"MFA_GATE_AUDIT_RETENTION_DAYS": 10}, directory=People((DAVE,)))
    with app.app_context():
        state = state_of(app)
        state.people.users.sync()
        for day in range(6):
            state.people.enrollments.reset("4", reason=f"day {day}")
            state.operations.audit.seal()
            clock.forward(days=4)
        yield state


def execute(state: Any, statement: str) -> None:
    with state.store.database.write() as tx:
        tx.execute(text(statement))


def numbers(state: Any) -> list[int]:
    return sorted(row.number for row in rows(state.store, "audit") if row.number is not None)


def trim(state: Any) -> int:
    removed: int = state.operations.upkeep.sweeper._retention.run()
    return removed


def test_old_records_go_and_the_rest_is_proved_from_the_anchor_on(kept_ten_days: Any, clock: StillClock) -> None:
    state, head = kept_ten_days, str(kept_ten_days.operations.audit.head())
    before = numbers(state)
    removed = trim(state)
    assert removed == before[-1] - 2, "two are younger than ten days"
    assert numbers(state) == before[-2:]
    found = state.operations.audit.verify(head)
    assert (found.broken_at, found.verified, found.anchor.last.number) == (None, 2, removed)
    assert str(found.anchor) == f"records before {removed + 1} were removed by retention on {clock.now:%Y-%m-%d}"
    assert state.operations.audit.has_its_end()
    assert trim(state) == 0


def test_all_of_it_may_go_and_the_chain_goes_on(kept_ten_days: Any, clock: StillClock) -> None:
    state = kept_ten_days
    clock.forward(days=30)
    last = numbers(state)[-1]
    assert trim(state) == last
    found = state.operations.audit.verify()
    assert (found.broken_at, found.verified) == (None, 0)
    assert state.operations.audit.has_its_end()
    state.people.enrollments.reset("4", reason="later")
    state.operations.audit.seal()
    assert numbers(state) == [last + 1]
    assert state.operations.audit.verify().broken_at is None


def test_what_is_not_sealed_is_never_removed(kept_ten_days: Any, clock: StillClock) -> None:
    state = kept_ten_days
    state.people.enrollments.reset("4", reason="unsealed")
    clock.forward(days=1000)
    trim(state)
    assert [row.reason for row in rows(state.store, "audit")] == ["unsealed"]


def test_a_head_whose_record_is_gone_proves_nothing(kept_ten_days: Any) -> None:
    """SECURITY: whoever writes to the table could let a chain of his own grow old."""
    state = kept_ten_days
    first = rows(state.store, "audit")[0]
    trim(state)
    with pytest.raises(BadRequest, match=r"Record 1 is gone: records before \d+ were removed by retention"):
        state.operations.audit.verify(f"1:{first.mac}")


def test_the_head_at_the_anchor_has_to_be_the_one_that_was_removed(kept_ten_days: Any) -> None:
    state = kept_ten_days
    trim(state)
    last = state.operations.audit.verify().anchor.last
    assert state.operations.audit.verify(str(last)).broken_at is None
    assert state.operations.audit.verify(f"{last.number}:{'0' * 64}").broken_at == last.number


@pytest.mark.parametrize(
    "attack",
    [
        "DELETE FROM mfa_gate_mark WHERE name = 'audit-anchor'",
        "DELETE FROM mfa_gate_audit WHERE number = (SELECT n FROM (SELECT min(number) AS n FROM mfa_gate_audit) AS t)",
        "UPDATE mfa_gate_mark SET value = '' WHERE name = 'audit-anchor'",
        "UPDATE mfa_gate_mark SET value = replace(value, ':', '1:') WHERE name = 'audit-anchor'",
        "UPDATE mfa_gate_mark SET value = replace(value, '2026', '2025') WHERE name = 'audit-anchor'",
    ],
)
def test_a_beginning_that_was_cut_off_and_an_anchor_that_was_moved_are_found(kept_ten_days: Any, attack: str) -> None:
    state, head = kept_ten_days, str(kept_ten_days.operations.audit.head())
    trim(state)
    execute(state, attack)
    assert state.operations.audit.verify(head).broken_at is not None
    assert not state.operations.audit.has_its_end()


def test_an_anchor_made_of_a_true_link_without_the_keys_is_none(kept_ten_days: Any, clock: StillClock) -> None:
    state = kept_ten_days
    second = rows(state.store, "audit")[1]
    with state.store.database.write() as tx:
        value = f"{second.number}:{second.mac} {clock.now.isoformat()} {second.mac}"
        state.store.checkpoints.put(tx, "audit-anchor", at=clock.now, value=value)
        tx.execute(state.store.tables.audit.delete().where(state.store.tables.audit.c.number <= 2))
    assert state.operations.audit.verify().broken_at == 1


def test_the_anchor_of_another_log_under_the_same_keys_is_none(kept_ten_days: Any) -> None:
    state = kept_ten_days
    trim(state)
    anchors = state.operations.upkeep.sweeper._retention._anchors
    tables = SimpleNamespace(audit=SimpleNamespace(name="other_audit"))
    others = Anchors(SimpleNamespace(tables=tables, checkpoints=state.store.checkpoints), anchors._keyring)  # type: ignore[arg-type]
    with state.store.database.write() as tx:
        own = anchors.get(tx)
        assert own.removed_at is not None
        others.put(tx, own.last, at=own.removed_at)
        assert others.get(tx) == own
        assert anchors.get(tx).removed_at is None


@pytest.mark.parametrize(
    "change", ["reason = 'forged'", "at = '2020-01-01 00:00:00.000000'", "mac = personal", "number = number + 5000"]
)
def test_what_was_forged_or_made_older_is_not_removed(
    kept_ten_days: Any, change: str, caplog: pytest.LogCaptureFixture
) -> None:
    """SECURITY: removing would wipe the trace."""
    state, middle = kept_ten_days, numbers(kept_ten_days)[1]
    execute(state, f"UPDATE mfa_gate_audit SET {change} WHERE number = {middle}")
    trim(state)
    assert numbers(state)[0] == middle or "number" in change
    assert state.operations.audit.verify().broken_at == middle
    assert "does not fit" in caplog.text


def test_a_user_who_was_forgotten_holds_no_record_back(kept_ten_days: Any) -> None:
    state = kept_ten_days
    state.people.users.forget("4")
    assert trim(state) > 0
    assert state.operations.audit.verify().broken_at is None


@pytest.mark.parametrize("is_trimmed", [False, True])
@settings(max_examples=20)
@given(gone=st.sets(st.integers(1, 6), min_size=1))
def test_whatever_is_taken_out_of_the_table_is_found(kept_ten_days: Any, is_trimmed: bool, gone: set[int]) -> None:
    """Before and after some of it went by retention."""
    state, head = kept_ten_days, str(kept_ten_days.operations.audit.head())
    if is_trimmed:
        trim(state)
    table, taken = state.store.tables.audit, gone & set(numbers(state))
    with state.store.database.write() as tx:
        saved = [dict(row._mapping) for row in tx.execute(select(table).where(table.c.number.in_(taken)))]
        tx.execute(table.delete().where(table.c.number.in_(taken)))
    assert state.operations.audit.verify(head).broken_at == min(taken, default=None)
    with state.store.database.write() as tx:
        insert_many(tx, table.insert(), saved)
    assert state.operations.audit.verify(head).broken_at is None


def test_the_log_goes_slice_by_slice(kept_ten_days: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention_module, "SLICE", 1)
    state, before = kept_ten_days, numbers(kept_ten_days)
    assert trim(state) == before[-1] - 2
    assert state.operations.audit.verify().broken_at is None


def test_run_due_counts_it_and_a_preview_does_it_to_nobody(kept_ten_days: Any) -> None:
    state, before = kept_ten_days, numbers(kept_ten_days)
    assert state.operations.upkeep.preview().swept >= len(before) - 2
    assert numbers(state) == before
    assert state.operations.upkeep.run_due().swept >= len(before) - 2
    assert numbers(state)[0] == before[-2]


@pytest.mark.parametrize("days", [None, 0])
def test_it_is_kept_for_ever_where_the_setting_says_so(
    make_host: Callable[..., Flask], clock: StillClock, days: int | None
) -> None:
    app = make_host({"MFA_GATE_AUDIT_RETENTION_DAYS": days}, directory=People((DAVE,)))
    with app.app_context():
        state = state_of(app)
        state.people.enrollments.reset("4", reason="old")
        state.operations.audit.seal()
        clock.forward(days=9999)
        assert trim(state) == 0


def test_what_requests_showed_of_the_set_up_is_swept_after_a_week(kept_ten_days: Any, clock: StillClock) -> None:
    state = kept_ten_days
    with state.store.database.write() as tx:
        for name in (f"{DROPPED}cart", "observed:late-identity:shop", "sync-held-back"):
            state.store.checkpoints.put(tx, name, at=clock.now - timedelta(days=8))
        state.store.checkpoints.put(tx, f"{DROPPED}new", at=clock.now)
    state.operations.upkeep.run_due()
    names = {row.name for row in rows(state.store, "mark")}
    assert f"{DROPPED}new" in names
    assert names.isdisjoint({f"{DROPPED}cart", "observed:late-identity:shop"})

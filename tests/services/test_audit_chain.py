"""The audit log as a chain: what was forged is found, and who was renamed or forgotten is gone from it all the same."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text

from tests.conftest import StillClock, state_of
from tests.services.kit import rows


@pytest.fixture
def sealed(app: Flask) -> Any:
    """The chain over a few acts, and the head that somebody kept elsewhere."""
    with app.app_context():
        state = state_of(app)
        state.people.users.sync()
        state.people.enrollments.reset("4", actor="user:1", reason="lost phone")
        state.people.enrollments.require("6", actor="user:1")
        yield state, str(state.operations.audit.seal())


def broken_at(state: Any, head: str) -> int | None:
    return state.operations.audit.verify(head).broken_at


def forge(state: Any, change: str, event: str = "mfa_reset") -> int:
    """Write into the table by hand; the number of the record."""
    with state.store.database.write() as tx:
        tx.execute(text(f"UPDATE mfa_gate_audit SET {change} WHERE event = '{event}' AND number IS NOT NULL"))
        return tx.execute(text(f"SELECT min(number) FROM mfa_gate_audit WHERE event = '{event}'")).scalar_one()


@pytest.mark.parametrize(
    "change",
    [
        "actor = 'user:5'", "actor = 'user:5', salt = NULL", "subject = '2', salt = NULL", "reason = NULL, salt = NULL",
        "salt = NULL", "salt = NULL, amended = ''", "salt = NULL, amended = mac", "salt = NULL, amended = personal",
        "subject = 'forgotten-0123', address = NULL, user_agent = NULL, reason = NULL, details = '{}', salt = NULL",
    ],
)  # fmt: skip
def test_a_forged_record_is_found(sealed: Any, change: str) -> None:
    state, head = sealed
    number = forge(state, change)
    assert broken_at(state, head) == number


def test_a_record_that_was_amended_is_bare_and_holds(sealed: Any) -> None:
    state, head = sealed
    state.people.users.rename("4", "dave")
    state.people.users.forget("6")
    state.people.users.rename("1", "ada")
    state.people.users.rename("ada", "lovelace")
    found = state.operations.audit.verify(head)
    assert (found.broken_at, found.bare) == (None, 3)
    resets = [(row.actor, row.subject, row.reason) for row in rows(state.store, "audit") if row.event == "mfa_reset"]
    assert resets == [("user:lovelace", "dave", "lost phone")]
    assert "6" not in {row.subject for row in rows(state.store, "audit")}


def test_the_word_for_one_amended_record_vouches_for_no_other(sealed: Any) -> None:
    state, head = sealed
    state.people.users.rename("4", "dave")
    number = forge(state, "actor = 'user:5'")
    assert broken_at(state, head) == number, "changed after it was amended"


def test_what_was_forged_is_not_vouched_for_when_somebody_is_renamed_or_forgotten(sealed: Any) -> None:
    """SECURITY: else a forger would only have to wait."""
    state, head = sealed
    number = forge(state, "actor = 'user:5', reason = 'forged', salt = NULL")
    state.people.users.rename("4", "dave")
    assert broken_at(state, head) == number
    state.people.users.forget("dave")
    assert broken_at(state, head) == number
    assert "forged" not in {row.reason for row in rows(state.store, "audit")}, (
        "what is to be forgotten goes all the same"
    )


def test_a_record_that_is_not_sealed_yet_is_sealed_as_it_was_amended(app: Flask, clock: StillClock) -> None:
    with app.app_context():
        state = state_of(app)
        state.people.users.sync()
        state.people.enrollments.reset("4", actor="user:1", reason="lost phone")
        state.people.users.rename("4", "dave")
        found = state.operations.audit.verify(str(state.operations.audit.seal()))
        assert (found.broken_at, found.bare, found.unsealed) == (None, 0, 0)

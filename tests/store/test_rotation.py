"""One id of a session takes the place of another, in one statement, or nothing is written."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import delete, func, select

from flask_mfa_gate.crypto import Keyring
from flask_mfa_gate.domain.sign_in.assurance import Assurance, FactorKind, Method, SignIn
from flask_mfa_gate.domain.sign_in.session import Ending, GateSession
from flask_mfa_gate.store import Store, build_store
from flask_mfa_gate.store.database.engine import Database

NOW = datetime(2026, 3, 2, 9, 0, 0, 250_000, tzinfo=UTC)
LATER = NOW + timedelta(seconds=5)
PENDING = GateSession(
    id_digest="old", lineage="l", user_key="7", assurance=Assurance(SignIn.PASSWORD, NOW), began_at=NOW, seen_at=NOW,
    parked=b"\x00host", parked_at=NOW, stamp="s", address="192.0.2.1", kept_target="/payroll", risk={"new-device": True},
)  # fmt: skip
PROVED = replace(
    PENDING, id_digest="new", parked=None, seen_at=LATER, risk=None,
    assurance=PENDING.assurance.with_proof(Method(FactorKind("totp")), at=LATER),
)  # fmt: skip


@pytest.fixture
def store(database: Database, prefix: str) -> Store:
    made = build_store(database, prefix=prefix, keyring=Keyring.from_keys([bytes(32)]))
    with database.write() as tx:
        made.sessions.add(tx, PENDING)
    return made


def rotate(store: Store, successor: GateSession) -> bool:
    with store.database.write() as tx:
        return store.sessions.try_rotate(tx, PENDING, successor, now=LATER)


def rows(store: Store) -> int:
    with store.database.read() as tx:
        return tx.execute(select(func.count()).select_from(store.tables.session)).scalar_one()


def kept(store: Store, id_digest: str) -> GateSession:
    with store.database.read() as tx:
        found = store.sessions.load(tx, id_digest, now=LATER)
    assert found is not None
    return found[0]


def test_the_former_id_keeps_what_it_had_and_the_new_one_has_the_rest(store: Store) -> None:
    assert rotate(store, PROVED)
    former, new = kept(store, "old"), kept(store, "new")
    assert (former.superseded_at, former.parked, former.risk) == (LATER, b"\x00host", {"new-device": True})
    assert (former.assurance, former.target) == (PENDING.assurance, "/payroll")
    assert (new.superseded_at, new.parked, new.risk, new.seen_at) == (None, None, None, LATER)
    assert (new.assurance, new.target) == (PROVED.assurance, "/payroll")


def test_of_two_successors_only_the_first_is_written(store: Store) -> None:
    assert rotate(store, PROVED)
    assert not rotate(store, replace(PROVED, id_digest="other"))
    assert rows(store) == 2


def test_an_id_that_is_over_or_gone_has_no_successor(store: Store) -> None:
    with store.database.write() as tx:
        store.sessions.end(tx, "l", user_key="7", now=NOW, ending=Ending.REVOKED)
    assert not rotate(store, PROVED)
    with store.database.write() as tx:
        tx.execute(delete(store.tables.session))
    assert not rotate(store, PROVED)
    assert rows(store) == 0

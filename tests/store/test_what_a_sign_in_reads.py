"""Statements that read, or count and take, several things at once say what one by one would."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from sqlalchemy import insert

from flask_mfa_gate.crypto import Keyring
from flask_mfa_gate.domain.factors.throttle import (
    FREE_FAILURES,
    MEMORY,
    STOP_AT,
    Admission,
    Failures,
    admission,
)
from flask_mfa_gate.domain.people.person import Person
from flask_mfa_gate.domain.people.roles import Role
from flask_mfa_gate.domain.sign_in.assurance import Assurance, FactorKind, SignIn
from flask_mfa_gate.domain.sign_in.session import Ending, GateSession
from flask_mfa_gate.services.sign_in.endings import notice_password
from flask_mfa_gate.services.unit_of_work import UnitOfWork
from flask_mfa_gate.store import Store, build_store
from flask_mfa_gate.store.database.engine import Database
from flask_mfa_gate.store.enrollment.enrollments import LockedUser
from flask_mfa_gate.store.enrollment.factors import NewFactor
from flask_mfa_gate.store.sign_in.noted import Arrival, Note
from flask_mfa_gate.store.sign_in.sign_ins import SignInRecord

NOW = datetime(2026, 3, 2, 9, 0, 0, 250_000, tzinfo=UTC)
HERE, ELSEWHERE = "192.0.2.1", "192.0.2.2"
OLD = NOW - MEMORY


@pytest.fixture
def store(database: Database, prefix: str) -> Store:
    return build_store(database, prefix=prefix, keyring=Keyring.from_keys([bytes(32)]))


def fail(store: Store, place: str, moments: Iterable[datetime]) -> None:
    with store.database.write() as tx:
        for ordinal, at in enumerate(moments, start=1):
            row = {"user_key": "7", "address": place, "ordinal": ordinal, "at": at}
            tx.execute(insert(store.tables.failure).values(row))


def counted(store: Store) -> tuple[Failures, int]:
    with store.database.read() as tx:
        return store.failures.count(tx, "7", place=HERE, now=NOW)


def forget(store: Store) -> None:
    with store.database.write() as tx:
        store.failures.clear_all(tx, ["7"])


def test_an_attempt_is_taken_at_once_only_where_nobody_has_to_wait(store: Store) -> None:
    few, many = (0, FREE_FAILURES, FREE_FAILURES + 1), (0, STOP_AT - FREE_FAILURES - 1, STOP_AT)
    for here, elsewhere, stoppable in product(few, many, (True, False)):
        forget(store)
        fail(store, HERE, [NOW] * here)
        fail(store, ELSEWHERE, [NOW] * elsewhere)
        before, ordinal = counted(store)
        with store.database.write() as tx:
            is_taken = store.failures.try_charge(tx, "7", place=HERE, now=NOW, stoppable=stoppable)
        assert is_taken == (admission(before, now=NOW, stoppable=stoppable) is Admission.OPEN)
        after, next_ordinal = counted(store)
        assert (after.at_address, after.in_total) == (here + is_taken, before.in_total + is_taken)
        assert next_ordinal == ordinal + is_taken


def test_failures_that_are_too_old_keep_nobody_waiting_and_their_ordinals(store: Store) -> None:
    fail(store, HERE, [OLD] * 8)
    with store.database.write() as tx:
        assert store.failures.try_charge(tx, "7", place=HERE, now=NOW, stoppable=True)
    assert counted(store)[1] == 10


def test_what_a_user_holds_is_told_with_failures_and_codes(store: Store) -> None:
    for moments in ([], [NOW] * 3, [OLD, NOW - timedelta(hours=1), NOW + timedelta(hours=1)]):
        forget(store)
        fail(store, HERE, moments)
        fail(store, ELSEWHERE, [NOW])
        with store.database.write() as tx:
            store.recovery_codes.replace(tx, "7", [("a", b"1"), ("b", b"2")], now=NOW)
            held = store.holdings.read(tx, "7", place=HERE, now=NOW)
            assert (held.factors, held.codes) == ([], 2)
            assert held.failures == store.failures.count(tx, "7", place=HERE, now=NOW)[0]
            assert store.holdings.read(tx, "8", place=HERE, now=NOW).failures == Failures(0, None, 0)


def test_a_user_is_locked_with_what_they_hold(store: Store) -> None:
    with store.database.write() as tx:
        assert store.holdings.lock(tx, "7") is None
        store.enrollments.lock(tx, "7")
        store.revocations.count(tx, ["7"])
        assert store.holdings.lock(tx, "7") == (LockedUser(1), [])
        shown = NewFactor(
            id="f", user_key="7", kind=FactorKind("totp"), name="App", sealed=b"x", data={}, lineage="l"
        )  # fmt: skip
        store.factors.add_pending(tx, shown, now=NOW)
        assert store.holdings.lock(tx, "7") == (LockedUser(1), [])
        store.factors.try_confirm(tx, "f", counter=5, name="App", now=NOW)
        assert store.holdings.lock(tx, "7") == (LockedUser(1), store.factors.confirmed(tx, "7"))


def session(number: int, *, stamp: str | None = None, ending: Ending | None = None) -> GateSession:
    return GateSession(
        id_digest=f"d{number}", lineage=f"l{number}", user_key="7", assurance=Assurance(SignIn.PASSWORD, NOW), began_at=NOW,
        seen_at=NOW, stamp=stamp, ending=ending, ended_at=NOW if ending else None, superseded_at=NOW if number == 1 else None,
        parked=b"x" if number == 2 else None, parked_at=NOW if number == 2 else None,
    )  # fmt: skip


def arrival(store: Store, user: str = "7") -> Arrival:
    with store.database.read() as tx:
        return store.arrivals.read(tx, user, kinds=("sign-in", "signed_in"), place=HERE)


def test_nothing_is_on_record_of_a_first_sign_in(store: Store) -> None:
    assert arrival(store) == Arrival(None, {}, 0, 0, frozenset())


def test_what_is_on_record_of_a_user_who_signs_in(store: Store) -> None:
    with store.database.write() as tx:
        for one in (
            session(1, stamp="a"),
            session(2, stamp="b"),
            session(3),
            session(4, stamp="z", ending=Ending.REVOKED),
        ):
            store.sessions.add(tx, one)
        store.people.note_sign_in(tx, Person("7", "Dave"), now=NOW)
        record = SignInRecord("l1", "7", NOW, HERE, None, {}, "challenge", "second-factor", proved_at=NOW)
        store.sign_ins.add(tx, record)
        notes = {"sign-in": Note(NOW, "l1"), "signed_in": Note(NOW), "other": Note(NOW)}
        store.noted.put(tx, "7", notes, place=HERE)
        store.noted.put(tx, "7", notes, place=ELSEWHERE)
    found = arrival(store)
    assert (found.rows, found.passing, found.stamps) == (4, 2, {"a", "b"}), "the stamp of what was ended is left out"
    assert found.notes == {"sign-in": Note(NOW, "l1", is_proved=True), "signed_in": Note(NOW)}
    assert found.person is not None
    assert found.person.name == "Dave"
    assert arrival(store, "8") == Arrival(None, {}, 0, 0, frozenset())


LATER = NOW + timedelta(hours=1)
DAVE = Person("7", "Dave", "dave@example.org", groups=frozenset({"b", "a"}), role=Role.ADMIN, locale="de")


PEOPLE = [
    DAVE, Person("7"), Person("7", "Dave", "other@example.org"),
    Person("7", "Dave", "dave@example.org", is_active=False, groups=frozenset({"a", "c"})),
]  # fmt: skip


def test_a_person_is_kept_alike_whether_their_row_was_read_before(store: Store) -> None:
    tables = (store.tables.person, store.tables.person_group, store.tables.person_word)
    for person in PEOPLE:
        kept = []
        for is_read in (True, False):
            with store.database.write() as tx:
                store.people.delete(tx, ["7"])
                store.people.write(tx, [DAVE], now=NOW)
                before = store.arrivals.read(tx, "7", kinds=("", ""), place="").person if is_read else None
                store.people.note_sign_in(tx, person, now=LATER, before=before)
                kept.append([sorted(map(repr, tx.execute(table.select()).all())) for table in tables])
        assert kept[0] == kept[1]


def test_a_sign_in_by_an_old_password_is_found_between_two_of_today(store: Store) -> None:
    """SECURITY: of several passwords that sign-ins rest on, two are told, and the host's keys may have made two of one."""
    with store.database.write() as tx:
        for number, stamp in ((3, "a"), (4, "b"), (5, "c")):
            store.sessions.add(tx, session(number, stamp=stamp))
        work = UnitOfWork(store, tx, lambda: NOW)
        work.lock_users("7")
        before = store.arrivals.read(tx, "7", kinds=("", ""), place=HERE)
        assert notice_password(work, "7", ("a", "c"), living=before.stamps)
        assert {one.lineage for one in store.sessions.of_user(tx, "7")} == {"l3", "l5"}

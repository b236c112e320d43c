"""Statements that read, or count and take, several things at once say what one by one would."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert, select

from flask_mfa_gate.crypto import Keyring
from flask_mfa_gate.domain.factors.throttle import (
    MEMORY,
    Failures,
)
from flask_mfa_gate.domain.people.person import Person
from flask_mfa_gate.domain.people.roles import Role
from flask_mfa_gate.domain.sign_in.assurance import Assurance, FactorKind, SignIn
from flask_mfa_gate.domain.sign_in.session import Ending, GateSession
from flask_mfa_gate.services.sign_in.endings import notice_password
from flask_mfa_gate.services.unit_of_work import UnitOfWork
from flask_mfa_gate.store import Store, build_store
from flask_mfa_gate.store.database.engine import Database
from flask_mfa_gate.store.enrollment.factors import NewFactor
from flask_mfa_gate.store.sign_in.noted import Arrival, Note, NoteKey
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


def last_row(store: Store) -> tuple[int, int]:
    row = store.tables.failure.c
    with store.database.read() as tx:
        ordinal, on_record = tx.execute(select(row.ordinal, row.on_record).order_by(row.at.desc())).first() or (0, 0)
        return ordinal, on_record


def forget(store: Store) -> None:
    with store.database.write() as tx:
        store.failures.clear_all(tx, ["7"])


def test_failures_that_are_too_old_keep_their_ordinals(store: Store) -> None:
    fail(store, HERE, [OLD] * 8)
    with store.database.write() as tx:
        store.failures.add(tx, "7", place=HERE, now=NOW)
    assert last_row(store) == (9, 9)


def test_each_failure_says_how_many_there_were_at_any_address(store: Store) -> None:
    for minute, place in enumerate((HERE, ELSEWHERE, HERE)):
        with store.database.write() as tx:
            store.failures.add(tx, "7", place=place, now=NOW + timedelta(minutes=minute))
    assert last_row(store) == (2, 3)
    with store.database.write() as tx:
        store.failures.clear(tx, "7", place=HERE)
        store.failures.add(tx, "7", place=HERE, now=NOW + timedelta(hours=1))
    assert last_row(store) == (1, 2)


def test_what_a_user_holds_is_told_with_failures_and_codes(store: Store) -> None:
    for moments in ([], [NOW] * 3, [OLD, NOW - timedelta(hours=1), NOW + timedelta(hours=1)]):
        forget(store)
        fail(store, HERE, moments)
        fail(store, ELSEWHERE, [NOW])
        with store.database.write() as tx:
            store.recovery_codes.replace(tx, "7", [("a", b"1"), ("b", b"2")], now=NOW)
            held = store.holdings.read(tx, "7", place=HERE, now=NOW)
            assert (held.factors, held.codes) == ([], 2)
            assert held.failures == store.failures.count(tx, "7", place=HERE, now=NOW)
            assert store.holdings.read(tx, "8", place=HERE, now=NOW).failures == Failures(0, None, 0)


def test_the_same_is_told_with_the_session(store: Store) -> None:
    fail(store, HERE, [OLD, NOW - timedelta(hours=1), NOW + timedelta(hours=1)])
    fail(store, ELSEWHERE, [NOW])
    with store.database.write() as tx:
        store.recovery_codes.replace(tx, "7", [("a", b"1"), ("b", b"2")], now=NOW)
        store.sessions.add(tx, session(3))
        for number, name in enumerate(("first", "second")):
            key = NewFactor(
                id=name, user_key="7", kind=FactorKind("totp"), name=name, sealed=b"x", data={}, lineage="l3"
            )
            store.factors.add_pending(tx, key, now=NOW)
            store.factors.try_confirm(tx, name, counter=1, name=name, now=NOW + timedelta(minutes=number))
        (loaded, held), known = (
            store.holdings.load(tx, "d3", place=HERE, now=NOW),
            store.sessions.load(tx, "d3", now=NOW),
        )
        assert loaded is not None
        assert known is not None
        assert (loaded[0].lineage, loaded[1]) == (known[0].lineage, known[1])
        assert held == store.holdings.read(tx, "7", place=HERE, now=NOW)
        assert held is not None
        assert [factor.name for factor in held.factors] == ["first", "second"]
        assert store.holdings.load(tx, "d4", place=HERE, now=NOW) == (None, None)


def session(number: int, *, stamp: str | None = None, ending: Ending | None = None) -> GateSession:
    return GateSession(
        id_digest=f"d{number}", lineage=f"l{number}", user_key="7", assurance=Assurance(SignIn.PASSWORD, NOW), began_at=NOW,
        seen_at=NOW, stamp=stamp, ending=ending, ended_at=NOW if ending else None, superseded_at=NOW if number == 1 else None,
        parked=b"x" if number == 2 else None, parked_at=NOW if number == 2 else None,
    )  # fmt: skip


def arrival(store: Store, user: str = "7") -> Arrival:
    with store.database.read() as tx:
        return store.arrivals.read(tx, NoteKey(user, "signed_in", HERE))


def test_nothing_is_on_record_of_a_first_sign_in(store: Store) -> None:
    assert arrival(store) == Arrival(None, None, 0, 0, 0, frozenset())


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
        for kind, place in (("signed_in", HERE), ("other", HERE), ("signed_in", ELSEWHERE)):
            store.noted.put(tx, NoteKey("7", kind, place), Note(NOW, kind + place))
    found = arrival(store)
    assert (found.current, found.pending, found.former) == (3, 1, 1)
    assert found.stamps == {"a", "b"}, "the stamp of what was ended is left out"
    assert found.noted == Note(NOW, "signed_in" + HERE)
    assert found.person is not None
    assert found.person.name == "Dave"
    assert arrival(store, "8") == Arrival(None, None, 0, 0, 0, frozenset())


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
                before = store.arrivals.read(tx, NoteKey("7", "", "")).person if is_read else None
                store.people.note_sign_in(tx, person, now=LATER, before=before)
                kept.append([sorted(map(repr, tx.execute(table.select()).all())) for table in tables])
        assert kept[0] == kept[1]


def test_the_time_of_a_sign_in_is_noted_to_the_minute(store: Store) -> None:
    at = []
    for seconds in (0, 59, 60, -1):
        with store.database.write() as tx:
            now = NOW + timedelta(seconds=seconds)
            before = store.arrivals.read(tx, NoteKey("7", "", "")).person
            store.people.note_sign_in(tx, DAVE, now=now, before=before)
            at.append((store.people.known(tx, ["7"], now=now)["7"].last_sign_in_at or NOW) - NOW)
    assert [gap.total_seconds() for gap in at] == [0, 0, 60, -1]


def test_a_sign_in_by_an_old_password_is_found_between_two_of_today(store: Store) -> None:
    """SECURITY: of several passwords that sign-ins rest on, two are told, and the host's keys may have made two of one."""
    with store.database.write() as tx:
        for number, stamp in ((3, "a"), (4, "b"), (5, "c")):
            store.sessions.add(tx, session(number, stamp=stamp))
        work = UnitOfWork(store, tx, lambda: NOW)
        work.lock_users("7")
        before = store.arrivals.read(tx, NoteKey("7", "", ""))
        assert notice_password(work, "7", ("a", "c"), living=before.stamps)
        assert {one.lineage for one in store.sessions.of_user(tx, "7")} == {"l3", "l5"}


def test_a_sign_in_in_which_nothing_was_proved_gives_way_to_the_next_in_its_slot(store: Store) -> None:
    with store.database.write() as tx:
        for lineage, slot in (("l1", "here"), ("l2", "here"), ("l3", "elsewhere")):
            record = SignInRecord(lineage, "7", NOW, HERE, None, {}, "challenge", "second-factor")
            store.sign_ins.keep(tx, record, slot=slot)
        assert not store.sign_ins.note_proof(tx, "l1", now=NOW), "this one gave way"
        assert store.sign_ins.note_proof(tx, "l2", now=NOW)
        store.sign_ins.keep(tx, SignInRecord("l4", "7", NOW, HERE, None, {}, "pass", "satisfied"), slot="here")
        kept = {one.lineage: one.proved_at for one in store.sign_ins.since(tx, NOW)}
    assert kept == {"l2": NOW, "l3": None, "l4": None}

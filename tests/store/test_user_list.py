"""On every server the lists find whom the rules describe, in order, whichever way they are read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import pytest
from sqlalchemy import Connection, insert, select

from flask_mfa_gate.crypto import Keyring, new_id
from flask_mfa_gate.domain.enrollment.enrollment import EnrollmentState, Period, Status, status_of
from flask_mfa_gate.domain.enrollment.state_changes import Requirement
from flask_mfa_gate.domain.factors.throttle import Admission, admission
from flask_mfa_gate.domain.people.person import Person
from flask_mfa_gate.domain.people.roles import Role
from flask_mfa_gate.domain.people.user_filter import EVERYBODY, UserFilter
from flask_mfa_gate.domain.people.user_list import UserQuery, UserSort
from flask_mfa_gate.domain.people.user_search import sort_name
from flask_mfa_gate.domain.sign_in.assurance import FactorKind
from flask_mfa_gate.store import Store, build_store
from flask_mfa_gate.store.database.engine import Database
from flask_mfa_gate.store.enrollment.factors import NewFactor
from flask_mfa_gate.store.people import user_list
from flask_mfa_gate.store.people.user_facets import UserFacets, every_facets
from flask_mfa_gate.store.people.user_list import Listed, UserList

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
DAY, SECOND = timedelta(days=1), timedelta(seconds=1)
TOTP, WEBAUTHN = FactorKind("totp"), FactorKind("webauthn")
KEYRING = Keyring.from_keys([b"\x01" * 32])
NAMES = ("Anna", "anna", "Özil", "Zoë", "", "a b", "b", "aa")
FACTORS: tuple[tuple[tuple[FactorKind, str], ...], ...] = (
    (), ((TOTP, "confirmed"),), ((TOTP, "shown"),), ((TOTP, "stale"),), ((TOTP, "void"),), ((WEBAUTHN, "confirmed"),),
    ((WEBAUTHN, "confirmed"), (TOTP, "shown")), ((TOTP, "confirmed"), (WEBAUTHN, "confirmed"), (TOTP, "shown")),
    ((TOTP, "stale"), (TOTP, "shown")), ((WEBAUTHN, "void"), (TOTP, "void"), (TOTP, "shown")),
)  # fmt: skip
REQUIREMENTS = (
    None, Requirement(None), Requirement("cli"), Requirement("user:1", None, 9),
    *(Requirement("host", Period(NOW - 9 * DAY, NOW + ahead)) for ahead in (-DAY, 0 * DAY, SECOND, DAY, 6 * DAY)),
)  # fmt: skip


@pytest.fixture
def store(database: Database, prefix: str) -> Store:
    """One user in every state there is, each with a name, a role, groups and a last sign-in that others have too."""
    store = build_store(database, prefix=prefix, keyring=KEYRING)
    states = {f"p{number}": state for number, state in enumerate(product(REQUIREMENTS, FACTORS))}
    people = [some_person(number) for number in range(len(states))]
    with database.write() as tx:
        for days in range(5):
            store.people.write(tx, people[days::5], now=NOW - days * DAY, signs_in=days > 0)
        for requirement in REQUIREMENTS:
            keys = [key for key, (mine, _) in states.items() if mine is requirement]
            if requirement is not None:
                store.enrollments.lock(tx, *keys)
                store.enrollments.set_requirement(tx, keys, requirement, due_at=None)
        rows = [factor_row(key, kind, state) for key, (_, held) in states.items() for kind, state in held]
        tx.execute(insert(store.tables.factor), rows)
        UserFacets(store.tables).refresh(tx, states)
    return store


def some_person(number: int) -> Person:
    groups = frozenset(name for place, name in enumerate(("a", "b")) if number & 1 << place)
    role = (None, None, *Role)[number % (2 + len(Role))]
    email = "" if number % 7 == 0 else f"p{number}@example.org"
    return Person(f"p{number}", NAMES[number % len(NAMES)], email, groups=groups, role=role)


def factor_row(key: str, kind: FactorKind, state: str) -> dict[str, Any]:
    return {
        "id": new_id(), "user_key": key, "kind": kind, "name": "",
        "created_at": NOW - (24 if state == "stale" else 23) * timedelta(hours=1),
        "confirmed_at": NOW - DAY if state in {"confirmed", "void"} else None,
        "voided_at": NOW if state == "void" else None,
    }  # fmt: skip


def listed_by(store: Store, *, enabled: frozenset[FactorKind], everybody: bool) -> UserList:
    return UserList(store.tables, enabled=enabled, everybody_required=everybody)


def everybody(store: Store) -> dict[str, tuple[Person, EnrollmentState, datetime | None]]:
    with store.database.read() as tx:
        people = {person.key: person for person in store.people.first(tx, limit=9999)}
        enrollments = store.enrollments.states(tx, people, now=NOW)
        met = store.people.known(tx, people, now=NOW)
    return {key: (person, enrollments[key], met[key].last_sign_in_at) for key, person in people.items()}


TIGHT: dict[str, Any] = {
    "COUNT_CAP": 2,
    "FEW": 2,
    "BUDGETS": (20, 20),
    "BUDGETS_OF_A_PAGE": (5, 10, 25),
    "MOST_SCANS": 2,
}
BOUNDS = {name: getattr(user_list, name) for name in TIGHT}
FILTERS = (
    EVERYBODY, *(UserFilter(status=status) for status in Status), UserFilter(status=[Status.ENROLLED, Status.IN_ENROLLMENT]),
    UserFilter(status=[Status.PENDING_ACTIVATION, Status.NOT_ENROLLED]), UserFilter(status=[]),
    *(UserFilter(required=yes) for yes in (True, False)), *(UserFilter(factor=kind) for kind in FactorKind),
    *(UserFilter(holds_any=yes) for yes in (True, False)), *(UserFilter(has_email=yes) for yes in (True, False)),
    *(UserFilter(role=role) for role in Role), UserFilter(group="a"), UserFilter(group="A"),
    *(UserFilter(ends_within=time) for time in (SECOND, DAY, 7 * DAY, timedelta.max)),
    *(UserFilter(text=text) for text in ("AN", "ozi", "p1", "exam p", "p1 ANNA", "%", "nobody")),
    UserFilter(status=Status.IN_ENROLLMENT, ends_within=DAY, group="a", text="p"),
    UserFilter(required=True, role=Role.ADMIN, factor=WEBAUTHN), UserFilter(group="b", text="ann", has_email=True),
)  # fmt: skip


def is_meant(
    users: UserFilter, person: Person, one: EnrollmentState, enabled: frozenset[FactorKind], everybody: bool
) -> bool:
    period = one.period if TOTP not in one.factors else None
    words = f"{person.name} {person.email} {person.key}".lower().replace("ö", "o").replace("@", " ").split()
    within = users.ends_within
    return all(
        (
            users.statuses is None or status_of(one, now=NOW, enabled=enabled) in users.statuses,
            users.required is None or users.required == (one.required or everybody),
            users.factor is None or users.factor in one.factors,
            users.holds_any is None or users.holds_any == bool(one.factors & enabled),
            users.has_email is None or users.has_email == bool(person.email),
            users.role is None or users.role is person.role,
            users.group is None or users.group in person.groups,
            within is None or (period is not None and period.ends_at > NOW and period.ends_at - NOW <= within),
            users.text is None
            or all(any(word.startswith(part) for word in words) for part in users.text.lower().split()),
        )
    )


def place(person: Person, one: EnrollmentState, signed_in: datetime | None, sort: UserSort) -> tuple[float | str, str]:
    if sort is UserSort.NAME:
        return sort_name(person), person.key
    if sort is UserSort.DEADLINE:
        return (one.period.ends_at.timestamp() if one.period else float("inf")), person.key
    return (signed_in.timestamp() if signed_in else float("-inf")), person.key


def walked(store: Store, lists: UserList, users: UserFilter, sort: UserSort) -> Iterator[Listed]:
    cursor = None
    with store.database.read() as tx:
        while True:
            found = lists.sorted_page(tx, UserQuery(users=users, sort=sort, cursor=cursor), now=NOW)
            yield found
            if found.last is None:
                return
            cursor = found.last.to_cursor(sort)


def test_every_state_is_found_by_what_the_rules_say_of_it_in_every_order(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = everybody(store)
    assert {status_of(one, now=NOW, enabled={TOTP}) for _, one, _ in there.values()} == set(Status) - {Status.DISABLED}
    for users, enabled, required in [
        *((users, frozenset(FactorKind), False) for users in FILTERS),
        *((users, frozenset({WEBAUTHN}), True) for users in FILTERS[: FILTERS.index(UserFilter(has_email=True))]),
    ]:
        lists = listed_by(store, enabled=enabled, everybody=required)
        meant = [key for key, (one, has, _) in there.items() if is_meant(users, one, has, enabled, required)]
        for sort, bounds in product(UserSort if not required else [UserSort.NAME], (BOUNDS, TIGHT)):
            # One reads all that are found, the other walks in the order of the list, and not far.
            for name, bound in bounds.items():
                monkeypatch.setattr(user_list, name, bound)
            order = sorted(meant, key=lambda key: place(*there[key], sort), reverse=sort.is_descending)
            found = list(walked(store, lists, users, sort))
            assert [key for one in found for key in one.keys] == order, (users, sort, bounds)
            for one in found:
                assert one.count == len(meant) if one.is_exact else one.count <= min(len(meant), bounds["COUNT_CAP"])
                assert one.is_exact or bounds is TIGHT
        with store.database.read() as tx:
            assert lists.count(tx, users, now=NOW) == len(meant)
            assert lists.count_in(tx, lists.totals(tx), users, now=NOW) == len(meant)
            first = [one.key for one in lists.page(tx, users, after="", limit=50, now=NOW)]
            rest = [one.key for one in lists.page(tx, users, after=first[-1], limit=50, now=NOW)] if first else []
            assert first + rest == sorted(meant)


def test_what_finds_a_user_follows_every_change(store: Store) -> None:
    with store.database.write() as tx:
        a_day_of_writers(store, tx)
        columns = [store.tables.person.c[name] for name in ("user_key", "facets", "deadline_sort", "key_shown_at")]
        chosen = select(*columns).order_by(columns[0])
        kept = tx.execute(chosen).all()
        assert {row.facets for row in kept} <= {one.word for one in every_facets()}
        UserFacets(store.tables).refresh(tx, [row.user_key for row in kept])
        assert tx.execute(chosen).all() == kept
        somebody_comes_and_goes(store, tx)
        whose_codes_are_not_tried_is_throttled(store, tx)


def test_a_group_has_its_members_in_the_order_of_their_own_rows(store: Store) -> None:
    person, later = some_person(3), NOW + 3 * DAY
    with store.database.write() as tx:
        store.enrollments.lock(tx, "p3", "p5")
        for change in (
            lambda: store.enrollments.set_requirement(
                tx, ["p3", "p5"], Requirement("cli", Period(NOW, NOW + 9 * DAY)), due_at=None
            ),
            lambda: store.enrollments.note_factor(tx, "p3", ends_period=True),
            lambda: store.people.note_sign_in(tx, person, now=later, before=row_of(store, tx, "p3")),
            lambda: store.people.note_sign_in(tx, replace(person, name="Z"), now=later + DAY, before=None),
            lambda: store.people.write(tx, [replace(person, groups=frozenset({"b", "c"}))], now=later),
            lambda: store.people.write(tx, [replace(person, name="A", groups=frozenset({"b", "c"}))], now=later),
        ):
            before = own_orders(store, tx, "p3")
            assert member_orders(store, tx, "p3") == before
            change()
            assert member_orders(store, tx, "p3") == own_orders(store, tx, "p3")
            assert own_orders(store, tx, "p3") != before or row_of(store, tx, "p3").groups == ["b", "c"]


def row_of(store: Store, tx: Connection, key: str) -> Any:
    return tx.execute(select(store.tables.person).where(store.tables.person.c.user_key == key)).one()


def own_orders(store: Store, tx: Connection, key: str) -> set[tuple[Any, ...]]:
    row = row_of(store, tx, key)
    return {(name, row.name_sort, row.deadline_sort, row.signed_in_sort) for name in row.groups}


def member_orders(store: Store, tx: Connection, key: str) -> set[tuple[Any, ...]]:
    member = store.tables.person_group.c
    found = select(member.name, member.name_sort, member.deadline_sort, member.signed_in_sort)
    return {tuple(row) for row in tx.execute(found.where(member.user_key == key))}


def a_day_of_writers(store: Store, tx: Connection) -> None:
    def add(key: str, name: str) -> None:
        store.factors.add_pending(
            tx, NewFactor(id=name, user_key=key, kind=TOTP, name="", sealed=b"", data={}, lineage="x"), now=NOW
        )

    store.factors.sweep(tx, now=NOW)
    store.enrollments.note_factor(tx, "p41", ends_period=True)
    store.factors.void_all(tx, ["p11", "p12"], now=NOW)
    store.people.write(tx, [Person("p3", "Renamed")], now=NOW)
    add("p0", "shown")
    add("p10", "confirmed")
    assert store.factors.try_confirm(tx, "confirmed", counter=0, name="", now=NOW)
    add("p20", "voided")
    assert store.factors.try_confirm(tx, "voided", counter=0, name="", now=NOW)
    store.factors.void(tx, "p20", now=NOW)


def somebody_comes_and_goes(store: Store, tx: Connection) -> None:
    """Of whom MFA is required before anybody knew them."""
    lists = listed_by(store, enabled=frozenset({TOTP}), everybody=False)

    def count(**users: Any) -> int:
        return lists.count(tx, UserFilter(**users), now=NOW)

    store.enrollments.lock(tx, "new")
    store.enrollments.set_requirement(tx, ["new"], Requirement("cli", Period(NOW, NOW + DAY)), due_at=None)
    store.people.write(tx, [Person("new", "Some Body")], now=NOW)
    assert count(status=Status.IN_ENROLLMENT, text="new body") == 1
    store.people.write(tx, [Person("new", "Other", groups=frozenset({"a"}))], now=NOW)
    assert (count(text="new other"), count(text="body")) == (1, 0)
    store.keys.rename(tx, "new", "old")
    store.people.rewrite_words(tx, "old")
    assert (count(text="new"), count(text="old", group="a")) == (0, 1)
    store.people.delete(tx, ["old"])
    assert count(text="old") == 0


def whose_codes_are_not_tried_is_throttled(store: Store, tx: Connection) -> None:
    ages = (
        0 * SECOND,
        29 * SECOND,
        30 * SECOND,
        31 * SECOND,
        61 * SECOND,
        899 * SECOND,
        901 * SECOND,
        30 * DAY,
        -SECOND,
    )
    throttled = set()
    for key, (times, age) in enumerate(product((1, 5, 6, 7, 9, 10, 11, 12, 99, 100), ages)):
        failures = [
            {
                "user_key": f"p{key}", "address": str(at % 10 if times > 90 else 0), "ordinal": at, "at": NOW - age,
                "on_record": at + 1,
            }
            for at in range(times)
        ]  # fmt: skip
        tx.execute(insert(store.tables.failure), failures)
        for address in {str(one["address"]) for one in failures}:
            counted = store.failures.count(tx, f"p{key}", place=address, now=NOW)
            if admission(counted, now=NOW, stoppable=True) is not Admission.OPEN:
                throttled.add(f"p{key}")
    lists, everyone = (
        listed_by(store, enabled=frozenset({TOTP}), everybody=False),
        range(len(REQUIREMENTS) * len(FACTORS)),
    )
    for users in (UserFilter(throttled=True), UserFilter(throttled=True, group="a"), UserFilter(throttled=False)):
        found = {one.key for one in lists.page(tx, users, after="", limit=999, now=NOW)}
        in_group = {f"p{number}" for number in everyone if number & 1 or users.group is None}
        assert found == {one for one in in_group if (one in throttled) == users.throttled}
    assert 0 < len(throttled) < len(everyone)

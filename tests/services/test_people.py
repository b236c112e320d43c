"""Whom the gate knows: taken over from the host, renamed, forgotten, and told of what happens to them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import cycle, islice
from typing import Any

import pytest
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import Connection, ForeignKey, String, insert, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from flask_mfa_gate import Conflict, UnknownUser
from flask_mfa_gate.domain.enrollment.enrollment import EnrollmentState
from flask_mfa_gate.domain.people.person import LONGEST_KEY, Person
from flask_mfa_gate.domain.people.roles import Role
from flask_mfa_gate.domain.policy.document.users import Users
from flask_mfa_gate.domain.sign_in.assurance import Method
from flask_mfa_gate.errors import (
    BadRequest,
    DirectoryEmpty,
    HostCallbackFailed,
    NotAllowed,
    PolicyError,
    SecretUnreadable,
)
from flask_mfa_gate.factors.base import NOTHING
from flask_mfa_gate.services.people.users import Synced
from flask_mfa_gate.store.records.policies import PolicyVersion
from tests.conftest import Browser, Phone, StillClock, at_once, holder, key_of, recovery_codes_in, state_of
from tests.policy_kit import policy
from tests.services.kit import People, enroll, events, mails, meet, rows, tables


@pytest.fixture
def portal(app: Flask) -> Iterator[Flask]:
    with app.app_context():
        yield app


def known(app: Flask) -> dict[str, Person]:
    state = state_of(app)
    with state.store.database.read() as tx:
        return {person.key: person for person in state.store.people.first(tx, limit=9999)}


def crowd(count: int, *, start: int = 101) -> list[dict[str, Any]]:
    return [
        {
            "id": number, "username": f"u{number}", "name": f"User {number}", "email": f"u{number}@example.org",
            "password_hash": "x", "group": "crowd" if number % 2 else "", "role": "", "enabled": number % 10 != 0,
        }
        for number in range(start, start + count)
    ]  # fmt: skip


def add_crowd(count: int, *, start: int = 101) -> None:
    from example_app.models import User, db

    db.session.execute(insert(User), crowd(count, start=start))
    db.session.commit()


def delete_users(*keys: str) -> None:
    from example_app.models import User, db

    db.session.execute(db.delete(User).where(User.id.in_([int(key) for key in keys])))
    db.session.commit()


# Everybody, page by page


def test_sync_takes_over_everybody_with_all_that_the_host_says(portal: Flask) -> None:
    assert state_of(portal).people.users.sync() == Synced(people=8, deleted=0)
    people = known(portal)
    assert people["1"] == Person("1", "Ada Admin", "ada@example.org", role=Role.ADMIN)
    assert people["5"] == Person("5", "Erin Ellis", "erin@example.org", groups=frozenset({"finance"}))
    assert (people["7"].role, people["8"].role) == (Role.HELPDESK, Role.AUDITOR)
    assert [(row.name, row.user_key) for row in rows(state_of(portal).store, "person_group")] == [("finance", "5")]


def test_2500_people_come_in_three_pages_and_a_changed_one_is_seen(portal: Flask, clock: StillClock) -> None:
    add_crowd(2492)
    seen: list[int] = []
    assert state_of(portal).people.users.sync(progress=seen.append) == Synced(people=2500, deleted=0)
    assert seen == [1000, 2000, 2500]
    people = known(portal)
    assert len(people) == 2500
    assert (people["110"].is_active, people["111"].groups) == (False, frozenset({"crowd"}))
    from example_app.models import User, db

    db.session.execute(db.update(User).where(User.id == 111).values(group="other", enabled=False, name="New"))
    db.session.commit()
    clock.forward(hours=1)
    state_of(portal).people.users.sync()
    assert known(portal)["111"] == replace(people["111"], groups=frozenset({"other"}), is_active=False, name="New")


def test_a_run_that_was_cut_short_goes_on_where_it_stopped(portal: Flask, clock: StillClock, monkeypatch: Any) -> None:
    add_crowd(2492)
    state, read = state_of(portal), []
    kept = type(state.host.reader).read

    def failing(self: Any, user: Any, key: str) -> Person:
        read.append(key)
        if len(read) == 1500:
            raise HostCallbackFailed("cut")
        return kept(self, user, key)

    monkeypatch.setattr(type(state.host.reader), "read", failing)
    with pytest.raises(HostCallbackFailed):
        state.people.users.sync()
    assert len(known(portal)) == 1000, "a page is taken over whole or not at all"
    assert state.people.users.is_sync_due()
    read.clear()
    read.extend(["x"] * 5000)
    clock.forward(minutes=5)
    assert state.people.users.sync() == Synced(people=1500, deleted=0)
    assert read[5000] == "1093", "behind the first thousand"
    assert len(known(portal)) == 2500
    assert sorted({row.seen_at for row in rows(state.store, "person")})[-1] == clock(), "as late as they were seen"
    assert not state.people.users.is_sync_due()
    assert state.people.users.sync().people == 2500, "the next run begins at the beginning"


def test_who_is_gone_since_the_cut_is_voided_by_the_run_that_goes_on(make_host: Any, clock: StillClock) -> None:
    directory = People(Person(f"k{number:04}") for number in range(1500))
    app = make_host(directory=directory)
    state = state_of(app)
    with app.app_context():
        state.people.users.sync()
        clock.forward(days=1)
        directory.pages, directory.fails_at_page = 0, 2
        with pytest.raises(HostCallbackFailed):
            state.people.users.sync()
        del directory.people["k0001"], directory.people["k1400"]
        directory.fails_at_page = None
        clock.forward(hours=1)
        assert state.people.users.sync() == Synced(people=499, deleted=0, missing=1), (
            "the other was seen before the cut"
        )
        clock.forward(hours=1)
        assert state.people.users.sync() == Synced(people=1498, deleted=0, missing=2)
        clock.forward(hours=23)
        assert state.people.users.sync() == Synced(people=1498, deleted=1, missing=1)
        assert "k0001" in known(app), "missed for the first time less than a day ago"
        clock.forward(hours=1)
        assert state.people.users.sync() == Synced(people=1498, deleted=1)
        assert known(app).keys() == directory.people.keys()


def test_the_host_without_model_or_directory_has_nobody_to_take_over(make_host: Any) -> None:
    app = make_host()
    meet(app, [Person("9", "Nina")])
    with app.app_context():
        before = tables(state_of(app).store)
        assert state_of(app).people.users.sync() == Synced(0, 0)
        assert tables(state_of(app).store) == before
        assert state_of(app).people.enrollments.require("any key", days=7).done == (("any key", "not-seen-yet"),)


# A directory of the host's own


def test_people_come_from_a_directory_of_the_hosts_own(make_host: Any, clock: StillClock) -> None:
    nina = Person("n", "Nina", "nina@example.org", True, frozenset({"a", "b"}), Role.HELPDESK, "de", "Europe/Berlin")
    directory = People([nina, Person("o")])
    app = make_host(directory=directory)
    with app.app_context():
        state = state_of(app)
        assert state.people.users.sync() == Synced(2, 0)
        assert known(app) == directory.people
        del directory.people["o"]
        clock.forward(hours=1)
        assert state.people.users.sync() == Synced(1, 0, missing=1)
        clock.forward(hours=24)
        assert state.people.users.sync() == Synced(1, 1)
        assert known(app).keys() == {"n"}
        with pytest.raises(UnknownUser):
            state.people.enrollments.require("o")
        assert state.people.enrollments.require("n", days=7).done == (("n", ""),)


def test_a_directory_that_is_empty_changes_nothing(make_host: Any, clock: StillClock) -> None:
    directory = People([Person("n"), Person("o")])
    app = make_host(directory=directory)
    with app.app_context():
        state = state_of(app)
        state.people.users.sync()
        enroll(app, "n")
        clock.forward(days=2)
        gone, directory.people = directory.people, {}
        before = tables(state.store)
        with pytest.raises(DirectoryEmpty):
            state.people.users.sync()
        assert tables(state.store) == before
        directory.people = gone
        assert state.people.users.sync() == Synced(2, 0)


def test_an_empty_directory_voids_nobody_though_somebody_signs_in_meanwhile(make_host: Any, clock: StillClock) -> None:
    directory = People([Person(f"k{number:04}") for number in range(1500)])
    app = make_host(directory=directory)
    with app.app_context():
        state = state_of(app)
        state.people.users.sync()
        clock.forward(days=1)
        directory.pages, directory.fails_at_page = 0, 2
        with pytest.raises(HostCallbackFailed):
            state.people.users.sync()
        directory.people, directory.fails_at_page = {}, None
        clock.forward(hours=1)
        meet(app, [Person("k0007")])
        with pytest.raises(DirectoryEmpty):
            state.people.users.sync()
        assert len(known(app)) == 1500


def test_an_empty_directory_of_a_gate_that_knows_nobody_is_no_error(make_host: Any) -> None:
    app = make_host(directory=People())
    with app.app_context():
        assert state_of(app).people.users.sync() == Synced(0, 0)


@pytest.mark.parametrize("circle", [1, 2, 3])
def test_a_directory_that_goes_in_circles_is_no_endless_sync(make_host: Any, circle: int) -> None:
    # Long, and not endless: without the check the sync would finish.
    pages = islice(cycle([Person(f"k{number}")] for number in range(circle)), 50)
    directory = People([Person("k0")])
    directory.page = lambda after_key, limit: next(pages, [])  # type: ignore[method-assign]
    app = make_host(directory=directory)
    with app.app_context(), pytest.raises(HostCallbackFailed):
        state_of(app).people.users.sync()


def test_a_directory_that_raises_changes_nothing(make_host: Any, clock: StillClock) -> None:
    directory = People([Person("n")])
    app = make_host(directory=directory)
    with app.app_context():
        state = state_of(app)
        state.people.users.sync()
        before = tables(state.store)
        clock.forward(days=2)
        directory.fails_at_page = directory.pages + 1
        with pytest.raises(HostCallbackFailed):
            state.people.users.sync()
        assert tables(state.store) == before
        directory.get = lambda _key: 1 / 0  # type: ignore[method-assign, assignment, return-value]
        for act in (lambda: state.people.users.sync(["n"]), lambda: state.people.enrollments.require("n")):
            with pytest.raises(HostCallbackFailed):
                act()
        assert tables(state.store) == before


@pytest.mark.parametrize(
    "person",
    ["Nina", Person(""), Person("None"), Person(7), Person("other"), Person("n", role="boss"), Person("n", groups="staff")],
    ids=["no person", "empty key", "None", "number", "another's key", "no role", "bare text"],
)  # fmt: skip
def test_nonsense_of_a_directory_lets_nobody_in(make_host: Any, person: Any) -> None:
    directory = People()
    app = make_host(directory=directory)
    with app.app_context():
        state = state_of(app)
        before = tables(state.store)
        directory.people["n"] = person
        with pytest.raises(HostCallbackFailed):
            state.people.enrollments.require("n")
        if getattr(person, "key", "n") != "other":
            with pytest.raises(HostCallbackFailed):
                state.people.users.sync()
        assert tables(state.store) == before


def test_what_a_directory_says_is_cut_to_what_the_tables_keep(make_host: Any) -> None:
    long = Person("n", "N\0" * 300, "e" * 400, True, ["g" * 200, "b"], "admin", "l" * 60, "t" * 90)  # type: ignore[arg-type]
    app = make_host(directory=People([long]))
    with app.app_context():
        state_of(app).people.users.sync()
        assert known(app)["n"] == Person(
            "n", "N" * 255, "e" * 320, True, frozenset({"g" * 191, "b"}), Role.ADMIN, "l" * 35, "t" * 64
        )


# Models of all kinds


class Base(DeclarativeBase):
    pass


db = SQLAlchemy(model_class=Base)


class Badge(db.Model):  # type: ignore[name-defined, misc]
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(20))
    owner_id: Mapped[int] = mapped_column(ForeignKey("member.id"))


class Member(db.Model):  # type: ignore[name-defined, misc]
    id: Mapped[int] = mapped_column(primary_key=True)
    uuid: Mapped[str | None] = mapped_column(String(40))
    email: Mapped[str] = mapped_column(String(80), default="")
    role: Mapped[str | None] = mapped_column(String(20))
    badges: Mapped[list[Badge]] = relationship(lazy="joined", order_by=Badge.id)


@pytest.fixture
def make_club(make_host: Callable[..., Flask], tmp_path: Any) -> Iterator[Callable[..., Flask]]:
    """A host whose users have a number that nobody else sees and a key of another column."""
    made: list[Flask] = []

    def make(**options: Any) -> Flask:
        config = {"SQLALCHEMY_DATABASE_URI": f"sqlite:///{tmp_path}/club.sqlite3"}
        app = make_host(config, db=db, user_model=Member, **options)
        with app.app_context():
            db.create_all()
            for number, uuid in enumerate(("zz", "mm", "aa"), 1):
                badges = [Badge(name="staff"), Badge(name=f"of {uuid}")]
                db.session.add(Member(id=number, uuid=uuid, email=f"{uuid}@example.org", badges=badges))
            db.session.commit()
        made.append(app)
        return app

    yield make
    for app in made:
        with app.app_context():
            db.session.remove()
            db.engine.dispose()


def by_int(key: str) -> Any:
    """A user loader as most hosts have it."""
    return db.session.get(Member, int(key))


def test_the_key_may_be_another_column_than_the_primary_key(make_club: Any) -> None:
    app = make_club(
        user_key=lambda user: user.uuid, groups=lambda user: (badge.name for badge in user.badges), loader=by_int
    )
    with app.app_context():
        state = state_of(app)
        assert state.people.users.sync() == Synced(3, 0)
        assert known(app).keys() == {"zz", "mm", "aa"}
        assert known(app)["mm"].groups == {"staff", "of mm"}, "a generator is as good as a list"
        assert state.people.users.sync(["mm", "gone"]) == Synced(1, 0)
        assert state.host.directory.get("mm") == known(app)["mm"]
        assert state.host.directory.get("2") is None, "a primary key is no key here"
        assert state.people.enrollments.require("aa", days=7).done == (("aa", ""),)
        assert state.host.directory.find("MM@example.org") == [known(app)["mm"]]  # type: ignore[attr-defined]


def test_a_key_that_is_made_of_columns_is_found_by_the_user_loader(make_club: Any) -> None:
    app = make_club(user_key=lambda user: f"member-{user.id}-{user.uuid}", loader=lambda key: by_int(key.split("-")[1]))
    with app.app_context():
        state = state_of(app)
        assert state.people.users.sync() == Synced(3, 0)
        assert known(app).keys() == {"member-1-zz", "member-2-mm", "member-3-aa"}
        found = state.host.directory.get("member-2-mm")
        assert found is not None
        assert found.email == "mm@example.org"
        assert state.host.directory.get("member-2-zz") is None, "the loader's answer has to be this user"


class Seat(db.Model):  # type: ignore[name-defined, misc]
    row: Mapped[str] = mapped_column(String(5), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)


@pytest.fixture
def theatre(make_host: Callable[..., Flask], tmp_path: Any) -> Iterator[Flask]:
    """A host whose users are told apart by two columns together."""
    app = make_host(
        {"SQLALCHEMY_DATABASE_URI": f"sqlite:///{tmp_path}/theatre.sqlite3"}, db=db, user_model=Seat,
        user_key=lambda seat: f"{seat.row}-{seat.number}",
        loader=lambda key: db.session.get(Seat, (key.split("-")[0], int(key.split("-")[1]))),
    )  # fmt: skip
    with app.app_context():
        db.create_all()
        db.session.add_all(Seat(row=row, number=number) for row in ("a", 'b"') for number in (1, 2, 10))
        db.session.commit()
        yield app
        db.session.remove()
        db.engine.dispose()


def test_a_key_of_two_columns_pages_through_everybody(theatre: Flask) -> None:
    directory, seen, mark = state_of(theatre).host.directory, [], None
    while page := next(directory.pages(mark, 2), None):
        mark, people = page
        seen += [person.key for person in people]
    assert seen == ["a-1", "a-2", "a-10", 'b"-1', 'b"-2', 'b"-10']
    assert state_of(theatre).people.users.sync() == Synced(6, 0)
    assert directory.get("a-10") is not None
    assert directory.get("a-3") is None


def test_a_user_loader_that_raises_makes_nobody_unknown(make_club: Any) -> None:
    app = make_club(user_key=lambda user: f"member-{user.id}", loader=by_int)
    with app.app_context():
        state = state_of(app)
        state.people.users.sync()
        before = tables(state.store)
        with pytest.raises(HostCallbackFailed):
            state.people.users.sync(["member-1"])
        assert tables(state.store) == before, "nobody is voided because his key can't be read"


@pytest.mark.parametrize("key", ["", "x" * 192, "a\0b", "None", 7])
def test_a_key_that_is_none_is_told_from_one_that_is_too_long(make_club: Any, key: Any) -> None:
    app = make_club(user_key=lambda _user: key, loader=by_int)
    with app.app_context(), pytest.raises(HostCallbackFailed, match=r"1 to 191 characters without NUL"):
        state_of(app).people.users.sync()


def raises(_user: Any) -> Any:
    raise RuntimeError("callback")


@pytest.mark.parametrize(
    "options",
    [
        {"groups": raises}, {"groups": lambda _: "staff"}, {"groups": lambda _: None}, {"groups": lambda _: [1]},
        {"groups": lambda _: b"staff"}, {"groups": lambda _: ["staff", None]}, {"groups": lambda _: 7},
        {"groups": lambda user: (1 / 0 for _ in "a")},
        {"admin_role": raises}, {"admin_role": lambda _: "root"}, {"admin_role": lambda _: True},
        {"admin_role": lambda _: ""}, {"admin_role": lambda _: ["admin"]},
        {"user_key": raises}, {"user_key": lambda _: ""}, {"user_key": lambda _: 7}, {"user_key": lambda _: "None"},
    ],
)  # fmt: skip
def test_a_callback_that_raises_or_answers_nonsense_is_named_and_changes_nothing(make_club: Any, options: Any) -> None:
    app = make_club(loader=lambda _key: Member(id=1), **options)
    with app.app_context():
        state = state_of(app)
        before = tables(state.store)
        with pytest.raises(HostCallbackFailed):
            state.people.users.sync()
        with pytest.raises(HostCallbackFailed):
            state.people.enrollments.require("1")
        assert tables(state.store) == before


# Who is gone


def proved(app: Flask, name: str, phone: Phone) -> Browser:
    browser = Browser(app)
    browser.sign_in(name)
    browser.send("/mfa/challenge", code=phone.code())
    assert browser.is_in()
    return browser


def test_a_deleted_user_loses_every_proof_and_a_key_that_comes_back_is_forced_to_enroll(
    portal: Flask, clock: StillClock, phone: Phone
) -> None:
    state, dave = state_of(portal), key_of(portal, "dave")
    state.people.users.sync()
    proved(portal, "dave", phone)
    Browser(portal).sign_in("dave")
    state.people.access_passes.issue(dave, lifetime=timedelta(days=9))
    state.access.policies.note_graces(dave, ["a policy with days of grace"])
    with state.store.database.write() as tx:
        state.store.recovery_codes.replace(tx, dave, [("c1", b"x"), ("c2", b"y")], now=clock())
        state.store.failures.add(tx, dave, place="x", now=clock())
    browser = Browser(portal)
    browser.sign_in("dave")
    assert browser.send("/mfa/challenge", code=phone.wrong_code()).status_code == 422
    state.people.users.sync([dave])
    assert state.people.enrollments.status(dave).status == "ENROLLED", "he is still there"
    delete_users(dave)
    clock.forward(hours=1)
    assert state.people.users.sync() == Synced(people=7, deleted=0, missing=1)
    assert state.people.enrollments.status(dave).status == "ENROLLED", "one run alone proves nothing"
    clock.forward(hours=24)
    assert state.people.users.sync() == Synced(people=7, deleted=1)
    assert_no_proof_is_left(portal, dave, clock)
    assert events(portal, "user_deleted") == [("user_deleted", dave)]
    clock.forward(days=2)
    assert state.people.users.sync() == Synced(people=7, deleted=0), "gone once"
    assert events(portal, "user_deleted") == [("user_deleted", dave)]
    add_crowd(1, start=int(dave))
    clock.forward(hours=1)
    state.people.users.sync()
    assert known(portal)[dave].name == f"User {dave}"
    with state.store.database.read() as tx:
        signing_in_user = state.store.people.known(tx, [dave], now=clock())[dave]
    assert (signing_in_user.former_email, signing_in_user.last_sign_in_at) == ("", None)


def assert_no_proof_is_left(app: Flask, key: str, clock: StillClock) -> None:
    store = state_of(app).store
    with store.database.read() as tx:
        enrollment = store.enrollments.state(tx, key, now=clock())
        assert (enrollment.is_forced, enrollment.factors) == (True, frozenset())
        assert store.access_passes.waiting_or_live(tx, key, now=clock()) == []
        assert store.audit.recent(tx, key, limit=9) == []
    for name in ("person", "person_group", "sign_in"):
        assert [row for row in rows(store, name) if row.user_key == key] == [], name
    assert all(row.ended_at for row in rows(store, "session") if row.user_key == key), "their cookies open nothing"
    assert all(row.voided_at and row.secret is None for row in rows(store, "factor") if row.user_key == key)
    assert [row for row in rows(store, "recovery_code") if row.user_key == key and row.used_at is None] == []


def test_whom_the_pages_missed_the_directory_is_asked_about_once_more(make_host: Any, clock: StillClock) -> None:
    directory = People([Person("n"), Person("o")])
    app = make_host(directory=directory)
    with app.app_context():
        state_of(app).people.users.sync()
        clock.forward(days=1)
        directory.page = lambda after, _limit: [] if after else [Person("n")]  # type: ignore[method-assign]
        assert state_of(app).people.users.sync() == Synced(1, 0)
        assert known(app).keys() == {"n", "o"}


def test_sync_of_named_users_takes_over_some_and_voids_those_who_are_gone(portal: Flask, clock: StillClock) -> None:
    state = state_of(portal)
    state.people.users.sync()
    delete_users("4", "5")
    assert state.people.users.sync(["4", "6", "6", "4711"]) == Synced(people=1, deleted=0, missing=1)
    clock.forward(hours=24)
    assert state.people.users.sync(["4", "6", "6", "4711"]) == Synced(people=1, deleted=1)
    assert known(portal).keys() == {"1", "2", "3", "5", "6", "7", "8"}, "only who was named"
    assert_no_proof_is_left(portal, "4", clock)
    assert events(portal, "user_deleted") == [("user_deleted", "4")], "nothing is on record of whom nobody knew"


def test_sync_of_a_key_given_as_text_is_about_that_one_user(make_host: Any) -> None:
    app = make_host(directory=People([Person("1"), Person("2"), Person("12")]))
    with app.app_context():
        assert state_of(app).people.users.sync("12") == Synced(people=1, deleted=0)
        assert known(app).keys() == {"12"}


def test_a_long_list_of_users_who_are_gone_is_voided_in_slices(portal: Flask, clock: StillClock) -> None:
    state, keys = state_of(portal), [f"gone-{number}" for number in range(2100)]
    meet(portal, [Person(key) for key in keys])
    assert state.people.users.sync(keys) == Synced(people=0, deleted=0, missing=2100)
    clock.forward(hours=24)
    assert state.people.users.sync(keys) == Synced(people=0, deleted=0, missing=2100, held_back=2100)
    assert state.people.users.sync(keys, void_missing=True) == Synced(people=0, deleted=2100)
    assert known(portal).keys().isdisjoint(keys)


def test_of_two_runs_at_once_one_has_each_deletion_on_record(portal: Flask, clock: StillClock) -> None:
    state = state_of(portal)
    state.people.users.sync()
    delete_users("4", "5", "6")
    clock.forward(days=1)
    state.people.users.sync()
    clock.forward(days=1)

    def run() -> int:
        with portal.app_context():
            return state.people.users.sync().deleted

    assert sum(at_once([run, run])) == 3
    assert sorted(events(portal, "user_deleted")) == [("user_deleted", key) for key in "456"]


def test_who_is_shown_again_in_time_keeps_everything(make_host: Any, clock: StillClock) -> None:
    directory = People([Person("n"), Person("o")])
    app = make_host(directory=directory)
    with app.app_context():
        state = state_of(app)
        state.people.users.sync()
        enroll(app, "n")
        gone = directory.people.pop("n")
        for hours in (20, 3):
            clock.forward(hours=hours)
            assert state.people.users.sync() == Synced(1, 0, missing=1)
        directory.people["n"] = gone
        clock.forward(hours=1)
        assert state.people.users.sync() == Synced(2, 0)
        del directory.people["n"]
        clock.forward(hours=23)
        assert state.people.users.sync() == Synced(1, 0, missing=1), "the day restarts"
        meet(app, [Person("n")])
        clock.forward(hours=24)
        assert state.people.users.sync() == Synced(1, 0, missing=1), "so it does when they sign in meanwhile"
        assert state.people.enrollments.status("o").status == "NOT_ENROLLED"


@pytest.mark.parametrize(("people", "gone", "voided"), [(12, 10, 10), (12, 11, 0), (300, 15, 15), (300, 16, 0)])
def test_a_run_voids_no_more_than_a_few_unless_it_is_told_to(
    make_host: Any, clock: StillClock, caplog: Any, people: int, gone: int, voided: int
) -> None:
    directory = People([Person(f"k{number:03}") for number in range(people)])
    app = make_host(directory=directory)
    with app.app_context():
        state = state_of(app)
        state.people.users.sync()
        for number in range(gone):
            del directory.people[f"k{number:03}"]
        clock.forward(days=1)
        state.people.users.sync()
        clock.forward(days=1)
        assert state.people.users.sync() == Synced(people - gone, voided, gone - voided, gone - voided)
        with state.store.database.read() as tx:
            mark = state.store.checkpoints.get(tx, "sync-held-back")
        assert (mark.value if mark else None) == (None if voided else str(gone))
        assert state.people.users.sync(void_missing=True).deleted == gone - voided
        with state.store.database.read() as tx:
            assert state.store.checkpoints.get(tx, "sync-held-back") is None


def test_who_held_a_factor_is_told_and_forced_and_the_demand_of_others_stays(make_host: Any, clock: StillClock) -> None:
    directory = People(Person(key, email=f"{key}@example.org") for key in ("held", "period", "lapsed", "free", "stays"))
    app = make_host(directory=directory)
    with app.app_context():
        state = state_of(app)
        state.people.users.sync()
        enroll(app, "held")
        state.people.enrollments.require("lapsed", days=1, notify=False)
        state.people.enrollments.require("period", days=30, notify=False)
        for key in ("held", "period", "lapsed", "free"):
            del directory.people[key]
        for _ in range(2):
            clock.forward(days=1)
            state.people.users.sync()
        assert known(app).keys() == {"stays"}
        with state.store.database.read() as tx:
            found = state.store.enrollments.states(tx, ["held", "period", "lapsed", "free"], now=clock())
        assert {key: one.is_forced for key, one in found.items()} == {
            "held": True, "period": True, "lapsed": False, "free": False,
        }  # fmt: skip
        assert found["lapsed"].period is not None
        assert found["free"] == EnrollmentState("free")
        assert [(row.kind, row.recipient) for row in rows(state.store, "outbox")] == [("reset", "held@example.org")]
        directory.people["held"] = Person("held", email="held@example.org")
        state.people.users.sync()
        status = state.people.enrollments.status("held")
        assert (status.status, status.required, status.factors) == ("NOT_ENROLLED", True, ())


def test_a_reset_takes_codes_and_pass_along(portal: Flask, clock: StillClock) -> None:
    state = state_of(portal)
    for key in ("4", "5"):
        state.people.access_passes.issue(key)
        with state.store.database.write() as tx:
            state.store.recovery_codes.replace(tx, key, [(f"c{key}", b"x")], now=clock())
    state.people.enrollments.reset(["4"])
    assert (state.people.access_passes.of("4"), len(state.people.access_passes.of("5"))) == ([], 1)
    assert [row.user_key for row in rows(state.store, "recovery_code")] == ["5"], "and those of nobody else"


# Another key


def test_everything_follows_a_renamed_user(portal: Flask, clock: StillClock, phone: Phone) -> None:
    state = state_of(portal)
    proved(portal, "dave", phone)
    state.people.access_passes.issue("6", actor="user:1")
    state.people.enrollments.require("6", days=7, actor="user:1")
    state.people.access_passes.issue("4")
    state.access.policies.save(policy("mine", on=["payroll"]), actor="user:1")
    state.people.users.rename("4", "dave")
    state.people.users.rename("1", "ada")
    for name, kept in tables(state.store).items():
        if name.endswith("mark"):
            continue
        columns = {column.name: place for place, column in enumerate(state.store.tables.metadata.tables[name].columns)}
        for column in ("user_key", "subject"):
            assert all(row[columns[column]] not in {"4", "1"} for row in kept if column in columns), name
        for column in ("actor", "required_by", "issued_by", "author"):
            assert all(row[columns[column]] not in {"user:4", "user:1"} for row in kept if column in columns), name
    assert state.people.enrollments.status("dave").status == "ENROLLED"
    assert state.people.enrollments.status("6").required_by == "user:ada"
    assert len(state.people.access_passes.of("dave")) == 1
    assert events(portal, "user_renamed") == [("user_renamed", "dave"), ("user_renamed", "ada")]
    assert [row.details for row in rows(state.store, "audit") if row.event == "user_renamed"] == [
        {"former": "4"}, {"former": "1"},
    ]  # fmt: skip
    assert {row.user_key for row in rows(state.store, "session")} == {"dave"}


def test_what_is_sealed_follows_a_renamed_user(portal: Flask, clock: StillClock, phone: Phone) -> None:
    state = state_of(portal)
    browser = Browser(portal)
    browser.sign_in("dave")
    browser.send("/mfa/challenge", code=phone.code())
    code = recovery_codes_in(browser.send("/mfa/recovery-codes").text)[0]
    access_pass = state.people.access_passes.issue("4", actor="cli")
    state.people.users.rename("4", "dave")
    with state.store.database.write() as tx:
        clock.forward(minutes=1)
        now, dave = clock(), holder(state.store, tx, "dave")
        totp = state.factors.registry.verifiers[Method("totp")].verify(tx, dave, phone.code(), state=NOTHING, now=now)
        by_code = state.factors.registry.verifiers[Method("recovery_code")]
        spent = by_code.verify(tx, dave, by_code.read(code)[1], state=NOTHING, now=now)
        by_pass = state.factors.registry.verifiers[Method("access_pass")]
        used = by_pass.verify(tx, dave, by_pass.read(access_pass)[1], state=NOTHING, now=now)
    assert None not in (totp, spent, used)


def test_a_sealed_value_that_cant_be_opened_stops_no_rename(portal: Flask, caplog: pytest.LogCaptureFixture) -> None:
    state = state_of(portal)
    with state.store.database.write() as tx:
        tx.execute(state.store.tables.factor.update().values(secret=b"\x02" + bytes(40)))
    state.people.users.rename("4", "dave")
    assert "stays shut" in caplog.text
    totp = state.factors.registry.verifiers[Method("totp")]
    with state.store.database.write() as tx, pytest.raises(SecretUnreadable):
        totp.verify(tx, holder(state.store, tx, "dave"), "123456", state=NOTHING, now=state.clock())


@pytest.mark.parametrize("table", ["factor", "recovery_code", "access_pass"])
def test_a_row_that_is_given_to_another_user_opens_nothing(
    portal: Flask, clock: StillClock, phone: Phone, table: str
) -> None:
    """SECURITY: one UPDATE would make mallory's phone, code or pass dave's."""
    state = state_of(portal)
    browser = Browser(portal)
    browser.sign_in("dave")
    browser.send("/mfa/challenge", code=phone.code())
    clock.forward(minutes=1)
    codes = {
        "recovery_code": recovery_codes_in(browser.send("/mfa/recovery-codes").text)[0],
        "access_pass": state.people.access_passes.issue("4", actor="cli"),
        "factor": phone.code(),
    }
    verifier = state.factors.registry.verifiers[{"factor": Method("totp")}.get(table) or Method(table)]
    with state.store.database.write() as tx:
        tx.execute(state.store.tables.metadata.tables[f"mfa_gate_{table}"].update().values(user_key="6"))
    with state.store.database.write() as tx:
        try:
            code, mallory = verifier.read(codes[table])[1], holder(state.store, tx, "6")
            assert verifier.verify(tx, mallory, code, state=NOTHING, now=clock()) is None
        except SecretUnreadable:
            assert table == "factor"


def test_policies_follow_a_renamed_user(portal: Flask) -> None:
    state, longest = state_of(portal), "x" * LONGEST_KEY
    named = replace(
        policy("named", "deny", on=["wiki"]), users=Users(("user:4", "group:4"), ("user:2", f"user:{longest}"))
    )
    state.access.policies.save(named)
    state.access.policies.save(policy("others", "deny", on=["payroll"]))
    state.people.users.sync()
    with pytest.raises(Conflict):
        state.people.users.rename("4", "2")
    assert len(state.access.policies.history()) == 2
    state.people.users.rename("4", longest, actor="user:1")
    state.people.users.rename("2", "bob")
    assert state.access.policies.get("named").users == Users(
        (f"user:{longest}", "group:4"), ("user:bob", f"user:{longest}")
    )
    newest = state.access.policies.history()[0]
    assert (newest.version, newest.act, newest.author) == (4, "rename", "host")
    assert [one.author for one in state.access.policies.history("named")] == ["host", "user:1", "host"]
    state.people.users.rename("6", "frank")
    assert len(state.access.policies.history()) == 4, "a policy that does not name him makes no version"
    assert state.access.policies.history("others")[0].version == 2


def test_a_rename_that_loses_against_an_edit_follows_the_edit(portal: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    state = state_of(portal)
    state.people.users.sync()
    state.access.policies.save(replace(policy("named", "deny", on=["wiki"]), users=Users(("user:4",))))
    add, tries = state.store.policies.try_add, []

    def lose_once(tx: Connection, added: PolicyVersion) -> bool:
        tries.append(added.act)
        return len(tries) > 1 and add(tx, added)

    monkeypatch.setattr(state.store.policies, "try_add", lose_once)
    state.people.users.rename("4", "dave")
    assert tries == ["rename", "rename"]
    assert state.access.policies.get("named").users.include == ("user:dave",)
    assert "dave" in known(portal)


def test_nobody_is_renamed_while_the_policies_cant_be_read(portal: Flask) -> None:
    state = state_of(portal)
    state.people.users.sync()
    state.access.policies.save(policy("any", on=["payroll"]))
    with state.store.database.write() as tx:
        tx.execute(text("UPDATE mfa_gate_policy_version SET document = '{}'"))
    before = tables(state.store)
    with pytest.raises(PolicyError):
        state.people.users.rename("4", "dave")
    assert tables(state.store) == before


def test_a_key_that_is_taken_is_refused_and_nothing_moves(portal: Flask) -> None:
    state = state_of(portal)
    state.people.users.sync()
    before = tables(state.store)
    for new in ("4", "6", "2"):
        with pytest.raises(Conflict) as refused:
            state.people.users.rename("2", new)
        assert refused.value.reason == "key-taken"
    assert tables(state.store) == before


def test_a_key_that_only_the_records_know_is_taken_too(portal: Flask) -> None:
    state = state_of(portal)
    state.people.enrollments.unlock("6")
    with state.store.database.write() as tx:
        state.store.people.delete(tx, ["6"])
        tx.execute(text("DELETE FROM mfa_gate_enrollment WHERE user_key = '6'"))
    with pytest.raises(Conflict):
        state.people.users.rename("2", "6")


def test_who_is_not_known_can_be_neither_renamed_nor_forgotten(portal: Flask) -> None:
    state = state_of(portal)
    before = tables(state.store)
    for act in (lambda: state.people.users.rename("4711", "4712"), lambda: state.people.users.forget("4711")):
        with pytest.raises(UnknownUser):
            act()
    assert tables(state.store) == before


@pytest.mark.parametrize("new", ["", "None", "x" * 192, "a\0b", "\ud800", 7])
def test_a_new_key_is_one_that_a_user_can_have(portal: Flask, new: Any) -> None:
    before = tables(state_of(portal).store)
    with pytest.raises(BadRequest):
        state_of(portal).people.users.rename("2", new)
    assert tables(state_of(portal).store) == before


# Forgotten


ZOE = Person("key-of-zoe", "Zoe Zimmer", "zoe@example.net", True, frozenset({"staff"}), Role.ADMIN)
YAN = Person("key-of-yan", "Yan", "yan@example.net", role=Role.ADMIN)


def test_of_a_forgotten_user_no_table_has_key_name_or_address(make_host: Any, clock: StillClock) -> None:
    app = make_host(directory=People([ZOE, YAN]))
    meet(app, [replace(ZOE, email="zoe.old@example.net")])
    key = ZOE.key
    with app.app_context():
        state = state_of(app)
        state.people.enrollments.require(key, days=7, actor=f"user:{YAN.key}", reason="Zoe Zimmer is new here")
        state.people.enrollments.require(YAN.key, days=7, actor=f"user:{key}")
        state.people.access_passes.issue(YAN.key, actor=f"user:{key}")
        state.people.access_passes.issue(key, actor=f"user:{YAN.key}", reason="zoe@example.net lost it")
        enroll(app, key)
        with state.store.database.write() as tx:
            state.store.failures.add(tx, key, place="x", now=clock())
            where = "address = '192.0.2.77', user_agent = 'Zoebrowser'"
            tx.execute(text(f"UPDATE mfa_gate_audit SET {where} WHERE subject = :key"), {"key": key})
        state.people.users.rename(key, "key-of-zoe-2")
        state.people.users.rename("key-of-zoe-2", key)
        before = [event for event, _ in events(app)]
        state.people.users.forget(key, actor=f"user:{key}")
        everything = repr(tables(state.store))
        for trace in (key, "Zoe", "zoe", "192.0.2.77"):
            assert trace not in everything
        assert [event for event, _ in events(app)] == [*before, "user_forgotten"], "what happened when stays"
        assert state.people.enrollments.status(YAN.key).required, "what was done to others stays"
        (stranger,) = {subject for _, subject in events(app, "user_forgotten", "user_renamed")}
        assert stranger.startswith("forgotten-")
        assert {row.actor for row in rows(state.store, "audit") if row.subject == YAN.key} == {f"user:{stranger}"}
        with pytest.raises(UnknownUser):
            state.people.users.forget(key)


def test_mail_to_others_that_tells_of_a_forgotten_user_tells_of_him_no_more(make_host: Any, clock: StillClock) -> None:
    boss, nameless = Person("boss", "Boss", "boss@example.net", role=Role.ADMIN), Person("nameless")
    app = make_host(directory=People([ZOE, YAN, boss, nameless]))
    with app.app_context():
        state = state_of(app)
        state.people.users.sync()
        state.operations.upkeep.run_due()
        clock.forward(days=7)
        state.people.enrollments.require([ZOE.key, YAN.key, nameless.key], days=3)
        state.operations.upkeep.run_due()
        assert ("digest", "boss@example.net") in mails(app)
        state.people.users.forget(ZOE.key)
        state.people.users.forget(nameless.key)
        assert "zoe" not in repr(tables(state.store)).lower()
        (digest,) = [row for row in rows(state.store, "outbox") if row.kind == "digest" and row.user_key == "boss"]
        assert [one["name"] for one in digest.facts["lapsing"]] == ["Yan"]


@pytest.mark.parametrize(("given", "kept"), [("1", "user:1"), ("user:1", "user:1"), ("cli", "cli"), ("2", "host")])
def test_the_actor_of_a_change_of_people_is_kept_in_its_one_form(portal: Flask, given: str, kept: str) -> None:
    state = state_of(portal)
    state.people.users.password_changed("6", actor="1")
    state.people.users.rename("6", "six", actor="1")
    state.people.users.forget("2", actor=given)
    found = {row.event: row.actor for row in rows(state.store, "audit")}
    assert (found["password_changed"], found["user_renamed"], found["user_forgotten"]) == ("user:1", "user:1", kept)


# Addresses


def test_news_of_a_changed_factor_goes_to_the_former_address_too_for_thirty_days(
    portal: Flask, clock: StillClock
) -> None:
    from example_app.models import User, db

    state = state_of(portal)
    state.people.users.sync()
    db.session.execute(db.update(User).where(User.id == 4).values(email="thief@example.net"))
    db.session.commit()
    state.people.users.sync(["4"])
    state.people.enrollments.reset("4")
    assert mails(portal, "reset") == [("reset", "dave@example.org"), ("reset", "thief@example.net")]
    state.people.enrollments.require("4", days=7)
    assert mails(portal, "start") == [("start", "thief@example.net")], "what is no news of a factor goes to him alone"
    clock.forward(days=30, microseconds=-1)
    state.people.access_passes.issue("4")
    assert len(mails(portal, "access-pass")) == 2
    clock.forward(microseconds=1)
    state.people.access_passes.issue("4")
    assert mails(portal, "access-pass")[2:] == [("access-pass", "thief@example.net")]


def test_a_first_address_has_no_former_one_and_a_lost_one_is_still_told(make_host: Any) -> None:
    directory = People([Person("n"), Person("o", email="o@example.org")])
    app = make_host(directory=directory)
    with app.app_context():
        state = state_of(app)
        state.people.users.sync()
        directory.people = {"n": Person("n", email="n@example.org"), "o": Person("o")}
        state.people.users.sync(["n", "o"])
        state.people.enrollments.reset(["n", "o"])
        state.people.enrollments.require(["n", "o"], days=7)
        assert mails(app) == [("reset", "n@example.org"), ("reset", "o@example.org"), ("start", "n@example.org")]
        directory.people["o"] = Person("o", email="thief@example.net")
        state.people.users.sync(["o"])
        state.people.enrollments.reset(["o"])
    assert mails(app, "reset")[1:] == [("reset", "o@example.org")] * 2 + [("reset", "thief@example.net")]


def test_the_person_is_written_down_at_each_sign_in(app: Flask, clock: StillClock) -> None:
    from example_app.models import User, db

    Browser(app).sign_in("erin")
    assert known(app)["5"].groups == {"finance"}
    clock.forward(hours=1)
    with app.app_context():
        db.session.execute(
            db.update(User).where(User.id == 5).values(group="sales", role="auditor", email="e@example.org")
        )
        db.session.commit()
    Browser(app).sign_in("erin")
    assert known(app)["5"] == Person("5", "Erin Ellis", "e@example.org", groups=frozenset({"sales"}), role=Role.AUDITOR)
    (row,) = [row for row in rows(state_of(app).store, "person") if row.user_key == "5"]
    assert (row.last_sign_in_at, row.seen_at, row.former_email) == (clock(), clock(), "erin@example.org")
    assert [one.name for one in rows(state_of(app).store, "person_group") if one.user_key == "5"] == ["sales"]


def test_sync_does_not_pretend_a_sign_in(portal: Flask) -> None:
    state_of(portal).people.users.sync()
    assert {row.last_sign_in_at for row in rows(state_of(portal).store, "person")} == {None}


# Passes, where roles matter


@pytest.mark.parametrize(
    ("actor", "subject", "why"),
    [
        ("user:7", "7", "yourself"), ("user:1", "1", "yourself"), ("user:7", "1", "higher-role"),
        ("user:7", "8", "higher-role"), ("user:8", "6", "not-allowed"), ("user:6", "5", "not-allowed"),
        ("user:4711", "5", "not-allowed"), ("user:7", "6", None), ("user:1", "7", None), ("cli", "1", None),
    ],
)  # fmt: skip
def test_who_may_give_out_and_take_back_a_pass(portal: Flask, actor: str, subject: str, why: str | None) -> None:
    passes = state_of(portal).people.access_passes
    for act in (passes.issue, passes.revoke):
        if why is None:
            assert act(subject, actor=actor)
            continue
        with pytest.raises(NotAllowed) as refused:
            act(subject, actor=actor)
        assert refused.value.reason == why


def test_an_admin_who_was_switched_off_has_no_role(portal: Flask) -> None:
    from example_app.models import User, db

    db.session.execute(db.update(User).where(User.id == 1).values(enabled=False))
    db.session.commit()
    with pytest.raises(NotAllowed):
        state_of(portal).people.access_passes.issue("6", actor="user:1")
    assert state_of(portal).people.enrollments.require(["6"], actor="user:1").failed == (("6", "not-allowed"),)


def test_a_pass_is_silent_only_by_the_operators_hand(portal: Flask) -> None:
    passes = state_of(portal).people.access_passes
    with pytest.raises(BadRequest):
        passes.issue("6", actor="user:1", notify=False)
    assert passes.of("6") == []
    passes.issue("6", actor="cli", notify=False)
    passes.issue("6", actor="host", notify=False)
    assert mails(portal) == []
    assert len(passes.of("6")) == 1, "one at a time"


def test_a_pass_that_is_taken_back_ends_what_it_opened(portal: Flask, clock: StillClock) -> None:
    state = state_of(portal)
    state.people.enrollments.require("6", days=0, notify=False)
    enroll(portal, "6")
    code = state.people.access_passes.issue("6", lifetime=timedelta(hours=2))
    browser = Browser(portal)
    browser.sign_in("frank")
    assert browser.send("/mfa/challenge", code=code, factor="access_pass").status_code == 303
    assert browser.is_in()
    assert state.people.access_passes.revoke("6")
    assert not browser.is_in()
    assert not state.people.access_passes.revoke("6"), "there is none any more"
    assert events(portal, "access_pass_revoked") == [("access_pass_revoked", "6")]


def test_a_new_pass_ends_what_the_old_one_opened(portal: Flask) -> None:
    state = state_of(portal)
    enroll(portal, "6")
    browser = Browser(portal)
    browser.sign_in("frank")
    browser.send("/mfa/challenge", code=state.people.access_passes.issue("6"), factor="access_pass")
    assert browser.is_in()
    state.people.access_passes.issue("6")
    assert not browser.is_in()


@pytest.mark.parametrize(
    "wrong",
    [
        {"lifetime": timedelta(minutes=10, microseconds=-1)}, {"lifetime": timedelta(days=30, microseconds=1)},
        {"scope": "everything"}, {"starts_at": timedelta(microseconds=-1)}, {"starts_at": timedelta(days=365, seconds=1)},
    ],
)  # fmt: skip
def test_terms_of_a_pass_out_of_range_are_refused(portal: Flask, clock: StillClock, wrong: dict[str, Any]) -> None:
    if "starts_at" in wrong:
        wrong = {"starts_at": clock() + wrong["starts_at"]}
    with pytest.raises(BadRequest):
        state_of(portal).people.access_passes.issue("6", **wrong)
    with pytest.raises(BadRequest):
        state_of(portal).people.access_passes.issue("6", starts_at=clock().replace(tzinfo=None))
    for lifetime in (timedelta(minutes=10), timedelta(days=30)):
        state_of(portal).people.access_passes.issue("6", lifetime=lifetime, starts_at=clock() + timedelta(days=365))

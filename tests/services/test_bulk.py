"""One action on many users: found by key, by group, by any filter; each outcome in one stable word."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import update

from flask_mfa_gate.domain.enrollment.enrollment import Status
from flask_mfa_gate.domain.people.person import Person
from flask_mfa_gate.domain.people.user_filter import EVERYBODY, UserFilter
from flask_mfa_gate.domain.sign_in.assurance import FactorKind
from flask_mfa_gate.errors import BadRequest, NotAllowed, UnknownUser
from flask_mfa_gate.services.actions.action_result import ActionResult
from flask_mfa_gate.services.enrollment.enrollments import EnrollmentService
from flask_mfa_gate.store.people.user_list import UserList
from tests.conftest import Browser, StillClock, state_of
from tests.services.kit import events, mails, meet, rows, tables


@pytest.fixture
def portal(app: Flask) -> Iterator[Flask]:
    """The portal with everybody known: 1 admin, 2 in a period, 3 lapsed, 4 enrolled, 5 finance, 7 helpdesk, 8 auditor."""
    with app.app_context():
        state_of(app).people.users.sync()
        yield app


@pytest.fixture
def service(portal: Flask) -> EnrollmentService:
    return state_of(portal).people.enrollments


def listed_by(app: Flask) -> UserList:
    return UserList(state_of(app).store.tables, enabled={FactorKind("totp")}, everybody_required=False)


def crowd(count: int) -> list[Person]:
    return [Person(f"k{number:05}", f"User {number}", f"k{number}@example.org") for number in range(count)]


ACTIONS: dict[str, Callable[..., Any]] = {
    "require": lambda service, keys, **terms: service.require(keys, days=5, **terms),
    "renew": lambda service, keys, **terms: service.require(keys, days=5, renew=True, **terms),
    "force": lambda service, keys, **terms: service.require(keys, days=0, **terms),
    "extend": lambda service, keys, **terms: service.extend(keys, days=5, **terms),
    "reset": lambda service, keys, **terms: service.reset(keys, **terms),
    "reset with days": lambda service, keys, **terms: service.reset(keys, days=5, **terms),
    "remove": lambda service, keys, **terms: service.remove(keys, **terms),
    "remind": lambda service, keys, **terms: service.remind(keys, **terms),
    "unlock": lambda service, keys, **terms: service.unlock(keys, **terms),
    "revoke sessions": lambda service, keys, **terms: service.revoke_sessions(keys, **terms),
    "revoke factor": lambda service, keys, **terms: service.revoke_factor(keys, kind="totp", **terms),
    "revoke pass": lambda service, keys, **terms: service.revoke_pass(keys, **terms),
}
SKIPPED = {
    "require": {"2": "in-period", "3": "lapsed", "4": "already-required"},
    "renew": {"3": "lapsed"},
    "force": {"2": "in-period", "3": "lapsed", "4": "already-required"},
    "extend": dict.fromkeys("145678", "no-period"),
    "remove": dict.fromkeys("15678", "not-required"),
    "remind": {**dict.fromkeys("145678", "no-period"), "3": "lapsed"},
    "revoke factor": dict.fromkeys("1235678", "no-factor"),
    "revoke pass": dict.fromkeys("12345678", "no-pass"),
}
RULES = {"require", "renew", "force", "remove"}


def outcome(result: ActionResult) -> dict[str, str]:
    found = {key: why or "done" for key, why in result.done}
    return found | dict(result.skipped) | dict(result.failed)


@pytest.mark.parametrize("name", ACTIONS)
def test_each_action_says_of_everybody_what_became_of_him(service: EnrollmentService, name: str) -> None:
    expected = {**dict.fromkeys("12345678", "done"), **SKIPPED.get(name, {})}
    if name == "unlock":
        expected["3"] = "lapsed-too"
    result = ACTIONS[name](service, EVERYBODY)
    assert outcome(result) == expected
    assert {key for key, _ in result.skipped} == set(SKIPPED.get(name, {}))
    assert result.failed == ()


@pytest.mark.parametrize("name", ACTIONS)
def test_keys_and_a_filter_for_the_same_people_do_the_same(
    portal: Flask, service: EnrollmentService, name: str
) -> None:
    by_filter = ACTIONS[name](service, EVERYBODY, dry_run=True)
    assert ACTIONS[name](service, [str(number) for number in range(1, 9)], dry_run=True) == by_filter
    assert ACTIONS[name](service, iter("12345678"), dry_run=True) == by_filter
    twice = ACTIONS[name](service, ["2", "2", "3", "2"], dry_run=True)
    assert len(twice.done + twice.skipped) == 2, "who is named twice is one user"


@pytest.mark.parametrize("name", ACTIONS)
@pytest.mark.parametrize("actor", ["host", "user:1", "user:7", "user:8", "user:6", "user:4711"])
def test_a_dry_run_answers_like_the_real_run_and_changes_nothing(
    portal: Flask, service: EnrollmentService, clock: StillClock, signals: list[Any], name: str, actor: str
) -> None:
    with state_of(portal).store.database.write() as tx:
        state_of(portal).store.failures.add(tx, "5", place="x", now=clock())
    before, keys = tables(state_of(portal).store), [*"12345678", "4711"]
    dry = [ACTIONS[name](service, targets, actor=actor, dry_run=True) for targets in (EVERYBODY, keys)]
    assert tables(state_of(portal).store) == before
    assert signals == []
    assert ACTIONS[name](service, EVERYBODY, actor=actor) == dry[0]
    assert (*dry[0].failed, ("4711", "unknown-user")) == dry[1].failed


def test_a_dry_run_of_one_user_changes_nothing_and_raises_alike(portal: Flask, service: EnrollmentService) -> None:
    before = tables(state_of(portal).store)
    assert service.reset("4", dry_run=True).done == (("4", ""),)
    with pytest.raises(NotAllowed):
        service.reset("4", actor="user:8", dry_run=True)
    assert tables(state_of(portal).store) == before


# Roles


def test_helpdesk_rescues_all_of_a_filter_but_himself_and_people_with_a_role(service: EnrollmentService) -> None:
    result = service.reset(EVERYBODY, actor="user:7")
    assert result.failed == (("1", "higher-role"), ("7", "yourself"), ("8", "higher-role"))
    assert {key for key, _ in result.done} == set("23456")


@pytest.mark.parametrize("name", ACTIONS)
def test_what_each_role_may_do_in_bulk(service: EnrollmentService, name: str) -> None:
    for actor in ("7", "8", "6"):
        may = actor == "7" and name not in RULES
        result = ACTIONS[name](service, EVERYBODY, actor=f"user:{actor}", dry_run=True)
        for key, why in result.failed:
            expected = "yourself" if key == actor else "higher-role" if may else "not-allowed"
            assert why == expected
        assert len(result.failed) == (3 if may else 8)
    assert ACTIONS[name](service, EVERYBODY, actor="user:1", dry_run=True).failed == (("1", "yourself"),)


def test_a_refusal_of_one_user_is_raised_and_leaves_no_trace(portal: Flask, service: EnrollmentService) -> None:
    before = tables(state_of(portal).store)
    for actor, key, why in (("7", "7", "yourself"), ("7", "8", "higher-role"), ("8", "6", "not-allowed")):
        with pytest.raises(NotAllowed) as refused:
            service.reset(key, actor=f"user:{actor}")
        assert refused.value.reason == why
    left = tables(state_of(portal).store)
    assert {name for name in left if left[name] != before[name]} <= {"mfa_gate_enrollment"}
    assert service.status("6").status == "NOT_ENROLLED"


# Mail


def test_a_user_can_not_reset_anybody_silently_and_the_operator_can(portal: Flask, service: EnrollmentService) -> None:
    for targets in ("6", ["6", "5"], EVERYBODY):
        for actor in ("user:1", "user:7", "1"):
            with pytest.raises(BadRequest):
                service.reset(targets, actor=actor, notify=False)
    assert events(portal, "mfa_reset") == []
    for actor in ("cli", "host", "system"):
        service.reset(["6", "5"], actor=actor, notify=False)
    assert mails(portal, "reset") == []
    assert len(events(portal, "mfa_reset")) == 6, "on record all the same"


def test_mail_of_other_actions_may_be_off_for_everybody(portal: Flask, service: EnrollmentService) -> None:
    service.require(EVERYBODY, days=7, actor="user:1", notify=False)
    service.remove(EVERYBODY, actor="user:1", notify=False)
    assert mails(portal) == []


def test_bulk_mail_waits_for_upkeep_and_one_users_mail_does_not(
    portal: Flask, service: EnrollmentService, monkeypatch: Any
) -> None:
    sent: list[int] = []
    worker = state_of(portal).worker
    object.__setattr__(worker, "dispatch", lambda ids: sent.append(len(ids)))
    service.reset(["5", "6"])
    service.reset(UserFilter(group="finance"))
    service.reset(["4711", "5"])
    assert sent == [], "neither a filter of one nor a list of which one is known"
    service.reset(["6"])
    service.reset("6")
    assert sent == [1, 1]
    assert len(mails(portal, "reset")) == 6


# Slices


def test_2500_users_in_three_slices_with_progress(portal: Flask, service: EnrollmentService) -> None:
    meet(portal, crowd(2500))
    told: list[int] = []
    result = service.require(UserFilter(text="k"), days=7, progress=told.append)
    assert (len(result.done), told) == (2500, [1000, 1000, 500])
    with state_of(portal).store.database.read() as tx:
        found = listed_by(portal).count(tx, UserFilter(status=Status.IN_ENROLLMENT), now=state_of(portal).clock())
    assert found == 2501
    assert len(events(portal, "enrollment_started")) == 2500 + 3
    assert len(mails(portal, "start")) == 2500
    told.clear()
    keys = [person.key for person in crowd(1500)]
    assert len(service.require(keys, days=7, progress=told.append).skipped) == 1500
    assert told == [1000, 500]


@pytest.mark.parametrize("by", ["filter", "keys"])
def test_a_slice_that_fails_is_undone_and_those_before_it_stay(
    portal: Flask, service: EnrollmentService, monkeypatch: Any, by: str, signals: list[Any]
) -> None:
    meet(portal, crowd(2500))
    store, calls = state_of(portal).store, []
    add = type(store.outbox).add

    def failing(self: Any, tx: Any, messages: Any) -> None:
        posted = add(self, tx, messages)
        calls.append(len(posted))
        if len(calls) == 2:
            raise RuntimeError("killed")

    monkeypatch.setattr(type(store.outbox), "add", failing)
    targets: Any = UserFilter(text="k") if by == "filter" else [person.key for person in crowd(2500)]
    with pytest.raises(RuntimeError):
        service.require(targets, days=7)
    done = {row.user_key for row in rows(store, "enrollment") if row.required and row.user_key.startswith("k")}
    assert done == {person.key for person in crowd(1000)}
    assert {subject for _, subject in events(portal, "enrollment_started") if subject.startswith("k")} == done
    assert len(mails(portal, "start")) == 1000
    assert len([event for event in signals if event.subject.startswith("k")]) == 1000, "nobody hears of what was undone"
    again = service.require(targets, days=7)
    assert (len(again.done), len(again.skipped)) == (1500, 1000), "the same order again does the rest"


# Unknown and odd keys


@pytest.mark.parametrize(
    "key", ["4711", "9" * 30, "99999999999", "-1", "", "None", "a\0b", "\ud800", "x" * 400, " 2", "٢"]
)
def test_a_key_that_nobody_has_is_unknown_and_no_error(portal: Flask, service: EnrollmentService, key: str) -> None:
    before = tables(state_of(portal).store)
    assert service.remind([key, "5"], dry_run=True) == ActionResult(
        skipped=(("5", "no-period"),), failed=((key, "unknown-user"),)
    )
    with pytest.raises(UnknownUser):
        service.status(key)
    assert tables(state_of(portal).store) == before


def test_whom_the_gate_never_met_the_host_is_asked_about(app: Flask) -> None:
    with app.app_context():
        result = state_of(app).people.enrollments.require(["5", "6", "4711"], days=7)
    assert result == ActionResult(done=(("5", ""), ("6", "")), failed=(("4711", "unknown-user"),))
    assert {row.user_key for row in rows(state_of(app).store, "person")} >= {"5", "6"}
    assert len(mails(app, "start")) == 2


def test_nobody_at_all_is_fine(portal: Flask, service: EnrollmentService) -> None:
    assert service.reset([]) == ActionResult()
    assert service.reset(UserFilter(group="nobody is in it")) == ActionResult()


def test_a_waiting_period_in_bulk(portal: Flask, service: EnrollmentService, clock: StillClock) -> None:
    meet(portal, [Person("off", "Otto", "otto@example.org", is_active=False)])
    only = UserFilter(text="otto")
    assert outcome(service.require(only, days=9)) == {"off": "done"}
    status = service.status("off")
    assert (status.status, status.days_left, status.ends_at) == ("PRE_ENROLLMENT", 9, None)
    assert mails(portal) == [], "the mail goes when the clock starts"
    assert outcome(service.require(only, days=9)) == {"off": "in-period"}
    assert outcome(service.remind(only)) == {"off": "no-period"}
    assert outcome(service.extend(only, days=3)) == {"off": "done"}
    clock.forward(days=40)
    assert service.status("off").days_left == 12
    assert service.begin_waiting(Person("off", "Otto", "otto@example.org"))
    assert not service.begin_waiting(Person("off", "Otto", "otto@example.org")), "once"
    assert service.status("off").ends_at == clock().replace(microsecond=0) + timedelta(days=12)
    assert mails(portal) == [("start", "otto@example.org")]


def test_an_account_that_is_switched_on_and_used_starts_its_clock(portal: Flask, service: EnrollmentService) -> None:
    from example_app.models import User, db

    db.session.execute(update(User).where(User.id == 6).values(enabled=False))
    db.session.commit()
    service.require("6", days=9)
    assert service.status("6").status == "PRE_ENROLLMENT"
    db.session.execute(update(User).where(User.id == 6).values(enabled=True))
    db.session.commit()
    assert service.status("6").status == "PRE_ENROLLMENT", "not before it is used"
    Browser(portal).sign_in("frank")
    assert (service.status("6").status, service.status("6").days_left) == ("IN_ENROLLMENT", 9)


@pytest.mark.parametrize(
    "users",
    [
        UserFilter(status=Status.IN_ENROLLMENT), UserFilter(required=True), UserFilter(required=False),
        UserFilter(factor=FactorKind("totp")), UserFilter(ends_within=timedelta(days=7)), UserFilter(group="finance"),
        UserFilter(text="ERIN"),
    ],
)  # fmt: skip
def test_an_action_is_about_whom_its_filter_finds_and_nobody_else(
    portal: Flask, service: EnrollmentService, users: UserFilter
) -> None:
    expected = {
        "status": "2", "required": "234" if users.required else "15678", "factor": "4", "ends_within": "2", "group": "5",
        "text": "5",
    }  # fmt: skip
    (meant,) = [keys for name, keys in expected.items() if getattr(users, name) is not None]
    assert set(outcome(service.reset(users))) == set(meant)
    assert {subject for _, subject in events(portal, "mfa_reset")} == set(meant)


def test_an_actor_who_loses_the_role_is_refused_at_the_next_order(portal: Flask, service: EnrollmentService) -> None:
    from example_app.models import User, db

    assert service.unlock(["5", "6"], actor="user:7").failed == ()
    db.session.execute(update(User).where(User.id == 7).values(role=""))
    db.session.commit()
    assert service.unlock(["5", "6"], actor="user:7").failed == (("5", "not-allowed"), ("6", "not-allowed"))

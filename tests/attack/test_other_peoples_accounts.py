"""Attempts to get at another account: by a stale role, a strange key, a session that should be gone, a second use."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from flask_mfa_gate.domain.people.user_filter import EVERYBODY, UserFilter
from flask_mfa_gate.errors import Conflict, NotAllowed, UnknownUser
from tests.conftest import JSON, Browser, Phone, StillClock, key_of, state_of
from tests.web.kit import act, change_user, hand_in, issue, signed_in

GRACE = "user:7"


def on_keys(app: Flask, action: str, keys: Any, **options: Any) -> Any:
    with app.app_context():
        return getattr(state_of(app).people.enrollments, action)(keys, **options)


@pytest.mark.parametrize("role", ["admin", "helpdesk", "auditor"])
@pytest.mark.parametrize("how", ["one", "list", "several", "filter", "group", "dry run"])
def test_the_service_desk_does_not_act_on_whoever_has_a_role_by_now(app: Flask, role: str, how: str) -> None:
    """The gate keeps roles as it last saw them; the host gave Erin hers a moment ago."""
    signed_in(app, "erin")
    before = act(app, "require", "erin", days=7)
    assert before.done
    change_user(app, "erin", role=role)
    erin = key_of(app, "erin")
    if how == "one":
        with pytest.raises(NotAllowed):
            on_keys(app, "reset", erin, actor=GRACE)
        return
    targets = {"list": [erin], "several": [erin, "6"], "filter": EVERYBODY, "group": UserFilter(group="finance")}
    for action, options in (("reset", {"days": 30}), ("extend", {"days": 300}), ("unlock", {}), ("remind", {})):
        chosen = targets.get(how, [erin])
        result = on_keys(app, action, chosen, actor=GRACE, dry_run=how == "dry run", **options)
        assert (erin, "higher-role") in result.failed, action


def test_nobody_acts_on_himself_in_a_crowd(app: Flask) -> None:
    for name in ("ada", "grace"):
        signed_in(app, name)
    for actor, key in (("user:1", "1"), (GRACE, "7"), ("1", "1")):
        for targets in (EVERYBODY, [key], [key, "6"]):
            result = on_keys(app, "reset", targets, actor=actor)
            assert (key, "yourself") in result.failed


@pytest.mark.parametrize(
    "actor", ["user:6", "user:8", "user:", "user:none", "ada", "admin", "user:1 ", "User:1", "CLI", ""]
)
def test_no_other_name_has_a_right(app: Flask, actor: str) -> None:
    for action in ("reset", "require", "remove", "extend"):
        options = {"days": 3} if action == "extend" else {}
        with pytest.raises(NotAllowed):
            on_keys(app, action, "2", actor=actor, **options)
    with pytest.raises(NotAllowed):
        issue(app, "bob", actor=actor)


@pytest.mark.parametrize("key", ["٤", " 4", "4 ", "+4", "04", "4.0", "0x4", "1_0", "", "None", "4\n", "-4", "4;"])
def test_a_key_that_only_looks_like_one_is_nobodys(app: Flask, key: str) -> None:
    with app.app_context():
        for call in (
            lambda: state_of(app).people.access_passes.issue(key),
            lambda: state_of(app).people.enrollments.reset(key),
            lambda: state_of(app).people.enrollments.status(key),
        ):
            with pytest.raises(UnknownUser):
                call()


def test_the_cookie_of_one_and_the_session_of_another(app: Flask, phone: Phone) -> None:
    """A pass-opened session of Dave beside the host's session of Bob."""
    dave, bob = signed_in(app, "dave"), signed_in(app, "frank")
    hand_in(dave, issue(app, "dave"))
    act(app, "require", "frank", days=0)
    mixed = Browser(app)
    mixed.client.set_cookie("mfa_gate", dave.cookie() or "")
    mixed.client.set_cookie("session", bob.cookie("session") or "")
    assert mixed.get("/").location == "/mfa/enroll"
    assert not mixed.is_in()


def test_two_users_hand_in_each_others_pass(app: Flask) -> None:
    first, second = issue(app, "dave"), issue(app, "bob")
    assert hand_in(signed_in(app, "dave"), second).status_code == 422
    assert hand_in(signed_in(app, "bob"), first).status_code == 422


def test_a_pass_posted_for_another_pending_sign_in_counts_for_nobody(app: Flask) -> None:
    dave, bob = signed_in(app, "dave"), signed_in(app, "bob")
    token = dave.status()["csrf_token"]
    data = {"csrf_token": token, "factor": "access_pass", "code": issue(app, "dave")}
    assert bob.client.post("/mfa/challenge", data=data).status_code == 400
    with state_of(app).store.database.read() as tx:
        for key in ("2", "4"):
            failures = state_of(app).store.failures.count(tx, key, place="127.0.0.1", now=state_of(app).clock())
            assert failures.in_total == 0


def test_a_replayed_answer_with_the_old_cookie_gets_nothing(app: Flask) -> None:
    """The pass is timed and good for another sign-in, but not for an id whose place was taken."""
    code = issue(app, "dave", one_time=False)
    browser = signed_in(app, "dave")
    old, token = browser.cookie() or "", browser.status()["csrf_token"]
    hand_in(browser, code)
    replay = Browser(app)
    replay.client.set_cookie("mfa_gate", old)
    answer = replay.client.post("/mfa/challenge", data={"csrf_token": token, "factor": "access_pass", "code": code})
    assert answer.status_code in {400, 409}
    assert not replay.is_in()


GONE: list[Any] = [
    pytest.param(lambda app: act(app, "reset", "dave"), id="reset"),
    pytest.param(lambda app: users(app).forget("4"), id="forget"),
    pytest.param(lambda app: delete(app, "dave"), id="delete and sync"),
    pytest.param(lambda app: change_user(app, "dave", enabled=False), id="switch off"),
]


def users(app: Flask) -> Any:
    return state_of(app).people.users


def delete(app: Flask, username: str) -> None:
    from example_app.models import User, db

    with app.app_context():
        key = key_of(app, username)
        db.session.execute(db.delete(User).where(User.username == username))
        db.session.commit()
        users(app).sync([key])
        state_of(app).clock.forward(hours=24)
        users(app).sync([key])


@pytest.mark.parametrize("end", GONE)
@pytest.mark.parametrize("opened_by", ["code", "pass", "nothing yet"])
def test_no_session_outlives_it(app: Flask, phone: Phone, end: Callable[[Flask], Any], opened_by: str) -> None:
    browser = signed_in(app, "dave", phone if opened_by == "code" else None)
    code = issue(app, "dave", one_time=False)
    if opened_by == "pass":
        hand_in(browser, code)
    token = browser.status()["csrf_token"]
    with app.app_context():
        end(app)
    data = {"csrf_token": token, "factor": "access_pass", "code": code}
    answer = browser.client.post("/mfa/challenge", data=data)
    assert answer.status_code in {401, 403}
    assert browser.get("/mfa/recovery-codes", headers=JSON).status_code in {401, 403}
    if opened_by != "nothing yet":
        assert browser.get("/transfer").status_code != 200


def test_a_name_that_was_given_back_has_nothing(app: Flask, clock: StillClock) -> None:
    code = issue(app, "dave", one_time=False)
    with app.app_context():
        users(app).rename("4", "44")
    browser = signed_in(app, "dave")
    assert browser.status()["factors"] == []
    assert hand_in(browser, code).status_code in {303, 422}
    assert browser.status()["status"] == "NOT_ENROLLED"
    with app.app_context(), pytest.raises(Conflict):
        users(app).rename("44", "4")


@pytest.mark.parametrize("name", ["forget", "rename", "password_changed"])
def test_what_is_done_to_somebody_names_its_actor_alike(app: Flask, name: str) -> None:
    signed_in(app, "frank")
    with app.app_context():
        arguments = ("6", "66") if name == "rename" else ("6",)
        getattr(users(app), name)(*arguments, actor="1")
    audit = state_of(app).store.tables.audit
    with state_of(app).store.database.read() as tx:
        actors = {row.actor for row in tx.execute(audit.select())}
    assert "user:1" in actors
    assert "1" not in actors


def test_who_forgets_himself_leaves_no_name(app: Flask) -> None:
    signed_in(app, "frank")
    for actor in ("6", "user:6"):
        with app.app_context():
            users(app).forget("6", actor=actor)
        audit = state_of(app).store.tables.audit
        with state_of(app).store.database.read() as tx:
            assert not [row for row in tx.execute(audit.select()) if row.actor in {"6", "user:6"}]
        signed_in(app, "frank")


def test_whoever_is_forgotten_stands_in_no_other_row(app: Flask) -> None:
    act(app, "require", "frank", days=7, actor="user:1")
    issue(app, "frank", actor="user:1")
    signed_in(app, "ada")
    with app.app_context():
        users(app).forget("1")
    tables = state_of(app).store.tables
    with state_of(app).store.database.read() as tx:
        (row,) = tx.execute(tables.enrollment.select().where(tables.enrollment.c.user_key == "6"))
        assert row.required_by != "user:1"
        (given,) = tx.execute(tables.access_pass.select())
        assert given.issued_by != "user:1"

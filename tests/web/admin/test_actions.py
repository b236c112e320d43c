"""Actions on users: chosen, confirmed, carried out once, told user by user."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from typing import Any

import pytest
from bs4 import BeautifulSoup
from flask import Flask

from example_app.models import User, db
from tests.conftest import JSON, Browser, Phone, StillClock, key_of, state_of
from tests.policy_kit import policy, put
from tests.web.admin.kit import ADMIN, HELPDESK, at_console, enroll
from tests.web.kit import act, kinds

pytestmark = pytest.mark.pages


@pytest.fixture
def console(app: Flask, phone: Phone) -> Browser:
    browser = at_console(app, ADMIN, phone)
    with app.app_context():
        state_of(app).people.users.sync()
    return browser


def post(browser: Browser, path: str, **fields: Any) -> Any:
    return browser.client.post(path, data={"csrf_token": browser.status()["csrf_token"], **fields})


def ask(browser: Browser, action: str, **fields: Any) -> str:
    """The address of the confirmation."""
    answer = post(browser, "/admin/mfa/users/actions", action=action, **fields)
    assert answer.status_code == 303, answer.text
    return str(answer.location)


def text_of(answer: Any) -> str:
    return " ".join(BeautifulSoup(answer.text, "html.parser").get_text(" ").split())


def status(app: Flask, username: str) -> Any:
    with app.app_context():
        return state_of(app).people.enrollments.status(key_of(app, username))


def test_the_confirmation_counts_names_and_says_who_is_left_out(
    app: Flask, console: Browser, clock: StillClock
) -> None:
    path = ask(console, "require", scope="all", filter="")
    said = text_of(console.get(path))
    for words in (
        "4 users", "Erin Ellis", "Frank Ford", "Grace Gray", "Hugo Hill", "Skipped 1: in an enrollment period already",
        "Skipped 1: the period has ended", "Refused 1: this is you", "Skipped 1: MFA is required already", "Require MFA for 4 users", "9 Mar 2026, 09:00 UTC",
    ):  # fmt: skip
        assert words in said, words
    assert status(app, "erin").required is False, "nothing was done"
    assert "10 days" in text_of(console.get(f"{path}?days=10&when=days"))


def test_it_is_carried_out_once_and_told_user_by_user(app: Flask, console: Browser) -> None:
    path = ask(console, "require", scope="all", filter="mfa=no&required=no")
    done = post(console, path, when="days", days="14", reason="rollout", notify="1")
    assert (done.status_code, done.location) == (303, path)
    said = text_of(console.get(path))
    assert "Done for 4 users" in said
    erin = status(app, "erin")
    assert (erin.days_left, erin.required_by) == (14, "user:1")
    assert kinds(app, "erin") == ["start"]
    again = post(console, path, when="days", days="30", notify="1")
    assert again.location == path
    assert status(app, "erin").days_left == 14
    assert kinds(app, "erin") == ["start"], "a second submit shows the first result"
    rows = list(csv.DictReader(io.StringIO(console.get(f"{path}?format=csv").text)))
    assert [(row["key"], row["outcome"]) for row in rows] == [(str(key), "done") for key in (5, 6, 7, 8)]
    told = console.get(path, headers=JSON).json
    assert told is not None
    assert (told["state"], told["count"], len(told["done"])) == ("done", 4, 4)
    records = console.get("/admin/mfa/audit?event=enrollment_started&actor=1", headers=JSON).json
    assert records is not None
    assert {one["reason"] for one in records["items"]} == {"rollout"}


def test_who_changed_meanwhile_is_skipped_with_a_word(app: Flask, console: Browser) -> None:
    path = ask(console, "require", key=[key_of(app, "erin"), key_of(app, "frank")])
    enroll(app, "erin")
    post(console, path, days="7", when="days")
    said = text_of(console.get(path))
    assert "Done for 1 user" in said
    assert "Skipped 1 Changed after you opened the confirmation" in said
    assert status(app, "erin").required is False


def test_what_was_typed_wrong_is_told_in_place_and_changes_nothing(app: Flask, console: Browser) -> None:
    require = ask(console, "require", key=key_of(app, "erin"))
    extend = ask(console, "extend", key=key_of(app, "bob"))
    before = status(app, "bob")
    for path, fields, words in (
        (require, {"days": "0", "when": "days"}, "choose “Now”"),
        (require, {"days": "366", "when": "days"}, "from 1 to 365"),
        (require, {"days": "abc", "when": "days"}, "from 1 to 365"),
        (require, {"days": "-1", "when": "days"}, "from 1 to 365"),
        (require, {"days": "", "when": "days"}, "from 1 to 365"),
        (require, {"days": "²", "when": "days"}, "from 1 to 365"),
        (require, {"days": "7", "reason": "x" * 10_001}, "Give a reason"),
        (extend, {"when": "until", "until": "2026-03-01", "zone": "UTC"}, "from today on"),
        (extend, {"when": "until", "until": "9999-12-31", "zone": "UTC"}, "from today on"),
        (extend, {"when": "until", "until": "soon", "zone": "UTC"}, "Write the date"),
        (extend, {"when": "until", "until": "2026-03-20", "zone": "Moon/Crater"}, "time zones"),
        (extend, {"when": "days", "days": ""}, "from 1 to 365"),
        (extend, {"when": "days", "days": "7", "until": "2026-03-20", "zone": "UTC"}, "Choose “A date”"),
    ):  # fmt: skip
        answer = post(console, path, **fields, **({} if "reason" in fields else {"reason": "typed text"}))
        assert answer.status_code == 400, fields
        assert words in answer.text.replace("&#39;", "'"), fields
        assert "reason" in fields or 'value="typed text"' in answer.text, "what was typed stays"
    assert status(app, "bob") == before
    assert status(app, "erin").required is False
    assert post(console, extend, when="until", until="2026-03-20", zone="America/New_York").status_code == 303
    assert status(app, "bob").ends_at == datetime(2026, 3, 21, 3, 59, 59, tzinfo=UTC), "the end of that day there"
    assert post(console, require, when="now", days="7").status_code == 303
    assert (status(app, "erin").required, status(app, "erin").days_left) == (True, None)


def test_the_help_desk_does_what_it_may_and_no_more(app: Flask, phone: Phone, clock: StillClock) -> None:
    desk = at_console(app, HELPDESK, phone)
    with app.app_context():
        state_of(app).people.users.sync()
    options = BeautifulSoup(desk.get("/admin/mfa/users").text, "html.parser").select("#action option")
    assert [one["value"] for one in options] == [
        "extend",
        "remind",
        "unlock",
        "revoke-sessions",
        "revoke-factor",
        "revoke-pass",
        "reset",
    ]
    path = ask(desk, "reset", scope="all", filter="")
    assert "Refused 2: with a console role" in text_of(desk.get(path))
    post(desk, path)
    told = desk.get(path, headers=JSON).json
    assert told is not None
    assert {one["key"]: one["reason"] for one in told["failed"]} == {
        "1": "higher-role",
        "7": "yourself",
        "8": "higher-role",
    }
    forced = ask(desk, "require", key=key_of(app, "frank"))
    post(desk, forced, when="now")
    assert status(app, "frank").required is False, "whatever is sent"


def test_a_reset_with_days_says_for_how_long_a_password_is_enough(app: Flask, console: Browser) -> None:
    path = ask(console, "reset", key=key_of(app, "dave"))
    told = "a password is enough to sign in."
    assert told not in text_of(console.get(path))
    assert f"For 5 days, {told}" in text_of(console.get(f"{path}?days=5"))


def test_a_request_is_its_makers_alone_and_lives_15_minutes(
    app: Flask, console: Browser, phone: Phone, clock: StillClock
) -> None:
    path = ask(console, "remind", key=key_of(app, "bob"))
    clock.forward(seconds=30)
    desk = at_console(app, HELPDESK, phone)
    assert desk.get(path, headers=JSON).status_code == 404
    assert post(desk, path).status_code == 404
    clock.forward(minutes=14)
    assert console.get(path).status_code == 200
    clock.forward(seconds=31)
    assert console.get(path).status_code == 404
    clock.forward(seconds=30)
    console.get("/admin/mfa/")
    assert console.get("/admin/mfa/requests/%00", headers=JSON).status_code == 404
    assert "reminder" not in kinds(app, "bob")


@pytest.mark.parametrize(
    ("pasted", "names"),
    [
        ('"Ford, Frank",frank@example.org,5,2026-03-01', {"Frank Ford"}),
        ("Frank Ford <frank@example.org>; Erin <erin@example.org>", {"Frank Ford", "Erin Ellis"}),
        ("Frank Ford\tfrank@example.org\t5\nErin Ellis\terin@example.org\t7", {"Frank Ford", "Erin Ellis"}),
        ("5, 6", {"Erin Ellis", "Frank Ford"}),
    ],
)
def test_beside_an_address_a_row_of_a_table_names_nobody_else(
    app: Flask, console: Browser, pasted: str, names: set[str]
) -> None:
    page = console.get(ask(console, "require", scope="pasted", users=pasted)).text
    assert "not found" not in page
    assert {one for one in ("Erin Ellis", "Frank Ford", "Grace Gray") if one in page} == names


def test_an_action_on_nobody_says_nothing_of_what_it_would_do(app: Flask, console: Browser) -> None:
    page = text_of(console.get(ask(console, "require", scope="pasted", users="nobody@example.org")))
    assert "No one is affected" in page
    assert "They are asked to set up" not in page
    assert "The period ends on" not in page


def test_a_pasted_list_is_a_selection_with_what_was_not_found(app: Flask, console: Browser) -> None:
    assert "Paste a list" in console.get("/admin/mfa/select").text
    path = ask(
        console, "require", scope="pasted",
        users="erin@example.org, FRANK@example.org;nobody@example.org\n\n\"5\"\n=x\n<b>@x",
    )  # fmt: skip
    page = console.get(path)
    assert "2 users" in text_of(page)
    assert "3 entries were not found" in page.text
    assert "<b>" not in page.text
    nobody = post(console, "/admin/mfa/users/actions", action="require", scope="pasted", users=" \n")
    assert nobody.status_code == 400
    assert post(console, "/admin/mfa/users/actions", action="require").status_code == 400
    assert post(console, "/admin/mfa/users/actions", action="delete", key="1").status_code == 400
    assert (
        post(console, "/admin/mfa/users/actions", action="require", scope="all", filter="status=x").status_code == 400
    )


def test_programs_act_at_once_or_only_count(app: Flask, console: Browser) -> None:
    path, erin, bob = "/admin/mfa/users/actions", key_of(app, "erin"), key_of(app, "bob")
    body = {"action": "require", "keys": [erin, bob, "1"], "days": 7, "reason": "x"}
    dry = console.send_json(path, {**body, "dry_run": 1}).json
    assert dry["dry_run"] is True
    assert (dry["done"], dry["failed"]) == ([{"key": erin, "reason": ""}], [{"key": "1", "reason": "yourself"}])
    assert status(app, "erin").required is False
    done = console.send_json(path, body).json
    assert (done["done"], done["skipped"]) == ([{"key": erin, "reason": ""}], [{"key": bob, "reason": "in-period"}])
    assert status(app, "erin").days_left == 7
    for wrong in (
        {"days": 0},
        {"days": True},
        {"days": [7]},
        {"days": 7.5},
        {"keys": []},
        {"keys": [1]},
        {"action": 1},
    ):
        told = console.send_json(path, {**body, **wrong})
        assert told.status_code == 400, wrong
        assert told.json["code"] == "bad_request"
    assert console.send_json(path, {**body, "days": "now", "keys": [key_of(app, "frank")]}).status_code == 200
    assert status(app, "frank").days_left is None
    assert act(app, "status", "frank").required is True


def test_a_large_set_goes_on_where_it_stopped(
    app: Flask, console: Browser, clock: StillClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flask_mfa_gate.domain.people.person import Person
    from flask_mfa_gate.services.actions import action_jobs, action_requests

    monkeypatch.setattr(action_requests, "SLICE", 10)
    monkeypatch.setattr(action_jobs, "WORKED_IN_A_REQUEST", -action_jobs.WORKED_IN_A_REQUEST)
    state = state_of(app)
    with state.store.database.write() as tx:
        people = [Person(f"p{number:02}", f"Person {number:02}", f"p{number}@example.org") for number in range(21)]
        state.store.people.write(tx, people, now=clock())
    path = ask(console, "require", scope="all", filter="q=person")
    for so_far in ("10 of 21", "20 of 21"):
        post(console, path, days="7", when="days")
        assert so_far in text_of(console.get(path))
    post(console, path)
    assert "Done for 21 users" in text_of(console.get(path))
    assert "Require MFA" not in text_of(post(console, path))
    assert state.people.user_list.numbers().in_period == 22
    renew = ask(console, "require", scope="all", filter="q=person")
    post(console, renew, days="9", when="days")
    listed = text_of(console.get("/admin/mfa/requests"))
    assert ("Paused 10 of 21" in listed, "Done 21 of 21" in listed) == (True, True)
    remind = ask(console, "remind", scope="all", filter="q=person")
    post(console, remind)
    assert post(console, f"{remind}/cancel").location == "/admin/mfa/requests"
    assert "Cancelled after 10 of 21" in text_of(console.get(remind))
    with app.app_context():
        assert state.operations.upkeep.preview().continued == 1
        assert state.operations.upkeep.run_due().continued == 1, "the one that was not cancelled"
    assert "Done for 0 users" in text_of(console.get(renew))
    assert post(console, remind).location == remind
    assert "Cancelled after 10 of 21" in text_of(console.get(remind))
    found = console.get("/admin/mfa/requests", headers=JSON).json
    assert found is not None
    assert sorted(one["state"] for one in found["items"]) == ["cancelled", "done", "done"]


def test_an_action_that_a_process_is_at_is_not_offered_to_continue(
    app: Flask, console: Browser, clock: StillClock
) -> None:
    path = ask(console, "require", key=[key_of(app, "erin")])
    state = state_of(app)
    with state.store.database.write() as tx:
        row = state.store.tables.action_request
        tx.execute(row.update().values(state="running", claimed_at=clock()))
    said = text_of(console.get(path))
    assert ("It is running now" in said, "Continue now" in said, "Cancel the rest" in said) == (True, False, True)
    clock.forward(seconds=61)
    said = text_of(console.get(path))
    assert ("It is running now" in said, "Continue now" in said) == (False, True), "that process is dead"


def test_others_requests_are_seen_and_ended_by_admins_only(
    app: Flask, console: Browser, phone: Phone, clock: StillClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flask_mfa_gate.services.actions import action_jobs, action_requests

    monkeypatch.setattr(action_requests, "SLICE", 1)
    monkeypatch.setattr(action_jobs, "WORKED_IN_A_REQUEST", -action_jobs.WORKED_IN_A_REQUEST)
    clock.forward(seconds=30)
    desk = at_console(app, HELPDESK, phone)
    mine, theirs = (ask(browser, "unlock", key=["4", "5"]) for browser in (console, desk))
    for browser, path in ((console, mine), (desk, theirs)):
        post(browser, path)
    for browser, actors in ((console, {"user:1", "user:7"}), (desk, {"user:7"})):
        found = browser.get("/admin/mfa/requests", headers=JSON).json
        assert found is not None
        assert {one["actor"] for one in found["items"]} == actors
    assert post(desk, f"{mine}/cancel").status_code == 404
    assert "1 of 2 so far" in text_of(console.get(mine))
    post(console, f"{theirs}/cancel")
    assert "Cancelled" in text_of(desk.get(theirs))
    with app.app_context():
        User.query.filter_by(username=ADMIN).update({"role": ""})
        db.session.commit()
        assert state_of(app).operations.upkeep.run_due().continued == 1
        User.query.filter_by(username=ADMIN).update({"role": "admin"})
        db.session.commit()
    told = console.get(mine, headers=JSON).json
    assert told is not None
    assert told["failed"] == [{"key": "5", "reason": "not-allowed"}], "the role was gone"


def in_json(console: Browser, action: str, *keys: str, query: str = "", **fields: Any) -> Any:
    return console.send_json(f"/admin/mfa/users/actions{query}", {"action": action, "keys": list(keys), **fields})


def test_every_action_of_the_contract_is_taken_in_json(app: Flask, console: Browser) -> None:
    put(app, policy("Soon", grace_days=3))
    dave, erin, frank = (key_of(app, name) for name in ("dave", "erin", "frank"))
    with app.app_context():
        state_of(app).access.policies.note_graces(frank, ["Soon"])
    issued = in_json(console, "access-pass", erin, reason="lost phone")
    assert (issued.status_code, set(issued.json)) == (201, {"access_pass", "starts_at", "ends_at"})
    for action, key, other, why, fields in (
        ("revoke-pass", erin, frank, "no-pass", {}),
        ("revoke-factor", dave, frank, "no-factor", {"factor": "totp"}),
        ("restart-grace", frank, erin, "no-grace", {"policy": "Soon"}),
    ):
        told = in_json(console, action, key, other, reason="x", **fields).json
        assert (told["done"], told["skipped"]) == (
            [{"key": key, "reason": ""}], [{"key": other, "reason": why}],
        ), action  # fmt: skip
    for event in ("access_pass_issued", "access_pass_revoked", "factor_removed", "grace_restarted"):
        assert len(console.get(f"/admin/mfa/audit?event={event}&actor=1", headers=JSON).json["items"]) == 1, event
    later = in_json(console, "access-pass", erin, reason="new phone", starts_at="2026-03-03T10:00+01:00").json
    assert (later["starts_at"], later["ends_at"]) == ("2026-03-03T09:00:00+00:00", "2026-03-03T10:00:00+00:00")
    for action, keys, fields, words in (
        ("revoke-factor", [dave], {"factor": ""}, "Choose which factor"),
        ("restart-grace", [frank], {"policy": "Later"}, "Choose a policy"),
        ("revoke-devices", [dave], {}, "no trusted devices"),
        ("access-pass", [dave, erin], {}, "one user at a time"),
        ("access-pass", [erin], {"starts_at": "2026-03-03T10:00"}, "with zone"),
        ("access-pass", [erin], {"starts_at": "0001-01-01T00:00+14:00"}, "with zone"),
        ("access-pass", [erin], {"starts_at": "tomorrow"}, "with zone"),
        ("access-pass", [erin], {"starts_at": ["2026-03-03T10:00Z"]}, "has to be text"),
        ("access-pass", [erin], {"starts_at": "2026-03-01T10:00Z", "reason": "x"}, "starts now or within a year"),
    ):
        wrong = in_json(console, action, *keys, **fields)
        assert (wrong.status_code, words in wrong.json["detail"]) == (400, True), action


def test_a_filter_may_stand_in_the_query_and_a_form_may_be_confirmed_at_once(app: Flask, console: Browser) -> None:
    path = "/admin/mfa/users/actions?mfa=no&required=no"
    told = console.send_json(path, {"action": "require", "all_matching": 1, "days": 5}).json
    assert [one["key"] for one in told["done"]] == ["5", "6", "7", "8"]
    assert status(app, "erin").days_left == 5
    again = in_json(console, "require", "5", "6", days=9).json
    assert {one["reason"] for one in again["skipped"]} == {"in-period"}
    done = post(console, "/admin/mfa/users/actions", action="require", key=["5", "6"], days="9", renew="1", confirm="1")
    assert "Done for 2 users" in text_of(console.get(done.location))
    assert status(app, "erin").days_left == 9
    wrong = post(console, "/admin/mfa/users/actions", action="require", key=["5", "6"], days="0", confirm="1")
    assert (wrong.status_code, "choose “Now”" in wrong.text) == (400, True)


def test_a_factor_and_days_of_grace_have_their_buttons_on_the_users_page(app: Flask, console: Browser) -> None:
    put(app, policy("Soon", grace_days=3))
    with app.app_context():
        state_of(app).access.policies.note_graces("4", ["Soon"])
    page = BeautifulSoup(console.get("/admin/mfa/users/4").text, "html.parser")
    for action, words in (("revoke-factor", "Revoke the factor of 1 user"), ("restart-grace", "Restart grace for 1")):
        form = page.find("input", {"value": action}).parent
        fields = {one["name"]: one["value"] for one in form.find_all("input")}
        answer = console.client.post(form["action"], data=fields)
        confirm = console.get(answer.location)
        assert words in text_of(confirm)
        chosen = BeautifulSoup(confirm.text, "html.parser").select("#factor [selected], #policy [selected]")
        assert [one["value"] for one in chosen] == [fields.get("factor") or fields["policy"]]
        post(console, answer.location.split("?")[0], **{"notify": "0", **fields})
    assert status(app, "dave").factors == ()
    assert kinds(app, "dave") == ["factor-removed"], "not silent, whatever the form says"

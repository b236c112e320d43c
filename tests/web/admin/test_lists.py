"""Lists: as pages, as JSON, as files; filters, order, paging, and what strangers typed in them."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
from bs4 import BeautifulSoup
from flask import Flask
from sqlalchemy import text as sql

from flask_mfa_gate import NotAllowed
from flask_mfa_gate.web.admin.representation import safe_cell
from flask_mfa_gate.web.admin.users.address import user_url
from tests.conftest import JSON, Browser, Phone, StillClock, key_of, state_of
from tests.policy_kit import policy, put, statements
from tests.web.admin.kit import ADMIN, AUDITOR, at_console
from tests.web.kit import act, change_user, issue

pytestmark = pytest.mark.pages


@pytest.fixture
def console(app: Flask, phone: Phone, clock: StillClock) -> Browser:
    browser = at_console(app, ADMIN, phone)
    with app.app_context():
        state_of(app).people.users.sync()
    return browser


def names(answer: Any) -> list[str]:
    return [row["name"] for row in answer.json["items"]]


def test_the_users_list_filters_sorts_and_pages(app: Flask, console: Browser) -> None:
    users = "/admin/mfa/users"
    everyone = console.get(users, headers=JSON).json
    assert everyone is not None
    assert (everyone["count"], everyone["count_is_exact"], everyone["next_cursor"]) == (8, True, None)
    assert everyone["items"][3] | {"enrolled_at": None, "required_by": None} == {
        "key": "4", "name": "Dave Dean", "email": "dave@example.org", "groups": [], "required": True,
        "required_by": None, "status": "ENROLLED", "days_left": None, "ends_at": None, "enrolled_at": None,
        "factors": ["totp"], "last_sign_in": None,
    }  # fmt: skip
    for query, found in {
        "status=ENROLLMENT_EXPIRED": ["Carol Clark"],
        "status=ENROLLED&status=IN_ENROLLMENT": ["Ada Admin", "Bob Baker", "Dave Dean"],
        "required=yes": ["Bob Baker", "Carol Clark", "Dave Dean"],
        "mfa=yes&required=no": ["Ada Admin"],
        "factor=webauthn": [],
        "ends_within=7": ["Bob Baker"],
        "ends_within=6": [],
        "group=finance": ["Erin Ellis"],
        "role=helpdesk": ["Grace Gray"],
        "throttled=yes": [],
        "email=no": [],
        "q=bak": ["Bob Baker"],
        "q=ave": [],
        "sort=deadline&required=yes": ["Carol Clark", "Bob Baker", "Dave Dean"],
    }.items():
        assert names(console.get(f"{users}?{query}", headers=JSON)) == found, query
        page = console.get(f"{users}?{query}").text
        assert [one.text for one in BeautifulSoup(page, "html.parser").select("tbody .ac-who")] == found, query


def test_the_card_tells_of_codes_in_one_statement_for_the_page(app: Flask, console: Browser, clock: StillClock) -> None:
    state, users = state_of(app), "/admin/mfa/users"
    with state.store.database.write() as tx:
        for key, times, place in (("4", 6, "192.0.2.1"), ("5", 100, "192.0.2.2"), ("6", 1, "192.0.2.3")):
            for _number in range(times):
                state.store.failures.add(tx, key, place=place, now=clock())
    page = soup(console, users)
    said = {one.select_one("h3").text: " ".join(one.get_text(" ").split()) for one in page.select("[popover]")}  # type: ignore[union-attr]
    assert "Failed codes 6 Throttled until 2 Mar 2026, 09:00" in said["Dave Dean"], said
    assert "Failed codes 100 Blocked until cleared" in said["Erin Ellis"]
    assert "Failed codes 1" in said["Frank Ford"]
    assert "Throttled" not in said["Frank Ford"]
    assert "Last code 2 Mar 2026, 09:00" in said["Ada Admin"]
    assert "Failed codes" not in said["Bob Baker"]
    assert names(console.get(f"{users}?throttled=yes", headers=JSON)) == ["Dave Dean", "Erin Ellis"]
    with statements(app) as one:
        console.get(f"{users}?status=ENROLLED")
    with statements(app) as all_of_them:
        console.get(f"{users}?email=yes")
    assert len(all_of_them) == len(one), "not one for each row"
    assert "Blocked until cleared" in console.get(f"{users}/5").text


def test_chips_take_one_filter_away_and_say_what_it_was(console: Browser) -> None:
    page = soup(
        console, "/admin/mfa/users?status=ENROLLED&status=ENROLLMENT_EXPIRED&group=no+such&cursor=&sort=deadline"
    )
    chips = {one.select_one("span").text: one["href"] for one in page.select(".ac-chip")}  # type: ignore[union-attr]
    assert list(chips) == ["Enrolled", "Lapsed", "Group: no such"]
    assert chips["Lapsed"] == "/admin/mfa/users?status=ENROLLED&group=no+such&sort=deadline"
    assert "No user matches" in page.text


def soup(browser: Browser, path: str) -> BeautifulSoup:
    answer = browser.get(path)
    assert answer.status_code == 200, answer.text
    return BeautifulSoup(answer.text, "html.parser")


def test_pages_follow_one_another(app: Flask, console: Browser) -> None:
    with app.app_context():
        state = state_of(app)
        from flask_mfa_gate.domain.people.person import Person

        with state.store.database.write() as tx:
            people = [Person(f"p{number:02}", f"Person {number:02}", f"p{number}@example.org") for number in range(25)]
            state.store.people.write(tx, people, now=state.clock())
    seen, path = [], "/admin/mfa/users?per_page=20&q=person"
    while path:
        page = soup(console, path)
        seen += [one.text for one in page.select("tbody .ac-who")]
        following = page.select_one("a[rel=next]")
        path = str(following["href"]) if following else ""
    assert seen == [f"Person {number:02}" for number in range(25)]
    assert "5 of 25" in page.text
    assert page.find("a", string="First page")


def test_words_that_a_list_does_not_have_are_told(console: Browser) -> None:
    for path in (
        "users?status=GONE", "users?required=maybe", "users?ends_within=0", "users?ends_within=366",
        "users?ends_within=²", "users?per_page=7", "users?sort=age", "users?format=xml", "users?cursor=x",
        "users?role=king", "users?factor=sms", "users?q=%00", f"users?group={'x' * 1001}", "users?column=x",
        "audit?event=x", "audit?since=tomorrow", "audit?until=9999-12-31", "audit?cursor=-1", "audit?cursor=%C2%B2",
        "audit?subject=%00&per_page=1",
    ):  # fmt: skip
        told = console.get(f"/admin/mfa/{path}", headers=JSON)
        assert told.status_code == 400, path
        assert told.mimetype == "application/problem+json"
        page = console.get(f"/admin/mfa/{path}")
        assert page.status_code == 400
        assert ("ac-side" in page.text) is ("format" not in path), "the frame stays"


def test_a_user_has_a_page_whatever_the_key(app: Flask, console: Browser, clock: StillClock) -> None:
    from flask_mfa_gate.domain.people.person import Person

    keys = ["a/b", "/", "a//b", "..", "sync", "actions", "a b?c#d%2F", "ä<i>", "x/", "."]
    state = state_of(app)
    with state.store.database.write() as tx:
        state.store.people.write(tx, [Person(key, f"<b>{key}</b>", "") for key in keys], now=clock())
    for key in keys:
        with app.test_request_context():
            path = user_url(key)
        found = console.get(path, headers=JSON)
        assert found.status_code == 200, (key, path, found.text)
        assert found.json["key"] == key  # type: ignore[index]
        assert "<b>" not in console.get(path).text
    assert console.get("/admin/mfa/users/nobody", headers=JSON).status_code == 404
    assert console.get("/admin/mfa/users/nobody").status_code == 404
    assert console.get("/admin/mfa/user").status_code == 404


def test_the_page_of_a_user_tells_everything(app: Flask, console: Browser, phone: Phone, clock: StillClock) -> None:
    clock.forward(minutes=1)
    dave = Browser(app)
    dave.sign_in("dave")
    dave.send("/mfa/challenge", code=phone.wrong_code())
    dave.send("/mfa/challenge", code=phone.code())
    text = " ".join(soup(console, f"/admin/mfa/users/{key_of(app, 'dave')}").text.split())
    for words in (
        "Dave Dean", "dave@example.org", "Enrolled", "by the system", "Authenticator app", "0 recovery codes left",
        "Asked for a code", "They have a factor", "Dave Dean would be asked for a code", "Incorrect code",
        "Verified with authenticator app", "Active",
    ):  # fmt: skip
        assert words in text, words
    put(app, policy("office", when={"not": {"network": ["10.0.0.0/8"]}}, on=["payroll"]))
    lapsed = soup(console, f"/admin/mfa/users/{key_of(app, 'carol')}?resource=payroll").text
    assert "is locked out" in lapsed
    assert "Network (not): The address is not known. Enter one in the simulator." in lapsed
    assert console.get(f"/admin/mfa/users/{key_of(app, 'carol')}?resource=none").status_code == 400


def test_an_access_pass_is_shown_once_and_not_issued_again_by_a_reload(app: Flask, console: Browser) -> None:
    key = key_of(app, "dave")
    page = soup(console, f"/admin/mfa/users/{key}")
    form = page.select_one("form[action$='/access-pass']")
    assert form is not None
    fields = {one["name"]: one.get("value", "") for one in form.select("input[name]")} | {"lifetime": "8h"}
    shown = console.client.post("/admin/mfa/access-pass", data=fields)
    assert shown.status_code == 201
    assert shown.headers["Cache-Control"] == "no-store"
    code = BeautifulSoup(shown.text, "html.parser").select_one("#pass-code")
    assert code is not None
    assert len(code.text) == 19
    again = console.client.post("/admin/mfa/access-pass", data=fields)
    assert again.status_code == 409
    assert code.text not in console.get(f"/admin/mfa/users/{key}").text
    assert (
        console.client.post("/admin/mfa/access-pass", data=fields | {"lifetime": "1y", "pass_state": ""}).status_code
        == 409
    )
    revoke = {"csrf_token": fields["csrf_token"], "key": key}
    assert console.client.post("/admin/mfa/access-pass/revoke", data=revoke).status_code == 303
    assert (
        console.client.post(
            "/admin/mfa/access-pass", data=revoke | {"pass_state": "none", "lifetime": "1y"}
        ).status_code
        == 400
    )
    for other in (ADMIN, AUDITOR):
        own = console.client.post(
            "/admin/mfa/access-pass", data=revoke | {"pass_state": "none", "key": key_of(app, other)}
        )
        assert own.status_code == (403 if other == ADMIN else 201), other


def test_files_hold_everything_and_no_formula(app: Flask, console: Browser) -> None:
    change_user(app, "bob", name='=HYPERLINK("https://evil.example")')
    change_user(app, "erin", name=" ＠SUM(1)\n<b>")
    with app.app_context():
        state_of(app).people.users.sync()
    file = console.get("/admin/mfa/users?format=csv")
    assert file.mimetype == "text/csv"
    assert file.headers["Content-Disposition"] == 'attachment; filename="users.csv"'
    assert file.headers["Cache-Control"] == "no-store"
    rows = list(csv.DictReader(io.StringIO(file.text)))
    assert len(rows) == 8
    assert {row["key"]: row["name"] for row in rows}["2"] == '\'=HYPERLINK("https://evil.example")'
    assert {row["key"]: row["name"] for row in rows}["5"].startswith("' ＠SUM")
    assert [
        row["key"]
        for row in csv.DictReader(
            io.StringIO(console.get("/admin/mfa/users?q=carol", headers={"Accept": "text/csv"}).text)
        )
    ] == ["3"]
    page = console.get("/admin/mfa/users").text
    assert "<b>" not in page
    exported = console.get("/admin/mfa/audit?event=list_exported", headers=JSON).json
    assert exported is not None
    assert [(one["actor"], one["details"]) for one in exported["items"]] == [("user:1", {"list": "users"})] * 2


def test_cells_that_a_spreadsheet_would_run_are_text() -> None:
    for text in ("=1", "+1", "-1", "@a", "\t=1", "\r=1", "\n=1", "  =1", "＝1", "＋1", "－1", "＠1", "\ufeff=1", "\ta"):
        assert safe_cell(text) == f"'{text}"
    assert [safe_cell(value) for value in ("a=1", -5, None, True, ["a", "b"], ["=1"], {"a": 1}, "")] == [
        "a=1", "-5", "", "yes", "a; b", "'=1", '{"a": 1}', "",
    ]  # fmt: skip


def test_the_audit_log_names_what_was_tried_in_words_and_claims_no_proof(app: Flask, console: Browser) -> None:
    dave = Browser(app)
    dave.sign_in("dave")
    dave.send("/mfa/challenge", factor="access_pass", code="AAAA-AAAA-AAAA-AAAA")
    failed = console.get("/admin/mfa/audit?event=challenge_failed").text
    assert "Method: Access pass" in failed, "in words, and nothing was verified with it"
    assert "Verified with" not in failed


def test_the_audit_log_is_listed_exported_and_verified(app: Flask, console: Browser, clock: StillClock) -> None:
    act(app, "extend", "bob", days=3, reason="<i>on leave</i>")
    issue(app, "dave", actor="cli")
    log = console.get("/admin/mfa/audit", headers=JSON).json
    assert log is not None
    assert [one["event"] for one in log["items"]][:2] == ["access_pass_issued", "enrollment_extended"]
    assert set(log) == {"items", "next_cursor", "count", "count_is_exact"}
    page = console.get("/admin/mfa/audit?event=enrollment_extended").text
    assert "“&lt;i&gt;on leave&lt;/i&gt;”" in page
    assert "Bob Baker" in page
    put(app, policy("office"))
    assert "Change: Saved · Policy: office · Policy version: 1 · Added: office<" in console.get("/admin/mfa/audit").text
    assert "Works once: yes ·" in console.get("/admin/mfa/audit?event=access_pass_issued").text
    today = f"{clock.now:%Y-%m-%d}"
    for query, number in {
        "subject=4&actor=cli": 1, "actor=3": 0, f"since={today}&event=access_pass_issued": 1, "until=2020-01-01": 0,
    }.items():  # fmt: skip
        assert len(console.get(f"/admin/mfa/audit?{query}", headers=JSON).json["items"]) == number, query  # type: ignore[index]
    lines = console.get("/admin/mfa/audit?format=jsonl&subject=4").text.splitlines()
    assert json.loads(lines[0])["event"] == "access_pass_issued"
    assert console.get("/admin/mfa/audit?per_page=20").text.count("<tr>") > 2
    token = console.status()["csrf_token"]
    assert (
        "Audit log intact: 0 records verified"
        in console.client.post("/admin/mfa/audit/verify", data={"csrf_token": token}).text
    )
    with app.app_context():
        state_of(app).operations.audit.seal()
    told = console.client.post("/admin/mfa/audit/verify", json={}, headers={"X-CSRFToken": token}).json
    assert told is not None
    assert (told["broken_at"], told["unsealed"]) == (None, 0)
    assert told["verified"] > 2
    state = state_of(app)
    with state.store.database.write() as tx:
        tx.execute(state.store.tables.audit.update().where(state.store.tables.audit.c.number == 2).values(event="x"))
    assert (
        "The audit log was changed: record 2"
        in console.client.post("/admin/mfa/audit/verify", data={"csrf_token": token}).text
    )


def test_the_directory_is_read_for_those_who_run_the_console(app: Flask) -> None:
    with app.app_context():
        users = state_of(app).people.users
        assert users.sync(actor=f"user:{key_of(app, 'grace')}").people == 8
        for name, void_missing in (("bob", False), ("hugo", False), ("grace", True)):
            with pytest.raises(NotAllowed):
                users.sync(actor=f"user:{key_of(app, name)}", void_missing=void_missing)
        assert users.sync(actor=f"user:{key_of(app, 'ada')}", void_missing=True).people == 8
        assert users.sync(actor="cli").people == 8


@pytest.mark.parametrize(
    ("path", "table", "edit", "left_out"),
    [
        ("audit", "audit", "details = 'no json' WHERE id = 1", "1"),
        ("sign-ins", "sign_in", "facts = 'no json' WHERE user_key = '6'", ""),
        ("users", "person", "role = 'boss' WHERE user_key = '5'", "5"),
        ("users", "enrollment", "ends_at = 'tomorrow' WHERE user_key = '2'", "2"),
    ],
)
def test_a_row_that_nothing_can_read_is_left_out_with_a_notice(
    app: Flask, console: Browser, path: str, table: str, edit: str, left_out: str
) -> None:
    """Only SQLite keeps all of them."""
    Browser(app).sign_in("frank")
    before = len(console.get(f"/admin/mfa/{path}", headers=JSON).json["items"])  # type: ignore[index]
    with state_of(app).store.database.write() as tx:
        assert tx.execute(sql(f"UPDATE mfa_gate_{table} SET {edit}")).rowcount == 1
    assert len(console.get(f"/admin/mfa/{path}", headers=JSON).json["items"]) == before - 1  # type: ignore[index]
    page = BeautifulSoup(console.get(f"/admin/mfa/{path}").text, "html.parser")
    (notice,) = page.select(".ac-note.ac-warn")
    assert "1 row can't be read and is left out" in notice.text
    assert left_out in notice.code.text  # type: ignore[union-attr]
    assert console.get(f"/admin/mfa/{path}?per_page=20").status_code == 200
    lines = console.get(f"/admin/mfa/{path}?format=csv").text.splitlines()
    if path == "users":
        assert [line for line in lines if "unreadable" in line] == [f"{left_out},,,,,,unreadable,,,,,"]
        assert len(lines) == 1 + before

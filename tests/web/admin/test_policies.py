"""Policies in the console: the list, a policy's page, its state, and the ways back."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from bs4 import BeautifulSoup
from flask import Flask

from flask_mfa_gate.domain.policy.addresses import Network
from flask_mfa_gate.domain.policy.document.policy import PolicyState
from flask_mfa_gate.domain.policy.document.users import Users
from flask_mfa_gate.web.admin.policies.sentences import users_text
from tests.conftest import JSON, Browser, Phone, key_of, state_of
from tests.policy_kit import policy, put
from tests.web.admin.kit import ADMIN, AUDITOR, at_console, send

pytestmark = pytest.mark.pages
ROOT = "/admin/mfa"
CONDITIONS = {
    "any": [
        {"not": {"network": ["office", "10.0.0.0/8"]}},
        {"all": [{"platform": ["ios"]}, {"schedule": {"zone": "Europe/Berlin", "days": ["mon-fri"], "hours": "07:00-20:00"}}]},
    ]
}  # fmt: skip


def page(browser: Browser, path: str, status: int = 200) -> str:
    answer = browser.get(ROOT + path)
    assert answer.status_code == status, answer.text
    return " ".join(answer.text.replace("&#39;", "'").split())


def read(browser: Browser, path: str) -> Any:
    answer = browser.get(ROOT + path, headers=JSON)
    assert answer.status_code == 200, answer.text
    return answer.json


def furnish(app: Flask) -> None:
    with app.app_context():
        state_of(app).people.users.sync()
        state_of(app).access.policies.save_network(Network("office", ("198.51.100.0/24",)))
    erin = f"user:{key_of(app, 'erin')}"
    put(
        app,
        policy("Finance", on=["payroll"], users={"include": ["group:finance"]}, when=CONDITIONS, max_age=900, grace_days=3),
        policy("Tried", "deny", on=["wiki"], users={"include": [erin]}, state="report-only", message="Ask <b>us</b>"),
        policy("=cmd()", "allow", on=["wiki"], when={"network": ["office"]}, state="off"),
    )  # fmt: skip


def test_a_policy_for_several_groups_is_for_each_of_them(app: Flask) -> None:
    with app.test_request_context():
        users = Users(("group:finance", "group:sales"), ("group:interns", "user:7"))
        said = "the group finance and the group sales except the group interns and Gil"
        assert users_text(users, {"7": "Gil"}) == said


def test_the_list_says_what_each_policy_does(app: Flask, phone: Phone) -> None:
    furnish(app)
    browser = at_console(app, ADMIN, phone)
    text = page(browser, "/policies")
    for words in (
        "The group finance must verify with a second factor to open payroll when the address",
        "A verification counts for 15 minutes. Users without a factor may postpone setup for 3 days.",
        "the address is not in office or 10.0.0.0/8",
        ", or (the platform is iOS, and the time is Mon to Fri, 07:00 to 20:00 Europe/Berlin)",
        "Access to wiki is denied to Erin Ellis", "Report only", "No sign-ins in the last 7 days", "All (3)", "On (1)",
        "Default access", "<code>mfa-admin</code>",
    ):  # fmt: skip
        assert words in text, words
    assert "Finance</a>" not in page(browser, "/policies?state=off")
    assert browser.get(f"{ROOT}/policies?state=x").status_code == 400
    listed = read(browser, "/policies")
    assert [(one["name"], one["reach"], one["last_change_by"]) for one in listed["items"]] == [
        ("=cmd()", 8, "host"), ("Finance", 1, "host"), ("Tried", 1, "host"),
    ]  # fmt: skip
    rows = list(csv.reader(io.StringIO(browser.get(f"{ROOT}/policies?format=csv").text)))
    assert [row[0] for row in rows] == ["name", "'=cmd()", "Finance", "Tried"]


def test_a_long_list_goes_on(app: Flask, phone: Phone) -> None:
    with app.app_context():
        text = "".join(f'[[policies]]\nname = "p{n:03}"\neffect = {{ action = "deny" }}\n' for n in range(120))
        state_of(app).access.policies.import_(f"version = 1\n{text}", dry_run=False)
    browser = at_console(app, ADMIN, phone)
    found, cursor = [], ""
    for _ in range(3):
        answer = read(browser, f"/policies?cursor={cursor}")
        found += [one["name"] for one in answer["items"]]
        cursor = answer["next_cursor"]
    assert (found, cursor) == ([f"p{n:03}" for n in range(120)], None)
    assert "50 of 120 policies" in page(browser, "/policies")


def test_states_are_switched_and_lint_is_heard(app: Flask, phone: Phone) -> None:
    furnish(app)
    browser = at_console(app, ADMIN, phone)
    assert send(browser, "/policies/Tried/state", state="on").location == f"{ROOT}/policies/Tried"
    assert "Ask &lt;b&gt;us&lt;/b&gt;" in page(browser, "/policies/Tried")
    put(app, policy("Trap", "deny", state="off"))
    assert "Denies you the console" in page(browser, "/policies/Trap"), "before it is tried"
    refused = send(browser, "/policies/Trap/state", state="on")
    assert (refused.status_code, "Denies you the console" in refused.text) == (409, True)
    told = browser.send_json(f"{ROOT}/policies/Trap/state", {"state": "on"})
    assert (told.status_code, told.json["code"]) == (409, "conflict")  # type: ignore[index]
    assert send(browser, "/policies/Trap/state", state="enabled").status_code == 400
    assert read(browser, "/policies/Trap")["state"] == "off"
    assert send(browser, "/policies/nothing/state", state="on").status_code == 404
    page(browser, "/policies/nothing", 404)
    answer = browser.send_json(f"{ROOT}/policies/Finance/state", {"state": "off"})
    assert answer.json["loosens"] == ['"Finance" is turned off, so it no longer asks for MFA at payroll.']  # type: ignore[index]


def test_a_page_that_is_stale_changes_nothing_and_says_what_others_did(app: Flask, phone: Phone) -> None:
    furnish(app)
    browser = at_console(app, ADMIN, phone)
    version = read(browser, "/policies/Finance")["version"]
    with app.app_context():
        state_of(app).access.policies.set_state("Finance", "off")
    refused = send(browser, "/policies/Finance/state", state="report-only", version=str(version))
    assert refused.status_code == 409
    assert "Somebody else changed this" in refused.text
    assert "“Finance” is now off. It was on." in refused.text
    assert send(browser, "/policies/Finance/state", state="on", version="x").status_code == 400


def test_rename_duplicate_delete_restore(app: Flask, phone: Phone) -> None:
    furnish(app)
    browser = at_console(app, ADMIN, phone)
    assert (
        send(browser, "/policies/Finance/rename", new_name="Money & more?").location
        == f"{ROOT}/policies/Money%20&%20more%3F"
    )
    assert "Money &amp; more?" in page(browser, "/policies/Money%20%26%20more%3F")
    for name, words in (
        ("a/b", "slash"),
        ("new", "another page"),
        ("Tried", "already"),
        ("", "missing"),
        ("x" * 101, "100"),
    ):
        refused = send(browser, "/policies/Money%20%26%20more%3F/rename", new_name=name)
        assert (refused.status_code in {400, 409}, words in refused.text) == (True, True), name
        form = BeautifulSoup(refused.text, "html.parser").select_one("details[open] form[action$='/rename']")
        assert form is not None, "stays open"
        field = form.select_one("[name=new_name]")
        assert field is not None
        assert (field["value"], field["aria-invalid"]) == (name, "true"), "what was typed stays"
        assert words in form.text, "said in place"
    assert send(browser, "/policies/Tried/duplicate", new_name="Copy").location == f"{ROOT}/policies/Copy"
    assert send(browser, "/policies/Copy/delete", reason="ticket 7").location == f"{ROOT}/policies"
    assert "This policy was deleted" in page(browser, "/policies/Copy", 404)
    assert "Restore" in page(browser, "/policies")
    assert send(browser, "/policies/Copy/restore").location == f"{ROOT}/policies/Copy"
    assert read(browser, "/policies/Copy")["state"] == "off"
    assert send(browser, "/policies/Copy/restore").status_code == 409
    assert send(browser, "/policies/never/restore").status_code == 404


def test_the_history_leads_back(app: Flask, phone: Phone) -> None:
    furnish(app)
    browser = at_console(app, ADMIN, phone)
    send(browser, "/policies/Finance/state", state="off", reason="trying")
    send(browser, "/policies/Tried/state", state="on")
    assert "“Finance” is now off. It was on." in page(browser, "/policies/Finance/history")
    own = read(browser, "/policies/Finance/history")["items"]
    assert [(one["version"], one["act"], one["reason"]) for one in own] == [(5, "state", "trying"), (2, "save", None)]
    assert own[0]["loosens"]
    shown = page(browser, "/policy-history/5?policy=Finance")
    assert shown.index("This weakens protection") < shown.index("“Finance” is now off")
    assert "“Finance” is now on. It was off." in shown, "undone"
    assert send(browser, "/policy-history/5/undo", version="6").location == f"{ROOT}/policy-history"
    states = {one["name"]: one["state"] for one in read(browser, "/policies")["items"]}
    assert states == {"=cmd()": "off", "Finance": "on", "Tried": "on"}, "the later change stays"
    refused = send(browser, "/policy-history/5/undo")
    assert (refused.status_code, "changed again later" in refused.text) == (409, True)
    assert send(browser, "/policies/Finance/rollback", version="5").location == f"{ROOT}/policies/Finance"
    assert read(browser, "/policies/Finance")["state"] == "off"
    assert send(browser, "/policy-history/2/rollback", version="7").status_code == 409, "stale"
    assert send(browser, "/policy-history/2/rollback").location == f"{ROOT}/policy-history"
    assert [one["name"] for one in read(browser, "/policies")["items"]] == ["Finance"]
    for path in ("/policy-history/99", "/policies/nothing/history"):
        page(browser, path, 404)
    assert send(browser, "/policies/Finance/rollback").status_code == 400
    assert send(browser, "/policies/Finance/rollback", version="99").status_code in {400, 404}


def test_readers_see_no_button_and_change_nothing(app: Flask, phone: Phone) -> None:
    furnish(app)
    browser = at_console(app, AUDITOR, phone)
    for path in ("/policies", "/policies/Finance", "/policies/Finance/history", "/policy-history/2", "/policy-history"):
        text = page(browser, path)
        assert text.count("<form") == 1, "signing out"
    assert send(browser, "/policies/Finance/state", state="off").status_code == 403
    assert state_of(app).access.policies is not None
    with app.app_context():
        assert state_of(app).access.policies.get("Finance").state is PolicyState.ON

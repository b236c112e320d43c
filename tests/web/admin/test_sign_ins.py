"""Everybody's sign-ins: what was asked, by which policy or default, and what became of it."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from typing import Any

import pytest
from bs4 import BeautifulSoup
from flask import Flask

from flask_mfa_gate.domain.authorization.decision import Ask
from flask_mfa_gate.store.sign_in.sign_ins import SignInRecord
from tests.conftest import JSON, Browser, Phone, StillClock, key_of, state_of
from tests.policy_kit import policy, put
from tests.web.admin.kit import ADMIN, AUDITOR, at_console

pytestmark = pytest.mark.pages
PATH = "/admin/mfa/sign-ins"


def listed(browser: Browser, query: str = "") -> list[dict[str, Any]]:
    answer = browser.get(f"{PATH}?{query}", headers=JSON)
    assert answer.status_code == 200, answer.text
    assert answer.json is not None
    items: list[dict[str, Any]] = answer.json["items"]
    return items


def test_sign_ins_say_what_was_asked_and_by_whom_and_can_be_filtered(
    app: Flask, phone: Phone, clock: StillClock
) -> None:
    with app.app_context():
        state_of(app).access.policies.save(policy("No <finance>", "deny", users={"include": ["group:finance"]}))
    for name in ("frank", "bob", "carol", "erin", "dave"):
        Browser(app).sign_in(name)
        clock.forward(hours=10)
    console = at_console(app, ADMIN, phone)
    everyone = listed(console)
    assert [(one["user"], one["outcome"], one["asked"]) for one in everyone] == [
        (key_of(app, name), outcome, asked)
        for name, outcome, asked in (
            ("ada", "verified", "challenge"), ("dave", "unfinished", "challenge"), ("erin", "denied", "deny"),
            ("carol", "locked", "locked"), ("bob", "prompted", "prompt"), ("frank", "passed", "pass"),
        )
    ]  # fmt: skip
    by_policy, by_default = everyone[2], everyone[5]
    assert (by_policy["policies"], by_policy["policy_version"]) == (["No <finance>"], 1)
    assert (by_default["policies"], by_default["default_access"]) == ([], "user-setting")
    with app.app_context():
        state_of(app).access.policies.rename("No <finance>", "Closed")
    for query, users in {
        "outcome=verified": ["ada"], "outcome=denied": ["erin"], "outcome=unfinished": ["dave"],
        "user=erin@example.org": ["erin"], f"user={key_of(app, 'bob')}": ["bob"], "user=nobody": [],
        "policy=No+%3Cfinance%3E": ["erin"], "policy=Closed": [], "since=2026-03-04": ["ada", "dave"],
        "until=2026-03-02&outcome=passed": ["frank"], "user=%00": [], "policy=%ED%A0%80": [],
    }.items():  # fmt: skip
        assert [one["user"] for one in listed(console, query)] == [key_of(app, name) for name in users], query
    page = BeautifulSoup(console.get(PATH).text, "html.parser")
    texts = [" ".join(row.get_text(" ").split()) for row in page.select("tbody tr")]
    assert "Erin Ellis" in texts[2]
    assert "No <finance>" in texts[2], "the name of then, as text"
    assert "Default access: user setting" in texts[5]
    assert "No sign-in matches" in console.get(f"{PATH}?user=nobody").text
    rows = list(csv.DictReader(io.StringIO(console.get(f"{PATH}?format=csv").text)))
    assert [row["user"] for row in rows] == [one["user"] for one in everyone]
    assert console.get(f"{PATH}?format=jsonl").text.count("\n") == 6


def test_pages_follow_one_another_by_time_and_id(app: Flask, phone: Phone, clock: StillClock) -> None:
    console, store = at_console(app, AUDITOR, phone), state_of(app).store
    with store.database.write() as tx:
        for number in range(45):
            at = clock() - timedelta(minutes=5 + number // 15)
            store.sign_ins.add(tx, SignInRecord(f"{number:02}", "z", at, None, None, {}, Ask.PASS.value, "satisfied"))
    path, seen = f"{PATH}?per_page=20&user=z", []
    while path:
        page = BeautifulSoup(console.get(path).text, "html.parser")
        seen.append(len(page.select("tbody tr")))
        following = page.select_one("a[rel=next]")
        path = str(following["href"]) if following else ""
    assert seen == [20, 20, 5]
    ids: list[str] = []
    cursor = ""
    while True:
        answer = console.get(f"{PATH}?per_page=20&user=z&cursor={cursor}", headers=JSON).json
        assert answer is not None
        ids += [one["id"] for one in answer["items"]]
        if not (cursor := answer["next_cursor"]):
            break
    assert ids == [f"{n:02}" for start in (0, 15, 30) for n in range(start + 14, start - 1, -1)]
    for query in (
        "outcome=x",
        "cursor=1",
        "cursor=%C2%B2.a",
        "since=never",
        "per_page=3",
        "format=xml",
        f"user={'x' * 1001}",
    ):
        assert console.get(f"{PATH}?{query}", headers=JSON).status_code == 400, query
    with store.database.write() as tx:
        tx.execute(store.tables.sign_in.update().values(verdict="edited"))
    assert {one["outcome"] for one in listed(console)} == {"unfinished", "verified"}
    assert console.get(PATH).status_code == 200


def test_the_page_of_a_user_tells_of_the_policies_that_apply_and_of_the_rest_how_many(app: Flask, phone: Phone) -> None:
    with app.app_context():
        for number in range(25):
            put(app, policy(f"P{number:02}", users={"include": ["user:nobody" if number % 5 else "all"]}))
    page = BeautifulSoup(at_console(app, ADMIN, phone).get("/admin/mfa/users/6").text, "html.parser")
    names = [head.find(string=True) for head in page.select("th[scope=row]")]
    assert names == ["P00", "P05", "P10", "P15", "P20"]
    (link,) = page.select("a[href*='/simulator?']")
    assert link.parent is not None
    assert "20 more policies don't apply." in link.parent.text
    assert link["href"] == "/admin/mfa/simulator?user=6&resource=app"


def test_the_provider_is_in_every_form_of_the_list(app: Flask, phone: Phone, clock: StillClock) -> None:
    store, facts = state_of(app).store, {"provider": "https://id.example.org"}
    with store.database.write() as tx:
        store.sign_ins.add(tx, SignInRecord("1", "z", clock(), None, None, facts, Ask.PASS.value, "satisfied"))
    console = at_console(app, AUDITOR, phone)
    assert listed(console, "user=z")[0]["provider"] == "https://id.example.org"
    assert listed(console, "user=hugo@example.org")[0]["provider"] is None
    rows = csv.DictReader(io.StringIO(console.get(f"{PATH}?format=csv&user=z").text.removeprefix("\ufeff")))
    assert [row["provider"] for row in rows] == ["https://id.example.org"]

"""Each refusal has a reference of its own: the refused person is shown it, and it leads to the record."""

from __future__ import annotations

import re
from typing import Any

import pytest
from flask import Flask

from tests.conftest import JSON, Browser, Phone, StillClock, key_of, state_of
from tests.policy_kit import policy
from tests.web.admin.kit import ADMIN, at_console

pytestmark = pytest.mark.pages
SHOWN = re.compile(r"[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}")


def put(app: Flask, *policies: Any) -> None:
    with app.app_context():
        for one in policies:
            state_of(app).access.policies.save(one)


def records(app: Flask) -> list[dict[str, Any]]:
    with app.app_context():
        return [one for one in state_of(app).operations.audit.export() if one["event"] == "access_denied"]


def shown(answer: Any) -> str:
    found: list[str] = SHOWN.findall(answer.text)
    assert len(set(found)) == 1, answer.text
    return found[0]


def test_the_page_the_json_the_log_and_the_sign_in_say_the_same(app: Flask, phone: Phone) -> None:
    put(app, policy(action="deny", users={"include": [f"user:{key_of(app, 'frank')}"]}))
    browser = Browser(app)
    browser.sign_in("frank")
    reference = shown(browser.get("/mfa/blocked"))
    told = browser.get("/", headers=JSON)
    assert (told.status_code, told.json["reference"]) == (403, reference)  # type: ignore[index]
    (record,) = records(app)
    assert record["details"]["reference"] == reference
    console = at_console(app, ADMIN, phone)
    for page, key in (("audit", "subject"), ("sign-ins", "user")):
        for typed in (reference, reference.lower().replace("-", "")):
            found = console.get(f"/admin/mfa/{page}?reference={typed}", headers=JSON).json
            assert [one[key] for one in found["items"]] == [key_of(app, "frank")]  # type: ignore[index]
            assert reference in console.get(f"/admin/mfa/{page}?reference={typed}").text
        assert console.get(f"/admin/mfa/{page}?reference=7777-7777", headers=JSON).json["items"] == []  # type: ignore[index]
        assert console.get(f"/admin/mfa/{page}?reference=nothing").status_code == 400


def test_a_locked_account_has_one_at_every_answer(app: Flask) -> None:
    browser = Browser(app)
    assert browser.sign_in("carol").location == "/mfa/blocked"
    told = {shown(browser.get(path)) for path in ("/mfa/blocked", "/", "/payroll", "/mfa/")}
    assert told == {records(app)[0]["details"]["reference"]}
    assert browser.get("/payroll", headers=JSON).json["reference"] in told  # type: ignore[index]


def test_the_same_refusal_repeats_within_the_hour_and_another_one_after_it(app: Flask, clock: StillClock) -> None:
    put(app, policy(action="deny", on=["payroll"]), policy("other", action="deny", on=["wiki"]))
    browser = Browser(app)
    browser.sign_in("frank")
    first = {shown(browser.get("/payroll")) for _ in range(4)}
    assert len(first) == len(records(app)) == 1
    assert shown(browser.get("/wiki")) not in first
    clock.forward(minutes=61)
    assert shown(browser.get("/payroll")) not in first
    assert len(records(app)) == 3


def test_wrong_codes_that_have_to_wait_have_one(app: Flask, clock: StillClock) -> None:
    browser = Browser(app)
    browser.sign_in("dave")
    pages = [browser.send("/mfa/challenge", code=f"00000{number % 10}") for number in range(9)]
    assert [one.status_code for one in pages] == [422] * 6 + [429] * 3
    assert not any(SHOWN.search(one.text) for one in pages[:6])
    reference = {shown(one) for one in pages[6:]}
    assert reference == {shown(browser.get("/mfa/challenge"))}
    (record,) = records(app)
    assert (record["details"]["verdict"], record["details"]["reason_id"]) == ("throttled", "wrong-codes-wait")
    assert {record["details"]["reference"]} == reference
    told = browser.client.post(
        "/mfa/challenge", json={"code": "000000"}, headers={**JSON, "X-CSRFToken": browser.status()["csrf_token"]}
    )
    assert (told.status_code, told.json["reference"]) == (429, next(iter(reference)))  # type: ignore[index]


def test_the_command_line_finds_it(app: Flask) -> None:
    put(app, policy(action="deny", users={"include": [f"user:{key_of(app, 'frank')}"]}))
    browser = Browser(app)
    browser.sign_in("frank")
    reference = shown(browser.get("/mfa/blocked"))
    run = app.test_cli_runner().invoke
    said = run(args=["mfa", "why", "--reference", reference.lower()])
    assert said.exit_code == 0, said.output
    assert "Frank" in said.output
    assert "The policy 'rule' decided." in said.output
    assert f'"reference": "{reference}"' in run(args=["mfa", "why", "--reference", reference, "--json"]).output
    assert (
        run(args=["mfa", "policies", "show", reference]).output == run(args=["mfa", "policies", "show", "rule"]).output
    )
    for words in (["--reference", "7777-7777"], ["--reference", "nothing"], [], ["frank", "--reference", reference]):
        assert run(args=["mfa", "why", *words]).exit_code != 0, words


def test_forgetting_somebody_takes_the_reference_with_it(app: Flask) -> None:
    browser = Browser(app)
    browser.sign_in("carol")
    reference = shown(browser.get("/mfa/blocked"))
    with app.app_context():
        state = state_of(app)
        state.people.users.forget(key_of(app, "carol"), actor="cli")
        assert state.operations.audit_reader.refused(reference) == []
        assert state.operations.audit.verify().broken_at is None

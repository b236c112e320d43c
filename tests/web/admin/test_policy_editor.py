"""The editor, networks, import and the simulator, as forms without a script send them, and as programs do."""

from __future__ import annotations

from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import pytest
from flask import Flask

from flask_mfa_gate.domain.policy.addresses import Network
from tests.conftest import JSON, Browser, Phone, StillClock, key_of, state_of
from tests.policy_kit import policy, put
from tests.web.admin.kit import ADMIN, AUDITOR, at_console, send
from tests.web.admin.test_policies import CONDITIONS, ROOT, furnish, page, read

pytestmark = pytest.mark.pages


class Form(HTMLParser):
    """The fields of the page's longest form, as a browser would send them."""

    def __init__(self, text: str, action: str) -> None:
        super().__init__()
        self.fields: dict[str, list[str]] = {}
        self._action, self._is_in, self._select, self._area = action, False, "", ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        name = given.get("name") or ""
        if tag == "form":
            self._is_in = given.get("action") == self._action
        if not self._is_in:
            return
        if tag == "input" and (given.get("type") not in {"checkbox", "radio"} or "checked" in given):
            self.fields.setdefault(name, []).append(given.get("value") or "")
        if tag == "select":
            self._select = name
        if tag == "option" and self._select and ("selected" in given or self._select not in self.fields):
            self.fields[self._select] = [given.get("value") or ""]
        if tag == "textarea":
            self._area = name
            self.fields[name] = [""]

    def handle_data(self, data: str) -> None:
        if self._area:
            self.fields[self._area][0] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            self._area = ""
        if tag == "select":
            self._select = ""
        if tag == "form":
            self._is_in = False


def press(browser: Browser, answer: Any, path: str, act: str, **typed: Any) -> Any:
    """Fill in what is typed, and press a button of the form."""
    fields = {**Form(answer.text, ROOT + path).fields, **typed, "act": act}
    return browser.client.post(ROOT + path, data=fields)


def documents(app: Flask, name: str) -> dict[str, Any]:
    with app.app_context():
        return state_of(app).access.policies.get(name).to_document()


def test_a_policy_is_written_without_script_and_read_back_as_it_was(app: Flask, phone: Phone) -> None:
    furnish(app)
    browser = at_console(app, ADMIN, phone)
    path = "/policies"
    answer = browser.get(f"{ROOT}/policies/new")
    answer = press(browser, answer, path, "add-condition:c", name="Finance outside", **{"c.add": "network"})
    assert "autofocus" in answer.text
    answer = press(
        browser, answer, path, "add-group:c", **{"c.0.is": "not", "c.0.value": "office", "c.0.text": "10.0.0.0/8"}
    )
    answer = press(browser, answer, path, "add-condition:c.1", **{"c.1.join": "any", "c.1.add": "schedule"})
    answer = press(browser, answer, path, "add-condition:c.1", **{
        "c.1.add": "platform", "c.1.0.days": ["mon", "fri"], "c.1.0.from": "22:00", "c.1.0.until": "06:00",
        "c.1.0.zone": "Europe/Berlin",
    })  # fmt: skip
    answer = press(browser, answer, path, "add-condition:c", **{"c.1.1.value": ["ios", "android"], "c.add": "country"})
    answer = press(browser, answer, path, "remove:c.2")
    assert answer.status_code == 200
    answer = press(
        browser, answer, path, "save", include=["group:finance"], include_text="frank@example.org\nuser:99",
        exclude_text=key_of(app, "ada"), resources=["payroll"], factors=["totp"], max_age="15", grace_days="3",
        message="Ask us", help_link="https://help.example.org/", reason="audit",
    )  # fmt: skip
    assert answer.status_code == 303, answer.text
    expected = {
        "name": "Finance outside", "state": "report-only", "resources": ["payroll"], "message": "Ask us",
        "users": {
            "include": ["group:finance", f"user:{key_of(app, 'frank')}", "user:99"],
            "exclude": [f"user:{key_of(app, 'ada')}"],
        },
        "conditions": {"all": [
            {"not": {"network": ["office", "10.0.0.0/8"]}},
            {"any": [
                {"schedule": {"days": ["mon", "fri"], "hours": "22:00-06:00", "zone": "Europe/Berlin"}},
                {"platform": ["android", "ios"]},
            ]},
        ]},
        "effect": {"action": "require", "factors": ["totp"], "max_age": 900, "grace_days": 3},
        "help_link": "https://help.example.org/",
    }  # fmt: skip
    assert documents(app, "Finance outside") == expected
    path = "/policies/Finance%20outside"
    opened = browser.get(f"{ROOT}{path}/edit")
    assert "frank@example.org" in opened.text
    assert press(browser, opened, path, "save").status_code == 303
    assert documents(app, "Finance outside") == expected, "opened and saved is the same"
    assert press(browser, opened, path, "redraw", **{"c.0.is": "is"}).status_code == 200
    shown = press(browser, opened, path, "preview")
    assert (shown.status_code, 'id="impact"' in shown.text) == (200, True)
    simulated = press(browser, opened, path, "simulate")
    fields = Form(simulated.text, f"{ROOT}/simulator").fields
    compared = browser.client.post(
        f"{ROOT}/simulator", data={**fields, "user": "erin@example.org", "resource": "payroll"}
    )
    assert "With the draft" in compared.text
    text = press(browser, opened, path, "document")
    assert "name = &#34;Finance outside&#34;" in text.text
    changed = Form(text.text, ROOT + path).fields["document"][0].replace("900", "60")
    back = press(browser, text, path, "form", document=changed)
    assert Form(back.text, ROOT + path).fields["max_age"] == ["1"]
    assert press(browser, text, path, "save", document=changed).status_code == 303
    assert documents(app, "Finance outside")["effect"]["max_age"] == 60


def test_what_is_wrong_is_said_at_its_field_and_nothing_typed_is_lost(app: Flask, phone: Phone) -> None:
    furnish(app)
    browser = at_console(app, ADMIN, phone)
    start = browser.get(f"{ROOT}/policies/new")
    start = press(browser, start, "/policies", "add-condition:c", name="X <b>", **{"c.add": "network"})
    good = {"c.0.value": "office"}
    for wrong, words in (
        ({"name": ""}, "Give the policy a name."), ({"name": "a/b"}, "must not contain a slash"),
        ({"name": "export"}, "another page of the console"), ({"name": "Finance"}, "already"),
        ({"include": [], "include_text": ""}, "Choose everyone"), ({"include_text": "nobody@example.org"}, "neither a user"),
        ({"resources": []}, "Choose at least one resource"), ({"max_age": "soon"}, "Enter a whole number"),
        ({"max_age": "0"}, "cannot be 0 for the whole app"), ({"grace_days": "400"}, "must be from 0 to 365"),
        ({"help_link": "javascript:alert(1)"}, "begins with https://"), ({"c.0.value": "home"}, "neither an address"),
        ({"c.0.value": []}, "at least one value"), ({"c.0.text": "10.0.0.1/8"}, "Did you mean 10.0.0.0/8"),
        ({"message": "x" * 1001}, "1000"),
        ({"action": []}, "Choose what the policy does"), ({"action": "explode"}, "must be one of"),
    ):  # fmt: skip
        answer = press(browser, start, "/policies", "save", **{**good, **wrong, "description": "typed"})
        assert answer.status_code in {400, 409}, wrong
        assert words in answer.text.replace("&#39;", "'"), (wrong, words)
        assert ">typed</textarea>" in answer.text
        assert "X &lt;b&gt;" in answer.text or "name" in wrong
    trapped = press(
        browser, start, "/policies", "save", **{"c.0.value": "office", "c.0.is": "not", "action": "deny", "state": "on"}
    )  # fmt: skip
    assert (trapped.status_code, "from the address you are at now" in trapped.text) == (409, True)
    for act in ("add-condition:c.7", "add-group:c.0", "remove:c.9.9", "add-condition:x", "add-group:c.0.0.0.0"):
        assert press(browser, start, "/policies", act).status_code in {200, 400}, act
    assert press(browser, start, "/policies", "add-condition:c", **{"c.add": "weather"}).status_code == 400
    assert press(browser, start, "/policies", "save", **{"c.0.word": "weather"}).status_code == 400
    empty = press(browser, start, "/policies", "add-group:c", **good)
    assert "This group is empty" in press(browser, empty, "/policies", "save").text
    for document, words in (
        ("version = 1", "Write one policy"), ("[", "is not valid TOML"),
        ('version = 1\n[[networks]]\nname = "x"\nentries = []\n[[policies]]\nname = "y"\neffect = { action = "deny" }', "Networks are"),
        ('version = 1\n[[policies]]\nname = "y"\neffect = { action = "den" }', "Did you mean deny"),
    ):  # fmt: skip
        text = press(browser, start, "/policies", "document", **good)
        answer = press(browser, text, "/policies", "save", document=document)
        assert (answer.status_code, words in answer.text) == (400, True), answer.text
    assert [one["name"] for one in read(browser, "/policies")["items"]] == ["=cmd()", "Finance", "Tried"]


def test_a_stale_form_shows_the_difference_and_keeps_what_was_typed(app: Flask, phone: Phone) -> None:
    furnish(app)
    browser = at_console(app, ADMIN, phone)
    opened = browser.get(f"{ROOT}/policies/Finance/edit")
    with app.app_context():
        state_of(app).access.policies.set_state("Finance", "off")
    refused = press(browser, opened, "/policies/Finance", "save", message="My words")
    assert refused.status_code == 409
    for words in ("Somebody else changed this policy", "“Finance” is now off. It was on.", "My words"):
        assert words in refused.text
    assert documents(app, "Finance")["state"] == "off"
    assert press(browser, refused, "/policies/Finance", "save").status_code == 303
    assert documents(app, "Finance")["message"] == "My words"


def test_what_the_form_cannot_show_is_a_document(app: Flask, phone: Phone) -> None:
    deep: dict[str, Any] = {"platform": ["ios"]}
    for _ in range(5):
        deep = {"any": [deep, {"all": [{"browser": ["edge"]}, {"platform": ["linux"]}]}]}
    put(app, policy("Deep", when=deep, on=["wiki"]))
    browser = at_console(app, ADMIN, phone)
    opened = browser.get(f"{ROOT}/policies/Deep/edit")
    assert "Policy as TOML or JSON" in opened.text
    assert "can&#39;t show these conditions" in press(browser, opened, "/policies/Deep", "form").text
    assert press(browser, opened, "/policies/Deep", "save").status_code == 303


def test_programs_write_and_preview_policies(app: Flask, phone: Phone) -> None:
    furnish(app)
    browser = at_console(app, ADMIN, phone)
    table = {
        "name": "API",
        "state": "on",
        "resources": ["wiki"],
        "effect": {"action": "deny"},
        "conditions": CONDITIONS,
    }
    made = browser.send_json(f"{ROOT}/policies", table)
    assert (made.status_code, made.json["added"]) == (200, ["API"]), made.text  # type: ignore[index]
    assert browser.send_json(f"{ROOT}/policies", table).status_code == 409
    version = made.json["version"]  # type: ignore[index]
    assert browser.send_json(f"{ROOT}/policies/API", {**table, "version": version - 1}).status_code == 409
    assert browser.send_json(f"{ROOT}/policies/API", {**table, "version": version, "message": "No"}).json[
        "changed"
    ] == ["API"]  # type: ignore[index]
    assert browser.send_json(f"{ROOT}/policies/API", {**table, "name": "Other"}).status_code == 400
    assert browser.send_json(f"{ROOT}/policies/API", {"effect": 5}).json["code"] == "bad_policy"  # type: ignore[index]
    everybody = {"name": "All", "state": "report-only", "effect": {"action": "deny"}, "resources": ["payroll"]}
    for body in (everybody, {"version": 1, "policies": [everybody]}):
        found = browser.send_json(f"{ROOT}/policies/preview", body).json
        assert found["denied"]["count"] >= 7, found  # type: ignore[index]
        assert set(found) >= {"challenged", "forced", "denied", "relaxed", "resources"}  # type: ignore[arg-type]


def test_the_document_goes_out_and_comes_back_after_a_look(app: Flask, phone: Phone) -> None:
    furnish(app)
    browser = at_console(app, ADMIN, phone)
    text = browser.get(f"{ROOT}/policies/export").text
    assert text.startswith("version = 1")
    assert browser.get(f"{ROOT}/policies/export?format=json").json["version"] == 1  # type: ignore[index]
    smaller = text[: text.index("[[policies]]")]
    shown = send(browser, "/policies/import", document=smaller)
    assert shown.status_code == 200
    assert "“Finance” is removed" in shown.text
    assert "This weakens protection" in shown.text
    assert len(read(browser, "/policies")["items"]) == 3, "looked at only"
    assert "Nothing would change" in send(browser, "/policies/import", document=smaller, merge="1").text
    broken = send(browser, "/policies/import", document="version = 2")
    assert (broken.status_code, "version = 2" in broken.text) == (400, True)
    fields = Form(shown.text, f"{ROOT}/policies/import").fields
    with app.app_context():
        state_of(app).access.policies.set_state("Tried", "off")
    stale = browser.client.post(f"{ROOT}/policies/import", data={**fields, "apply": "1"})
    assert (stale.status_code, "Somebody else changed this" in stale.text) == (409, True)
    fields = Form(stale.text, f"{ROOT}/policies/import").fields
    assert browser.client.post(f"{ROOT}/policies/import", data={**fields, "apply": "1"}).status_code == 303
    assert read(browser, "/policies")["items"] == []
    again = browser.send_json(f"{ROOT}/policies/import", {"document": text, "dry_run": True})
    assert (again.json["dry_run"], len(again.json["added"])) == (True, 3)  # type: ignore[index]
    assert browser.send_json(f"{ROOT}/policies/import", {"document": text}).status_code == 200
    assert len(read(browser, "/policies")["items"]) == 3
    trap = 'version = 1\n[[policies]]\nname = "trap"\nstate = "on"\neffect = { action = "deny" }'
    assert send(browser, "/policies/import", document=trap, apply="1").status_code == 409


def test_networks_are_written_used_renamed_and_deleted(app: Flask, phone: Phone) -> None:
    furnish(app)
    browser = at_console(app, ADMIN, phone)
    text = page(browser, "/networks")
    assert "Your current address is 127.0.0.1" in text
    assert ">Finance</a>" in text
    assert read(browser, "/networks/office")["used_by"] == ["=cmd()", "Finance"]
    assert send(browser, "/networks", name="home", entries="127.0.0.1\n10.0.0.0/8").status_code == 303
    assert "You are here" in page(browser, "/networks")
    for wrong, words in (
        ({"name": "home", "entries": "10.0.0.1"}, "already"), ({"name": "x", "entries": "10.0.0.1/8"}, "10.0.0.0/8"),
        ({"name": "10.0.0.1", "entries": ""}, "must not look like an address"), ({"name": "new", "entries": ""}, "another page"),
        ({"name": "a/b", "entries": "::1"}, "slash"), ({"name": "", "entries": "::1"}, "empty"),
        ({"name": "y", "entries": "::1\n\nabc"}, "Entry 2 is &#39;abc&#39;"),
    ):  # fmt: skip
        refused = send(browser, "/networks", **wrong)
        assert (refused.status_code in {400, 409}, words in refused.text) == (True, True), (wrong, refused.text)
    assert send(browser, "/networks/office", name="HQ", entries="192.0.2.0/24").status_code == 303
    assert documents(app, "=cmd()")["conditions"] == {"network": ["HQ"]}
    assert send(browser, "/networks/HQ/delete").status_code == 409
    assert send(browser, "/networks/home/delete").status_code == 303
    page(browser, "/networks/home", 404)
    made = browser.send_json(f"{ROOT}/networks", {"name": "lab", "entries": ["2001:db8::/32"]})
    assert made.json["networks"]["added"] == ["lab"]  # type: ignore[index]
    with app.app_context():
        state_of(app).access.policies.save_network(Network("here", ("127.0.0.0/8",)))
    put(app, policy("Outside", "deny", when={"not": {"network": ["here"]}}))
    moved = send(browser, "/networks/here", name="here", entries="192.0.2.0/24")
    assert (moved.status_code, "from the address you are at now" in moved.text) == (409, True)
    assert "192.0.2.0/24" in moved.text


def test_the_simulator_answers_in_words_and_its_link_carries_the_question(app: Flask, phone: Phone) -> None:
    furnish(app)
    browser = at_console(app, AUDITOR, phone)
    assert "Simulate" in page(browser, "/simulator")
    question = "user=erin@example.org&resource=payroll&address=203.0.113.9"
    text = page(browser, f"/simulator?{question}")
    for words in (
        "Erin Ellis would be prompted to set up MFA", "“Finance” applies", "203.0.113.9 is not in office or 10.0.0.0/8",
        "The policy includes this user: the group finance",
    ):  # fmt: skip
        assert words in text, words
    assert text.index(">Applies<") < text.index(">Doesn't apply<"), "what says why comes first"
    inside = page(browser, "/simulator?user=erin@example.org&resource=payroll&address=198.51.100.7&platform=linux")
    assert "198.51.100.7 is in office" in inside
    assert "would get in without being asked" in inside
    unknown = page(browser, "/simulator?user=erin@example.org&resource=wiki&on=Tried")
    assert "With “Tried” on" in unknown
    assert "would be denied" in unknown
    told = read(browser, f"/simulator?{question}&at=2026-03-02T08:00&zone=Europe/Berlin")["answers"][0]
    assert (told["verdict"], told["policies"][1]["name"]) == ("prompt", "Finance")
    for wrong in (
        "user=nobody", "user=a%00@b", "user=%ed%a0%80@b", "user=erin@example.org&address=x", "user=erin@example.org&at=soon",
        "user=erin@example.org&zone=Mars&at=2026-01-01T10:00", "user=erin@example.org&resource=x",
        "user=erin@example.org&platform=amiga", "user=erin@example.org&on=nothing",
    ):  # fmt: skip
        assert browser.get(f"{ROOT}/simulator?{wrong}").status_code == 400, wrong
        assert browser.get(f"{ROOT}/simulator?{wrong}", headers=JSON).status_code in {400, 404}, wrong
    draft = 'version = 1\n[[policies]]\nname = "D"\nstate = "on"\neffect = { action = "deny" }\nresources = ["wiki"]'
    compared = send(browser, "/simulator", user="erin@example.org", resource="wiki", draft=draft)
    assert (compared.status_code, "With the draft" in compared.text) == (200, True)
    assert send(browser, "/simulator", user="erin@example.org", draft="[").status_code == 400


def test_the_simulator_says_what_a_policy_would_do_were_it_on_in_the_words_of_its_rule(
    app: Flask, phone: Phone
) -> None:
    weekend = {"schedule": {"zone": "Europe/Berlin", "days": ["sat", "sun"]}}
    put(
        app,
        policy("Weekend", state="report-only", when=weekend, factors=["totp"]),
        policy("Phones", "deny", state="report-only", when={"platform": ["ios"]}),
    )
    browser = at_console(app, ADMIN, phone)
    told = page(browser, "/simulator?user=erin@example.org&at=2026-03-07T08:00&zone=Europe/Berlin")
    for words in (
        ">Would apply<", ">Unknown, so it would apply<", "It covers the whole app",
        "Sat 2026-03-07 08:00 Europe/Berlin is within: Sat or Sun, Europe/Berlin",
    ):  # fmt: skip
        assert words in told, words
    assert ">Applies<" not in told
    assert ">Unknown, so it would apply<" in page(browser, "/users/5")
    assert "Everyone must verify with an authenticator app to open" in page(browser, "/policies/Weekend")


@pytest.mark.parametrize("outside", [(), ("4",)], ids=["inside", "break-glass"])
def test_the_simulator_names_a_policy_that_applies_beside_what_decides(
    make_app: Callable[..., Flask], phone: Phone, outside: tuple[str, ...]
) -> None:
    app = make_app(MFA_GATE_BREAK_GLASS=outside)
    put(app, policy("Payroll", on=["payroll"]), policy("Tried", "deny", on=["payroll"], state="report-only"))
    browser = at_console(app, ADMIN, phone)
    told = page(browser, "/simulator?user=dave@example.org&resource=payroll")
    assert "which is asked for at sign-in." in told
    assert ("“Payroll” applies too." in told) is not bool(outside), "policies pass a break-glass account by"


def test_drafts_are_drawn_and_looked_at_without_a_fresh_proof_and_saved_only_with_one(
    app: Flask, phone: Phone, clock: StillClock
) -> None:
    furnish(app)
    browser = at_console(app, ADMIN, phone)
    form = browser.get(f"{ROOT}/policies/new")
    clock.forward(minutes=16)
    before = browser.get(f"{ROOT}/policies/export").text
    form = press(browser, form, "/policies", "add-condition:c", name="Kept <b>", **{"c.add": "country"})
    filled = {"c.0.value": [], "c.0.text": "DE\nFR", "factors": ["totp"]}
    for act in ("redraw", "add-group:c", "preview", "simulate", "document"):
        answer = press(browser, form, "/policies", act, **filled)
        assert answer.status_code == 200, act
    text = press(browser, form, "/policies", "document", **filled)
    assert press(browser, text, "/policies", "form").status_code == 200
    pasted = Form(text.text, f"{ROOT}/policies").fields["document"][0]
    assert send(browser, "/simulator", user="erin@example.org", resource="payroll").status_code == 200
    assert send(browser, "/policies/import", document=pasted, merge="1").status_code == 200
    assert send(browser, "/audit/verify").status_code == 200
    for path, status, sent in (
        ("/policies", 403, {"act": "save"}), ("/policies", 403, {}), ("/policies", 403, {"act": ["redraw", "save"]}),
        ("/policies", 403, {"act": "no-such"}), ("/policies", 403, {"document": pasted}),
        ("/policies", 400, {"document": pasted, "act": "redraw"}), ("/policies", 400, {"name": "x", "act": "form"}),
        ("/policies/import", 403, {"document": pasted, "apply": "1", "merge": "1", "dry_run": "1"}),
    ):  # fmt: skip
        assert send(browser, path, **sent).status_code == status, sent
    token = {"X-CSRFToken": browser.status()["csrf_token"]}
    table = documents(app, "Finance")
    for path, more, status in (
        ("/policies/Finance", {"act": "redraw", "message": "new"}, 401), ("/policies/preview", {}, 200),
        ("/policies/import", {"document": pasted, "merge": True}, 401),
        ("/policies/import", {"document": pasted, "merge": True, "apply": False}, 401),
        ("/policies/import", {"document": pasted, "merge": True, "dry_run": True}, 200),
    ):  # fmt: skip
        sent = more if "document" in more else {**table, **more}
        assert browser.client.post(ROOT + path, json=sent, headers=token).status_code == status, (path, more)
    assert browser.get(f"{ROOT}/policies/export").text == before
    stopped = press(browser, form, "/policies", "save", **filled)
    assert (stopped.status_code, "Your form was not submitted" in stopped.text) == (403, True)
    assert browser.send("/mfa/challenge", code=phone.code()).status_code == 303
    again = Form(stopped.text, f"{ROOT}/policies").fields
    assert browser.client.post(f"{ROOT}/policies", data=again).status_code == 303
    assert documents(app, "Kept <b>")["conditions"] == {"country": ["DE", "FR"]}

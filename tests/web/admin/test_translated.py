"""Every sentence of the console goes through the catalogs: in a language whose words are all marked, none is left."""

from __future__ import annotations

import json

import pytest
from bs4 import NavigableString
from flask import Flask

from flask_mfa_gate.domain.policy.addresses import Network
from flask_mfa_gate.sentences import Sentence, joined
from flask_mfa_gate.web import translation
from tests.conftest import Browser, Phone, StillClock, key_of, state_of
from tests.policy_kit import policy
from tests.web.admin.kit import ADMIN, at_console, send
from tests.web.marked_language import Marked, unmarked

pytestmark = pytest.mark.pages
CONSOLE = "/admin/mfa"


@pytest.fixture
def console(app: Flask, phone: Phone, clock: StillClock, monkeypatch: pytest.MonkeyPatch) -> Browser:
    """A console with something on every page."""
    with app.app_context():
        policies = state_of(app).access.policies
        policies.save_network(Network("NETWORK", ("10.0.0.0/8",)))
        denied = {"include": [f"user:{key_of(app, 'frank')}"]}
        policies.save(policy("NAMED", "deny", users=denied, when={"not": {"network": ["NETWORK"]}}))
        policies.save(policy("WAYS", users={"include": ["group:nobody"]}, on=["wiki"], state="report-only"))
        policies.set_state("NAMED", "report-only")
        policies.set_state("NAMED", "on")
        state_of(app).people.enrollments.extend(key_of(app, "bob"), days=3, actor="cli")
    Browser(app).sign_in("frank")
    Browser(app).sign_in("carol")
    found = at_console(app, ADMIN, phone)
    monkeypatch.setattr(translation, "_catalog", lambda _name: Marked())
    return found


PAGES = (
    "/", "/users", "/users?status=ENROLLMENT_EXPIRED&required=yes", "/users?q=zzz", "/users/2", "/users/6", "/users/3",
    "/policies", "/policies/NAMED", "/policies/WAYS", "/policies/NAMED/edit", "/policies/new", "/policies/NAMED/history",
    "/policy-history", "/policy-history/2", "/policies/import", "/networks", "/networks/NETWORK", "/networks/new",
    "/simulator", "/simulator?user=6&resource=app", "/simulator?user=6&resource=app&address=203.0.113.9",
    "/simulator?user=nobody&resource=app", "/audit", "/audit?event=access_denied&actor=cli", "/audit?reference=x",
    "/sign-ins", "/sign-ins?outcome=denied&since=2020-01-01", "/settings", "/settings/events", "/requests", "/requests/none", "/select",
    "/user?key=2", "/users/99999", "/policies/NONE",
)  # fmt: skip


def test_a_page_says_nothing_that_is_not_in_the_catalog(console: Browser) -> None:
    found = {}
    for path in PAGES:
        answer = console.get(CONSOLE + path)
        assert answer.status_code in {200, 400, 404}, path
        found[path] = list(unmarked(answer.text))
    assert {path: texts for path, texts in found.items() if texts} == {}


def test_no_page_is_forgotten(app: Flask) -> None:
    paths = app.url_map.bind("localhost")
    seen = {paths.match(CONSOLE + path.partition("?")[0])[0] for path in PAGES}
    pages = {
        rule.endpoint
        for rule in app.url_map.iter_rules()
        if rule.endpoint.startswith("mfa_gate_admin.") and "GET" in (rule.methods or ())
    }
    assert pages - seen == {"mfa_gate_admin.policies_export", "mfa_gate_admin.openapi"}, "documents, and no pages"


FORMS: tuple[tuple[str, dict[str, str]], ...] = (
    ("/users/actions", {"action": "extend", "keys": "2", "days": "0"}),
    ("/users/actions", {"action": "require", "keys": "2", "days": "7"}),
    ("/users/actions", {"action": "reset", "keys": "1"}),
    ("/policies/NAMED", {"document": "x"}), ("/policies/NAMED/state", {"state": "loud", "version": "4"}),
    ("/policies/import", {"document": json.dumps({"version": 1, "policies": [{"name": "A"}]})}),
    ("/policies/import", {"document": json.dumps({"version": 1, "policies": []})}),
    ("/policies/import", {"document": "version = 1\n[[policies]]\nname = 'A'\neffect = {action='deny'}\nstate='on'"}),
    ("/policy-history/1/rollback", {"version": "1"}), ("/networks/NETWORK", {"name": "NETWORK", "entries": "10.0.0.1/8"}),
    ("/networks", {"name": "NETWORK", "entries": "10.0.0.0/8"}), ("/settings/test-mail", {}),
)  # fmt: skip


def test_an_answer_to_a_form_does_neither(console: Browser) -> None:
    found = {}
    for path, fields in FORMS:
        answer = send(console, path, **fields)
        if answer.status_code == 303:
            answer = console.get(answer.location)
        assert answer.status_code in {200, 400, 403, 404, 409}, path
        found[path, str(fields)] = list(unmarked(answer.text))
    assert {path: texts for path, texts in found.items() if texts} == {}


def test_what_is_filled_in_is_said_too_and_names_are_not(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = {"its %(what)s", "conditions", "%(name)r changed: %(why)s, 5 %%"}
    monkeypatch.setattr(translation, "_catalog", lambda _name: Marked())
    monkeypatch.setattr("tests.web.marked_language.messages", lambda: texts)
    inner = Sentence("its %(what)s", what=Sentence("conditions"))
    said = Sentence("%(name)r changed: %(why)s, 5 %%", name="A", why=inner)
    assert said == "'A' changed: its conditions, 5 %"
    with app.test_request_context():
        assert translation.translated(said) == "⟦'A' changed: ⟦its ⟦conditions⟧⟧, 5 %⟧"
        assert translation.translated(joined([inner, "plain"])) == "⟦its ⟦conditions⟧⟧ plain"
        assert translation.translated("") == ""


def test_a_name_that_is_filled_in_is_text(app: Flask, phone: Phone) -> None:
    with app.app_context():
        policies = state_of(app).access.policies
        policies.save(policy("No <i>", "deny", users={"include": [f"user:{key_of(app, 'frank')}"]}))
        policies.set_state("No <i>", "off")
    page = at_console(app, ADMIN, phone).get(f"{CONSOLE}/policy-history/2").text
    assert "&#34;No &lt;i&gt;&#34; is turned off, so it no longer denies app." in page
    assert "<i>" not in page


def test_the_crawl_can_fail() -> None:
    assert list(unmarked("<p>⟦Hello ⟦there⟧⟧ <b>Ada</b></p><p aria-label='Close it'>and more</p>")) == [
        "and more", "aria-label=Close it",
    ]  # fmt: skip
    assert isinstance(NavigableString("x"), str)

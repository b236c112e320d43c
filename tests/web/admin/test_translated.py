"""Every sentence of the console goes through the catalogs: in a language whose words are all marked, none is left."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from functools import cache
from gettext import NullTranslations
from pathlib import Path

import pytest
from bs4 import BeautifulSoup, Comment, Doctype, NavigableString, Tag
from flask import Flask
from jinja2 import Environment

from example_app.people import PEOPLE
from flask_mfa_gate.domain.policy.addresses import Network
from flask_mfa_gate.sentences import Sentence, joined
from flask_mfa_gate.web import translation
from tests.conftest import Browser, Phone, StillClock, key_of, state_of
from tests.policy_kit import policy
from tests.web.admin.kit import ADMIN, at_console, send

pytestmark = pytest.mark.pages
PACKAGE = Path(translation.__file__).parents[1]
CONSOLE = "/admin/mfa"
# What is data, or is typed as it stands.
_DATA = (
    "code",
    "time",
    "script",
    "style",
    "svg",
    "pre",
    "textarea",
    "select[data-zone]",
    ".ac-mono",
    ".ac-who",
    "title",
)
_MARKED = re.compile("⟦[^⟦⟧]*⟧")
_WORD = re.compile(r"[^\W\d_]{2,}")
# Names of people, groups, policies and machines on these pages, and abbreviations that no language changes.
_NAMES = (
    "UTC CSV JSON MFA K7QX cli finance Example Portal NAMED NETWORK WAYS CIDR payroll wiki transfer mfa portal login"
)
_KNOWN = frozenset(re.findall(r"[^\W_]+", f"{_NAMES} Mar example org")).union(
    *([*one.name.split(), one.username] for one in PEOPLE)
)


@cache
def messages() -> frozenset[str]:
    """What a catalog can hold: texts that stand in the source as they are asked for."""
    found = {
        node.value
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    environment = Environment(extensions=["jinja2.ext.i18n"], autoescape=True)
    for path in (PACKAGE / "templates").rglob("*.html"):
        for _line, _function, texts in environment.extract_translations(path.read_text()):  # type: ignore[attr-defined]
            found.update([texts] if isinstance(texts, str) else (text for text in texts or () if text))
    return frozenset(found)


class Marked(NullTranslations):
    """Puts every text in brackets that a catalog could hold."""

    def gettext(self, message: str) -> str:
        return f"⟦{message}⟧" if message in messages() else message

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return self.gettext(msgid1 if n == 1 else msgid2)


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


def unmarked(html: str) -> Iterator[str]:
    """Texts with words in them that no catalog was asked for."""
    page = BeautifulSoup(html, "html.parser")
    for part in page.select(", ".join(_DATA)):
        part.decompose()
    texts = [one for one in page.find_all(string=True) if not isinstance(one, Comment | Doctype)]
    # As one, since a sentence goes on behind what is typed as it stands.
    for line in without_marks("\n".join(" ".join(str(one).split()) for one in texts)).splitlines():
        if left(line):
            yield line.strip()
    for tag in page.find_all(True):
        yield from (f"{name}={value}" for name, value in said_by(tag) if left(value))


def said_by(tag: Tag) -> Iterator[tuple[str, str]]:
    for name in ("aria-label", "data-label", "alt"):
        value = tag.get(name)
        if isinstance(value, str):
            yield name, value


def without_marks(text: str) -> str:
    while (shorter := _MARKED.sub(" ", text)) != text:
        text = shorter
    return text


def left(text: str) -> list[str]:
    return [word for word in _WORD.findall(without_marks(text)) if word not in _KNOWN]


PAGES = (
    "/", "/users", "/users?status=ENROLLMENT_EXPIRED&required=yes", "/users?q=zzz", "/users/2", "/users/6", "/users/3",
    "/policies", "/policies/NAMED", "/policies/WAYS", "/policies/NAMED/edit", "/policies/new", "/policies/NAMED/history",
    "/policy-history", "/policy-history/2", "/policies/import", "/networks", "/networks/NETWORK", "/networks/new",
    "/simulator", "/simulator?user=6&resource=app", "/simulator?user=6&resource=app&address=203.0.113.9",
    "/simulator?user=nobody&resource=app", "/audit", "/audit?event=access_denied&actor=cli", "/audit?reference=x",
    "/sign-ins", "/sign-ins?outcome=denied&since=2020-01-01", "/settings", "/requests", "/requests/none", "/select",
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
    assert pages - seen == {"mfa_gate_admin.policies_export"}, "a document, and no page"


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
    monkeypatch.setattr(f"{__name__}.messages", lambda: texts)
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

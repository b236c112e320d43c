"""Every sentence of the users' own pages goes through the catalogs: in a language whose words are all marked, none is left."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask

from flask_mfa_gate.templating import BUILT_IN
from flask_mfa_gate.web import translation
from tests.conftest import JSON, Browser, Phone, StillClock, key_of, recovery_codes_in, state_of
from tests.policy_kit import policy
from tests.web.kit import issue, signed_in
from tests.web.marked_language import Marked, left, unmarked

pytestmark = pytest.mark.pages
PAGES = BUILT_IN / "mfa_gate"
# Names that people and products have, and that of a first factor, which its owner may change.
DATA = {"Google", "Microsoft", "Bitwarden", "Authenticator", "app", "Firefox", "Linux", "Werkzeug"}
_JINJA = re.compile(r"\{% block width %\}[a-z-]*|\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", re.DOTALL)
_TAG = re.compile(r"<[^<>]*>")
_SAID = re.compile(r'(?:aria-label|title|alt)="([^"]*[a-z]{2,}[^"]*)"')


@pytest.fixture
def marked(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Flask:
    monkeypatch.setattr(translation, "_catalog", lambda _name: Marked())
    return app


def unsaid(html: str) -> list[str]:
    return [text for text in unmarked(html) if not {*left(text)} <= DATA]


def assert_marked(browser: Browser, *paths: str) -> None:
    for path in paths:
        answer = browser.get(path)
        assert answer.status_code in {200, 401, 403, 404, 409, 429}, path
        assert unsaid(answer.text) == [], path


def test_the_pages_of_a_proven_user_say_nothing_that_is_not_in_the_catalog(marked: Flask, clock: StillClock) -> None:
    Browser(marked).sign_in("erin")
    frank = signed_in(marked, "frank")
    frank.client.environ_base["HTTP_USER_AGENT"] = "Mozilla/5.0 (X11; Linux) Firefox/140.0"
    assert_marked(frank, "/mfa/", "/mfa/enroll", "/mfa/enroll/totp", "/mfa/recovery-codes", "/mfa/sessions")
    wrong = frank.send("/mfa/enroll/totp", code="000000")
    assert wrong.status_code == 422
    assert unsaid(wrong.text) == []
    done = frank.send("/mfa/enroll/totp", code=Phone(clock, frank.begin_setup()["secret"]).code())
    assert "⟦Save your recovery codes⟧" in done.text
    assert unsaid(done.text) == []
    factor = frank.get("/mfa/", headers=JSON).json["factors"][0]["id"]  # type: ignore[index]
    assert_marked(frank, "/mfa/", "/mfa/recovery-codes", f"/mfa/factors/{factor}/remove", "/mfa/enroll/totp")
    assert unsaid(frank.send("/mfa/recovery-codes").text) == []
    assert unsaid(frank.send("/mfa/enroll/totp", csrf_token="x").text) == []


def test_nor_do_the_pages_of_a_sign_in(marked: Flask, phone: Phone, clock: StillClock) -> None:
    bob = signed_in(marked, "bob")
    assert_marked(bob, "/mfa/enroll", "/mfa/enroll/totp")
    dave = signed_in(marked, "dave")
    assert_marked(dave, "/mfa/challenge", "/mfa/challenge?factor=recovery_code", "/mfa/challenge?factor=access_pass")
    for _ in range(7):
        wrong = dave.send("/mfa/challenge", code=phone.wrong_code())
        assert unsaid(wrong.text) == []
    assert wrong.status_code == 429
    assert_marked(dave, "/mfa/challenge")


def test_nor_do_refusals(marked: Flask, phone: Phone, clock: StillClock) -> None:
    with marked.app_context():
        denied = {"include": [f"user:{key_of(marked, 'frank')}"]}
        state_of(marked).access.policies.save(policy("NAMED", "deny", users=denied))
    assert_marked(signed_in(marked, "frank"), "/", "/mfa/")
    carol = signed_in(marked, "carol")
    assert_marked(carol, "/", "/mfa/enroll")
    assert unsaid(signed_in(marked, "bob").send("/transfer", amount="5").text) == []


def test_nor_do_the_ways_back_in(marked: Flask, phone: Phone, clock: StillClock) -> None:
    browser = signed_in(marked, "frank")
    done = browser.send("/mfa/enroll/totp", code=Phone(clock, browser.begin_setup()["secret"]).code())
    code = recovery_codes_in(done.text)[0]
    again = signed_in(marked, "frank")
    again.client.environ_base["HTTP_SEC_FETCH_MODE"] = "navigate"
    assert again.send("/mfa/challenge", factor="recovery_code", code=code).location == "/mfa/recovered"
    assert_marked(again, "/mfa/recovered", "/mfa/recovery-codes", "/mfa/")
    used = signed_in(marked, "frank").send("/mfa/challenge", factor="recovery_code", code=code)
    assert unsaid(used.text) == []
    given = issue(marked, "bob")
    bob = signed_in(marked, "bob")
    assert bob.send("/mfa/challenge", factor="access_pass", code=given).status_code == 303
    assert_marked(bob, "/mfa/enroll", "/mfa/enroll/totp")


def templates() -> list[Path]:
    return sorted(path for path in PAGES.rglob("*.html") if "admin" not in path.parts and path.name != "layout.html")


@pytest.mark.parametrize("path", templates(), ids=lambda path: path.stem)
def test_no_template_has_words_of_its_own(path: Path) -> None:
    assert words_of(path.read_text()) == []


def words_of(source: str) -> list[str]:
    """Words between tags, and in attributes that are read aloud, that stand there by themselves."""
    text = _JINJA.sub("", source)
    words = re.findall(r"[A-Za-z]{2,}", _TAG.sub("", text))
    return [one for one in words if one not in {"UTC", *DATA}] + _SAID.findall(text)


def test_the_search_for_words_can_fail() -> None:
    assert words_of("<p class='{{ x }}'>{{ mfa_gettext('Hello') }} there</p>") == ["there"]
    assert words_of('<p aria-label="Close it">{{ x }}</p>') == ["Close it"]


def test_a_page_in_place_of_ours_keeps_its_own_catalog(make_app: Callable[..., Flask], tmp_path: Path) -> None:
    """``_`` is that of the host there; what the gate says is said by its own functions."""
    app = make_app()
    folder = tmp_path / "mfa_gate"
    folder.mkdir()
    (folder / "base.html").write_text(
        '<title>{{ _("Menu") }}</title><html lang="{{ page.language }}">{% block content %}{% endblock %}'
    )
    from jinja2 import ChoiceLoader, FileSystemLoader

    app.jinja_env.loader = ChoiceLoader([FileSystemLoader(tmp_path), app.jinja_env.loader])  # type: ignore[list-item]
    app.jinja_env.globals["_"] = lambda message: f"host: {message}"
    page = signed_in(app, "frank").get("/mfa/enroll").text
    assert "<title>host: Menu</title>" in page
    assert '<html lang="en">' in page
    assert "Protect your account" in page


@pytest.mark.parametrize("path", templates(), ids=lambda path: path.stem)
def test_no_template_asks_the_catalog_of_a_host(path: Path) -> None:
    """``_`` is there only where the host has it, and is the host's then."""
    assert re.findall(r"(?<![\w.])(?:_|gettext|ngettext)\(", path.read_text()) == []

"""``login_hint``: passed on to the app's login, asked about where somebody else is here, and never an oracle."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask

from tests.conftest import StillClock
from tests.web.oidc.kit import ASKING, RelyingParty, SecureBrowser, as_json, walk

pytestmark = pytest.mark.pages


def asking(app: Flask) -> RelyingParty:
    return RelyingParty(app, client_id="asking", redirect_uri=ASKING["redirect_uris"][0])


def test_the_apps_login_can_fill_it_in(wiki: RelyingParty, browser: SecureBrowser) -> None:
    to_login = walk(browser, wiki.send(browser, login_hint='dave"><b>'), stops_at="/login").location
    assert parse_qs(urlsplit(to_login).query)["login_hint"] == ['dave"><b>']
    page = browser.get(to_login)
    assert 'value="dave&#34;&gt;&lt;b&gt;"' in page.text


@pytest.mark.parametrize("hint", ["x" * 321, "a\u202eb", "a\nb"])
def test_what_can_be_no_name_is_passed_on_to_nobody(wiki: RelyingParty, browser: SecureBrowser, hint: str) -> None:
    to_login = walk(browser, wiki.send(browser, login_hint=hint), stops_at="/login").location
    assert "login_hint" not in to_login


@pytest.mark.parametrize("hint", ["frank", "FRANK@example.org", " frank ", "6", ""])
def test_its_own_user_is_asked_nothing(wiki: RelyingParty, browser: SecureBrowser, hint: str) -> None:
    browser.sign_in("frank")
    assert wiki.told(wiki.send(browser, login_hint=hint, prompt="none"))["code"]


@pytest.mark.parametrize("hint", ["erin", "erin@example.org", "nobody@example.org"])
def test_for_somebody_else_the_user_chooses_and_silence_is_an_error(
    wiki: RelyingParty, browser: SecureBrowser, hint: str
) -> None:
    browser.sign_in("frank")
    assert wiki.told(wiki.send(browser, login_hint=hint, prompt="none"))["error"] == "login_required"
    kept = wiki.send(browser, login_hint=hint).location
    assert "Use another account" in browser.get(kept).text
    assert wiki.told(browser.get(browser.send(kept, act="account").location))["code"]


def test_another_account_is_signed_in_with_the_hint(wiki: RelyingParty, browser: SecureBrowser) -> None:
    browser.sign_in("frank")
    kept = wiki.send(browser, login_hint="erin").location
    to_login = walk(browser, browser.send(kept, act="sign-in"), stops_at="/login").location
    assert parse_qs(urlsplit(to_login).query)["login_hint"] == ["erin"]


@pytest.mark.parametrize("hint", ["frank", "erin", "nobody@example.org"])
def test_an_app_without_consent_learns_nothing_by_guessing(app: Flask, browser: SecureBrowser, hint: str) -> None:
    browser.sign_in("frank")
    party = asking(app)
    assert party.told(party.send(browser, login_hint=hint, prompt="none"))["error"] == "consent_required"


@pytest.mark.parametrize("key", ["1", "6"])
def test_nor_by_naming_a_subject(app: Flask, browser: SecureBrowser, key: str, clock: StillClock) -> None:
    browser.sign_in("frank")
    party, claims = asking(app), as_json({"id_token": {"sub": {"value": key}}})
    assert party.told(party.send(browser, claims=claims, prompt="none"))["error"] == "consent_required"


@pytest.mark.parametrize("hint", ["dave", "nobody@example.org"])
def test_who_exists_is_told_to_nobody(wiki: RelyingParty, browser: SecureBrowser, hint: str) -> None:
    assert wiki.told(wiki.send(browser, login_hint=hint, prompt="none"))["error"] == "login_required"

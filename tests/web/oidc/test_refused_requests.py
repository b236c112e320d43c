"""Authorization requests that get no code: each hostile or broken, and never an error of the server's."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest
from flask import Flask

from tests.conftest import Phone
from tests.web.oidc.kit import CALLBACK, ISSUER, RelyingParty, SecureBrowser, as_json, rows

pytestmark = pytest.mark.pages

REDIRECTS = [
    "https://wiki.example.org/callback/../x", "https://wiki.example.org/callback?x=1", "https://wiki.example.org/CALLBACK",
    "https://WIKI.example.org/callback", "http://wiki.example.org/callback", "https://wiki.example.org:443/callback",
    "https://wiki.example.org/callback#x", "https://wiki@evil.example/callback", "https://wiki.example.org.evil.example/callback",
    "https://wiki.example.org\\@evil.example/callback", "//wiki.example.org/callback", "javascript:alert(1)", "data:text/html,x",
    'https://wiki.example.org/callback"', "https://wiki.example.org/callbäck", "https://wiki.example.org/callback ", "\x00", "x" * 5000,
    "https://wiki.example.org/%63allback", "https://wiki.example.org/callback\r\nX: y",
]  # fmt: skip


@pytest.mark.parametrize("uri", REDIRECTS)
def test_an_address_that_is_not_registered_is_a_page_and_no_redirect(
    wiki: RelyingParty, browser: SecureBrowser, phone: Phone, uri: str
) -> None:
    browser.sign_in_with_code("dave", phone)
    answer = wiki.send(browser, redirect_uri=uri)
    assert answer.status_code == 400
    assert "Location" not in answer.headers
    assert "http-equiv" not in answer.text


UNKNOWN = [
    {"client_id": "nobody"},
    {"client_id": ""},
    {"client_id": None},
    {"client_id": "Wiki"},
    {"client_id": "wiki\x00"},
]


@pytest.mark.parametrize("changed", UNKNOWN)
def test_an_unknown_client_is_a_page(wiki: RelyingParty, browser: SecureBrowser, changed: dict[str, Any]) -> None:
    answer = wiki.send(browser, **changed)
    assert answer.status_code == 400
    assert "Location" not in answer.headers


ERRORS = [
    ({"response_type": "token"}, "unsupported_response_type"),
    ({"response_type": "id_token"}, "unsupported_response_type"),
    ({"response_type": "code id_token"}, "unsupported_response_type"),
    ({"response_type": 'c"öde\\'}, "unsupported_response_type"),
    ({"response_type": None}, "unsupported_response_type"),
    ({"code_challenge": None}, "invalid_request"),
    ({"code_challenge": None, "code_challenge_method": None}, "invalid_request"),
    ({"code_challenge_method": None}, "invalid_request"),
    ({"code_challenge_method": "plain"}, "invalid_request"),
    ({"code_challenge_method": "s256"}, "invalid_request"),
    ({"code_challenge": "short"}, "invalid_request"),
    ({"code_challenge": "ö" * 43}, "invalid_request"),
    ({"scope": "profile"}, "invalid_scope"),
    ({"scope": None}, "invalid_scope"),
    ({"scope": "OPENID"}, "invalid_scope"),
    ({"request": "eyJhbGciOiJub25lIn0.e30."}, "request_not_supported"),
    ({"request_uri": "https://evil.example/x"}, "request_uri_not_supported"),
    ({"request_uri": "http://169.254.169.254/"}, "request_uri_not_supported"),
    ({"registration": "{}"}, "registration_not_supported"),
    ({"response_mode": "fragment"}, "invalid_request"),
    ({"response_mode": "form_post"}, "invalid_request"),
    ({"response_mode": ""}, "invalid_request"),
    ({"max_age": "-1"}, "invalid_request"),
    ({"max_age": "1e9"}, "invalid_request"),
    ({"max_age": "9999999999"}, "invalid_request"),
    ({"max_age": "1.5"}, "invalid_request"),
    ({"max_age": "\u0661"}, "invalid_request"),
    ({"max_age": ""}, "invalid_request"),
    ({"prompt": "none login"}, "invalid_request"),
    ({"prompt": "nothing"}, "invalid_request"),
    ({"claims": "no json"}, "invalid_request"),
    ({"claims": "[" * 4000}, "invalid_request"),
    ({"claims": "[]"}, "invalid_request"),
    ({"claims": as_json({"id_token": 5})}, "invalid_request"),
    ({"claims": as_json({"id_token": {"acr": "x"}})}, "invalid_request"),
    ({"claims": as_json({"id_token": {"acr": {"values": [1]}}})}, "invalid_request"),
    ({"id_token_hint": "x"}, "invalid_request"),
    ({"id_token_hint": "eyJhbGciOiJub25lIn0.eyJzdWIiOiI0In0."}, "invalid_request"),
    ({"nonce": "n" * 513}, "invalid_request"),
]  # fmt: skip


@pytest.mark.parametrize(("changed", "error"), ERRORS)
def test_the_client_hears_what_is_wrong_and_gets_no_code(
    app: Flask, wiki: RelyingParty, browser: SecureBrowser, phone: Phone, changed: dict[str, Any], error: str
) -> None:
    browser.sign_in_with_code("dave", phone)
    told = wiki.told(wiki.send(browser, **changed))
    assert told["error"] == error
    assert "code" not in told
    assert rows(app, "oidc_grant") == 0


@pytest.mark.parametrize(
    "name",
    ["client_id", "redirect_uri", "scope", "state", "nonce", "prompt", "max_age", "code_challenge", "acr_values"],
)
def test_no_parameter_may_come_twice(wiki: RelyingParty, browser: SecureBrowser, phone: Phone, name: str) -> None:
    browser.sign_in_with_code("dave", phone)
    value = wiki.parameters().get(name, "1")
    answer = browser.get(f"{wiki.address()}&{urlencode({name: value})}&{urlencode({name: value})}")
    assert answer.status_code == 400
    assert "Location" not in answer.headers


def test_other_host_names_and_apps_without_the_setting_know_no_provider(
    app: Flask, wiki: RelyingParty, make_app: Any
) -> None:
    for path in (wiki.address(), "/mfa/oidc/jwks", "/.well-known/openid-configuration"):
        assert app.test_client().get(path, base_url="https://other.example.org").status_code == 404
        assert app.test_client().get(path, base_url="https://portal.example.org:8443").status_code == 404
        assert make_app().test_client().get(path, base_url=ISSUER).status_code == 404


def test_nothing_is_given_to_what_nobody_looks_at(
    app: Flask, wiki: RelyingParty, browser: SecureBrowser, phone: Phone
) -> None:
    browser.sign_in_with_code("dave", phone)
    assert "Location" not in browser.get(wiki.address(), headers={"Sec-Purpose": "prefetch"}).headers
    assert "Location" not in browser.client.head(wiki.address()).headers
    assert rows(app, "oidc_grant") == 0


def test_a_request_may_be_posted(wiki: RelyingParty, browser: SecureBrowser, phone: Phone) -> None:
    browser.sign_in_with_code("dave", phone)
    assert "code" in wiki.told(browser.client.post("/mfa/oidc/authorize", data=wiki.parameters()))
    assert (
        browser.client.post(f"/mfa/oidc/authorize?{urlencode(wiki.parameters())}", data={"x": "y"}).status_code == 400
    )
    assert browser.client.post("/mfa/oidc/authorize", json=wiki.parameters()).status_code == 400


def test_what_another_site_posts_is_taken_up_by_get(wiki: RelyingParty, browser: SecureBrowser, phone: Phone) -> None:
    browser.sign_in_with_code("dave", phone)
    stranger = SecureBrowser(wiki.app)
    foreign = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Origin": "https://wiki.example.org"}
    posted = stranger.client.post("/mfa/oidc/authorize", data=wiki.parameters(prompt="none"), headers=foreign)
    assert posted.status_code == 303
    assert "Set-Cookie" not in posted.headers, "requests that wait in this browser stay its own"
    assert wiki.told(browser.get(posted.headers["Location"]))["code"]


def test_somebody_elses_request_leads_nowhere(
    app: Flask, wiki: RelyingParty, browser: SecureBrowser, phone: Phone
) -> None:
    kept = wiki.send(SecureBrowser(app)).headers["Location"]
    browser.sign_in_with_code("dave", phone)
    assert browser.get(kept).status_code == 400
    browser.client.set_cookie("__Host-mfa_gate_authorize", "x" * 43, domain="portal.example.org")
    assert browser.get(kept).status_code == 400
    assert rows(app, "oidc_grant") == 0


def test_a_request_that_waited_is_answered_once(
    app: Flask, wiki: RelyingParty, browser: SecureBrowser, phone: Phone
) -> None:
    kept = wiki.send(browser).headers["Location"]
    browser.sign_in_with_code("dave", phone)
    assert wiki.told(browser.get(kept))["code"]
    assert browser.get(kept).status_code == 400


def test_the_only_address_of_a_client_need_not_be_named(
    wiki: RelyingParty, browser: SecureBrowser, phone: Phone
) -> None:
    browser.sign_in_with_code("dave", phone)
    code = wiki.code(browser, redirect_uri=None)
    assert wiki.trade(code).status_code == 200
    assert wiki.trade(wiki.code(browser), redirect_uri=f"{CALLBACK}2").status_code == 400

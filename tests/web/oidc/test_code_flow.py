"""A user signs in to another app: the walk from the app and back, and what the app learns of it."""

from __future__ import annotations

import pytest
from flask import Flask

from tests.conftest import Phone, StillClock
from tests.web.oidc.kit import ISSUER, RelyingParty, SecureBrowser, location_of, walk

pytestmark = pytest.mark.pages


def test_a_proven_user_goes_straight_back_with_a_code(
    wiki: RelyingParty, browser: SecureBrowser, phone: Phone, clock: StillClock
) -> None:
    browser.sign_in_with_code("dave", phone)
    tokens = wiki.tokens(browser)
    assert tokens["token_type"] == "Bearer"
    assert tokens["scope"] == "openid profile email groups"
    claims = wiki.claims(tokens["id_token"])
    assert (claims["iss"], claims["aud"], claims["sub"], claims["nonce"]) == (ISSUER, "wiki", "4", wiki.nonce)
    assert claims["acr"] == "https://refeds.org/profile/mfa"
    assert claims["amr"] == ["pwd", "otp", "mfa"]
    assert claims["auth_time"] == claims["iat"] == int(clock().timestamp())
    assert len(claims["sid"]) == 32


def test_userinfo_tells_what_the_scopes_allow(wiki: RelyingParty, browser: SecureBrowser, phone: Phone) -> None:
    browser.sign_in_with_code("dave", phone)
    told = wiki.userinfo(wiki.tokens(browser, scope="openid email")["access_token"])
    assert told.status_code == 200
    assert told.json == {"sub": "4", "email": "dave@example.org"}


def test_a_stranger_signs_in_proves_a_factor_and_is_led_on(
    wiki: RelyingParty, browser: SecureBrowser, phone: Phone
) -> None:
    to_login = walk(browser, wiki.send(browser), stops_at="/login")
    login = to_login.headers["Location"]
    parked = browser.client.post(login, data={"username": "dave", "password": "correct horse battery staple"})
    assert parked.headers["Location"] == "/mfa/challenge"
    assert "Verify your identity to continue to Wiki." in browser.get("/mfa/challenge").text
    passed = browser.send("/mfa/challenge", code=phone.code())
    assert "/mfa/oidc/authorize/" in passed.headers["Location"]
    back = browser.get(passed.headers["Location"])
    assert back.status_code == 200, "the walk began with a form, which Chromium lets no redirect end elsewhere"
    told = wiki.told(back)
    assert wiki.trade(told["code"]).status_code == 200


def test_a_user_without_a_factor_is_told_as_one_factor(wiki: RelyingParty, browser: SecureBrowser) -> None:
    browser.sign_in("frank")
    claims = wiki.claims(wiki.tokens(browser)["id_token"])
    assert (claims["acr"], claims["amr"]) == ("https://refeds.org/profile/sfa", ["pwd"])


def test_a_pending_sign_in_gets_no_code(app: Flask, wiki: RelyingParty, browser: SecureBrowser, phone: Phone) -> None:
    browser.sign_in("dave")
    assert wiki.told(wiki.send(browser, prompt="none"))["error"] == "interaction_required"
    to_challenge = walk(browser, wiki.send(browser))
    assert to_challenge.headers["Location"] == "/mfa/challenge"
    passed = browser.send("/mfa/challenge", code=phone.code())
    assert "code" in wiki.told(browser.get(location_of(passed)))


def test_a_code_is_refreshed_with_the_strength_that_it_had(
    wiki: RelyingParty, browser: SecureBrowser, phone: Phone, clock: StillClock
) -> None:
    browser.sign_in_with_code("dave", phone)
    first = wiki.tokens(browser)
    clock.forward(minutes=5)
    answer = wiki.refresh(first["refresh_token"])
    assert answer.status_code == 200, answer.text
    again = dict(answer.json or {})
    assert again["refresh_token"] != first["refresh_token"]
    before, after = wiki.claims(first["id_token"]), wiki.claims(again["id_token"])
    for name in ("sub", "acr", "amr", "auth_time", "sid", "aud", "iss"):
        assert before[name] == after[name], name
    assert "nonce" not in after
    assert after["iat"] > before["iat"]


def test_discovery_names_addresses_that_answer(wiki: RelyingParty, app: Flask) -> None:
    answer = app.test_client().get("/.well-known/openid-configuration", base_url=ISSUER)
    told = dict(answer.json or {})
    assert told["issuer"] == ISSUER
    assert told["token_endpoint"] == f"{ISSUER}/mfa/oidc/token"
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    keys = app.test_client().get(told["jwks_uri"].removeprefix(ISSUER), base_url=ISSUER).json
    assert [key["alg"] for key in keys["keys"]] == ["RS256"]
    assert set(keys["keys"][0]) == {"kty", "n", "e", "kid", "use", "alg"}


def test_discovery_says_nothing_that_a_request_says(app: Flask) -> None:
    """Caches keep the answer for everybody (SCRIPT_NAME is what a proxy's X-Forwarded-Prefix becomes)."""
    told = app.test_client().get("/.well-known/openid-configuration", base_url=ISSUER).json
    hostile = {"HTTP_X_FORWARDED_HOST": "evil.example", "HTTP_FORWARDED": "host=evil.example"}
    for script in ("/evil", "//evil.example", "/mfa"):
        environ = {**hostile, "SCRIPT_NAME": script}
        answer = app.test_client().get("/.well-known/openid-configuration", base_url=ISSUER, environ_overrides=environ)
        assert answer.json == told, script


def test_apps_that_route_by_subdomain_or_host_have_the_same_addresses(clock: StillClock) -> None:
    from flask_login import LoginManager

    from flask_mfa_gate import MFAGate
    from tests.web.oidc.kit import OIDC

    for options in ({"subdomain_matching": True}, {"host_matching": True, "static_host": "portal.example.org"}):
        host = Flask(__name__, **options)
        host.config.update(
            TESTING=True,
            SECRET_KEY="x",
            SERVER_NAME="example.org",
            MFA_GATE_BASE_URL=ISSUER,
            MFA_GATE_DATABASE_URI="sqlite://",
            **OIDC,
        )
        LoginManager(host).user_loader(lambda _key: None)
        MFAGate(host)
        told = host.test_client().get("/.well-known/openid-configuration", base_url=ISSUER).json or {}
        assert told["token_endpoint"] == f"{ISSUER}/mfa/oidc/token"
        assert host.test_client().get("/mfa/oidc/jwks", base_url=ISSUER).status_code == 200


def test_the_app_may_name_the_language_of_its_user(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    from flask_mfa_gate.web import translation

    monkeypatch.setattr(translation, "_languages", lambda: ("de", "pt_BR"))
    cases = {"de-CH en": "de", "fr pt-BR": "pt_BR", "fr": "en", "": "en", "x" * 500: "en", "en de": "en"}
    for tags, expected in cases.items():
        with app.test_request_context():
            translation.prefer(tags)
            assert translation.language() == expected, tags

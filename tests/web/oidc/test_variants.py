"""Variants of the attacks in the other files here, which a second look at each of them found."""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64encode
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest
from flask import Flask
from joserfc import jwt
from joserfc.jwk import RSAKey

from tests.conftest import Phone, StillClock
from tests.web.oidc.kit import ASKING, CALLBACK, ISSUER, SPA, WIKI, RelyingParty, SecureBrowser, basic, rows
from tests.web.oidc.test_programs import KEY, SIGNED, TYPE, Signed

pytestmark = pytest.mark.pages


def error_of(answer: Any) -> tuple[int, str]:
    return answer.status_code, (answer.json or {}).get("error", "")


@pytest.fixture
def dave(browser: SecureBrowser, phone: Phone) -> SecureBrowser:
    browser.sign_in_with_code("dave", phone)
    return browser


NEAR = [
    "https://[::1]/callback", "https://[::ffff:127.0.0.1]/callback", "https://127.0.0.1/callback", "http://localhost/callback",
    "https://wiki.example.org./callback", "https://wiki.example.org/callback/", "https://wiki.example.org//callback",
    "https://wiki.example.org/callback;x", "https://wiki.example.org/callback%00", "https://wiki.example.org/callback%2f..%2fx",
    "https://wiki.example.org%2f@evil.example/callback", "https://user:pw@wiki.example.org/callback", "https://evil.example#@wiki.example.org/callback",
    "https://wiki.example.org/callback?", "https://wiki.example.org/callback#", "HTTPS://wiki.example.org/callback", "https:wiki.example.org/callback",
    "https:///wiki.example.org/callback", "https://wiki\u3002example.org/callback", "https://wiki.example.org\t/callback", "\thttps://wiki.example.org/callback",
    "https://xn--wiki-.example.org/callback", "https://wiki.example.org/callback\u200b", "https://wiki.example.org:0443/callback",
    "https://notes.example.org/", "https://asking.example.org/cb", "https://wiki.example.org/bye",
]  # fmt: skip


@pytest.mark.parametrize("uri", NEAR)
@pytest.mark.parametrize("response_type", ["code", "token"])
def test_no_address_that_is_near_a_registered_one_is_gone_to(
    wiki: RelyingParty, dave: SecureBrowser, uri: str, response_type: str
) -> None:
    for prompt in (None, "none"):
        answer = wiki.send(dave, redirect_uri=uri, response_type=response_type, prompt=prompt)
        assert (answer.status_code, "Location" in answer.headers) == (400, False)


@pytest.mark.parametrize(
    "uri", [f"{ASKING['redirect_uris'][0]}?a=1&b=%2F", "http://[::1]:8080/cb", "com.example.app:/cb"]
)
def test_a_registered_address_gets_its_answer_whatever_it_looks_like(
    make_provider: Callable[..., Flask], uri: str
) -> None:
    app = make_provider(MFA_GATE_OIDC_CLIENTS=[{**SPA, "redirect_uris": [uri]}])
    browser, party = SecureBrowser(app), RelyingParty(app, client_id="spa", redirect_uri=uri, secret=None)
    browser.sign_in("frank")
    told = party.told(party.send(browser))
    assert party.trade(told["code"]).status_code == 200
    assert party.told(party.send(browser, max_age="-1"))["error"] == "invalid_request"


def test_the_challenge_itself_is_no_verifier(wiki: RelyingParty, dave: SecureBrowser) -> None:
    challenge = wiki.parameters()["code_challenge"]
    for more in ({}, {"code_challenge_method": "plain"}):
        refused = wiki.trade(wiki.code(dave), code_verifier=challenge, **more)
        assert error_of(refused) == (400, "invalid_grant")


def test_the_verifier_of_another_request_of_the_same_app_trades_nothing(
    app: Flask, wiki: RelyingParty, dave: SecureBrowser
) -> None:
    """What a code is that was injected into another browser's walk (RFC 9700 section 4.5)."""
    attacker = RelyingParty(app)
    attacker.send(SecureBrowser(app))
    code = wiki.code(dave)
    assert error_of(attacker.trade(code)) == (400, "invalid_grant")
    assert wiki.trade(code).status_code == 200


def test_an_address_that_was_named_is_named_again(wiki: RelyingParty, dave: SecureBrowser) -> None:
    form = {"grant_type": "authorization_code", "code": wiki.code(dave), "code_verifier": wiki.verifier}
    assert error_of(wiki.post("token", form, authorization=wiki.basic)) == (400, "invalid_grant")


@pytest.mark.parametrize("path", ["token", "revoke", "introspect", "end-session"])
def test_no_parameter_comes_twice_anywhere(wiki: RelyingParty, path: str) -> None:
    headers = {"Authorization": str(wiki.basic), "Content-Type": "application/x-www-form-urlencoded"}
    body = urlencode([("token", "x"), ("x", "1"), ("x", "2"), ("grant_type", "refresh_token")])
    answer = wiki.http.post(f"/mfa/oidc/{path}", base_url=ISSUER, data=body, headers=headers)
    assert answer.status_code == 400


def test_a_client_without_refresh_gets_no_refresh_token(make_provider: Callable[..., Flask]) -> None:
    app = make_provider(MFA_GATE_OIDC_CLIENTS=[{**WIKI, "grant_types": ["authorization_code"]}])
    browser, party = SecureBrowser(app), RelyingParty(app)
    browser.sign_in("frank")
    assert "refresh_token" not in party.tokens(browser)
    assert error_of(party.refresh("x")) == (400, "unauthorized_client")


CONFUSED: list[tuple[dict[str, str], str | None]] = [
    ({"client_id": "spa", "client_secret": "x"}, None), ({}, basic("spa", "x")), ({}, basic("spa", "")),
    ({"client_id": "spa", "client_assertion": "x", "client_assertion_type": TYPE}, None),
]  # fmt: skip


@pytest.mark.parametrize(("form", "authorization"), CONFUSED)
@pytest.mark.parametrize("path", ["token", "revoke"])
def test_a_public_client_that_shows_a_secret_is_none(
    app: Flask, path: str, form: dict[str, str], authorization: str | None
) -> None:
    spa = RelyingParty(app, client_id="spa", redirect_uri=SPA["redirect_uris"][0], secret=None)
    about = {"grant_type": "refresh_token", "refresh_token": "x", "token": "x"}
    answer = spa.post(path, {**about, **form}, authorization=authorization)
    assert (answer.status_code in {400, 401}, error_of(answer)[1]) == (True, "invalid_client")


@pytest.fixture
def signed(make_provider: Callable[..., Flask]) -> Signed:
    app = make_provider(MFA_GATE_OIDC_CLIENTS=[SIGNED, WIKI])
    return Signed(app, client_id="signed", redirect_uri="https://signed.example.org/", secret=None)


def test_an_assertion_that_counted_at_one_endpoint_counts_at_no_other(signed: Signed, clock: StillClock) -> None:
    proof = {"client_assertion": signed.assertion(clock()), "client_assertion_type": TYPE, "token": "x"}
    assert signed.post("introspect", proof).json == {"active": False}
    for path in ("introspect", "revoke", "token"):
        refused = signed.post(path, {**proof, "grant_type": "refresh_token", "refresh_token": "x"})
        assert error_of(refused) == (401, "invalid_client")


def signed_with(secret: bytes, assertion: str) -> str:
    head = urlsafe_b64encode(b'{"alg":"HS256"}').decode().rstrip("=")
    signed = f"{head}.{assertion.split('.')[1]}"
    mark = hmac.new(secret, signed.encode(), "sha256").digest()
    return f"{signed}.{urlsafe_b64encode(mark).decode().rstrip('=')}"


def test_a_shared_secret_made_of_a_public_key_signs_nothing(signed: Signed, clock: StillClock) -> None:
    (issuers,) = signed.http.get("/mfa/oidc/jwks", base_url=ISSUER).json["keys"]
    own = str(KEY.as_dict(private=False)["x"]).encode()
    for public in (KEY.as_pem(private=False), own, RSAKey.import_key(issuers).as_pem(private=False), b""):
        forged = signed_with(public, signed.assertion(clock()))
        answer = signed.post("introspect", {"client_assertion": forged, "client_assertion_type": TYPE, "token": "x"})
        assert error_of(answer) == (401, "invalid_client")


def test_an_assertion_for_this_provider_alone_may_be_a_list_of_one(signed: Signed, clock: StillClock) -> None:
    proof = {"client_assertion": signed.assertion(clock(), aud=[ISSUER]), "client_assertion_type": TYPE}
    assert signed.post("introspect", {**proof, "token": "x"}).status_code == 200


@pytest.mark.parametrize("seconds", [-31, -3600])
def test_an_assertion_that_ended_is_none(signed: Signed, clock: StillClock, seconds: int) -> None:
    ended = signed.assertion(clock(), exp=int(clock().timestamp()) + seconds)
    answer = signed.post("introspect", {"client_assertion": ended, "client_assertion_type": TYPE, "token": "x"})
    assert error_of(answer) == (401, "invalid_client")


def test_a_family_that_was_revoked_opens_nothing_more(wiki: RelyingParty, dave: SecureBrowser) -> None:
    first = wiki.tokens(dave)
    second = dict(wiki.refresh(first["refresh_token"], scope="openid").json or {})
    assert wiki.post("revoke", {"token": second["refresh_token"]}, authorization=wiki.basic).status_code == 200
    for tokens in (first, second):
        assert wiki.userinfo(tokens["access_token"]).status_code == 401
        told = wiki.post("introspect", {"token": tokens["access_token"]}, authorization=wiki.basic)
        assert told.json == {"active": False}
        assert error_of(wiki.refresh(tokens["refresh_token"])) == (400, "invalid_grant")


def test_a_scope_that_was_narrowed_away_is_told_by_nobody(wiki: RelyingParty, dave: SecureBrowser) -> None:
    tokens = wiki.tokens(dave)
    for scope in ("profile", "x", "openid admin"):
        assert error_of(wiki.refresh(tokens["refresh_token"], scope=scope)) == (400, "invalid_scope")
    narrow = dict(wiki.refresh(tokens["refresh_token"], scope="openid email").json or {})
    assert set(wiki.userinfo(narrow["access_token"]).json or {}) == {"sub", "email"}
    told = wiki.post("introspect", {"token": narrow["access_token"]}, authorization=wiki.basic).json
    assert told["scope"] == "openid email"


@pytest.mark.parametrize("asked", [{}, {"client_id": "nobody"}, {"client_id": "spa"}])
@pytest.mark.parametrize("is_in", [True, False])
def test_without_its_client_no_address_after_a_sign_out_counts(
    browser: SecureBrowser, asked: dict[str, str], is_in: bool
) -> None:
    if is_in:
        browser.sign_in("frank")
    query = urlencode({"post_logout_redirect_uri": WIKI["post_logout_redirect_uris"][0], **asked})
    answer = browser.get(f"/mfa/oidc/end-session?{query}")
    assert "wiki.example.org/bye" not in answer.headers.get("Location", "")
    if is_in:
        left = browser.send("/mfa/oidc/end-session", post_logout_redirect_uri="https://wiki.example.org/bye", **asked)
        assert "wiki.example.org/bye" not in left.headers.get("Location", "") + left.text


def test_a_hint_outlives_its_token_and_not_its_key(
    app: Flask, wiki: RelyingParty, dave: SecureBrowser, clock: StillClock
) -> None:
    hint = wiki.tokens(dave)["id_token"]
    gate = app.extensions["mfa_gate"].gate
    clock.forward(minutes=59)
    dave.get("/")
    with app.app_context():
        made = gate.oidc.signing_keys.rotate()
    clock.forward(minutes=59)
    dave.get("/")
    clock.forward(minutes=2)
    assert wiki.told(wiki.send(dave, id_token_hint=hint)).get("code"), "expired, and signed by the key before"
    with app.app_context():
        (old,) = [one["kid"] for one in gate.oidc.signing_keys.published() if one["kid"] != made.kid]
        gate.oidc.signing_keys.retire(old)
    assert wiki.told(wiki.send(dave, id_token_hint=hint))["error"] == "invalid_request"
    assert dave.get(f"/mfa/oidc/end-session?{urlencode({'id_token_hint': hint})}").status_code == 200
    assert dave.is_in()


ENDPOINTS = [
    "/mfa/oidc/authorize", "/mfa/oidc/authorize/x", "/mfa/oidc/token", "/mfa/oidc/revoke", "/mfa/oidc/introspect",
    "/mfa/oidc/userinfo", "/mfa/oidc/jwks", "/mfa/oidc/end-session", "/.well-known/openid-configuration",
]  # fmt: skip


@pytest.mark.parametrize("path", ENDPOINTS)
@pytest.mark.parametrize("method", ["HEAD", "OPTIONS"])
def test_what_asks_for_no_body_changes_nothing(
    app: Flask, wiki: RelyingParty, dave: SecureBrowser, path: str, method: str
) -> None:
    tokens = wiki.tokens(dave)
    before = {table: rows(app, table) for table in ("oidc_grant", "oidc_token", "oidc_request")}
    query = wiki.parameters() | {"id_token_hint": tokens["id_token"]}
    headers = {"Authorization": f"Bearer {tokens['access_token']}", "Origin": "https://notes.example.org"}
    answer = dave.client.open(path, method=method, query_string=query, headers=headers)
    assert answer.status_code in {200, 204, 401, 405, 503}, "and 503 to whoever only looks ahead"
    assert "Location" not in answer.headers
    assert {table: rows(app, table) for table in before} == before
    assert dave.is_in()


def test_a_request_whose_client_lost_the_address_meanwhile_is_over(app: Flask, browser: SecureBrowser) -> None:
    gate = app.extensions["mfa_gate"].gate
    words = {"client_id": "own", "redirect_uris": [CALLBACK, "https://own.example.org/"], "skip_consent": True}
    with app.app_context():
        gate.oidc.clients.add(words, actor="cli")
    own = RelyingParty(app, client_id="own")
    kept = own.send(browser).headers["Location"]
    with app.app_context():
        gate.oidc.clients.change("own", {"redirect_uris": ["https://own.example.org/"]}, actor="cli")
    browser.sign_in("frank")
    answer = browser.get(kept)
    assert (answer.status_code, "Location" in answer.headers) == (400, False)
    assert rows(app, "oidc_grant") == 0


def test_a_state_stays_one_parameter(wiki: RelyingParty, dave: SecureBrowser) -> None:
    for state in ("a\r\nSet-Cookie: x=y", "a&code=evil&iss=https://evil.example", "a#b", "%0d%0a", "\u00e4\u4e2d"):
        party = RelyingParty(wiki.app, state=state)
        told = party.told(party.send(dave))
        assert set(told) == {"code", "state", "iss"}
        assert set(party.told(party.send(dave, scope="x"))) <= {"error", "error_description", "state", "iss"}


def test_keys_are_published_without_their_private_half(wiki: RelyingParty) -> None:
    for key in wiki.http.get("/mfa/oidc/jwks", base_url=ISSUER).json["keys"]:
        assert {"d", "p", "q", "dp", "dq", "qi", "k"}.isdisjoint(key)


def test_answers_with_tokens_are_kept_by_nobody(wiki: RelyingParty, dave: SecureBrowser) -> None:
    tokens = wiki.tokens(dave)
    about = {"token": tokens["access_token"]}
    answers = [
        wiki.refresh(tokens["refresh_token"]), wiki.refresh("x"), wiki.post("token", {}), wiki.userinfo("x"),
        wiki.post("introspect", about, authorization=wiki.basic), wiki.post("introspect", about),
        wiki.post("revoke", about, authorization=wiki.basic), wiki.post("revoke", about),
        wiki.post("token", {"grant_type": "refresh_token"}, authorization=basic("wiki", "wrong")),
    ]  # fmt: skip
    for answer in answers:
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers.get("Pragma") == "no-cache"


def test_of_two_addresses_one_has_to_be_named(make_provider: Callable[..., Flask]) -> None:
    app = make_provider(MFA_GATE_OIDC_CLIENTS=[{**WIKI, "redirect_uris": [CALLBACK, "https://wiki.example.org/other"]}])
    browser = SecureBrowser(app)
    browser.sign_in("frank")
    for changed in ({}, {"response_type": "token"}, {"scope": "x"}):
        answer = RelyingParty(app).send(browser, redirect_uri=None, **changed)
        assert (answer.status_code, "Location" in answer.headers) == (400, False)


def test_more_than_was_agreed_to_is_asked_for_again(app: Flask, browser: SecureBrowser) -> None:
    browser.sign_in("frank")
    uri = ASKING["redirect_uris"][0]
    for scope, is_asked in [
        ("openid email", True),
        ("openid", False),
        ("openid groups", True),
        ("openid email", False),
    ]:
        party = RelyingParty(app, client_id="asking", redirect_uri=uri, scope=scope)
        answer = party.send(browser, prompt="none")
        assert party.told(answer).get("error") == ("consent_required" if is_asked else None)
        if is_asked:
            browser.send(party.send(browser).location, act="consent")


def test_a_token_says_no_longer_life_than_its_sign_in_has(
    wiki: RelyingParty, dave: SecureBrowser, clock: StillClock
) -> None:
    token = wiki.tokens(dave)["refresh_token"]
    for minutes in [55] * 13 + [2]:
        clock.forward(minutes=minutes)
        answer = dict(wiki.refresh(token).json or {})
        token = answer["refresh_token"]
    assert answer["expires_in"] == 180
    clock.forward(minutes=3)
    assert wiki.userinfo(answer["access_token"]).status_code == 401


RSA_KEY = RSAKey.generate_key(2048)


@pytest.mark.parametrize(("alg", "is_taken"), [("RS256", True), ("PS256", False), ("RS512", False)])
def test_an_assertion_is_signed_as_the_metadata_says(
    make_provider: Callable[..., Flask], clock: StillClock, alg: str, is_taken: bool
) -> None:
    app = make_provider(MFA_GATE_OIDC_CLIENTS=[{**SIGNED, "jwks": {"keys": [RSA_KEY.as_dict(private=False)]}}])
    signed = Signed(app, client_id="signed", redirect_uri="https://signed.example.org/", secret=None)
    seconds = int(clock().timestamp())
    claims = {"iss": "signed", "sub": "signed", "aud": ISSUER, "exp": seconds + 60, "jti": "1"}
    proof = {"client_assertion": jwt.encode({"alg": alg}, claims, RSA_KEY, algorithms=[alg])}
    answer = signed.post("introspect", {**proof, "client_assertion_type": TYPE, "token": "x"})
    assert (answer.status_code == 200) is is_taken

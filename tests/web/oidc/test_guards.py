"""Rows of the negative lists that no other file here has: floods, logs, failures, and forgeries of any kind."""

from __future__ import annotations

import io
import logging
import threading
from collections.abc import Callable
from typing import Any

import pytest
from authlib.oidc.discovery import OpenIDProviderMetadata
from flask import Flask
from flask_login import current_user, login_user
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

from flask_mfa_gate import MFAGate
from flask_mfa_gate.crypto import token_digest
from flask_mfa_gate.domain.oidc.client import ClientSecret, RegisteredClient
from flask_mfa_gate.domain.oidc.registration import read_client
from flask_mfa_gate.errors import NotAllowed
from flask_mfa_gate.web.account.accounts import Account, AccountState
from tests.conftest import Phone, StillClock, key_of, state_of
from tests.web.oidc.kit import ASKING, ISSUER, SECRET, SPA, WIKI, RelyingParty, SecureBrowser, basic, rows, walk

pytestmark = pytest.mark.pages


@pytest.fixture
def tokens(wiki: RelyingParty, browser: SecureBrowser, phone: Phone) -> dict[str, Any]:
    browser.sign_in_with_code("dave", phone)
    return wiki.tokens(browser)


def test_requests_of_nobody_write_no_more_rows_than_the_budget(make_provider: Callable[..., Flask]) -> None:
    app = make_provider(MFA_GATE_FLOOD_LIMIT=5)
    wiki = RelyingParty(app)
    statuses = [wiki.send(SecureBrowser(app)).status_code for _ in range(8)]
    assert statuses == [303] * 5 + [429] * 3
    assert rows(app, "oidc_request") == 5


def test_no_log_holds_a_token(
    wiki: RelyingParty, browser: SecureBrowser, phone: Phone, caplog: pytest.LogCaptureFixture
) -> None:
    browser.sign_in_with_code("dave", phone)
    root = logging.getLogger()
    caplog.set_level(logging.DEBUG)
    code = wiki.code(browser)
    told = dict(wiki.trade(code).json or {})
    again = dict(wiki.refresh(told["refresh_token"]).json or {})
    wiki.userinfo(again["access_token"])
    assert root.isEnabledFor(logging.DEBUG)
    for secret in (
        code,
        SECRET,
        wiki.verifier,
        *(given[name] for given in (told, again) for name in given if name.endswith("token")),
    ):
        assert secret not in caplog.text


@pytest.mark.parametrize("path", ["token", "revoke", "introspect", "authorize", "end-session"])
def test_a_large_body_is_refused_before_it_is_read(wiki: RelyingParty, path: str) -> None:
    body = io.BytesIO(b"token=" + b"x" * 1_000_000)
    answer = wiki.http.post(
        f"/mfa/oidc/{path}", base_url=ISSUER, input_stream=body, content_length=1_000_006,
        content_type="application/x-www-form-urlencoded",
    )  # fmt: skip
    assert answer.status_code == 400
    assert body.tell() == 0


def test_what_fails_says_nothing_and_gives_nothing(
    app: Flask, wiki: RelyingParty, browser: SecureBrowser, tokens: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    oidc = state_of(app).oidc
    assert oidc is not None

    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("the name of a table")

    monkeypatch.setattr(oidc.grants, "by_refresh", fail)
    monkeypatch.setattr(oidc.grants, "begin", fail)
    told = wiki.refresh(tokens["refresh_token"])
    assert (told.status_code, (told.json or {})["error"]) == (503, "temporarily_unavailable")
    page = wiki.send(browser)
    assert page.status_code == 503
    assert "Location" not in page.headers
    assert not any("the name of a table" in answer.text for answer in (told, page))


def test_a_host_that_can_not_tell_of_its_user_makes_no_code(
    wiki: RelyingParty, browser: SecureBrowser, tokens: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flask_mfa_gate.web.oidc.judging.account_of", lambda *_, **__: AccountState(Account.UNKNOWN))
    answer = wiki.send(browser)
    assert answer.status_code == 503
    assert "Location" not in answer.headers


def test_tokens_count_in_the_header_alone(wiki: RelyingParty, tokens: dict[str, Any]) -> None:
    access = tokens["access_token"]
    for answer in (
        wiki.http.get(f"/mfa/oidc/userinfo?access_token={access}", base_url=ISSUER),
        wiki.post("userinfo", {"access_token": access}),
    ):
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"] == "Bearer", "nothing was presented (RFC 6750 section 3.1)"
    assert "invalid_token" in wiki.userinfo("x").headers["WWW-Authenticate"]


def test_a_token_that_lost_or_changed_a_mark_is_none(wiki: RelyingParty, tokens: dict[str, Any]) -> None:
    access, refresh = tokens["access_token"], tokens["refresh_token"]
    for changed in (access[:-1], f"{access}x", access.swapcase(), f"{access}="):
        assert wiki.userinfo(changed).status_code == 401
    assert (wiki.refresh(refresh[:-1]).json or {})["error"] == "invalid_grant"
    assert wiki.refresh(refresh).status_code == 200


def forged_hints(wiki: RelyingParty, id_token: str) -> list[str]:
    (public,) = wiki.http.get("/mfa/oidc/jwks", base_url=ISSUER).json["keys"]
    own, claims = RSAKey.generate_key(2048), wiki.claims(id_token)
    head, body, signature = id_token.split(".")
    octets = OctKey.import_key(public["n"])
    return [
        f"{head}.{body}.{signature[:-1]}", f"{head}.{body[:-1]}.{signature}", f"{head}.{body}.", f"{head}.{body}",
        jwt.encode({"alg": "HS256", "kid": public["kid"], "typ": "JWT"}, claims, octets, algorithms=["HS256"]),
        jwt.encode({"alg": "RS256", "typ": "JWT", "jwk": own.as_dict(private=False)}, claims, own),
        jwt.encode({"alg": "RS256", "typ": "JWT", "kid": public["kid"]}, claims, own),
        jwt.encode({"alg": "RS256", "typ": "JWT", "jku": "https://evil.example/keys"}, claims, own),
        f"eyJhbGciOiJub25lIn0.{body}.", "." * 4000, "a.b.c",
    ]  # fmt: skip


def test_no_forged_hint_counts(wiki: RelyingParty, browser: SecureBrowser, tokens: dict[str, Any]) -> None:
    for forged in forged_hints(wiki, tokens["id_token"]):
        assert wiki.told(wiki.send(browser, id_token_hint=forged))["error"] == "invalid_request", forged[:60]
        assert browser.get("/mfa/oidc/end-session", query_string={"id_token_hint": forged}).status_code == 200
        assert browser.is_in()


def test_an_id_token_says_what_it_says(wiki: RelyingParty, browser: SecureBrowser, phone: Phone) -> None:
    browser.sign_in_with_code("dave", phone)
    claims = wiki.claims(wiki.tokens(browser, nonce=None)["id_token"])
    assert "nonce" not in claims, "and not null"
    assert isinstance(claims["aud"], str)
    assert type(claims["auth_time"]) is int
    assert claims["sid"] not in (browser.cookie() or "")
    assert {"email", "name", "groups"}.isdisjoint(claims), "that is told by userinfo"


def test_metadata_is_in_order(wiki: RelyingParty) -> None:
    told = wiki.http.get("/.well-known/openid-configuration", base_url=ISSUER).json
    OpenIDProviderMetadata(told).validate()
    words = {"password", "implicit", "client_credentials", "urn:ietf:params:oauth:grant-type:device_code"}
    assert words.isdisjoint(told["grant_types_supported"])
    assert {"registration_endpoint", "device_authorization_endpoint"}.isdisjoint(told)
    assert not {"none", "HS256"} & set(told["id_token_signing_alg_values_supported"])


def test_behind_a_proxy_that_speaks_plain_http_tokens_come_all_the_same(
    wiki: RelyingParty, browser: SecureBrowser, phone: Phone
) -> None:
    browser.sign_in_with_code("dave", phone)
    form = {
        "grant_type": "authorization_code", "code": wiki.code(browser), "redirect_uri": wiki.redirect_uri,
        "code_verifier": wiki.verifier,
    }  # fmt: skip
    answer = wiki.http.post(
        "/mfa/oidc/token", base_url="http://portal.example.org", data=form, headers={"Authorization": str(wiki.basic)}
    )
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Real-Ip", "Client-Ip", "X_Forwarded_For"])
def test_no_header_makes_another_address_of_who_guesses_secrets(wiki: RelyingParty, header: str) -> None:
    for number in range(31):
        headers = {"Authorization": basic("wiki", "wrong"), header: f"for=203.0.113.{number}"}
        answer = wiki.http.post(
            "/mfa/oidc/token", base_url=ISSUER, data={"grant_type": "refresh_token"}, headers=headers
        )
    assert answer.status_code == 429


def test_every_secret_is_compared_and_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    import hmac

    from flask_mfa_gate.oidc.provider.rows import ProviderClient

    compared: list[bytes] = []
    real = hmac.compare_digest

    def spy(one: bytes, other: bytes) -> bool:
        compared.append(other)
        return real(one, other)

    monkeypatch.setattr(hmac, "compare_digest", spy)
    secrets = [ClientSecret(name, token_digest(name)) for name in ("one", "two", "three")]
    words = {word: value for word, value in WIKI.items() if word != "client_secret"}
    client = ProviderClient(RegisteredClient(read_client(words), secrets))
    for sent, is_right in (("one", True), ("three", True), ("x", False), ("", False), ("ö", False)):
        compared.clear()
        assert client.check_client_secret(sent) is is_right
        assert compared == [secret.digest.encode() for secret in secrets]


def test_clients_that_hang_hold_one_thread(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, goes_on = [], threading.Event()

    def hang(*_: Any) -> None:
        begun.append(threading.current_thread())
        goes_on.wait(10)

    oidc = state_of(app).oidc
    assert oidc is not None
    monkeypatch.setattr(oidc.logout, "is_wanted", lambda: True)
    monkeypatch.setattr(oidc.logout, "run", hang)
    for name in ("frank", "erin", "bob"):
        browser = SecureBrowser(app)
        browser.sign_in(name)
        browser.send("/mfa/sign-out").close()
    goes_on.set()
    for thread in begun:
        thread.join()
    assert len(begun) == 1


def test_consent_that_comes_after_the_sign_out_is_nobodys(app: Flask, browser: SecureBrowser) -> None:
    party = RelyingParty(app, client_id="asking", redirect_uri=ASKING["redirect_uris"][0])
    browser.sign_in("frank")
    kept, token = party.send(browser).location, browser.status()["csrf_token"]
    browser.send("/mfa/sign-out")
    assert browser.client.post(kept, data={"act": "consent", "csrf_token": token}).status_code == 400
    assert rows(app, "oidc_consent") == rows(app, "oidc_grant") == 0


def test_a_disabled_user_with_a_session_gets_no_code(app: Flask, wiki: RelyingParty, browser: SecureBrowser) -> None:
    from example_app.models import User, db

    browser.sign_in("frank")
    with app.app_context():
        db.session.get(User, 6).enabled = False
        db.session.commit()
    assert wiki.told(wiki.send(browser, prompt="none"))["error"] in {"access_denied", "login_required"}
    assert "code" not in walk(browser, wiki.send(browser), stops_at="/login").headers.get("Location", "")
    assert rows(app, "oidc_grant") == 0


def test_a_fresh_proof_for_one_app_signs_out_of_no_other(
    app: Flask, wiki: RelyingParty, browser: SecureBrowser, phone: Phone, clock: StillClock
) -> None:
    browser.sign_in_with_code("dave", phone)
    spa = RelyingParty(app, client_id="spa", redirect_uri=SPA["redirect_uris"][0], secret=None)
    notes = spa.tokens(browser)
    clock.forward(seconds=31)
    assert walk(browser, wiki.send(browser, max_age="1")).location == "/mfa/challenge"
    told = wiki.told(browser.get(browser.send("/mfa/challenge", code=phone.code()).location))
    assert wiki.trade(told["code"]).status_code == 200
    assert spa.userinfo(notes["access_token"]).status_code == 200
    assert spa.refresh(notes["refresh_token"]).status_code == 200


def test_a_client_that_posts_its_secret_refreshes_revokes_and_asks_in_the_same_way(
    make_provider: Callable[..., Flask], phone: Phone
) -> None:
    app = make_provider(MFA_GATE_OIDC_CLIENTS=[{**WIKI, "token_endpoint_auth_method": "client_secret_post"}])
    browser, wiki = SecureBrowser(app), RelyingParty(app, secret=None)
    browser.sign_in_with_code("dave", phone)
    own = {"client_secret": SECRET}
    tokens = dict(wiki.trade(wiki.code(browser), **own).json or {})
    again = dict(wiki.refresh(tokens["refresh_token"], **own).json or {})
    about = {"client_id": "wiki", "token": again["access_token"]}
    assert (wiki.post("introspect", {**about, **own}).json or {})["active"] is True
    assert wiki.post("introspect", about).status_code == 401
    assert wiki.post("revoke", {**about, **own}).status_code == 200
    assert wiki.userinfo(again["access_token"]).status_code == 401
    assert wiki.post("token", {"grant_type": "refresh_token"}, authorization=basic("wiki", SECRET)).status_code == 401


NAME = "<svg onload=alert(1)>{{7*7}}"


def test_names_and_states_are_text_on_every_page(make_provider: Callable[..., Flask]) -> None:
    app = make_provider(MFA_GATE_OIDC_CLIENTS=[{**ASKING, "client_name": NAME}])
    browser, party = SecureBrowser(app), RelyingParty(app, client_id="asking", redirect_uri=ASKING["redirect_uris"][0])
    browser.sign_in("frank")
    kept = party.send(browser, state='"><script>alert(1)</script>').location
    pages = [browser.get(kept), browser.get("/mfa/oidc/end-session?client_id=asking"), browser.send(kept, act="deny")]
    for page in pages:
        assert page.status_code == 200
        assert "&lt;svg onload=alert(1)&gt;{{7*7}}" in page.text
        assert "<svg onload" not in page.text
        assert "<script>" not in page.text


def test_nothing_is_kept_or_framed(wiki: RelyingParty, browser: SecureBrowser, tokens: dict[str, Any]) -> None:
    asking = RelyingParty(wiki.app, client_id="asking", redirect_uri=ASKING["redirect_uris"][0])
    answers = [
        wiki.send(browser), browser.get(asking.send(browser).location), wiki.send(browser, client_id="nobody"),
        browser.get("/mfa/oidc/end-session"), wiki.refresh(tokens["refresh_token"]), wiki.refresh("x"),
        wiki.userinfo(tokens["access_token"]), wiki.post("introspect", {"token": "x"}, authorization=wiki.basic),
    ]  # fmt: skip
    for answer in answers:
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "TRACE"])
def test_other_methods_do_nothing(app: Flask, wiki: RelyingParty, browser: SecureBrowser, method: str) -> None:
    browser.sign_in("frank")
    for path in (wiki.address(), "/mfa/oidc/token", "/mfa/oidc/end-session"):
        assert browser.client.open(path, method=method).status_code in {400, 405}
        override = {"X-HTTP-Method-Override": "GET", "X-Method-Override": "GET"}
        assert browser.client.open(path, method=method, headers=override).status_code in {400, 405}
    assert browser.is_in()
    assert rows(app, "oidc_grant") == 0


OWN: dict[str, Any] = {"client_id": "own", "redirect_uris": ["https://own.example.org/"]}


def clients_of(app: Flask) -> Any:
    oidc = state_of(app).oidc
    assert oidc is not None
    return oidc.clients


def test_a_third_secret_ends_the_first(app: Flask, clock: StillClock) -> None:
    clients = clients_of(app)
    with app.app_context():
        secrets = [clients.add(OWN, actor="cli").secret]
        for _ in range(2):
            clock.forward(seconds=1)
            secrets.append(clients.new_secret("own", actor="cli").secret)
    statuses = [RelyingParty(app, client_id="own", secret=secret).refresh("x").status_code for secret in secrets]
    assert statuses == [401, 400, 400]


@pytest.mark.parametrize("username", ["grace", "hugo", "frank"])
def test_only_an_admin_changes_clients_whoever_calls(app: Flask, username: str) -> None:
    clients, actor = clients_of(app), f"user:{key_of(app, username)}"
    with app.app_context():
        clients.add(OWN, actor="cli")
        acts: list[Callable[[], Any]] = [
            lambda: clients.add({**OWN, "client_id": "more"}, actor=actor),
            lambda: clients.change("own", {"skip_consent": True}, actor=actor),
            lambda: clients.set_enabled("own", enabled=False, actor=actor),
            lambda: clients.new_secret("own", actor=actor),
            lambda: clients.revoke_secret("own", clients.secrets("own")[0].id, actor=actor),
            lambda: clients.remove("own", actor=actor),
        ]
        for act in acts:
            with pytest.raises(NotAllowed):
                act()
        assert [one.id for one in clients.secrets("own")]


@pytest.mark.parametrize("prompt", ["none", ""])
def test_who_acts_as_another_user_signs_in_to_no_app(
    app: Flask, wiki: RelyingParty, browser: SecureBrowser, phone: Phone, prompt: str
) -> None:
    """Neither as the one nor as the other: the code would outlive the impersonation."""
    from example_app import load_user

    def act_as() -> str:
        frank = load_user(key_of(app, "frank"))
        with MFAGate().impersonation(actor=current_user, subject=frank, reason="ticket 42"):
            login_user(frank)
        return "acting"

    app.add_url_rule("/act-as-frank", "act_as_frank", act_as, methods=["POST"])
    browser.sign_in_with_code("dave", phone)
    assert browser.client.post("/act-as-frank").text == "acting"
    asked = wiki.send(browser, **({"prompt": prompt} if prompt else {}))
    if prompt:
        assert wiki.told(asked)["error"] == "access_denied"
    else:
        page = walk(browser, asked)
        assert page.status_code == 403
        assert "only its user can do" in page.text
    assert rows(app, "oidc_grant") == 0
    browser.send("/mfa/impersonation/leave")
    claims = wiki.claims(wiki.tokens(browser)["id_token"])
    assert claims["sub"] == key_of(app, "dave"), "as themself afterwards"

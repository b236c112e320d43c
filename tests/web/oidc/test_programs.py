"""Clients as programs: signatures in place of secrets, scripts of any origin, keys that rotate, noise of any kind."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import ECKey
from sqlalchemy import event

from flask_mfa_gate.domain.oidc.client import SigningAlgorithm
from flask_mfa_gate.errors import ConfigError
from tests.conftest import Phone, StillClock, state_of
from tests.web.oidc.kit import ISSUER, SPA, WIKI, RelyingParty, SecureBrowser, rows

pytestmark = pytest.mark.pages
KEY, OTHER = ECKey.generate_key("P-256"), ECKey.generate_key("P-256")
SIGNED = {
    "client_id": "signed", "redirect_uris": ["https://signed.example.org/"], "skip_consent": True,
    "token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": [KEY.as_dict(private=False)]},
}  # fmt: skip
TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class Signed(RelyingParty):
    def assertion(self, now: Any, *, key: Any = KEY, header: dict[str, Any] | None = None, **changed: Any) -> str:
        seconds = int(now.timestamp())
        claims = {
            "iss": "signed", "sub": "signed", "aud": ISSUER, "exp": seconds + 60, "iat": seconds, "jti": self.state, **changed,
        }  # fmt: skip
        return jwt.encode(
            {"alg": "ES256", **(header or {})},
            {name: value for name, value in claims.items() if value is not None},
            key,
        )


@pytest.fixture
def signed(make_provider: Callable[..., Flask]) -> Signed:
    return Signed(
        make_provider(MFA_GATE_OIDC_CLIENTS=[SIGNED, WIKI]),
        client_id="signed",
        redirect_uri="https://signed.example.org/",
        secret=None,
    )


def test_a_client_proves_itself_by_a_signature_that_counts_once(
    signed: Signed, phone: Phone, clock: StillClock
) -> None:
    browser = SecureBrowser(signed.app)
    browser.sign_in_with_code("dave", phone)
    assertion = signed.assertion(clock())
    traded = signed.trade(signed.code(browser), client_assertion=assertion, client_assertion_type=TYPE)
    assert traded.status_code == 200, traded.text
    again = signed.trade(signed.code(browser), client_assertion=assertion, client_assertion_type=TYPE)
    assert (again.status_code, (again.json or {})["error"]) == (401, "invalid_client")


def test_a_signature_is_not_for_another_name(signed: Signed, phone: Phone, clock: StillClock) -> None:
    browser = SecureBrowser(signed.app)
    browser.sign_in_with_code("dave", phone)
    proof = {"client_assertion": signed.assertion(clock()), "client_assertion_type": TYPE}
    refused = signed.trade(signed.code(browser), client_id="wiki", **proof)
    assert (refused.status_code, (refused.json or {})["error"]) == (401, "invalid_client")


ASSERTIONS: list[dict[str, Any]] = [
    {"aud": "https://other.example.org"}, {"aud": f"{ISSUER}/mfa/oidc/token"}, {"aud": [ISSUER, "https://evil.example"]}, {"aud": None},
    {"exp": 0}, {"exp": None}, {"exp": "soon"}, {"exp": 2**60}, {"exp": 4_000_000_000}, {"iat": 4_000_000_000}, {"nbf": 4_000_000_000},
    {"iss": "wiki"}, {"sub": "wiki", "iss": "wiki"}, {"sub": 5}, {"sub": None}, {"sub": "nobody"}, {"jti": None}, {"jti": 5}, {"jti": "x" * 300},
    {"key": OTHER}, {"key": OTHER, "header": {"jwk": OTHER.as_dict(private=False)}}, {"header": {"kid": 'ö"\\'}},
]  # fmt: skip


@pytest.mark.parametrize("changed", ASSERTIONS)
def test_no_other_signature_is_taken_for_its_own(
    signed: Signed, phone: Phone, clock: StillClock, changed: dict[str, Any]
) -> None:
    browser = SecureBrowser(signed.app)
    browser.sign_in_with_code("dave", phone)
    code = signed.code(browser)
    answer = signed.trade(code, client_assertion=signed.assertion(clock(), **changed), client_assertion_type=TYPE)
    if changed == {"header": {"kid": 'ö"\\'}}:
        assert answer.status_code in {200, 400, 401}
        return
    assert answer.status_code in {400, 401}, answer.text
    assert rows(signed.app, "oidc_token") == 0


@pytest.mark.parametrize(
    "text", ["", "x", "a.b.c", "e30.e30.", "eyJhbGciOiJub25lIn0.eyJzdWIiOiJzaWduZWQifQ.", "." * 1000, "ö"]
)
def test_what_is_no_assertion_is_refused(signed: Signed, text: str) -> None:
    answer = signed.trade("x", client_assertion=text, client_assertion_type=TYPE)
    assert answer.status_code in {400, 401}


SCRIPTS = [
    ("/.well-known/openid-configuration", "GET"),
    ("/mfa/oidc/jwks", "GET"),
    ("/mfa/oidc/token", "POST"),
    ("/mfa/oidc/userinfo", "GET"),
    ("/mfa/oidc/revoke", "POST"),
]
PAGES = [
    ("/mfa/oidc/authorize", "GET"),
    ("/mfa/oidc/end-session", "GET"),
    ("/mfa/oidc/introspect", "POST"),
    ("/mfa/status", "GET"),
    ("/", "GET"),
]


@pytest.mark.parametrize(("path", "method"), SCRIPTS)
def test_scripts_of_any_origin_may_read_these(app: Flask, path: str, method: str) -> None:
    origin = {"Origin": "https://notes.example.org"}
    asked = app.test_client().options(
        path, base_url=ISSUER, headers={**origin, "Access-Control-Request-Method": method}
    )
    assert asked.status_code == 204
    assert method in asked.headers["Access-Control-Allow-Methods"]
    answer = app.test_client().open(path, method=method, base_url=ISSUER, headers=origin)
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in answer.headers
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize(("path", "method"), PAGES)
def test_and_nothing_else(app: Flask, path: str, method: str) -> None:
    for verb in ("OPTIONS", method):
        answer = app.test_client().open(
            path, method=verb, base_url=ISSUER, headers={"Origin": "https://notes.example.org"}
        )
        assert "Access-Control-Allow-Origin" not in answer.headers


def test_a_new_key_is_shown_before_it_signs_and_the_old_one_stays_known(
    app: Flask, wiki: RelyingParty, browser: SecureBrowser, clock: StillClock
) -> None:
    keys = app.extensions["mfa_gate"].gate
    browser.sign_in("frank")
    first = wiki.tokens(browser)["id_token"]
    with app.app_context():
        made = keys.oidc.signing_keys.rotate()
    shown = app.test_client().get("/mfa/oidc/jwks", base_url=ISSUER).json["keys"]
    assert [key["kid"] for key in shown].count(made.kid) == 1
    assert kid_of(wiki.tokens(browser)["id_token"]) == kid_of(first)
    clock.forward(minutes=59)
    browser.get("/")
    clock.forward(minutes=2)
    second = wiki.tokens(browser)["id_token"]
    assert kid_of(second) == made.kid
    assert wiki.claims(first)["sub"] == wiki.claims(second)["sub"]
    with app.app_context():
        keys.oidc.signing_keys.retire(made.kid)
    assert kid_of(wiki.tokens(browser)["id_token"]) == kid_of(first)
    assert [key["kid"] for key in app.test_client().get("/mfa/oidc/jwks", base_url=ISSUER).json["keys"]] == [
        kid_of(first)
    ]


def test_a_superseded_key_is_retired_when_nothing_that_it_signed_is_good_any_more(
    app: Flask, wiki: RelyingParty, clock: StillClock
) -> None:
    gate = app.extensions["mfa_gate"].gate

    def shown() -> list[str]:
        return [key["kid"] for key in app.test_client().get("/mfa/oidc/jwks", base_url=ISSUER).json["keys"]]

    (first,) = shown()
    with app.app_context():
        second = gate.oidc.signing_keys.rotate().kid
        gate.run_due()
        assert set(shown()) == {first, second}
        clock.forward(days=30, hours=1, minutes=59)
        gate.run_due()
        assert set(shown()) == {first, second}, "the longest lifetime has not passed since the second one signs"
        clock.forward(minutes=2)
        gate.run_due()
        clock.forward(minutes=2)
        assert shown() == [second]
        gate.run_due()
        third = gate.oidc.signing_keys.rotate().kid
        clock.forward(days=300)
        fourth = gate.oidc.signing_keys.rotate().kid
        gate.run_due()
        assert set(shown()) == {third, fourth}, "one that signs, and one that is to come, stay"


def kid_of(token: str) -> str:
    from joserfc import jws

    return str(jws.extract_compact(token.encode()).headers()["kid"])


def test_signing_keys_are_sealed_and_move_to_a_new_key_of_the_keyring(
    make_provider: Callable[..., Flask], phone: Phone
) -> None:
    from example_app.people import DEMO_KEY
    from flask_mfa_gate.crypto import generate_key

    app = make_provider()
    signer = state_of(app).oidc.signing_keys.signer(SigningAlgorithm.RS256)  # type: ignore[union-attr]
    with state_of(app).store.database.read() as tx:
        (kept,) = state_of(app).store.oidc.signing_keys.all(tx)
    assert b'"d"' not in kept.sealed
    fresh = generate_key()
    later = make_provider(MFA_GATE_KEYS=[fresh, DEMO_KEY])
    with later.app_context():
        later.extensions["mfa_gate"].gate.rotate_keys()
    last = make_provider(MFA_GATE_KEYS=[fresh])
    assert state_of(last).oidc.signing_keys.signer(SigningAlgorithm.RS256).kid == signer.kid  # type: ignore[union-attr]


def test_what_a_host_adds_changes_neither_who_it_is_nor_how_strong(
    make_provider: Callable[..., Flask], monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make_provider()
    oidc = state_of(app).oidc
    assert oidc is not None
    monkeypatch.setattr(
        oidc.claims,
        "_hook",
        lambda user, client, scopes: {"team": user.group, "sub": "1", "acr": "phr", "amr": ["x"], "auth_time": 0},
    )
    browser, wiki = SecureBrowser(app), RelyingParty(app)
    browser.sign_in("erin")
    told = wiki.userinfo(wiki.tokens(browser, scope="openid")["access_token"]).json
    assert told == {"sub": "5", "team": "finance"}


STATEMENTS = {"authorize": 4, "token": 5}


def test_what_a_sign_in_of_an_app_costs(app: Flask, wiki: RelyingParty, browser: SecureBrowser, phone: Phone) -> None:
    from example_app.models import db

    browser.sign_in_with_code("dave", phone)
    wiki.tokens(browser)
    with app.app_context():
        engines = [state_of(app).store.database.engine, db.engine]
    said: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if not statement.startswith(("BEGIN", "COMMIT")):
            said.append(statement)

    for engine in engines:
        event.listen(engine, "before_cursor_execute", note)
    code = wiki.code(browser)
    assert len(said) <= STATEMENTS["authorize"], said
    said.clear()
    assert wiki.trade(code).status_code == 200
    assert len(said) <= STATEMENTS["token"], said


CONFIGS: list[dict[str, Any]] = [
    {"MFA_GATE_BASE_URL": None}, {"MFA_GATE_BASE_URL": "http://portal.example.org"},
    {"MFA_GATE_OIDC_CLIENTS": [{**WIKI, "redirect_uris": []}]}, {"MFA_GATE_OIDC_CLIENTS": [{**WIKI, "redirect_uri": "x"}]},
    {"MFA_GATE_OIDC_CLIENTS": [{**WIKI, "client_secret": "short"}]}, {"MFA_GATE_OIDC_CLIENTS": [WIKI, WIKI]},
    {"MFA_GATE_OIDC_CLIENTS": [{**SPA, "client_secret": "x" * 40}]}, {"MFA_GATE_OIDC_CLIENTS": "wiki"},
    {"MFA_GATE_OIDC_CLIENTS": [{**WIKI, "response_types": ["token"]}]}, {"MFA_GATE_OIDC_CLIENTS": [{**WIKI, "grant_types": ["password"]}]},
    {"MFA_GATE_ACR": {"1fa": "phr"}}, {"MFA_GATE_ACR": {"gold": "x"}}, {"MFA_GATE_OIDC_CODE_LIFETIME": timedelta(hours=1)},
]  # fmt: skip


@pytest.mark.parametrize("config", CONFIGS)
def test_a_wrong_setting_stops_the_start(make_provider: Callable[..., Flask], config: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        make_provider(**config)


def test_the_app_may_not_answer_where_clients_look_for_the_provider() -> None:
    from flask_mfa_gate import MFAGate

    host = Flask(__name__)
    host.config.update(
        TESTING=True, SECRET_KEY="x", MFA_GATE_BASE_URL=ISSUER, MFA_GATE_DATABASE_URI="sqlite://", MFA_GATE_OIDC=True
    )
    host.add_url_rule("/.well-known/openid-configuration", "mine", lambda: "mine")
    gate = MFAGate()
    with pytest.raises(ConfigError, match="MFA_GATE_OIDC"):
        gate.init_app(host)


@pytest.mark.parametrize("path", ["register", "device_authorization", "device", "par", "connect/register"])
def test_nobody_registers_an_app_or_signs_a_device_in(app: Flask, path: str) -> None:
    assert app.test_client().post(f"/mfa/oidc/{path}", base_url=ISSUER, json={}).status_code == 404


def test_no_token_is_in_the_log(
    wiki: RelyingParty, browser: SecureBrowser, phone: Phone, caplog: pytest.LogCaptureFixture
) -> None:
    import logging

    caplog.set_level(logging.DEBUG)
    browser.sign_in_with_code("dave", phone)
    code = wiki.code(browser)
    tokens = dict(wiki.trade(code).json or {})
    again = dict(wiki.refresh(tokens["refresh_token"]).json or {})
    secret = [
        code,
        wiki.secret,
        *(found[name] for found in (tokens, again) for name in ("access_token", "refresh_token", "id_token")),
    ]
    assert [one for one in secret if one in caplog.text] == []


def test_no_token_is_in_the_database(app: Flask, wiki: RelyingParty, browser: SecureBrowser, phone: Phone) -> None:
    from sqlalchemy import select

    browser.sign_in_with_code("dave", phone)
    code = wiki.code(browser)
    tokens = dict(wiki.trade(code).json or {})
    store = state_of(app).store
    with store.database.read() as tx:
        kept = str([tx.execute(select(table)).all() for table in store.tables.metadata.sorted_tables])
    assert [
        one
        for one in (code, wiki.secret, *(tokens[name] for name in ("access_token", "refresh_token", "id_token")))
        if one in kept
    ] == []


@pytest.mark.parametrize("act", ["forget", "rename"])
def test_what_becomes_of_a_users_access(
    app: Flask, wiki: RelyingParty, browser: SecureBrowser, phone: Phone, act: str
) -> None:
    browser.sign_in_with_code("dave", phone)
    tokens = wiki.tokens(browser)
    with app.app_context():
        users = app.extensions["mfa_gate"].gate.users
        users.forget("4", actor="cli") if act == "forget" else users.rename("4", "44", actor="cli")
    assert wiki.userinfo(tokens["access_token"]).status_code == 401
    assert rows(app, "oidc_grant") == (0 if act == "forget" else 1)


def test_upkeep_sweeps_what_is_over(
    app: Flask, wiki: RelyingParty, browser: SecureBrowser, phone: Phone, clock: StillClock
) -> None:
    wiki.send(SecureBrowser(app))
    browser.sign_in_with_code("dave", phone)
    wiki.tokens(browser)
    assert (rows(app, "oidc_request"), rows(app, "oidc_grant"), rows(app, "oidc_token")) == (1, 1, 2)
    clock.forward(days=2)
    with app.app_context():
        app.extensions["mfa_gate"].gate.run_due()
    assert (rows(app, "oidc_request"), rows(app, "oidc_grant"), rows(app, "oidc_token")) == (0, 0, 0)


NAMES = st.sampled_from(
    ["client_id", "redirect_uri", "response_type", "scope", "state", "nonce", "code_challenge", "code_challenge_method", "prompt", "max_age", "claims", "acr_values", "id_token_hint", "request", "grant_type", "code", "code_verifier", "refresh_token", "client_secret", "client_assertion", "client_assertion_type", "token", "token_type_hint", "post_logout_redirect_uri", "ui_locales", "login_hint"]
)  # fmt: skip
VALUES = st.one_of(
    st.sampled_from(
        [
            "wiki",
            "spa",
            "code",
            "openid",
            "none",
            "S256",
            "authorization_code",
            "refresh_token",
            TYPE,
            "https://wiki.example.org/callback",
            "x" * 43,
            "a.b.c",
        ]
    ),
    st.text(max_size=60),
)
PATHS = st.sampled_from(
    ["authorize", "token", "userinfo", "revoke", "introspect", "end-session", "jwks", "authorize/x", "authorize/\u00f6"]
)


def test_no_noise_is_an_error_of_the_server(app: Flask) -> None:
    browser = SecureBrowser(app)
    browser.sign_in("frank")
    state_of(app).oidc.failures._item = None  # type: ignore[union-attr]

    @settings(max_examples=150)
    @given(
        PATHS,
        st.sampled_from(["GET", "POST"]),
        st.lists(st.tuples(NAMES, VALUES), max_size=9),
        st.one_of(st.none(), st.text(max_size=40)),
    )
    def noise(path: str, method: str, sent: list[tuple[str, str]], authorization: str | None) -> None:
        from urllib.parse import quote_plus

        query = "&".join(f"{name}={quote_plus(value, errors='replace')}" for name, value in sent)
        headers = (
            {}
            if authorization is None
            else {
                "Authorization": "".join(mark for mark in authorization if mark >= " " and mark != "\x7f")
                .encode("latin-1", "replace")
                .decode("latin-1")
            }
        )
        where = f"/mfa/oidc/{path}?{query}" if method == "GET" else f"/mfa/oidc/{path}"
        body = {} if method == "GET" else {"data": query, "content_type": "application/x-www-form-urlencoded"}
        answer = browser.client.open(where, method=method, headers=headers, **body)  # type: ignore[arg-type]
        assert answer.status_code < 500, (path, method, sent, authorization)

    noise()

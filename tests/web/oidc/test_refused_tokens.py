"""Requests for tokens that get none."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from tests.conftest import Phone, StillClock
from tests.web.oidc.kit import ISSUER, SECRET, SPA, RelyingParty, SecureBrowser, basic, rows

pytestmark = pytest.mark.pages


@pytest.fixture
def code(wiki: RelyingParty, browser: SecureBrowser, phone: Phone) -> str:
    browser.sign_in_with_code("dave", phone)
    return wiki.code(browser)


GRANTS = [
    {"grant_type": "password", "username": "dave", "password": "correct horse battery staple"},
    {"grant_type": "client_credentials"},
    {"grant_type": "urn:ietf:params:oauth:grant-type:device_code", "device_code": "x"},
    {"grant_type": "urn:ietf:params:oauth:grant-type:token-exchange"},
    {"grant_type": "implicit"},
    {"grant_type": ""},
    {"grant_type": 'a"ö\\'},
    {"code": "x"},
]  # fmt: skip


@pytest.mark.parametrize("form", GRANTS)
def test_only_codes_and_refresh_tokens_are_traded(wiki: RelyingParty, form: dict[str, str]) -> None:
    answer = wiki.post("token", form, authorization=wiki.basic)
    assert answer.status_code == 400
    assert answer.json is not None
    assert answer.json["error"] == "unsupported_grant_type"


WRONG = [
    ({"code_verifier": "x" * 43}, "invalid_grant"),
    ({"code_verifier": "short"}, "invalid_request"),
    ({"code_verifier": "ö" * 43}, "invalid_request"),
    ({"redirect_uri": "https://wiki.example.org/other"}, "invalid_grant"),
    ({"redirect_uri": ""}, "invalid_grant"),
    ({"code": "x"}, "invalid_grant"),
    ({"code": ""}, "invalid_grant"),
    ({"code": "\ud7ff" * 100}, "invalid_grant"),
]  # fmt: skip


@pytest.mark.parametrize(("changed", "error"), WRONG)
def test_a_code_goes_with_its_verifier_and_address(
    wiki: RelyingParty, code: str, changed: dict[str, str], error: str
) -> None:
    answer = wiki.trade(code, **changed)
    assert (answer.status_code, (answer.json or {})["error"]) == (400, error)
    assert wiki.trade(code).status_code == 200, "what others send uses nothing up"


def test_without_its_verifier_a_code_is_nothing(wiki: RelyingParty, code: str) -> None:
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": wiki.redirect_uri}
    answer = wiki.post("token", form, authorization=wiki.basic)
    assert (answer.status_code, (answer.json or {})["error"]) == (400, "invalid_request")


def test_a_code_lives_a_minute(wiki: RelyingParty, code: str, clock: StillClock) -> None:
    clock.forward(seconds=61)
    assert (wiki.trade(code).json or {})["error"] == "invalid_grant"


def test_a_code_of_another_client_is_nothing_and_stays_good(app: Flask, wiki: RelyingParty, code: str) -> None:
    other = RelyingParty(app, client_id="asking", redirect_uri=wiki.redirect_uri, verifier=wiki.verifier)
    assert (other.trade(code).json or {})["error"] == "invalid_grant"
    tokens = dict(wiki.trade(code).json or {})
    assert (other.refresh(tokens["refresh_token"]).json or {})["error"] == "invalid_grant"
    assert (other.trade(code).json or {})["error"] == "invalid_grant"
    assert wiki.userinfo(tokens["access_token"]).status_code == 200, "another client's replay revokes nothing"


def test_a_code_that_comes_twice_ends_all_that_came_of_it(
    app: Flask, wiki: RelyingParty, code: str, signals: list[Any]
) -> None:
    tokens = dict(wiki.trade(code).json or {})
    assert (wiki.trade(code).json or {})["error"] == "invalid_grant"
    assert wiki.userinfo(tokens["access_token"]).status_code == 401
    assert (wiki.refresh(tokens["refresh_token"]).json or {})["error"] == "invalid_grant"
    assert [event.name for event in signals].count("token_reused") == 1


def test_a_refresh_token_that_comes_twice_ends_its_family(wiki: RelyingParty, code: str) -> None:
    first = dict(wiki.trade(code).json or {})
    second = dict(wiki.refresh(first["refresh_token"]).json or {})
    assert wiki.userinfo(second["access_token"]).status_code == 200
    assert (wiki.refresh(first["refresh_token"]).json or {})["error"] == "invalid_grant"
    assert wiki.userinfo(second["access_token"]).status_code == 401
    assert (wiki.refresh(second["refresh_token"]).json or {})["error"] == "invalid_grant"


def test_an_access_token_refreshes_nothing_and_a_refresh_token_opens_nothing(wiki: RelyingParty, code: str) -> None:
    tokens = dict(wiki.trade(code).json or {})
    assert (wiki.refresh(tokens["access_token"]).json or {})["error"] == "invalid_grant"
    assert wiki.userinfo(tokens["refresh_token"]).status_code == 401
    assert wiki.userinfo(tokens["id_token"]).status_code == 401
    assert wiki.userinfo("x").status_code == 401


def test_a_narrower_scope_leaves_the_family_as_it_is(wiki: RelyingParty, code: str) -> None:
    tokens = dict(wiki.trade(code).json or {})
    narrow = dict(wiki.refresh(tokens["refresh_token"], scope="openid").json or {})
    assert narrow["scope"] == "openid"
    assert wiki.userinfo(narrow["access_token"]).json == {"sub": "4"}
    wide = dict(wiki.refresh(narrow["refresh_token"]).json or {})
    assert wide["scope"] == "openid profile email groups"
    wider = wiki.refresh(wide["refresh_token"], scope="openid offline_access")
    assert (wider.json or {})["error"] == "invalid_scope"


def test_nothing_counts_that_stands_in_the_address(wiki: RelyingParty, code: str) -> None:
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": wiki.redirect_uri,
        "code_verifier": wiki.verifier,
    }
    answer = wiki.http.post(
        "/mfa/oidc/token?client_id=spa", base_url=ISSUER, data=form, headers={"Authorization": wiki.basic or ""}
    )
    assert (answer.status_code, (answer.json or {})["error"]) == (400, "invalid_request")
    assert wiki.http.get("/mfa/oidc/token", base_url=ISSUER).status_code == 405
    doubled = wiki.http.post(
        "/mfa/oidc/token",
        base_url=ISSUER,
        data={**form, "code": [code, "x"]},
        headers={"Authorization": wiki.basic or ""},
    )
    assert (doubled.json or {})["error"] == "invalid_request"


CREDENTIALS: list[tuple[dict[str, str], str | None, int]] = [
    ({}, None, 401),
    ({"client_id": "wiki"}, None, 401),
    ({"client_id": "wiki", "client_secret": SECRET}, None, 401),  # registered for basic
    ({}, basic("wiki", "wrong"), 401),
    ({}, basic("nobody", SECRET), 401),
    ({}, "Basic !!!", 401),
    ({}, "Basic /////w==", 401),
    ({}, "Bearer x", 401),
    ({"client_id": "spa"}, basic("wiki", SECRET), 401),
    ({"client_secret": SECRET}, basic("wiki", SECRET), 400),
    ({"client_assertion": "x", "client_assertion_type": "y"}, basic("wiki", SECRET), 400),
    ({"client_assertion": "x", "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}, None, 400),
]  # fmt: skip


@pytest.mark.parametrize(("form", "authorization", "status"), CREDENTIALS)
def test_a_client_proves_itself_in_its_own_way_and_in_one(
    app: Flask, wiki: RelyingParty, code: str, form: dict[str, str], authorization: str | None, status: int
) -> None:
    asked = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": wiki.redirect_uri,
        "code_verifier": wiki.verifier,
    }
    answer = wiki.post("token", {**asked, **form}, authorization=authorization)
    assert answer.status_code == status, answer.text
    assert (answer.json or {})["error"] in {"invalid_client", "invalid_request"}
    assert rows(app, "oidc_token") == 0


def test_a_public_client_has_no_secret_and_needs_none(app: Flask, browser: SecureBrowser, phone: Phone) -> None:
    spa = RelyingParty(app, client_id="spa", redirect_uri=SPA["redirect_uris"][0], secret=None)
    browser.sign_in_with_code("dave", phone)
    tokens = spa.tokens(browser)
    assert spa.refresh(tokens["refresh_token"]).status_code == 200
    introspected = spa.post("introspect", {"token": tokens["access_token"], "client_id": "spa"})
    assert introspected.status_code == 401


def send_wrong_secrets(party: RelyingParty, client_id: str, path: str = "token", **environ: str) -> None:
    form = {"grant_type": "authorization_code", "token": "x"}
    for _ in range(30):
        answer = party.post(path, form, authorization=basic(client_id, "wrong"), environ=environ)
        assert answer.status_code == 401


@pytest.mark.parametrize("path", ["token", "revoke", "introspect"])
def test_wrong_secrets_are_counted_by_address_and_client(wiki: RelyingParty, code: str, path: str) -> None:
    send_wrong_secrets(wiki, "wiki", path)
    refused = wiki.trade(code)
    assert refused.status_code == 429
    assert int(refused.headers["Retry-After"]) > 0


@pytest.mark.parametrize(
    ("client_id", "environ"),
    [("wiki", {"REMOTE_ADDR": "203.0.113.66"}), ("asking", {}), ("nobody", {}), ("", {})],
)
def test_no_stranger_locks_a_client_out(wiki: RelyingParty, code: str, client_id: str, environ: dict[str, str]) -> None:
    send_wrong_secrets(wiki, client_id, **environ)
    assert wiki.trade(code).status_code == 200


def test_a_client_that_is_disabled_or_removed_has_nothing_any_more(
    app: Flask, browser: SecureBrowser, phone: Phone
) -> None:
    gate = app.extensions["mfa_gate"].gate
    with app.app_context():
        made = gate.oidc.clients.add(
            {"client_id": "own", "redirect_uris": ["https://own.example.org/"], "skip_consent": True}, actor="cli"
        )
    own = RelyingParty(app, client_id="own", redirect_uri="https://own.example.org/", secret=made.secret)
    browser.sign_in_with_code("dave", phone)
    tokens = own.tokens(browser)
    with app.app_context():
        gate.oidc.clients.set_enabled("own", enabled=False, actor="cli")
    assert own.userinfo(tokens["access_token"]).status_code == 401
    assert own.refresh(tokens["refresh_token"]).status_code == 401
    assert own.send(browser).status_code == 400
    with app.app_context():
        gate.oidc.clients.set_enabled("own", enabled=True, actor="cli")
    assert (own.refresh(tokens["refresh_token"]).json or {})["error"] == "invalid_grant"


def test_a_code_that_went_to_an_address_that_is_the_clients_no_longer_is_worth_nothing(
    app: Flask, browser: SecureBrowser, phone: Phone
) -> None:
    gate = app.extensions["mfa_gate"].gate
    former, present = "https://own.example.org/", "https://new.example.org/"
    with app.app_context():
        made = gate.oidc.clients.add({"client_id": "own", "redirect_uris": [former], "skip_consent": True}, actor="cli")
    own = RelyingParty(app, client_id="own", redirect_uri=former, secret=made.secret)
    browser.sign_in_with_code("dave", phone)
    code = own.code(browser)
    with app.app_context():
        gate.oidc.clients.change("own", {"redirect_uris": [present]}, actor="cli")
    assert (own.trade(code).json or {})["error"] == "invalid_grant"
    assert own.send(browser).status_code == 400


def test_two_secrets_overlap_and_the_older_one_ends(
    app: Flask, browser: SecureBrowser, phone: Phone, clock: StillClock
) -> None:
    gate = app.extensions["mfa_gate"].gate
    with app.app_context():
        made = gate.oidc.clients.add(
            {"client_id": "own", "redirect_uris": ["https://own.example.org/"], "skip_consent": True}, actor="cli"
        )
        second = gate.oidc.clients.new_secret("own", actor="cli")
    browser.sign_in_with_code("dave", phone)
    for secret in (made.secret, second.secret):
        RelyingParty(app, client_id="own", redirect_uri="https://own.example.org/", secret=secret).tokens(browser)
    clock.forward(days=7, seconds=1)
    old = RelyingParty(app, client_id="own", redirect_uri="https://own.example.org/", secret=made.secret)
    assert old.refresh("x").status_code == 401
    with app.app_context():
        assert len(gate.oidc.clients.secrets("own")) == 1

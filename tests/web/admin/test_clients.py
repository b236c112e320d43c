"""Clients in the console: registered, changed, given new secrets, stopped, cut off from their users."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from tests.conftest import JSON, Browser, Phone, StillClock, key_of
from tests.oidc_kit import PROVIDER, WIKI, is_taken, records, tokens_of, userinfo
from tests.policy_kit import signed_in
from tests.web.admin.kit import ADMIN, AUDITOR, HELPDESK, at_console, send

pytestmark = pytest.mark.pages
FORM = {
    "client_id": "wiki", "client_name": "The wiki", "redirect_uris": f"{WIKI}/signed-in\n{WIKI}/too\n",
    "post_logout_redirect_uris": f"{WIKI}/", "token_endpoint_auth_method": "client_secret_basic", "refreshes": "1",
    "scope": ["profile", "email"], "id_token_signed_response_alg": "RS256", "skip_consent": "1",
}  # fmt: skip


@pytest.fixture
def app(make_app: Callable[..., Flask]) -> Flask:
    return make_app(**PROVIDER)


@pytest.fixture
def admin(app: Flask, phone: Phone) -> Browser:
    return at_console(app, ADMIN, phone)


def secret_in(page: Any) -> str:
    found = re.search(r'id="client-secret">([^<]+)<', page.text)
    assert found, page.text
    return found[1]


def register(admin: Browser, **fields: Any) -> str:
    page = send(admin, "/clients", **{**FORM, **fields})
    assert page.status_code == 201, page.text
    assert page.headers["Cache-Control"] == "no-store"
    return secret_in(page)


def hidden(admin: Browser, path: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', admin.get(f"/admin/mfa{path}").text)
    assert found
    return found[1]


def test_a_client_is_registered_by_a_form_and_its_secret_shown_once(app: Flask, admin: Browser) -> None:
    secret = register(admin, reason="new wiki")
    assert is_taken(app, "wiki", secret)
    page = admin.get("/admin/mfa/clients/wiki")
    assert secret not in page.text
    assert "client:wiki" in page.text
    shown = admin.get("/admin/mfa/clients/wiki", headers=JSON).json
    assert shown is not None
    assert shown["redirect_uris"] == [f"{WIKI}/signed-in", f"{WIKI}/too"]
    assert (shown["scope"], shown["skip_consent"]) == ("openid profile email", True)
    (record,) = records(app, "client_changed")
    assert (record["actor"], record["reason"]) == (f"user:{key_of(app, ADMIN)}", "new wiki")
    assert secret not in str(record)


def test_the_list_is_a_page_json_and_a_file(app: Flask, admin: Browser) -> None:
    register(admin)
    page = admin.get("/admin/mfa/clients")
    assert "The wiki" in page.text
    assert "From configuration" in page.text
    listed = admin.get("/admin/mfa/clients", headers=JSON).json
    assert listed is not None
    assert [(one["client_id"], one["source"], one["secrets"]) for one in listed["items"]] == [
        ("board", "configuration", 0), ("wiki", "database", 1)
    ]  # fmt: skip
    rows = list(csv.DictReader(io.StringIO(admin.get("/admin/mfa/clients?format=csv").text)))
    assert [row["client_id"] for row in rows] == ["board", "wiki"]


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"redirect_uris": "http://wiki.example.org/"}, "redirect_uris"), ({"redirect_uris": ""}, "redirect_uris"),
        ({"client_id": "a b"}, "client_id"), ({"client_id": "board"}, "client_id"), ({"client_id": "new"}, "client_id"),
        ({"client_name": "x" * 101}, "client_name"), ({"token_endpoint_auth_method": "tls"}, "token_endpoint_auth_method"),
        ({"token_endpoint_auth_method": "private_key_jwt"}, "jwks"), ({"jwks": "{"}, "jwks"),
        ({"default_max_age": "-1"}, "default_max_age"), ({"backchannel_logout_uri": "x"}, "backchannel_logout_uri"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_at_the_field_and_what_was_typed_stays(
    app: Flask, admin: Browser, fields: dict[str, str], word: str
) -> None:
    page = send(admin, "/clients", **{**FORM, **fields})
    assert page.status_code in {400, 409}, page.text
    assert f'id="{word}-error"' in page.text
    assert f"{WIKI}/" in page.text
    assert records(app, "client_changed") == []


def test_a_client_is_changed_and_a_stale_form_takes_nothing_back(app: Flask, admin: Browser, clock: StillClock) -> None:
    secret = register(admin)
    clock.forward(seconds=1)
    version = hidden(admin, "/clients/wiki/edit", "version")
    changed = {**FORM, "client_name": "Our wiki", "redirect_uris": f"{WIKI}/signed-in", "version": version}
    assert send(admin, "/clients/wiki", **changed).location == "/admin/mfa/clients/wiki"
    assert "Our wiki" in admin.get("/admin/mfa/clients/wiki").text
    assert is_taken(app, "wiki", secret)
    stale = send(admin, "/clients/wiki", **{**changed, "redirect_uris": f"{WIKI}/too"})
    assert stale.status_code == 409
    assert "Somebody else changed this client" in stale.text
    assert (admin.get("/admin/mfa/clients/wiki", headers=JSON).json or {})["redirect_uris"] == [f"{WIKI}/signed-in"]


def test_one_that_becomes_public_loses_its_secrets_and_gets_one_on_the_way_back(app: Flask, admin: Browser) -> None:
    secret = register(admin)
    send(admin, "/clients/wiki", **{**FORM, "token_endpoint_auth_method": "none"})
    assert (admin.get("/admin/mfa/clients/wiki", headers=JSON).json or {})["secrets"] == []
    page = send(admin, "/clients/wiki", **FORM)
    assert is_taken(app, "wiki", secret_in(page))
    assert not is_taken(app, "wiki", secret)


def test_secrets_overlap_and_a_form_that_is_sent_twice_makes_one(app: Flask, admin: Browser, clock: StillClock) -> None:
    first = register(admin)
    clock.forward(seconds=1)
    shown = hidden(admin, "/clients/wiki", "secrets")
    second = secret_in(send(admin, "/clients/wiki/secrets", overlap="1h", secrets=shown))
    assert send(admin, "/clients/wiki/secrets", overlap="1h", secrets=shown).status_code == 409
    assert is_taken(app, "wiki", first)
    assert is_taken(app, "wiki", second)
    old = (admin.get("/admin/mfa/clients/wiki", headers=JSON).json or {})["secrets"][0]["id"]
    assert send(admin, "/clients/wiki/secrets/revoke", secret=old).status_code == 303
    assert (is_taken(app, "wiki", first), is_taken(app, "wiki", second)) == (False, True)
    assert send(admin, "/clients/wiki/secrets/revoke", secret=old).status_code == 404
    assert send(admin, "/clients/wiki/secrets", overlap="9y", secrets="").status_code == 400


def test_a_client_is_disabled_enabled_and_removed(app: Flask, admin: Browser) -> None:
    secret = register(admin)
    assert send(admin, "/clients/wiki/state", state="disabled").status_code == 303
    assert not is_taken(app, "wiki", secret)
    assert "Disabled" in admin.get("/admin/mfa/clients").text
    assert send(admin, "/clients/wiki/state", state="enabled").status_code == 303
    assert is_taken(app, "wiki", secret)
    assert send(admin, "/clients/wiki/state", state="x").status_code == 400
    assert "Remove “The wiki”?" in admin.get("/admin/mfa/clients/wiki/remove").text
    assert send(admin, "/clients/wiki/remove").location == "/admin/mfa/clients"
    assert admin.get("/admin/mfa/clients/wiki").status_code == 404
    assert not is_taken(app, "wiki", secret)


def test_revoking_ends_every_token_of_a_client(app: Flask, admin: Browser) -> None:
    token = tokens_of(app, signed_in(app, "frank"))["access_token"]
    assert userinfo(app, token) == 200
    assert "1 user is signed in with this app" in admin.get("/admin/mfa/clients/board").text
    assert send(admin, "/clients/board/revoke", reason="leak").status_code == 303
    assert userinfo(app, token) == 401
    assert records(app, "client_grants_revoked", "client_changed")[-1]["reason"] == "leak"


def test_what_is_configured_is_changed_in_the_configuration(app: Flask, admin: Browser) -> None:
    assert "MFA_GATE_OIDC_CLIENTS" in admin.get("/admin/mfa/clients/board").text
    assert admin.get("/admin/mfa/clients/board/edit").status_code == 409
    for path, fields in (
        ("", {**FORM, "client_id": "board"}), ("/state", {"state": "disabled"}), ("/secrets", {}), ("/remove", {})
    ):  # fmt: skip
        assert send(admin, f"/clients/board{path}", **fields).status_code == 409, path


def test_programs_speak_the_words_of_rfc_7591(app: Flask, admin: Browser) -> None:
    words = {
        "client_id": "wiki",
        "client_name": "Wiki",
        "redirect_uris": [f"{WIKI}/signed-in"],
        "scope": "openid email",
    }
    made = admin.send_json("/admin/mfa/clients", words)
    assert made.status_code == 201
    assert is_taken(app, "wiki", made.json["client_secret"])  # type: ignore[index]
    changed = admin.send_json("/admin/mfa/clients/wiki", {**words, "client_name": "W"})
    assert (changed.json["client_name"], "client_secret" in changed.json) == ("W", False)  # type: ignore[index,operator]
    refused = admin.send_json("/admin/mfa/clients", {**words, "client_id": "x", "redirect_uri": "y"})
    assert (refused.status_code, refused.json["code"]) == (400, "bad_request")  # type: ignore[index]
    for body in ({"redirect_uris": 1}, {"scope": []}, {"client_name": {}}, {"grant_types": "x"}, {"jwks": []}):
        assert admin.send_json("/admin/mfa/clients", {**words, "client_id": "x", **body}).status_code == 400, body


@pytest.mark.parametrize("username", [HELPDESK, AUDITOR])
def test_only_admins_change_clients(app: Flask, phone: Phone, clock: StillClock, username: str, admin: Browser) -> None:
    register(admin)
    clock.forward(seconds=30)
    other = at_console(app, username, phone)
    page = other.get("/admin/mfa/clients/wiki")
    assert page.status_code == 200
    assert not re.search(r'<form[^>]*action="/admin/mfa/clients', page.text)
    assert other.get("/admin/mfa/clients/new").status_code == 403
    assert send(other, "/clients", **{**FORM, "client_id": "mine"}).status_code == 403
    assert send(other, "/clients/wiki/state", state="disabled").status_code == 403
    assert send(other, "/clients/wiki/secrets", overlap="0").status_code == 403


def test_changes_want_a_fresh_proof(app: Flask, admin: Browser, clock: StillClock) -> None:
    clock.forward(minutes=16)
    assert admin.get("/admin/mfa/clients").status_code == 200
    stopped = send(admin, "/clients", **FORM)
    assert stopped.status_code == 403
    assert "Your form was not submitted" in stopped.text
    assert "The wiki" in stopped.text


def test_an_app_that_is_no_provider_has_no_such_pages(make_app: Callable[..., Flask], phone: Phone) -> None:
    admin = at_console(make_app(), ADMIN, phone)
    assert admin.get("/admin/mfa/clients").status_code == 404
    assert "/admin/mfa/clients" not in admin.get("/admin/mfa/").text
    assert admin.get("/mfa/apps").status_code == 404

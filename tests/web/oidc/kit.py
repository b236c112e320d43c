"""A relying party of a few lines, and a user who signs in through it."""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from flask import Flask
from flask.testing import FlaskClient
from joserfc import jwt
from joserfc.jwk import KeySet
from werkzeug.test import TestResponse

from tests.conftest import Browser, Phone, state_of

ISSUER = "https://portal.example.org"
CALLBACK = "https://wiki.example.org/callback"
SECRET = "0123456789abcdef0123456789abcdef"
WIKI: Mapping[str, Any] = {
    "client_id": "wiki", "client_name": "Wiki", "redirect_uris": [CALLBACK], "client_secret": SECRET,
    "post_logout_redirect_uris": ["https://wiki.example.org/bye"], "skip_consent": True,
}  # fmt: skip
SPA: Mapping[str, Any] = {
    "client_id": "spa", "client_name": "Notes", "redirect_uris": ["https://notes.example.org/"],
    "token_endpoint_auth_method": "none", "skip_consent": True,
}  # fmt: skip
ASKING: Mapping[str, Any] = {
    "client_id": "asking", "client_name": "Asking", "redirect_uris": ["https://asking.example.org/cb"],
    "client_secret": SECRET,
}  # fmt: skip
CLIENTS = [WIKI, SPA, ASKING]
OIDC = {"MFA_GATE_OIDC": True, "MFA_GATE_OIDC_CLIENTS": CLIENTS}


def at_issuer(client: FlaskClient) -> FlaskClient:
    client.environ_base["HTTP_HOST"] = urlsplit(ISSUER).netloc
    client.environ_base["wsgi.url_scheme"] = "https"
    return client


class SecureBrowser(Browser):
    """A browser at the issuer's own address."""

    def __init__(self, app: Flask) -> None:
        super().__init__(app)
        original = self.client.open

        def open_at_issuer(*args: Any, **options: Any) -> Any:
            options.setdefault("base_url", ISSUER)
            return original(*args, **options)

        self.client.open = open_at_issuer  # type: ignore[method-assign]

    def cookie(self, name: str = "__Host-mfa_gate") -> str | None:
        found = self.client.get_cookie(name, domain=urlsplit(ISSUER).netloc)
        return found.value if found else None

    def sign_in_with_code(self, username: str, phone: Phone) -> TestResponse:
        self.sign_in(username)
        return self.send("/mfa/challenge", code=phone.code())


@dataclass
class RelyingParty:
    """One client, and what it remembers between sending its user away and having them back."""

    app: Flask
    client_id: str = "wiki"
    redirect_uri: str = CALLBACK
    secret: str | None = SECRET
    scope: str = "openid profile email groups"
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48))
    state: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    nonce: str = field(default_factory=lambda: secrets.token_urlsafe(16))

    def __post_init__(self) -> None:
        self.http = self.app.test_client()

    def parameters(self, **changed: str | None) -> dict[str, str]:
        challenge = urlsafe_b64encode(hashlib.sha256(self.verifier.encode()).digest()).decode().rstrip("=")
        asked: dict[str, str | None] = {
            "response_type": "code", "client_id": self.client_id, "redirect_uri": self.redirect_uri,
            "scope": self.scope, "state": self.state, "nonce": self.nonce, "code_challenge": challenge,
            "code_challenge_method": "S256", **changed,
        }  # fmt: skip
        return {name: value for name, value in asked.items() if value is not None}

    def address(self, **changed: str | None) -> str:
        return f"/mfa/oidc/authorize?{urlencode(self.parameters(**changed))}"

    def send(self, browser: Browser, **changed: str | None) -> TestResponse:
        return browser.get(self.address(**changed))

    def code(self, browser: Browser, **changed: str | None) -> str:
        told = self.told(self.send(browser, **changed))
        assert "code" in told, told
        return told["code"]

    def told(self, response: TestResponse) -> dict[str, str]:
        """What comes back, by redirect or by the page that goes on by itself."""
        location = location_of(response)
        assert location.startswith(self.redirect_uri), location
        told = dict(parse_qsl(urlsplit(location).query))
        assert told["iss"] == ISSUER
        assert told.get("state") == self.state
        return told

    def post(
        self, path: str, form: Mapping[str, str], *, authorization: str | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> TestResponse:  # fmt: skip
        headers = {"Authorization": authorization} if authorization else {}
        return self.http.post(
            f"/mfa/oidc/{path}", base_url=ISSUER, data=dict(form), headers=headers, environ_overrides=environ
        )

    @property
    def basic(self) -> str | None:
        return basic(self.client_id, self.secret) if self.secret is not None else None

    def trade(self, code: str, /, **changed: str) -> TestResponse:
        form = {
            "grant_type": "authorization_code", "code": code, "redirect_uri": self.redirect_uri,
            "code_verifier": self.verifier, **changed,
        }  # fmt: skip
        return self._token(form)

    def refresh(self, token: str, /, **changed: str) -> TestResponse:
        return self._token({"grant_type": "refresh_token", "refresh_token": token, **changed})

    def _token(self, form: Mapping[str, str]) -> TestResponse:
        named = dict(form) if self.secret is not None else {"client_id": self.client_id, **form}
        return self.post("token", named, authorization=self.basic)

    def tokens(self, browser: Browser, **changed: str | None) -> dict[str, Any]:
        answer = self.trade(self.code(browser, **changed))
        assert answer.status_code == 200, answer.text
        return dict(answer.json or {})

    def userinfo(self, token: str) -> TestResponse:
        return self.http.get("/mfa/oidc/userinfo", base_url=ISSUER, headers={"Authorization": f"Bearer {token}"})

    def claims(self, id_token: str) -> dict[str, Any]:
        keys = KeySet.import_key_set(self.http.get("/mfa/oidc/jwks", base_url=ISSUER).json)
        return dict(jwt.decode(id_token, keys, algorithms=["RS256", "ES256"]).claims)


def location_of(response: TestResponse) -> str:
    if response.status_code in {302, 303}:
        return str(response.headers["Location"])
    found = re.search(r'http-equiv="refresh" content="0;url=([^"]+)"', response.text)
    assert found, response.text
    return found[1].replace("&amp;", "&")


def basic(client_id: str, secret: str) -> str:
    return f"Basic {b64encode(f'{client_id}:{secret}'.encode()).decode()}"


def walk(browser: Browser, response: TestResponse, *, stops_at: str = "/mfa/challenge") -> TestResponse:
    """Follow redirects of this app until one leads to a page, or away."""
    for _ in range(10):
        location = response.headers.get("Location")
        if location is None or not location.startswith("/") or location.startswith(stops_at):
            return response
        response = browser.get(location)
    raise AssertionError("goes round in circles")


def rows(app: Flask, table: str) -> int:
    from sqlalchemy import func, select

    store = state_of(app).store
    with store.database.read() as tx:
        return int(tx.execute(select(func.count()).select_from(getattr(store.tables, table))).scalar_one())


def as_json(value: Any) -> str:
    return json.dumps(value)

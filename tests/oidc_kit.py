"""A provider and a relying party in a few lines, for tests of what is around the provider."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

from flask import Flask

from tests.conftest import Browser, state_of
from tests.services.kit import rows

# Test clients ask under this name anyway, and plain http is good enough for it.
ISSUER, WIKI, BOARD = "http://localhost", "https://wiki.example.org", "https://board.example.org/"
CONFIGURED = {
    "client_id": "board", "client_name": "Board", "redirect_uris": [BOARD], "token_endpoint_auth_method": "none",
    "skip_consent": True,
}  # fmt: skip
PROVIDER = {"MFA_GATE_OIDC": True, "MFA_GATE_BASE_URL": ISSUER, "MFA_GATE_OIDC_CLIENTS": [CONFIGURED]}
VERIFIER = "a-verifier-of-enough-characters-for-a-code-challenge-0123456789"
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")


def endpoint(app: Flask, word: str) -> str:
    """The path of an endpoint of the provider."""
    known = app.test_client().get("/.well-known/openid-configuration").json
    assert known is not None
    return str(known[word]).removeprefix(ISSUER)


def is_taken(app: Flask, client_id: str, secret: str) -> bool:
    """Whether the provider takes the secret of a client."""
    body = {"grant_type": "refresh_token", "refresh_token": "x"}
    said = app.test_client().post(endpoint(app, "token_endpoint"), data=body, auth=(client_id, secret)).json
    assert said is not None
    return bool(said["error"] == "invalid_grant")


def tokens_of(app: Flask, browser: Browser, *, scope: str = "openid email") -> dict[str, Any]:
    """What Board gets for somebody who is signed in."""
    asked = {
        "client_id": "board", "response_type": "code", "redirect_uri": BOARD, "scope": scope, "state": "s",
        "nonce": "n", "code_challenge": CHALLENGE, "code_challenge_method": "S256",
    }  # fmt: skip
    answer = browser.get(endpoint(app, "authorization_endpoint"), query_string=asked)
    assert answer.status_code in {302, 303}, answer.text
    code = parse_qs(urlsplit(answer.location).query)["code"][0]
    body = {"grant_type": "authorization_code", "code": code, "redirect_uri": BOARD, "code_verifier": VERIFIER}
    return ask_tokens(app, **body)[1]


def refresh(app: Flask, token: str) -> tuple[int, dict[str, Any]]:
    """Trade a refresh token."""
    return ask_tokens(app, grant_type="refresh_token", refresh_token=token)


def ask_tokens(app: Flask, **body: str) -> tuple[int, dict[str, Any]]:
    answer = app.test_client().post(endpoint(app, "token_endpoint"), data={"client_id": "board", **body})
    return answer.status_code, dict(answer.json or {})


def userinfo(app: Flask, token: str) -> int:
    """Whether an access token opens anything."""
    bearer = {"Authorization": f"Bearer {token}"}
    return app.test_client().get(endpoint(app, "userinfo_endpoint"), headers=bearer).status_code


def records(app: Flask, *names: str) -> list[dict[str, Any]]:
    """Audit records of these events, in order."""
    found = sorted(rows(state_of(app).store, "audit"), key=lambda row: row.id)
    return [
        {"event": row.event, "actor": row.actor, "subject": row.subject, "reason": row.reason, **_details(row.details)}
        for row in found
        if row.event in names
    ]


def _details(given: Any) -> dict[str, Any]:
    return dict(json.loads(given) if isinstance(given, str) else given or {})

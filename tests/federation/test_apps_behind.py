"""Apps that sign in here hear of users whom another provider signed in just what that provider said of them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet
from werkzeug.test import TestResponse

from tests.federation.kit import App, Liar, Person
from tests.oidc_kit import BOARD, CHALLENGE, CONFIGURED, VERIFIER, ask_tokens, endpoint, refresh

PROVIDER = {"MFA_GATE_OIDC": True, "MFA_GATE_OIDC_CLIENTS": [CONFIGURED]}
NEEDS_AUTH_TIME = json.dumps({"id_token": {"auth_time": {"essential": True}}})


def seconds(**ago: float) -> int:
    return int((datetime.now(UTC) - timedelta(**ago)).timestamp())


def signed_in(liar: Liar, trust: str = "when-proved", **claims: Any) -> Person:
    liar.claims = claims
    person = App(liar.issuer, trust, **PROVIDER).person(liar.walk)
    person.sign_in()
    return person


def address(**asked: str) -> str:
    parameters = {
        "client_id": "board", "response_type": "code", "redirect_uri": BOARD, "scope": "openid",
        "state": "s", "code_challenge": CHALLENGE, "code_challenge_method": "S256", **asked,
    }  # fmt: skip
    return f"/mfa/oidc/authorize?{urlencode(parameters)}"


def ask(person: Person, **asked: str) -> TestResponse:
    return person.client.get(address(**asked))


def told(answer: TestResponse) -> dict[str, str]:
    assert str(answer.location).startswith(BOARD), (answer.location, answer.text)
    return dict(parse_qsl(urlsplit(answer.location).query))


def tokens(person: Person, **asked: str) -> dict[str, Any]:
    body = {"code": told(ask(person, **asked))["code"], "redirect_uri": BOARD, "code_verifier": VERIFIER}
    return ask_tokens(person.app.app, grant_type="authorization_code", **body)[1]


def claims_of(app: App, id_token: str) -> dict[str, Any]:
    keys = KeySet.import_key_set(app.app.test_client().get(endpoint(app.app, "jwks_uri")).json)
    return dict(jwt.decode(id_token, keys, algorithms=["RS256"]).claims)


@pytest.mark.parametrize("trust", ["never", "when-proved", "always"])
def test_a_time_that_the_provider_did_not_tell_is_told_to_nobody(liar: Liar, trust: str) -> None:
    person = signed_in(liar, trust, auth_time=None)
    got = tokens(person)
    for id_token in (got["id_token"], refresh(person.app.app, got["refresh_token"])[1]["id_token"]):
        assert "auth_time" not in claims_of(person.app, id_token)


def test_the_time_that_it_told_is_passed_on(liar: Liar) -> None:
    at = seconds(minutes=20)
    person = signed_in(liar, auth_time=at)
    assert claims_of(person.app, tokens(person)["id_token"])["auth_time"] == at


@pytest.mark.parametrize("asked", [{"max_age": "300"}, {"max_age": "0"}, {"claims": NEEDS_AUTH_TIME}])
def test_an_app_that_needs_a_time_gets_no_code_without_one(liar: Liar, asked: dict[str, str]) -> None:
    person = signed_in(liar, auth_time=None)
    assert told(ask(person, prompt="none", **asked))["error"] == "login_required"
    page = person.client.get(ask(person, **asked).location)
    assert (page.status_code, "Sign in again" in page.text) == (200, True)


def test_a_time_of_any_age_is_enough_for_an_app_that_only_needs_to_know_it(liar: Liar) -> None:
    at = seconds(hours=9)
    person = signed_in(liar, auth_time=at)
    assert claims_of(person.app, tokens(person, claims=NEEDS_AUTH_TIME)["id_token"])["auth_time"] == at

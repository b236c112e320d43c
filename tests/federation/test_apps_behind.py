"""Apps that sign in here hear of users whom another provider signed in just what that provider said of them."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet
from werkzeug.test import TestResponse

from tests.federation.kit import MFA, App, Liar, Person, query_of
from tests.oidc_kit import BOARD, CHALLENGE, CONFIGURED, VERIFIER, ask_tokens, endpoint, refresh
from tests.web.oidc.kit import location_of

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
    location = location_of(answer)
    assert location.startswith(BOARD), location
    return dict(parse_qsl(urlsplit(location).query))


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


AGAIN = "Sign in with Example ID"


def sent_back(person: Person, page: str) -> str:
    """Where the provider is asked once more, from the page that an app's request waits at."""
    answer = person.client.get(page)
    assert AGAIN in answer.text, answer.text
    found = re.search(r'href="(/mfa/sign-in/id\?[^"]+)"', answer.text)
    assert found
    return person.leave(unescape(found[1]))


@pytest.mark.parametrize("trust", ["never", "when-proved"])
@pytest.mark.parametrize("asked", [{"prompt": "login"}, {"max_age": "0"}])
def test_a_new_sign_in_is_asked_of_the_provider_and_only_once(liar: Liar, trust: str, asked: dict[str, str]) -> None:
    person = signed_in(liar, trust, auth_time=seconds(minutes=20))
    session = person.claims_of_session()
    page = ask(person, **asked).location
    url = sent_back(person, page)
    assert (query_of(url)["prompt"], query_of(url)["max_age"]) == ("login", "0")
    liar.claims = {}
    assert person.come_back(liar.walk(url)).location == page
    assert "code" in told(person.client.get(page))
    assert person.claims_of_session().lineage == session.lineage, "other apps stay signed in"


@pytest.mark.parametrize(
    ("trust", "amr", "acr_values"),
    [("when-proved", ["pwd", "mfa"], MFA), ("when-proved", ["pwd"], None), ("never", ["pwd", "mfa"], None)],
)
def test_a_new_sign_in_is_to_be_as_strong_as_the_one_before(
    liar: Liar, trust: str, amr: list[str], acr_values: str | None
) -> None:
    person = signed_in(liar, trust, amr=amr, auth_time=seconds(minutes=20))
    url = sent_back(person, ask(person, prompt="login").location)
    assert query_of(url).get("acr_values") == acr_values


def test_the_age_that_an_app_allows_is_asked_of_the_provider(liar: Liar) -> None:
    person = signed_in(liar, auth_time=seconds(minutes=20))
    page = ask(person, max_age="300").location
    url = sent_back(person, page)
    assert (query_of(url).get("prompt"), query_of(url)["max_age"]) == (None, "300")
    liar.claims = {"auth_time": seconds(minutes=2)}
    person.come_back(liar.walk(url))
    assert "code" in told(person.client.get(page))


def test_the_first_sign_in_is_asked_for_in_the_same_way(liar: Liar) -> None:
    person = App(liar.issuer, **PROVIDER).person(liar.walk)
    page = ask(person, prompt="login").location
    url = person.leave(f"/mfa/sign-in/id?next={page}")
    assert query_of(url)["prompt"] == "login"
    assert person.come_back(liar.walk(url)).location == page
    assert "code" in told(person.client.get(page))


def test_what_waits_for_another_browser_asks_nothing_of_this_one(liar: Liar) -> None:
    app = App(liar.issuer, **PROVIDER)
    page = ask(app.person(liar.walk), prompt="login").location
    assert "prompt" not in query_of(app.person(liar.walk).leave(f"/mfa/sign-in/id?next={page}"))


NOT_CONFIRMED = "Example ID did not confirm that you signed in just now"
STALE = {"old": seconds(minutes=20), "nothing": None, "a word": "now", "the future": seconds(hours=-9)}


@pytest.mark.parametrize("auth_time", STALE)
@pytest.mark.parametrize("asked", [{"prompt": "login"}, {"max_age": "0"}, {"max_age": "300"}])
def test_a_provider_that_did_not_ask_its_user_again_is_not_believed(
    liar: Liar, auth_time: str, asked: dict[str, str]
) -> None:
    person = signed_in(liar, "always", auth_time=STALE[auth_time])
    page = ask(person, **asked).location
    person.come_back(liar.walk(sent_back(person, page)))
    again = person.client.get(page)
    assert NOT_CONFIRMED in again.text
    token = re.search(r'name="csrf_token" value="([^"]+)"', again.text)
    assert token
    left = person.client.post(page, data={"csrf_token": token[1], "act": "deny"})
    assert "error=access_denied" in left.text


def test_what_it_told_of_before_is_nothing_new(liar: Liar) -> None:
    """However young: the user may have taken the prompt out of the address on the way."""
    person = signed_in(liar, auth_time=(at := seconds(seconds=5)))
    page = ask(person, prompt="login").location
    url = sent_back(person, page)
    liar.claims = {"auth_time": at}
    person.come_back(liar.walk(url))
    assert NOT_CONFIRMED in person.client.get(page).text


def test_nor_is_it_after_the_user_signed_out_here(liar: Liar) -> None:
    """Nobody knows then what it told before, but it says itself how long ago that was."""
    person = signed_in(liar, auth_time=(at := seconds(seconds=20)))
    page = ask(person, prompt="login").location
    token = re.search(r'name="csrf_token" value="([^"]+)"', person.client.get(page).text)
    assert token
    person.client.post(page, data={"csrf_token": token[1], "act": "sign-in"})
    assert person.status() == 401
    url = person.leave(f"/mfa/sign-in/id?next={page}")
    liar.claims = {"auth_time": at}
    person.come_back(liar.walk(url))
    assert NOT_CONFIRMED in person.client.get(page).text


@pytest.mark.parametrize("is_asked_anew", [False, True])
def test_nor_by_a_clock_that_is_ahead(liar: Liar, *, is_asked_anew: bool) -> None:
    at = seconds(seconds=-40)
    person = signed_in(liar, auth_time=at, iat=at + 10)
    page = ask(person, prompt="login").location
    url = person.leave(f"/mfa/sign-in/id?next={page if is_asked_anew else '/'}")
    liar.claims = {"auth_time": at, "iat": at + 12}
    person.come_back(liar.walk(url))
    assert NOT_CONFIRMED in person.client.get(page).text


@pytest.mark.parametrize("behind", [0, 30])
def test_its_clock_may_be_behind(liar: Liar, behind: int) -> None:
    person = signed_in(liar, auth_time=seconds(minutes=20))
    page = ask(person, prompt="login").location
    url = sent_back(person, page)
    liar.claims = {"auth_time": seconds(seconds=behind), "iat": seconds(seconds=behind)}
    person.come_back(liar.walk(url))
    code = told(person.client.get(page))["code"]
    body = {"code": code, "redirect_uri": BOARD, "code_verifier": VERIFIER}
    got = ask_tokens(person.app.app, grant_type="authorization_code", **body)[1]
    assert claims_of(person.app, got["id_token"])["auth_time"] >= seconds(seconds=10)


def test_whoever_holds_a_factor_here_proves_it_here(liar: Liar) -> None:
    person = signed_in(liar, auth_time=seconds(minutes=20))
    person.app.enroll("ann")
    answer = person.client.get(ask(person, prompt="login").location)
    assert answer.location == "/mfa/challenge"


def test_somebody_else_who_comes_back_is_somebody_else_to_the_app(liar: Liar) -> None:
    person = signed_in(liar, auth_time=seconds(minutes=20))
    page = ask(person, prompt="login").location
    url = sent_back(person, page)
    liar.claims = {"sub": "ben"}
    person.come_back(liar.walk(url))
    code = told(person.client.get(page))["code"]
    body = {"code": code, "redirect_uri": BOARD, "code_verifier": VERIFIER}
    got = ask_tokens(person.app.app, grant_type="authorization_code", **body)[1]
    assert claims_of(person.app, got["id_token"])["sub"] == "ben"


def essential(level: str) -> str:
    return json.dumps({"id_token": {"acr": {"essential": True, "values": [level]}}})


@pytest.mark.parametrize("asked", [{"acr_values": MFA}, {"claims": essential(MFA)}])
def test_the_strength_that_an_app_asks_for_is_asked_of_the_provider(liar: Liar, asked: dict[str, str]) -> None:
    person = signed_in(liar, amr=["pwd"])
    page = ask(person, **asked).location
    assert person.client.get(page).location == "/mfa/challenge"
    url = person.leave("/mfa/sign-in/id?step_up=1")
    assert query_of(url)["acr_values"] == MFA
    liar.claims = {"acr": MFA, "amr": ["pwd", "otp"]}
    assert person.come_back(liar.walk(url)).location == page
    body = {"code": told(person.client.get(page))["code"], "redirect_uri": BOARD, "code_verifier": VERIFIER}
    got = ask_tokens(person.app.app, grant_type="authorization_code", **body)[1]
    assert claims_of(person.app, got["id_token"])["acr"] == MFA


def test_a_strength_that_it_does_not_reach_is_set_up_here(liar: Liar) -> None:
    person = signed_in(liar, amr=["pwd"])
    page = ask(person, acr_values=MFA).location
    person.client.get(page)
    assert person.sign_in("/mfa/sign-in/id?step_up=1").status_code == 403
    assert "Continue without it" in person.client.get(page).text


@pytest.mark.parametrize(("trust", "level"), [("never", MFA), ("when-proved", "phr")])
def test_nor_is_one_that_it_can_not_reach_asked_of_it(liar: Liar, trust: str, level: str) -> None:
    person = signed_in(liar, trust, amr=["pwd"])
    answer = person.client.get(ask(person, acr_values=level).location)
    assert "/mfa/challenge" not in (answer.location or "")
    assert "Example ID" not in answer.text

"""Signing in by a provider that does everything right, or anything wrong."""

from __future__ import annotations

import logging
import subprocess
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Response, abort, jsonify, redirect
from flask_login import user_logged_in
from joserfc.jwk import OctKey, RSAKey

from flask_mfa_gate import MFAGate
from flask_mfa_gate.domain.oidc.upstream_provider import UpstreamProvider
from flask_mfa_gate.errors import ConfigError
from tests.conftest import JSON, state_of
from tests.federation.kit import BASE, CALLBACK, CLIENT_ID, SECRET, App, Liar, query_of, text_of
from tests.hosts_small.kit import Host
from tests.oidc_kit import records


def seconds(**ago: float) -> int:
    return int((datetime.now(UTC) - timedelta(**ago)).timestamp())


def test_a_user_signs_in_and_goes_to_the_page_they_wanted(liar: Liar) -> None:
    app = App(liar.issuer)
    person = app.person(liar.walk)
    answer = person.sign_in("/mfa/sign-in/id?next=/payroll%3Fmonth%3D3")
    assert (answer.status_code, answer.location) == (303, "/payroll?month=3")
    assert (person.status(), app.asked) == (200, [(liar.issuer, "ann")])
    (record,) = records(app.app, "signed_in")
    assert (record["sign_in"], record["provider"]) == ("federated", liar.issuer)
    assert f"Signed in by {liar.issuer}" in person.client.get("/mfa/").text


def test_the_request_is_bound_to_this_browser_by_state_nonce_and_pkce(liar: Liar) -> None:
    person = App(liar.issuer).person(liar.walk)
    first, second = (query_of(person.leave()) for _ in range(2))
    assert (first["response_type"], first["redirect_uri"], first["code_challenge_method"]) == ("code", CALLBACK, "S256")
    assert all(first[name] != second[name] and len(first[name]) >= 20 for name in ("state", "nonce", "code_challenge"))
    assert int(first["max_age"]) == 12 * 3600


@pytest.mark.parametrize(("trust", "status"), [("never", 401), ("when-proved", 200), ("always", 200)])
def test_what_it_proved_is_believed_or_not(liar: Liar, trust: str, status: int) -> None:
    app = App(liar.issuer, trust)
    app.enroll("ann")
    person = app.person(liar.walk)
    person.sign_in()
    assert person.status() == status


def test_one_factor_there_is_one_factor_here(liar: Liar) -> None:
    liar.claims = {"amr": ["pwd"]}
    app = App(liar.issuer)
    app.enroll("ann")
    person = app.person(liar.walk)
    assert person.sign_in().location == "/mfa/challenge"
    assert person.status() == 401


ELSEWHERE = RSAKey.generate_key(2048, {"kid": "a"})
WRONG_CLAIMS: list[dict[str, Any]] = [
    {"iss": "https://id.example.org"}, {"iss": None}, {"aud": "other"}, {"aud": None}, {"aud": []},
    {"aud": [CLIENT_ID, "other"]}, {"aud": [CLIENT_ID, "other"], "azp": "other"}, {"azp": "other"},
    {"aud": {CLIENT_ID: 1}}, {"nonce": "other"}, {"nonce": None}, {"nonce": ["n"]}, {"sub": None}, {"sub": ""},
    {"sub": 7}, {"sub": "x" * 256}, {"padding": "x" * 80_000}, {"sub": "ann\x00"}, {"nbf": seconds(hours=-9)}, {"nbf": "now"}, {"exp": seconds(seconds=61)}, {"exp": None}, {"exp": "later"}, {"exp": True},
    {"iat": seconds(hours=-9)}, {"iat": None}, {"iat": -1}, {"iat": 1e300}, {"at_hash": "wrong"}, {"at_hash": None, "exp": 0},
]  # fmt: skip


@pytest.mark.parametrize("claims", WRONG_CLAIMS, ids=" ".join)
def test_a_token_that_is_not_the_one_asked_for_signs_nobody_in(liar: Liar, claims: dict[str, Any]) -> None:
    liar.claims = claims
    app = App(liar.issuer, "always")
    person = app.person(liar.walk)
    answer = person.sign_in()
    assert (answer.status_code, person.status(), app.asked) == (401, 401, [])


RIGHT_CLAIMS: list[dict[str, Any]] = [
    {"aud": [CLIENT_ID]}, {"aud": [CLIENT_ID, "other"], "azp": CLIENT_ID}, {"azp": CLIENT_ID}, {"exp": seconds(hours=-9)},
]  # fmt: skip


@pytest.mark.parametrize("claims", RIGHT_CLAIMS, ids=" ".join)
def test_a_token_may_be_written_in_several_ways(liar: Liar, claims: dict[str, Any]) -> None:
    liar.claims = claims
    person = App(liar.issuer).person(liar.walk)
    person.sign_in()
    assert person.status() == 200


FORGERIES: dict[str, Any] = {
    "the key of somebody else": lambda liar, claims: liar.signed(claims, key=ELSEWHERE),
    "an unknown key": lambda liar, claims: liar.signed(claims, key=RSAKey.generate_key(2048, {"kid": "b"})),
    "no signature": lambda liar, claims: liar.signed(claims).rpartition(".")[0] + ".",
    "alg none": lambda liar, claims: "eyJhbGciOiJub25lIn0." + liar.signed(claims).split(".")[1] + ".",
    "the client's secret": lambda liar, claims: liar.signed(
        claims, alg="HS256", key=OctKey.import_key(SECRET, {"kid": "a"})
    ),
    "the public key as a secret": lambda liar, claims: liar.signed(
        claims, alg="HS256", key=OctKey.import_key(liar.key.as_pem(private=False), {"kid": "a"})
    ),
    "a key that it brings along": lambda liar, claims: liar.signed(
        claims, key=ELSEWHERE, jwk=ELSEWHERE.as_dict(private=False)
    ),
    "ten megabytes": lambda liar, claims: "a" * 10_000_000,
    "a number": lambda liar, claims: 7,
    "nothing": lambda liar, claims: None,
    "an empty text": lambda liar, claims: "",
    "two dots": lambda liar, claims: "..",
    "no ASCII": lambda liar, claims: "ä.ö.ü",
}


@pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")
@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_token_that_the_provider_did_not_sign_signs_nobody_in(liar: Liar, forgery: str) -> None:
    liar.token = lambda claims: FORGERIES[forgery](liar, claims)
    app = App(liar.issuer, "always")
    person = app.person(liar.walk)
    answer = person.sign_in()
    assert answer.status_code in {401, 503}, forgery
    assert (person.status(), app.asked) == (401, [])


@pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")
def test_a_key_that_everybody_has_signs_nobody_in(liar: Liar) -> None:
    liar.key = OctKey.import_key(SECRET, {"kid": "a"})
    liar.token = lambda claims: liar.signed(claims, alg="HS256")
    app = App(liar.issuer, "always")
    person = app.person(liar.walk)
    assert (person.sign_in().status_code, person.status(), app.asked) == (401, 401, [])


def test_a_new_key_of_the_provider_is_fetched_when_it_is_used(liar: Liar) -> None:
    person = (app := App(liar.issuer)).person(liar.walk)
    person.sign_in()
    liar.key = RSAKey.generate_key(2048, {"kid": "next"})
    other = app.person(liar.walk)
    other.sign_in()
    assert (other.status(), liar.fetched.count("jwks"), liar.fetched.count("configuration")) == (200, 2, 1)


@pytest.mark.parametrize(
    "metadata",
    [
        {"issuer": "https://id.example.org"}, {"issuer": None}, {"token_endpoint": "http://id.example.org/token"},
        {"jwks_uri": None}, {"authorization_endpoint": "javascript:alert(1)"}, {"jwks_uri": "http://[::1"},
    ],
)  # fmt: skip
def test_a_provider_that_calls_itself_another_one_gets_no_user(liar: Liar, metadata: dict[str, Any]) -> None:
    app = App(liar.issuer)
    client = app.app.test_client()
    liar.metadata = metadata
    answer = client.get("/mfa/sign-in/id")
    assert answer.status_code == 401
    assert "Example ID can't be trusted" in answer.text.replace("&#39;", "'")
    liar.metadata = {}
    assert client.get("/mfa/sign-in/id").status_code == 303, "what was wrong is not remembered"


@pytest.mark.parametrize(
    "metadata",
    [
        {"client_id": "other"}, {"code_challenge_method": "plain"}, {"response_type": "token"}, {"scope": "email"},
        {"proxies": {"http": "http://localhost:9"}}, {"token_endpoint_auth_method": "none"}, {"session": 1}, {"verify": False},
    ],
    ids=str,
)  # fmt: skip
def test_what_a_provider_says_of_itself_is_no_setting_of_the_client(liar: Liar, metadata: dict[str, Any]) -> None:
    liar.metadata = metadata
    person = App(liar.issuer).person(liar.walk)
    url = person.leave()
    asked = {name: query_of(url)[name] for name in ("client_id", "response_type", "scope", "code_challenge_method")}
    assert list(asked.values()) == [CLIENT_ID, "code", "openid profile email", "S256"]
    assert (person.come_back(liar.walk(url)).status_code, person.status()) == (303, 200)


def test_a_provider_elsewhere_names_no_address_of_this_machine() -> None:
    words = {"name": "id", "client_id": "a", "issuer": "https://id.example.org"}
    far, near = UpstreamProvider(**words), UpstreamProvider(**{**words, "issuer": "http://localhost:5000"})
    urls = ("https://id.example.org/token", "http://localhost:8080/token", "http://id.example.org/token", None)
    assert [far.may_name(url) for url in urls] == [True, False, False, False]
    assert [near.may_name(url) for url in urls] == [True, True, False, False]


@pytest.mark.parametrize(
    "key",
    [
        {"kty": "EC", "crv": "unknown", "x": "AA", "y": "AA"}, {"kty": "OKP", "crv": "Ed25519", "x": "AAAA"}, {"kty": "RSA"},
        {"kty": "RSA", "n": "AQAB", "e": "AQAB", "kid": 7}, {"kty": ["RSA"]}, {}, 7, {"kty": "oct", "k": "A" * 43},
    ],
    ids=str,
)  # fmt: skip
def test_a_key_that_nobody_here_can_use_keeps_nobody_out(liar: Liar, key: Any) -> None:
    liar.other_keys = [key]
    person = App(liar.issuer).person(liar.walk)
    assert (person.sign_in().status_code, person.status()) == (303, 200)


@pytest.mark.parametrize(("waits", "status"), [(59, 303), (61, 401)])
def test_what_was_begun_long_ago_is_over(liar: Liar, waits: int, status: int) -> None:
    app = App(liar.issuer)
    person = app.person(liar.walk)
    url = person.leave()
    app.clock.ahead = timedelta(minutes=waits)
    liar.claims = {name: seconds(minutes=-waits - ahead) for name, ahead in (("iat", 0), ("exp", 5), ("auth_time", 0))}
    assert person.come_back(liar.walk(url)).status_code == status


def test_the_issuer_is_compared_to_the_last_slash(liar: Liar) -> None:
    app = App(f"{liar.issuer}/")
    assert app.app.test_client().get("/mfa/sign-in/id").status_code == 401


@pytest.mark.parametrize("sent", [{"iss": "https://id.example.org"}, {"iss": ""}])
def test_a_code_of_another_provider_is_not_sent_to_this_one(liar: Liar, sent: dict[str, str]) -> None:
    liar.answer = sent
    app = App(liar.issuer)
    person = app.person(liar.walk)
    assert person.sign_in().status_code == 401
    assert len(liar.codes) == 1, "the code was not traded"


def test_a_provider_that_promises_to_name_itself_has_to(liar: Liar) -> None:
    liar.metadata = {"authorization_response_iss_parameter_supported": True}
    app = App(liar.issuer)
    assert app.person(liar.walk).sign_in().status_code == 401
    liar.answer = {"iss": liar.issuer}
    assert app.person(liar.walk).sign_in().status_code == 303


def test_the_code_of_somebody_else_signs_nobody_in(liar: Liar) -> None:
    app = App(liar.issuer)
    thief, victim = app.person(liar.walk), app.person(liar.walk)
    link = liar.walk(thief.leave())
    victim.leave()
    answer = victim.come_back(link)
    assert (answer.status_code, victim.status(), len(liar.codes)) == (401, 401, 1)


def test_an_answer_counts_once(liar: Liar) -> None:
    app = App(liar.issuer)
    person = app.person(liar.walk)
    link = liar.walk(person.leave())
    liar.codes["again"] = liar.codes["code-0"]
    assert person.come_back(link).status_code == 303
    assert person.come_back(link.replace("code-0", "again")).status_code == 401
    assert app.asked == [(liar.issuer, "ann")]


def test_what_was_answered_stays_in_no_session(liar: Liar) -> None:
    liar.answer = {"error": "access_denied"}
    person = App(liar.issuer).person(liar.walk)
    person.sign_in()
    with person.client.session_transaction() as kept:
        assert not [name for name in kept if name.startswith("_state_")]


def test_a_copy_of_the_cookie_answers_no_second_time(liar: Liar) -> None:
    """What was begun is kept by the browser, who may put an old session back."""
    app = App(liar.issuer)
    person = app.person(liar.walk)
    link = liar.walk(person.leave())
    kept = person.client.get_cookie("session")
    assert kept is not None
    liar.codes["again"] = liar.codes["code-0"]
    person.come_back(link)
    thief = app.person(liar.walk)
    thief.client.set_cookie("session", kept.value)
    assert (thief.come_back(link.replace("code-0", "again")).status_code, thief.status()) == (401, 401)
    assert "again" in liar.codes, "the provider is not asked"


def test_the_token_of_an_earlier_sign_in_is_refused(liar: Liar) -> None:
    kept: list[str] = []

    def replayed(claims: dict[str, Any]) -> str:
        kept.append(liar.signed(claims))
        return kept[0]

    liar.token = replayed
    app = App(liar.issuer, "always")
    assert app.person(liar.walk).sign_in().status_code == 303
    other = app.person(liar.walk)
    assert (other.sign_in().status_code, other.status()) == (401, 401)


@pytest.mark.parametrize(
    "target",
    ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", "/../..//evil.example", ""],
)
def test_nobody_is_sent_to_another_place(liar: Liar, target: str) -> None:
    person = App(liar.issuer).person(liar.walk)
    leave = person.client.get("/mfa/sign-in/id", query_string={"next": target}).location
    assert person.come_back(liar.walk(leave)).location == "/"


@pytest.mark.parametrize(
    "query", ["", "?code=x", "?state=x", "?code=x&state=x", "?error=access_denied", "?error=x&error_description=%3Cb%3E",
              "?code=a&code=b&state=x", "?state=%00", "?state[]=x&code=x"],
)  # fmt: skip
def test_an_answer_to_nothing_is_refused_with_a_sentence(liar: Liar, query: str) -> None:
    client = App(liar.issuer).app.test_client()
    answer = client.get(f"/mfa/sign-in/id/callback{query}")
    assert answer.status_code in {400, 401}
    assert "<b>" not in answer.text


def test_a_user_who_declines_there_may_try_again(liar: Liar) -> None:
    liar.answer = {"error": "access_denied", "error_description": "<b>no</b>"}
    person = App(liar.issuer).person(liar.walk)
    answer = person.sign_in()
    assert (answer.status_code, "Example ID did not sign you in" in answer.text, "<b>" in answer.text) == (
        401,
        True,
        False,
    )
    assert 'href="/mfa/sign-in/id">Try again</a>' in answer.text


@pytest.mark.parametrize(
    "answer",
    [
        lambda: Response("no json"), lambda: jsonify([1]), lambda: jsonify(error="server_error"), lambda: jsonify({}),
        lambda: Response("busy", 503), lambda: redirect("https://evil.example/token", 307),
        lambda: Response("x" * (2 << 20)),
    ],
)  # fmt: skip
def test_a_provider_that_fails_is_no_error_of_the_app(liar: Liar, answer: Any) -> None:
    liar.token_answer = answer
    person = App(liar.issuer).person(liar.walk)
    assert person.sign_in().status_code in {401, 503}
    assert person.status() == 401


def test_the_clients_secret_goes_nowhere_else(liar: Liar) -> None:
    liar.token_answer = lambda: redirect(f"{liar.issuer}/elsewhere", 307)
    assert App(liar.issuer).person(liar.walk).sign_in().status_code == 503
    assert "elsewhere" not in liar.fetched


def test_an_answer_has_an_end(liar: Liar) -> None:
    liar.metadata = {"service_documentation": "x" * (2 << 20)}
    assert App(liar.issuer).app.test_client().get("/mfa/sign-in/id").status_code == 503


def test_a_provider_that_says_a_byte_now_and_then_holds_nobody_up(liar: Liar, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flask_mfa_gate.oidc.client.http.TOTAL_SECONDS", 0.5)
    liar.token_answer = lambda: Response((b" " for _ in range(40) if time.sleep(0.05) is None), mimetype="text/plain")
    person = App(liar.issuer).person(liar.walk)
    back = liar.walk(person.leave())
    began = time.monotonic()
    assert person.come_back(back).status_code == 503
    assert time.monotonic() - began < 1.5


def test_a_parameter_that_came_twice_is_refused(liar: Liar) -> None:
    person = App(liar.issuer).person(liar.walk)
    assert person.come_back(liar.walk(person.leave()) + "&code=x").status_code == 400


@pytest.mark.parametrize("module", ["oidc.client.client", "oidc.provider.server"])
def test_authlib_may_not_write_what_it_sends(module: str) -> None:
    """Each where the other is not in use."""
    level = f"import logging, flask_mfa_gate.{module}; print(logging.getLogger('authlib').level > logging.DEBUG)"
    assert subprocess.check_output([sys.executable, "-c", level], text=True).strip() == "True"


def test_a_provider_that_is_away_is_told_so() -> None:
    app = App("http://localhost:9")
    answer = app.app.test_client().get("/mfa/sign-in/id", headers=JSON)
    assert (answer.status_code, (answer.json or {})["code"]) == (503, "mfa_unavailable")


def test_people_without_an_account_and_disabled_ones_stay_outside(liar: Liar) -> None:
    app = App(liar.issuer, "always")
    for subject in ("nobody", "disabled"):
        liar.claims = {"sub": subject}
        person = app.person(liar.walk)
        assert (person.sign_in().status_code, person.status()) == (403, 401)


@pytest.mark.parametrize(
    ("how", "status"),
    [(lambda: abort(403, "Ask the service desk for an account."), 403), (lambda: abort(redirect("/join")), 302)],
)
def test_an_app_may_turn_people_away_in_its_own_way(liar: Liar, how: Any, status: int) -> None:
    app = App(liar.issuer, "always")
    app.find = lambda *_: how()
    person = app.person(liar.walk)
    answer = person.sign_in()
    assert (answer.status_code, person.status()) == (status, 401)
    assert answer.location == "/join" if status == 302 else "Ask the service desk" in answer.text


def test_an_app_that_fails_while_it_signs_in_has_signed_nobody_in(liar: Liar) -> None:
    app = App(liar.issuer, "always")

    def fails(_app: Any, **_: Any) -> None:
        raise RuntimeError

    with user_logged_in.connected_to(fails, app.app):
        person = app.person(liar.walk)
        assert (person.sign_in().status_code, person.status()) == (503, 401)
    assert (person.sign_in().status_code, person.status()) == (303, 200)


@pytest.mark.parametrize(("claims", "status"), [({"auth_time": seconds(minutes=16)}, 401), ({"auth_time": None}, 401),
                                                ({"auth_time": "now"}, 401), ({}, 303)])  # fmt: skip
def test_a_provider_may_be_asked_for_young_sign_ins_only(liar: Liar, claims: dict[str, Any], status: int) -> None:
    liar.claims = claims
    person = App(liar.issuer, upstream={"max_age": timedelta(minutes=15)}).person(liar.walk)
    url = person.leave()
    assert query_of(url)["max_age"] == "900"
    assert person.come_back(liar.walk(url)).status_code == status


def test_a_session_does_not_fill_with_what_was_begun(liar: Liar) -> None:
    person = App(liar.issuer).person(liar.walk)
    urls = [person.leave() for _ in range(6)]
    with person.client.session_transaction() as kept:
        assert len([name for name in kept if name.startswith("_state_")]) == 3
    assert person.come_back(liar.walk(urls[-1])).status_code == 303


def test_neither_codes_nor_tokens_are_logged(liar: Liar, caplog: Any) -> None:
    caplog.set_level(logging.DEBUG, logger="flask_mfa_gate")
    seen: list[str] = []

    def wrong(claims: dict[str, Any]) -> str:
        seen.append(liar.signed({**claims, "iss": "other"}))
        return seen[-1]

    liar.token = wrong
    App(liar.issuer).person(liar.walk).sign_in()
    assert seen
    assert not any(text in caplog.text for text in (SECRET, seen[0], "code-0"))


def test_nobody_makes_the_app_ask_the_provider_without_end(liar: Liar) -> None:
    client = App(liar.issuer, MFA_GATE_FLOOD_LIMIT=2).app.test_client()
    assert [client.get("/mfa/sign-in/id").status_code for _ in range(3)] == [303, 303, 429]


def test_the_doctor_compares_issuers_to_the_last_slash(liar: Liar) -> None:
    app = App(liar.issuer)
    settings = state_of(app.app).settings
    app.app.extensions["mfa_gate"] = replace(
        state_of(app.app), settings=replace(settings, trust_amr={f"{liar.issuer}/": "when-proved"})
    )
    with app.app.app_context():
        assert "provider-never-believed" in {one.code for one in app.gate.doctor()}


def test_an_unknown_provider_is_not_found(liar: Liar) -> None:
    client = App(liar.issuer).app.test_client()
    assert [client.get(f"/mfa/sign-in/{name}").status_code for name in ("other", "other/callback")] == [404, 404]


WORDS = {"issuer": "https://id.example.org", "client_id": "a", "client_secret": "b"}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"id": {**WORDS, "issuer": "http://id.example.org"}}, "issuer"), ({"id": {**WORDS, "issuer": "https://a?b"}}, "issuer"),
        ({"id": {"client_id": "a"}}, "lacks issuer"), ({"Id!": WORDS}, "name"), ({"id": {**WORDS, "colour": 1}}, "colour"),
        ({"id": {**WORDS, "scope": "email"}}, "scope"), ({"id": {**WORDS, "max_age": 3}}, "max_age"),
        ({"id": {**WORDS, "acr_values": "x"}}, "acr_values"), ({"id": {**WORDS, "token_endpoint_auth_method": "none"}}, "secret"),
        ({"id": [1]}, "mapping"), ([], "mapping"), ({"a": WORDS, "b": WORDS}, "UPSTREAMS"), ({"id": {**WORDS, "issuer": "https://[::1"}}, "issuer"),
    ],
)  # fmt: skip
def test_a_wrong_setting_is_told_at_the_start_without_its_secret(given: Any, said: str) -> None:
    host = Host(MFA_GATE_UPSTREAMS=given, MFA_GATE_BASE_URL=BASE)
    with pytest.raises(ConfigError, match=said) as caught:
        MFAGate().init_app(host.app, upstream_user=lambda *_: None)
    assert "'b'" not in str(caught.value)


def test_what_would_only_be_missed_later_is_missed_at_the_start() -> None:
    given = {"MFA_GATE_UPSTREAMS": {"id": WORDS}, "MFA_GATE_BASE_URL": BASE}
    with pytest.raises(ConfigError, match="upstream_user"):
        MFAGate().init_app(Host(**given).app)
    with pytest.raises(ConfigError, match="sign_in"):
        MFAGate().init_app(Host(**given).app, upstream_user=lambda *_: None, identity=object())
    with pytest.raises(ConfigError, match="MFA_GATE_BASE_URL"):
        MFAGate().init_app(Host(MFA_GATE_UPSTREAMS={"id": WORDS}).app, upstream_user=lambda *_: None)


def test_errors_are_pages_or_problems(liar: Liar) -> None:
    client = App(liar.issuer).app.test_client()
    assert "text/html" in client.get("/mfa/sign-in/id/callback").content_type
    problem = client.get("/mfa/sign-in/id/callback", headers=JSON)
    assert (problem.content_type, (problem.json or {})["code"]) == ("application/problem+json", "sign_in_again")
    assert text_of(problem)


def test_the_doctor_looks_at_whom_the_app_believes(liar: Liar) -> None:
    app = App(liar.issuer, "always")
    with app.app.app_context():
        told = {one.code for one in app.gate.doctor()}
    assert "provider-always-believed" in told

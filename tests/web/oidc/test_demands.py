"""What an app may ask of the sign-in: how new, how strong, by whom, and with what said yes to."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from flask_mfa_gate import Policy
from tests.conftest import Phone, StillClock, state_of
from tests.web.oidc.kit import ASKING, ISSUER, RelyingParty, SecureBrowser, as_json, rows, walk

FRANK = "6"

pytestmark = pytest.mark.pages
MFA, SFA = "https://refeds.org/profile/mfa", "https://refeds.org/profile/sfa"
PASSWORD = {"password": "correct horse battery staple"}


def prove(browser: SecureBrowser, phone: Phone, clock: StillClock) -> str:
    """Answer a challenge with a code that was not used before; where it leads."""
    clock.forward(seconds=31)
    passed = browser.send("/mfa/challenge", code=phone.code())
    assert passed.status_code == 303, passed.text
    return passed.headers["Location"]


@pytest.mark.parametrize("changed", [{"prompt": "login"}, {"max_age": "0"}])
def test_a_new_proof_is_asked_for_and_only_once(
    wiki: RelyingParty, browser: SecureBrowser, phone: Phone, clock: StillClock, changed: dict[str, Any]
) -> None:
    browser.sign_in_with_code("dave", phone)
    clock.forward(minutes=1)
    assert walk(browser, wiki.send(browser, **changed)).headers["Location"] == "/mfa/challenge"
    told = wiki.told(browser.get(prove(browser, phone, clock)))
    claims = wiki.claims(dict(wiki.trade(told["code"]).json or {})["id_token"])
    assert claims["auth_time"] == int(clock().timestamp())


def test_a_proof_that_is_young_enough_is_enough(
    wiki: RelyingParty, browser: SecureBrowser, phone: Phone, clock: StillClock
) -> None:
    browser.sign_in_with_code("dave", phone)
    clock.forward(seconds=299)
    assert wiki.code(browser, max_age="300")
    clock.forward(seconds=2)
    assert wiki.told(wiki.send(browser, max_age="300", prompt="none"))["error"] == "login_required"
    assert wiki.code(browser, max_age="10000")
    assert walk(browser, wiki.send(browser, max_age="300")).headers["Location"] == "/mfa/challenge"


def test_somebody_without_a_factor_types_the_password_again(
    wiki: RelyingParty, browser: SecureBrowser, clock: StillClock
) -> None:
    browser.sign_in("frank")
    clock.forward(minutes=5)
    kept = wiki.send(browser, prompt="login").headers["Location"]
    assert "Sign in again to continue to Wiki" in browser.get(kept).text
    asked = walk(browser, browser.send(kept, act="sign-in"), stops_at="/login")
    signed_in = browser.client.post(asked.headers["Location"], data={"username": "frank", **PASSWORD})
    assert wiki.told(browser.get(signed_in.headers["Location"]))["code"]


AGES = [{"prompt": "login"}, {"max_age": "0"}, {"max_age": "60"}]


@pytest.mark.parametrize("changed", AGES)
def test_whoever_is_only_remembered_has_proved_nothing_lately(
    wiki: RelyingParty, browser: SecureBrowser, clock: StillClock, changed: dict[str, str]
) -> None:
    browser.sign_in("frank", remember="1")
    clock.forward(minutes=30)
    kept = wiki.send(browser, **changed).headers["Location"]
    clock.forward(seconds=5)
    for name in ("session", "__Host-mfa_gate"):
        browser.client.delete_cookie(name, domain="portal.example.org")
    assert "Sign in again to continue to Wiki" in browser.get(kept).text
    assert wiki.told(wiki.send(browser, prompt="none", max_age="60"))["error"] == "login_required"
    claims = wiki.claims(wiki.tokens(browser)["id_token"])
    assert "auth_time" not in claims, "nobody knows when the password was typed"
    assert "amr" not in claims, "nor that it was typed at all"


SILENT = [
    ({}, None, "login_required"),
    ({}, "dave", "interaction_required"),
    ({"client_id": "asking", "redirect_uri": ASKING["redirect_uris"][0]}, "frank", "consent_required"),
    ({"max_age": "0"}, "frank", "login_required"),
    ({"claims": as_json({"id_token": {"acr": {"essential": True, "value": MFA}}})}, "frank", "interaction_required"),
    ({"claims": as_json({"id_token": {"acr": {"essential": True, "value": "gold"}}})}, "frank", "unmet_authentication_requirements"),
    ({"claims": as_json({"id_token": {"sub": {"value": "1"}}})}, "frank", "login_required"),
]  # fmt: skip


@pytest.mark.parametrize(("changed", "user", "error"), SILENT)
def test_where_nothing_may_be_shown_the_client_hears_why(
    app: Flask, browser: SecureBrowser, clock: StillClock, changed: dict[str, str], user: str | None, error: str
) -> None:
    party = RelyingParty(app, redirect_uri=changed.get("redirect_uri", "https://wiki.example.org/callback"))
    if user is not None:
        browser.sign_in(user)
    clock.forward(seconds=1)
    assert party.told(party.send(browser, prompt="none", **changed))["error"] == error
    assert rows(app, "oidc_request") == rows(app, "oidc_grant") == 0


def test_whoever_holds_a_factor_is_asked_for_it_where_the_app_wishes_so(
    make_provider: Any, phone: Phone, clock: StillClock
) -> None:
    app = make_provider(MFA_GATE_CHALLENGE_UNREQUIRED=False)
    browser, wiki = SecureBrowser(app), RelyingParty(app)
    with app.app_context():
        app.extensions["mfa_gate"].gate.enrollments.remove("4", actor="cli")
    browser.sign_in("dave")
    assert wiki.claims(wiki.tokens(browser)["id_token"])["acr"] == SFA
    assert walk(browser, wiki.send(browser, acr_values=f"gold {MFA}")).headers["Location"] == "/mfa/challenge"
    told = wiki.told(browser.get(prove(browser, phone, clock)))
    assert wiki.claims(dict(wiki.trade(told["code"]).json or {})["id_token"])["acr"] == MFA
    assert wiki.claims(wiki.tokens(browser, acr_values=SFA)["id_token"])["acr"] == MFA, (
        "a higher level stands for a lower one"
    )


def test_others_may_set_one_up_or_go_on_without(wiki: RelyingParty, browser: SecureBrowser) -> None:
    browser.sign_in("frank")
    kept = wiki.send(browser, acr_values=MFA).headers["Location"]
    page = browser.get(kept)
    assert "recommends multi-factor authentication" in page.text
    assert '<span class="mfa-word">multi-factor</span>' in page.text, "the headline breaks at no hyphen"
    told = wiki.told(browser.get(browser.send(kept, act="without").headers["Location"]))
    assert wiki.claims(dict(wiki.trade(told["code"]).json or {})["id_token"])["acr"] == SFA
    assert wiki.told(wiki.send(browser, acr_values=MFA, prompt="none"))["code"], "a wish stops nobody"


def test_setting_a_factor_up_leads_back_to_the_app(
    wiki: RelyingParty, browser: SecureBrowser, clock: StillClock
) -> None:
    browser.sign_in("frank")
    essential = as_json({"id_token": {"acr": {"essential": True, "values": [MFA, "phr"]}}})
    kept = wiki.send(browser, claims=essential).headers["Location"]
    assert "requires multi-factor authentication" in browser.get(kept).text
    code = Phone(clock, browser.begin_setup()["secret"]).code()
    done = browser.send("/mfa/enroll/totp", code=code)
    assert kept in done.text
    told = wiki.told(browser.get(kept))
    assert wiki.claims(dict(wiki.trade(told["code"]).json or {})["id_token"])["acr"] == MFA


def test_without_the_strength_it_insists_on_an_app_gets_no_code(wiki: RelyingParty, browser: SecureBrowser) -> None:
    browser.sign_in("frank")
    essential = as_json({"id_token": {"acr": {"essential": True, "value": MFA}}})
    kept = wiki.send(browser, claims=essential).headers["Location"]
    browser.get(kept)
    assert browser.send(kept, act="without").headers["Location"] == kept, "that is no answer here"
    assert wiki.told(browser.send(kept, act="deny"))["error"] == "unmet_authentication_requirements"


def test_a_recovery_code_is_no_second_factor_to_an_app(
    wiki: RelyingParty, browser: SecureBrowser, phone: Phone, clock: StillClock, app: Flask
) -> None:
    from tests.conftest import recovery_codes_in

    browser.sign_in_with_code("dave", phone)
    code = recovery_codes_in(browser.send("/mfa/recovery-codes").text)[0]
    other = SecureBrowser(app)
    other.sign_in("dave")
    other.send("/mfa/challenge", factor="recovery_code", code=code)
    claims = wiki.claims(wiki.tokens(other)["id_token"])
    assert (claims["acr"], claims["amr"]) == (SFA, ["pwd", "mfa"])
    essential = as_json({"id_token": {"acr": {"essential": True, "value": MFA}}})
    assert wiki.told(wiki.send(other, claims=essential, prompt="none"))["error"] == "interaction_required"


def test_a_policy_of_the_app_asks_on_the_way(
    app: Flask, wiki: RelyingParty, browser: SecureBrowser, phone: Phone, clock: StillClock
) -> None:
    with app.app_context():
        app.extensions["mfa_gate"].gate.policies.save(Policy.from_document({
            "name": "fresh", "state": "on", "users": {"include": ["all"]}, "resources": ["client:wiki"],
            "effect": {"action": "require", "max_age": 0},
        }), actor="cli")  # fmt: skip
    browser.sign_in_with_code("dave", phone)
    assert wiki.told(wiki.send(browser, prompt="none"))["error"] == "interaction_required"
    for _ in range(2):
        assert walk(browser, wiki.send(browser)).headers["Location"] == "/mfa/challenge"
        told = wiki.told(browser.get(prove(browser, phone, clock)))
        tokens = dict(wiki.trade(told["code"]).json or {})
        assert (wiki.refresh(tokens["refresh_token"]).json or {})["error"] == "invalid_grant", (
            "it was for this one sign-in"
        )


def test_an_unenrolled_user_whom_a_policy_asks_sets_a_factor_up_first(
    app: Flask, wiki: RelyingParty, browser: SecureBrowser
) -> None:
    with app.app_context():
        app.extensions["mfa_gate"].gate.policies.save(Policy.from_document({
            "name": "mfa", "state": "on", "users": {"include": ["all"]}, "resources": ["client:wiki"], "effect": {"action": "require"},
        }), actor="cli")  # fmt: skip
    browser.sign_in("frank")
    assert walk(browser, wiki.send(browser), stops_at="/mfa/enroll").headers["Location"] == "/mfa/enroll"
    assert rows(app, "oidc_grant") == 0


def asking(app: Flask) -> RelyingParty:
    return RelyingParty(app, client_id="asking", redirect_uri=ASKING["redirect_uris"][0], scope="openid email")


def test_users_are_asked_once_what_an_app_may_have(app: Flask, browser: SecureBrowser, signals: list[Any]) -> None:
    party = asking(app)
    browser.sign_in("frank")
    kept = party.send(browser).headers["Location"]
    page = browser.get(kept)
    assert "Sign in to Asking" in page.text
    assert "See your email address" in page.text
    assert party.told(browser.get(browser.send(kept, act="consent").headers["Location"]))["code"]
    assert [event.details["scope"] for event in signals if event.name == "consent_given"] == ["email openid"]
    assert party.code(browser), "once is enough"
    party.scope = "openid email groups"
    assert party.told(party.send(browser, prompt="none"))["error"] == "consent_required"
    with app.app_context():
        oidc = app.extensions["mfa_gate"].gate.oidc
        assert [one.client_id for one in oidc.connections.of_user("6")] == ["asking"]
        oidc.connections.revoke("6", "asking")
    party.scope = "openid email"
    assert party.told(party.send(browser, prompt="none"))["error"] == "consent_required"


def test_a_user_may_say_no(app: Flask, browser: SecureBrowser) -> None:
    party = asking(app)
    browser.sign_in("frank")
    kept = party.send(browser).headers["Location"]
    assert party.told(browser.send(kept, act="deny"))["error"] == "access_denied"
    assert rows(app, "oidc_request") == rows(app, "oidc_consent") == 0


FORMS: list[tuple[dict[str, str], dict[str, str], int]] = [
    ({"act": "consent"}, {}, 400),
    ({"act": "consent", "csrf_token": "x"}, {}, 400),
    ({"act": "consent", "csrf_token": "right"}, {"Origin": "https://evil.example"}, 403),
    ({"act": "consent", "csrf_token": "right"}, {"Sec-Fetch-Site": "cross-site"}, 403),
    ({"act": "nonsense", "csrf_token": "right"}, {}, 303),
    ({"csrf_token": "right"}, {}, 303),
]  # fmt: skip


@pytest.mark.parametrize(("form", "headers", "status"), FORMS)
def test_nobody_agrees_in_somebody_elses_name(
    app: Flask, browser: SecureBrowser, form: dict[str, str], headers: dict[str, str], status: int
) -> None:
    party = asking(app)
    browser.sign_in("frank")
    kept = party.send(browser).headers["Location"]
    sent = {name: browser.status()["csrf_token"] if value == "right" else value for name, value in form.items()}
    answer = browser.client.post(kept, data=sent, headers=headers)
    assert answer.status_code == status
    assert rows(app, "oidc_consent") == rows(app, "oidc_grant") == 0


@pytest.mark.parametrize("prompt", [None, "consent"])
def test_what_was_agreed_to_and_taken_back_makes_no_code(
    app: Flask, browser: SecureBrowser, prompt: str | None
) -> None:
    party = asking(app)
    browser.sign_in("frank")
    kept = party.send(browser, prompt=prompt).headers["Location"]
    assert browser.send(kept, act="consent").headers["Location"] == kept
    browser.send("/mfa/apps/asking/disconnect")
    assert rows(app, "oidc_consent") == 0
    assert "Sign in to Asking" in browser.get(kept).text
    assert rows(app, "oidc_grant") == 0


@pytest.mark.parametrize("prompt", [None, "none"])
def test_nor_does_what_is_taken_back_while_the_code_is_made(
    app: Flask, browser: SecureBrowser, prompt: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    party, oidc = asking(app), state_of(app).oidc
    assert oidc is not None
    browser.sign_in("frank")
    kept = party.send(browser).headers["Location"]
    browser.send(kept, act="consent")
    begin = oidc.grants.begin

    def too_late(*arguments: Any, **named: Any) -> Any:
        oidc.connections.revoke(FRANK, "asking")
        return begin(*arguments, **named)

    monkeypatch.setattr(oidc.grants, "begin", too_late)
    told = party.told(browser.get(kept) if prompt is None else party.send(browser, prompt=prompt))
    assert (told["error"], rows(app, "oidc_grant")) == ("consent_required", 0)


def test_what_one_user_agreed_to_another_one_has_not(app: Flask, browser: SecureBrowser) -> None:
    party = asking(app)
    browser.sign_in("frank")
    kept = party.send(browser, prompt="consent").headers["Location"]
    browser.send(kept, act="consent")
    browser.send("/mfa/sign-out")
    browser.sign_in("erin")
    assert "Sign in to Asking" in browser.get(kept).text


def test_an_account_can_be_chosen(wiki: RelyingParty, browser: SecureBrowser) -> None:
    browser.sign_in("frank")
    kept = wiki.send(browser, prompt="select_account").headers["Location"]
    assert "Use another account" in browser.get(kept).text
    assert wiki.told(browser.get(browser.send(kept, act="account").headers["Location"]))["code"]


def test_a_hint_names_the_user_who_is_meant(
    app: Flask, wiki: RelyingParty, browser: SecureBrowser, clock: StillClock
) -> None:
    browser.sign_in("frank")
    hint = wiki.tokens(browser)["id_token"]
    clock.forward(minutes=30)
    assert wiki.told(wiki.send(browser, prompt="none", id_token_hint=hint))["code"], "also of a token that has ended"
    other = SecureBrowser(app)
    other.sign_in("erin")
    assert wiki.told(wiki.send(other, prompt="none", id_token_hint=hint))["error"] == "login_required"
    assert "expects another account" in walk(other, wiki.send(other, id_token_hint=hint)).text
    spa = RelyingParty(app, client_id="asking", redirect_uri=ASKING["redirect_uris"][0])
    assert spa.told(spa.send(browser, prompt="none", id_token_hint=hint))["error"] == "invalid_request"


def test_the_walk_of_a_form_ends_in_a_page_and_no_redirect(wiki: RelyingParty, browser: SecureBrowser) -> None:
    browser.sign_in("frank")
    assert wiki.send(browser).status_code == 303
    for headers in ({"Sec-Fetch-Site": "same-site"}, {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Dest": "iframe"}):
        assert browser.get(wiki.address(prompt="none"), headers=headers).status_code == 303
    same = browser.get(wiki.address(), headers={"Sec-Fetch-Site": "same-origin"})
    assert same.status_code == 200
    assert wiki.told(same)["code"]
    assert "script-src 'self'" in same.headers["Content-Security-Policy"]


def test_another_algorithm_by_client(make_provider: Any, phone: Phone) -> None:
    from joserfc import jws

    from tests.web.oidc.kit import WIKI

    app = make_provider(MFA_GATE_OIDC_CLIENTS=[{**WIKI, "id_token_signed_response_alg": "ES256"}])
    browser, wiki = SecureBrowser(app), RelyingParty(app)
    browser.sign_in_with_code("dave", phone)
    token = wiki.tokens(browser)["id_token"]
    header = jws.extract_compact(token.encode()).headers()
    assert header["alg"] == "ES256"
    assert wiki.claims(token)["iss"] == ISSUER

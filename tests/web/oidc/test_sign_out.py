"""Signing out from an app, and apps that are told of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlencode

import pytest
from flask import Flask
from flask_login import current_user, login_user
from joserfc import jwt
from joserfc.jwk import KeySet
from sqlalchemy import select

from flask_mfa_gate import MFAGate
from flask_mfa_gate.services.oidc.logout import EVENT
from tests.conftest import Phone, StillClock, key_of, state_of
from tests.oidc_kit import records
from tests.web.oidc.kit import ISSUER, WIKI, RelyingParty, SecureBrowser, location_of

pytestmark = pytest.mark.pages
BYE = "https://wiki.example.org/bye"


def leave(browser: SecureBrowser, **asked: str) -> Any:
    return browser.get(f"/mfa/oidc/end-session?{urlencode(asked)}")


@pytest.fixture
def hint(wiki: RelyingParty, browser: SecureBrowser, phone: Phone) -> str:
    browser.sign_in_with_code("dave", phone)
    return str(wiki.tokens(browser)["id_token"])


def test_an_app_signs_its_user_out(browser: SecureBrowser, hint: str) -> None:
    answer = leave(browser, id_token_hint=hint, post_logout_redirect_uri=BYE, state="a b")
    assert location_of(answer) == f"{BYE}?state=a+b"
    assert not browser.is_in()
    assert location_of(leave(browser, id_token_hint=hint, post_logout_redirect_uri=BYE)) == BYE, "twice is the same"


TARGETS = ["https://evil.example/", f"{BYE}/", f"{BYE}?x=1", "javascript:alert(1)", "", "//evil.example"]


def test_an_app_signs_out_whoever_acts_as_another_user(
    app: Flask, wiki: RelyingParty, browser: SecureBrowser, phone: Phone
) -> None:
    from example_app import load_user

    def act_as() -> str:
        frank = load_user(key_of(app, "frank"))
        with MFAGate().impersonation(actor=current_user, subject=frank, reason="ticket 42"):
            login_user(frank)
        return "acting"

    app.add_url_rule("/act-as-frank", "act_as_frank", act_as, methods=["POST"])
    browser.sign_in_with_code("dave", phone)
    hint = str(wiki.tokens(browser)["id_token"])
    assert browser.client.post("/act-as-frank").text == "acting"
    assert (browser.get("/api/me").json or {})["username"] == "frank"
    leave(browser, id_token_hint=hint)
    assert not browser.is_in()
    (ended,) = records(app, "impersonation_ended")
    assert (ended["actor"], ended["how"]) == (f"user:{key_of(app, 'dave')}", "signed-out")


@pytest.mark.parametrize("target", TARGETS)
def test_nobody_is_led_to_an_address_that_is_not_registered(browser: SecureBrowser, hint: str, target: str) -> None:
    answer = leave(browser, id_token_hint=hint, post_logout_redirect_uri=target)
    assert location_of(answer) == "/login"


def test_a_hint_of_another_sign_in_signs_nobody_out_unasked(
    app: Flask, wiki: RelyingParty, browser: SecureBrowser, hint: str, clock: StillClock
) -> None:
    attacker = SecureBrowser(app)
    attacker.sign_in("frank")
    stolen = wiki.tokens(attacker)["id_token"]
    older = hint
    browser.send("/mfa/sign-out")
    clock.forward(seconds=31)
    browser.sign_in_with_code("dave", Phone(clock, "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"))
    for asked in (
        {"id_token_hint": stolen},
        {"id_token_hint": older},
        {"id_token_hint": "x"},
        {"client_id": "wiki"},
        {},
    ):
        page = leave(browser, **asked)
        assert page.status_code == 200, asked
        assert "Sign out of Example Portal?" in page.text
        assert browser.is_in()


def test_after_a_yes_they_are(browser: SecureBrowser, hint: str) -> None:
    assert leave(browser, client_id="wiki", post_logout_redirect_uri=BYE).status_code == 200
    unasked = browser.client.post("/mfa/oidc/end-session", data={"csrf_token": "x"})
    assert unasked.status_code == 400
    assert browser.is_in()
    answer = browser.send("/mfa/oidc/end-session", client_id="wiki", post_logout_redirect_uri=BYE)
    assert answer.status_code == 200, "a form began it"
    assert location_of(answer) == BYE
    assert not browser.is_in()


def test_a_hint_is_for_its_own_client(browser: SecureBrowser, hint: str) -> None:
    assert leave(browser, id_token_hint=hint, client_id="spa").status_code == 400
    assert browser.is_in()


def test_what_an_app_posts_is_taken_up_by_get(browser: SecureBrowser, hint: str) -> None:
    posted = browser.client.post("/mfa/oidc/end-session", data={"id_token_hint": hint, "post_logout_redirect_uri": BYE})
    assert posted.status_code == 303
    assert location_of(browser.get(posted.headers["Location"])) == BYE
    assert not browser.is_in()


class Told:
    """The clients' servers."""

    def __init__(self, app: Flask) -> None:
        self.app, self.sent, self.status = app, list[tuple[str, dict[str, Any]]](), 200

    def __call__(self, address: str, body: bytes) -> int:
        token = parse_qs(body.decode())["logout_token"][0]
        keys = KeySet.import_key_set(self.app.test_client().get("/mfa/oidc/jwks", base_url=ISSUER).json)
        read = jwt.decode(token, keys, algorithms=["RS256"])
        assert read.header["typ"] == "logout+jwt"
        self.sent.append((address, dict(read.claims)))
        return self.status


@pytest.fixture
def told(make_provider: Callable[..., Flask], monkeypatch: pytest.MonkeyPatch) -> Told:
    app = make_provider(MFA_GATE_OIDC_CLIENTS=[{**WIKI, "backchannel_logout_uri": "https://wiki.example.org/out"}])
    found = Told(app)
    oidc = state_of(app).oidc
    assert oidc is not None
    monkeypatch.setattr(oidc.logout, "_send", found)
    # The thread after a response would do the same; here it is done when the test says so.
    monkeypatch.setattr("flask_mfa_gate.web.oidc.ends._telling.run_soon", lambda *_: None)
    return found


def run(told: Told) -> int:
    oidc = state_of(told.app).oidc
    assert oidc is not None
    with told.app.app_context():
        return oidc.logout.run()


def test_apps_are_told_of_a_sign_out(told: Told, phone: Phone, clock: StillClock) -> None:
    browser, wiki = SecureBrowser(told.app), RelyingParty(told.app)
    browser.sign_in_with_code("dave", phone)
    claims = wiki.claims(wiki.tokens(browser)["id_token"])
    wiki.tokens(browser)
    assert run(told) == 0
    browser.send("/mfa/sign-out")
    assert run(told) == 1, "one app and one sign-in, however many codes there were"
    ((address, said),) = told.sent
    assert address == "https://wiki.example.org/out"
    assert (said["iss"], said["aud"], said["sub"], said["sid"]) == (ISSUER, "wiki", "4", claims["sid"])
    assert said["events"] == {EVENT: {}}
    assert "nonce" not in said
    assert run(told) == 0


def of_gate(act: Callable[[Any], Any]) -> Callable[[Told, SecureBrowser, StillClock], None]:
    def end(told: Told, _browser: SecureBrowser, _clock: StillClock) -> None:
        with told.app.app_context():
            act(told.app.extensions["mfa_gate"].gate)

    return end


def sign_in_as_another(_told: Told, browser: SecureBrowser, _clock: StillClock) -> None:
    browser.sign_in("frank")


ENDS: dict[str, Callable[[Told, SecureBrowser, StillClock], Any]] = {
    "reset": of_gate(lambda gate: gate.enrollments.reset("4", actor="cli")),
    "revoked": of_gate(lambda gate: gate.enrollments.revoke_sessions("4", actor="cli")),
    "password changed": of_gate(lambda gate: gate.password_changed("4")),
    "expired": lambda _told, _browser, clock: clock.forward(hours=12),
    "idle": lambda _told, _browser, clock: clock.forward(hours=1),
    "signed out of the app": lambda _told, browser, _clock: browser.get("/logout"),
    "another user": sign_in_as_another,
}


def test_what_is_in_use_is_no_end(told: Told, phone: Phone, clock: StillClock) -> None:
    browser, wiki = SecureBrowser(told.app), RelyingParty(told.app)
    browser.sign_in_with_code("dave", phone)
    token = wiki.tokens(browser)["refresh_token"]
    for _ in range(2):
        clock.forward(minutes=59)
        token = dict(wiki.refresh(token).json or {})["refresh_token"]
        assert run(told) == 0


@pytest.mark.parametrize("act", ENDS)
def test_every_end_is_one(told: Told, phone: Phone, clock: StillClock, act: str) -> None:
    browser, wiki = SecureBrowser(told.app), RelyingParty(told.app)
    browser.sign_in_with_code("dave", phone)
    wiki.tokens(browser)
    ENDS[act](told, browser, clock)
    run(told)
    assert [said["sub"] for _address, said in told.sent] == ["4"]


def test_the_end_of_somebody_who_is_forgotten_is_told_without_their_name(
    told: Told, phone: Phone, clock: StillClock
) -> None:
    browser, wiki = SecureBrowser(told.app), RelyingParty(told.app)
    browser.sign_in_with_code("dave", phone)
    tokens = wiki.tokens(browser)
    of_gate(lambda gate: gate.users.forget("4"))(told, browser, clock)
    assert wiki.refresh(tokens["refresh_token"]).status_code == 400
    assert run(told) == 1
    ((_address, said),) = told.sent
    assert (said["sid"], "sub" in said) == (wiki.claims(tokens["id_token"])["sid"], False)
    store = state_of(told.app).store
    with store.database.write() as tx:
        left = tx.execute(select(store.tables.oidc_grant)).mappings().all()
        assert [(row["user_key"][:10], row["facts"], row["upstream"]) for row in left] == [("forgotten-", {}, None)]
        clock.forward(seconds=1)
        store.oidc.grants.sweep(tx, now=clock())
        assert tx.execute(select(store.tables.oidc_grant)).all() == []


def test_one_that_does_not_answer_is_told_later(told: Told, phone: Phone, clock: StillClock) -> None:
    browser, wiki = SecureBrowser(told.app), RelyingParty(told.app)
    browser.sign_in_with_code("dave", phone)
    wiki.tokens(browser)
    browser.send("/mfa/sign-out")
    told.status = 302
    assert run(told) == 0
    assert run(told) == 0
    assert len(told.sent) == 1, "not at once again"
    clock.forward(minutes=1, seconds=1)
    told.status = 200
    assert run(told) == 1


def test_a_logout_token_is_no_hint(told: Told, phone: Phone, monkeypatch: pytest.MonkeyPatch) -> None:
    browser, wiki = SecureBrowser(told.app), RelyingParty(told.app)
    browser.sign_in_with_code("dave", phone)
    wiki.tokens(browser)
    tokens: list[str] = []
    oidc = state_of(told.app).oidc
    assert oidc is not None
    monkeypatch.setattr(
        oidc.logout, "_send", lambda _address, body: tokens.append(parse_qs(body.decode())["logout_token"][0]) or 200
    )
    browser.send("/mfa/sign-out")
    run(told)
    assert wiki.told(wiki.send(browser, id_token_hint=tokens[0]))["error"] == "invalid_request"

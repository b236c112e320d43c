"""Codes and refresh tokens that come many times at once, and a sign-out beside them: on every server."""

from __future__ import annotations

from collections.abc import Callable
from threading import Thread
from typing import Any

import pytest
from flask import Flask

from tests.conftest import IS_SOAK, StillClock, at_once, state_of
from tests.web.oidc.kit import ASKING, OIDC, RelyingParty, SecureBrowser

pytestmark = [pytest.mark.soak] if IS_SOAK else []
ROUNDS = 100 if IS_SOAK else 2
THREADS = 8
FRANK = "6"


@pytest.fixture
def provider(make_app: Callable[..., Flask]) -> Flask:
    return make_app(**OIDC)


@pytest.fixture
def browser(provider: Flask) -> SecureBrowser:
    found = SecureBrowser(provider)
    found.sign_in("frank")
    return found


def outcome(answer: Any) -> tuple[int, str]:
    return answer.status_code, (answer.json or {}).get("error", "")


def winner_of(answers: list[Any]) -> dict[str, Any]:
    """The tokens of the only one; everybody else hears that there is nothing."""
    assert sorted(map(outcome, answers)) == [(200, "")] + [(400, "invalid_grant")] * (THREADS - 1)
    return next(dict(answer.json) for answer in answers if answer.status_code == 200)


def is_dead(wiki: RelyingParty, tokens: dict[str, Any]) -> bool:
    refused = wiki.refresh(tokens["refresh_token"])
    return wiki.userinfo(tokens["access_token"]).status_code == 401 and outcome(refused) == (400, "invalid_grant")


def test_of_many_that_bring_one_code_one_wins_and_its_family_dies(provider: Flask, browser: SecureBrowser) -> None:
    for _ in range(ROUNDS):
        wiki = RelyingParty(provider)
        code = wiki.code(browser)
        tokens = winner_of(at_once([lambda wiki=wiki, code=code: wiki.trade(code)] * THREADS))  # type: ignore[misc]
        assert is_dead(wiki, tokens)


def test_of_many_that_bring_one_refresh_token_one_wins_and_its_family_dies(
    provider: Flask, browser: SecureBrowser
) -> None:
    for _ in range(ROUNDS):
        wiki = RelyingParty(provider)
        token = wiki.tokens(browser)["refresh_token"]
        tokens = winner_of(at_once([lambda wiki=wiki, token=token: wiki.refresh(token)] * THREADS))  # type: ignore[misc]
        assert is_dead(wiki, tokens)


def test_no_token_survives_a_sign_out_beside_a_refresh(provider: Flask, clock: StillClock) -> None:
    for _ in range(ROUNDS * 2):
        wiki, browser = RelyingParty(provider), SecureBrowser(provider)
        browser.sign_in("frank")
        tokens = wiki.tokens(browser)
        csrf = browser.status()["csrf_token"]

        def sign_out(browser: SecureBrowser = browser, csrf: str = csrf) -> Any:
            return browser.client.post("/mfa/sign-out", data={"csrf_token": csrf})

        refreshed, left = at_once([lambda wiki=wiki, tokens=tokens: wiki.refresh(tokens["refresh_token"]), sign_out])  # type: ignore[misc]
        assert left.status_code == 303
        assert refreshed.status_code in {200, 400}
        assert is_dead(wiki, {**tokens, **(refreshed.json or {})} if refreshed.status_code == 200 else tokens)


def test_no_code_survives_the_consent_that_it_rests_on(provider: Flask, browser: SecureBrowser) -> None:
    oidc = state_of(provider).oidc
    assert oidc is not None
    asking = RelyingParty(provider, client_id="asking", redirect_uri=ASKING["redirect_uris"][0])
    for _ in range(ROUNDS * 2):
        browser.send(asking.send(browser, prompt="consent").headers["Location"], act="consent")

        def take_back() -> int:
            with provider.app_context():
                return oidc.connections.revoke(FRANK, "asking")

        answer, ended = at_once([lambda: asking.send(browser, prompt="none"), take_back])
        told = asking.told(answer)
        assert ended == 1
        assert told.get("error") == "consent_required" or asking.trade(told["code"]).status_code == 400


def test_nor_does_one_that_is_being_written(
    provider: Flask, browser: SecureBrowser, monkeypatch: pytest.MonkeyPatch
) -> None:
    oidc, grants = state_of(provider).oidc, state_of(provider).store.oidc.grants
    assert oidc is not None
    asking = RelyingParty(provider, client_id="asking", redirect_uri=ASKING["redirect_uris"][0])
    kept, add = asking.send(browser).headers["Location"], grants.try_add_agreed
    browser.send(kept, act="consent")

    def take_back() -> None:
        with provider.app_context():
            oidc.connections.revoke(FRANK, "asking")

    other = Thread(target=take_back)

    def add_slowly(*arguments: Any, **named: Any) -> bool:
        is_added = add(*arguments, **named)
        other.start()
        other.join(0.5)
        return is_added

    monkeypatch.setattr(grants, "try_add_agreed", add_slowly)
    code = asking.told(browser.get(kept))["code"]
    other.join()
    assert asking.trade(code).status_code == 400


def test_an_assertion_counts_once(provider: Flask, clock: StillClock) -> None:
    oidc = state_of(provider).oidc
    assert oidc is not None
    for number in range(ROUNDS):
        seen = at_once(
            [lambda number=number: oidc.clients.try_use_assertion("wiki", str(number), ends_at=clock())] * THREADS
        )  # type: ignore[misc]
        assert sorted(seen) == [False] * (THREADS - 1) + [True]


def test_processes_that_make_the_first_signing_key_at_once_agree(
    provider: Flask, make_app: Callable[..., Flask]
) -> None:
    from flask_mfa_gate.domain.oidc.client import SigningAlgorithm

    services = [state_of(app).oidc for app in (provider, make_app(**OIDC), make_app(**OIDC))]
    kids = at_once([lambda oidc=oidc: oidc.signing_keys.signer(SigningAlgorithm.ES256).kid for oidc in services])  # type: ignore[misc,union-attr]
    assert len(set(kids)) == 1

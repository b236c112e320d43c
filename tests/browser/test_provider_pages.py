"""The pages between an app and its code: under axe-core, light and dark, narrow, by keyboard alone and without scripts."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from flask_mfa_gate import Policy
from tests.browser.conftest import Screen, WallClock, served
from tests.browser.test_accessibility import check
from tests.oidc_kit import CHALLENGE

BACK = "/back"
MFA = "https://refeds.org/profile/mfa"


class Site:
    """The portal, with an address of the app's beside it that shows one page."""

    def __init__(self) -> None:
        self.portal: Any = None
        self.page = "<!doctype html><html lang=en><title>Back</title><main><h1>Back at the app</h1></main>"

    def __call__(self, environ: dict[str, Any], start: Any) -> Any:
        if environ["PATH_INFO"] != BACK:
            return self.portal(environ, start)
        start("200 OK", [("Content-Type", "text/html")])
        return [self.page.encode()]


@pytest.fixture
def site() -> Site:
    return Site()


@pytest.fixture
def server(site: Site, make_app: Callable[..., Any], tmp_path: Path) -> Iterator[tuple[str, Any]]:
    """The issuer is the address that the server has got."""
    with served(site) as base:
        client = {"client_id": "asking", "client_name": "Asking", "redirect_uris": [base + BACK]}
        words = {**client, "token_endpoint_auth_method": "none", "post_logout_redirect_uris": [base + BACK]}
        site.portal = make_app(
            MFA_GATE_CLOCK=WallClock(), SQLALCHEMY_DATABASE_URI=f"sqlite:///{tmp_path}/portal.sqlite3",
            MFA_GATE_OIDC=True, MFA_GATE_BASE_URL=base, MFA_GATE_OIDC_CLIENTS=[words],
        )  # fmt: skip
        yield base, site.portal


def asking(screen: Screen, **changed: str) -> str:
    asked = {
        "client_id": "asking", "response_type": "code", "redirect_uri": screen.base + BACK, "state": "s",
        "scope": "openid profile email groups", "code_challenge": CHALLENGE, "code_challenge_method": "S256", **changed,
    }  # fmt: skip
    return f"/mfa/oidc/authorize?{urlencode(asked)}"


@pytest.mark.parametrize("scripts", [True], indirect=True)
def test_no_page_on_the_way_to_an_app_breaks_a_rule(screen: Screen, server: tuple[str, Any], site: Site) -> None:
    _, app = server
    faults: list[str] = []
    screen.sign_in("frank")
    screen.expect("Hello Frank")
    essential = json.dumps({"id_token": {"acr": {"essential": True, "value": MFA}}})
    expected = {
        asking(screen): "Sign in to Asking", asking(screen, prompt="login"): "Sign in again",
        asking(screen, prompt="select_account"): "Use another account", asking(screen, login_hint="ada"): "as Frank",
        asking(screen, acr_values=MFA): "recommends", asking(screen, claims=essential): "requires",
        asking(screen, client_id="nobody"): "invalid request", "/mfa/oidc/authorize/x": "expired",
        "/mfa/oidc/end-session": "Sign out of",
    }  # fmt: skip
    for path, words in expected.items():
        screen.open(path)
        screen.expect(words)
        # Where the request is kept, so that each look is at the same one.
        check(screen, urlsplit(screen.chrome.current_url).path if "authorize" in path else path, faults)
    site.page = leaving_page(screen, app)
    check(screen, BACK, faults)
    with app.app_context():
        denied = {"name": "no", "state": "on", "resources": ["client:asking"], "effect": {"action": "deny"}}
        app.extensions["mfa_gate"].gate.policies.save(Policy.from_document(denied), actor="cli")
    screen.open(asking(screen))
    screen.expect("You can't sign in to Asking")
    check(screen, urlsplit(screen.chrome.current_url).path, faults)
    assert not faults, "\n".join(faults)


def leaving_page(screen: Screen, app: Any) -> str:
    """The page that continues by itself, held still."""
    client = app.test_client()
    client.post("/login", base_url=screen.base, data={"username": "frank", "password": "correct horse battery staple"})
    path = asking(screen, prompt="none")
    html = client.get(path, base_url=screen.base, headers={"Sec-Fetch-Site": "same-origin"}).text
    held, times = re.subn(r'<meta http-equiv="refresh"[^>]*>', "", html)
    assert times == 1
    return held


def press_by_keyboard(screen: Screen, words: str) -> None:
    for _ in range(12):
        ActionChains(screen.chrome).send_keys(Keys.TAB).perform()
        focused = screen.chrome.switch_to.active_element
        if words in focused.text and focused.find_elements(By.XPATH, "./ancestor::main"):
            focused.send_keys(Keys.ENTER)
            return
    raise AssertionError(f"the keyboard does not reach {words}")


@pytest.mark.parametrize("scripts", [False], indirect=True)
def test_a_user_agrees_by_keyboard_without_scripts(screen: Screen) -> None:
    screen.sign_in("frank")
    screen.expect("Hello Frank")
    screen.open(asking(screen))
    screen.expect("Sign in to Asking")
    press_by_keyboard(screen, "Allow")
    screen.expect("Back at the app")
    assert "code=" in screen.chrome.current_url
    screen.open("/mfa/oidc/end-session?client_id=asking&" + urlencode({"post_logout_redirect_uri": screen.base + BACK}))
    press_by_keyboard(screen, "Sign out")
    screen.expect("Back at the app")

"""Two admins at once, a form sent twice, a page loaded again: each gets a sentence, and nothing happens twice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask
from selenium.webdriver.common.by import By

from example_app.models import User, db
from example_app.past import enroll_with_key
from example_app.people import DAVES_KEY
from tests.browser.conftest import Screen
from tests.browser.test_pages import oathtool
from tests.conftest import Browser, key_of, state_of
from tests.policy_kit import policy, put
from tests.web.kit import kinds

pytestmark = pytest.mark.parametrize("scripts", [False], ids=["no-script"], indirect=True)


@dataclass(frozen=True, slots=True)
class Admins:
    """Two of them, each in a tab of their own with a session of their own."""

    app: Flask
    screen: Screen
    tabs: dict[str, str]
    cookies: dict[str, list[dict[str, Any]]]

    def turn(self, username: str) -> None:
        """To the tab of this one, with the page as it was left."""
        self.screen.chrome.switch_to.window(self.tabs[username])
        self.screen.chrome.delete_all_cookies()
        for cookie in self.cookies[username]:
            self.screen.chrome.add_cookie(cookie)


@pytest.fixture
def admins(screen: Screen, server: tuple[str, Any]) -> Admins:
    _, app = server
    with app.app_context():
        db.session.get(User, int(key_of(app, "frank"))).role = "admin"  # type: ignore[union-attr]
        db.session.commit()
        for username in ("ada", "frank"):
            enroll_with_key(app, key_of(app, username), DAVES_KEY)
        state_of(app).people.users.sync()
    tabs, cookies = {}, {}
    for username in ("ada", "frank"):
        screen.chrome.delete_all_cookies()
        screen.chrome.switch_to.new_window("tab")
        screen.sign_in(username)
        screen.type("code", oathtool(DAVES_KEY))
        screen.press("Verify")
        screen.expect("Hello")
        tabs[username], cookies[username] = screen.chrome.current_window_handle, screen.chrome.get_cookies()
    return Admins(app, screen, tabs, cookies)


def confirm(screen: Screen) -> None:
    """The button that is seen; another is there for Enter."""
    screen.chrome.find_element(By.CSS_SELECTOR, "#confirm .ac-acts button").click()


def test_two_who_confirm_the_same_and_one_who_confirms_twice(admins: Admins) -> None:
    app, screen = admins.app, admins.screen
    for username, days in (("ada", "14"), ("frank", "30")):
        admins.turn(username)
        screen.open("/admin/mfa/users?group=finance")
        screen.press("All 1 that match")
        screen.expect("Erin Ellis")
        screen.type("days", days)
    admins.turn("ada")
    path, first = screen.path, admins.tabs["ada"]
    screen.chrome.switch_to.new_window("tab")
    screen.open(path)
    screen.type("days", "60")
    screen.chrome.switch_to.window(first)
    confirm(screen)
    screen.expect("Done for 1 user.")
    admins.turn("frank")
    confirm(screen)
    screen.expect("Done for 0 users.")
    screen.expect("Changed after you opened the confirmation, so nothing was done")
    admins.turn("ada")
    screen.chrome.switch_to.window(screen.chrome.window_handles[-1])
    confirm(screen)
    screen.expect("Done for 1 user.")
    with app.app_context():
        found = state_of(app).people.enrollments.status(key_of(app, "erin"))
    assert (found.days_left, found.required_by) == (14, f"user:{key_of(app, 'ada')}")
    assert kinds(app, "erin") == ["start"]


def test_two_who_write_the_same_policy_and_a_pass_whose_page_is_loaded_again(admins: Admins) -> None:
    app, screen = admins.app, admins.screen
    put(app, policy("Wiki", on=["wiki"], users={"include": ["group:finance"]}))
    admins.turn("ada")
    screen.open("/admin/mfa/policies/Wiki/edit")
    screen.type("message", "Typed for a long time")
    admins.turn("frank")
    screen.open("/admin/mfa/policies/Wiki")
    screen.press("Turn off")
    screen.expect("Turn on")
    admins.turn("ada")
    screen.press("Save policy")
    screen.expect("What changed since you opened this page")
    assert screen.chrome.find_element(By.NAME, "message").get_property("value") == "Typed for a long time"
    with app.app_context():
        assert state_of(app).access.policies.get("Wiki").message == "", "nothing was saved"
    screen.press("Save policy")
    screen.wait_for("/admin/mfa/policies/Wiki")
    with app.app_context():
        assert state_of(app).access.policies.get("Wiki").message == "Typed for a long time"
    a_pass_whose_page_is_loaded_again(admins)


def a_pass_whose_page_is_loaded_again(admins: Admins) -> None:
    app, screen = admins.app, admins.screen
    screen.open(f"/admin/mfa/users/{key_of(app, 'dave')}")
    screen.chrome.find_element(By.XPATH, "//summary[contains(., 'Issue a pass')]").click()
    screen.press("Issue the pass")
    screen.expect("it is shown only once")
    (code,) = screen.texts("#pass-code")
    screen.chrome.refresh()
    screen.expect("An access pass was issued or used since this form was opened.")
    assert code not in screen.chrome.page_source
    dave = Browser(app)
    dave.sign_in("dave")
    assert dave.send("/mfa/challenge", code=code, factor="access_pass").status_code == 303, "the first one still holds"

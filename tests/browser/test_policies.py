"""A policy is written and switched on in a real browser, by keyboard alone, with and without JavaScript."""

from __future__ import annotations

from typing import Any

import pyotp
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

from example_app.past import enroll_with_key
from example_app.people import DAVES_KEY
from flask_mfa_gate.domain.policy.addresses import Network
from tests.browser.conftest import Screen
from tests.conftest import key_of, state_of


class Keyboard:
    """Nothing but keys, beginning where the page puts them."""

    def __init__(self, screen: Screen) -> None:
        self._screen, self._chrome = screen, screen.chrome

    @property
    def focused(self) -> WebElement:
        return self._chrome.switch_to.active_element

    def press(self, *keys: str) -> None:
        self.focused.send_keys(*keys)

    def go(self, *, name: str = "", value: str = "", words: str = "") -> None:
        """With the tabulator to a field or button; a page that has none of it fails."""
        for _ in range(120):
            self.press(Keys.TAB)
            found = self.focused
            is_field = name and found.get_attribute("name") == name and value in ("", found.get_attribute("value"))
            if is_field or (words and found.text.strip() == words):
                return
        raise AssertionError(f"the keyboard does not reach {name or words}")


def test_finance_outside_the_office_by_keyboard_alone(screen: Screen, server: tuple[str, Any]) -> None:
    app = server[1]
    with app.app_context():
        enroll_with_key(app, key_of(app, "ada"), DAVES_KEY)
        state_of(app).people.users.sync()
        state_of(app).access.policies.save_network(Network("office", ("198.51.100.0/24",)))
    screen.sign_in("ada")
    screen.type("code", pyotp.TOTP(DAVES_KEY).now())
    screen.press("Verify")
    screen.expect("Hello Ada Admin")
    screen.open("/admin/mfa/policies")
    keys = Keyboard(screen)
    keys.go(words="New policy")
    keys.press(Keys.ENTER)
    screen.wait_for("/admin/mfa/policies/new")
    keys.go(name="name")
    keys.press("Finance outside the office")
    keys.go(name="include", value="all")
    keys.press(Keys.SPACE)
    keys.go(name="include", value="group:finance")
    keys.press(Keys.SPACE)
    keys.go(name="resources", value="app")
    keys.press(Keys.SPACE)
    keys.go(name="resources", value="payroll")
    keys.press(Keys.SPACE)
    keys.go(words="Add condition")
    keys.press(Keys.ENTER)
    screen.wait_for("/admin/mfa/policies")
    assert keys.focused.get_attribute("name") == "c.0.is", "the new row has the focus"
    keys.press(Keys.ARROW_DOWN)
    keys.go(name="c.0.value", value="office")
    keys.press(Keys.SPACE)
    keys.go(name="max_age")
    keys.press("15", Keys.ENTER)
    screen.wait_for("/admin/mfa/policies/Finance%20outside%20the%20office")
    screen.expect("The group finance must verify with a second factor to open payroll")
    screen.expect("when the address is not in office. A verification counts for 15 minutes.")
    screen.expect("No problems found.")
    screen.expect("Report only")
    keys.go(words="Turn on")
    keys.press(Keys.ENTER)
    screen.expect("Turn off")
    with app.app_context():
        document = state_of(app).access.policies.get("Finance outside the office").to_document()
    assert document == {
        "name": "Finance outside the office", "state": "on", "users": {"include": ["group:finance"]},
        "resources": ["payroll"], "conditions": {"not": {"network": ["office"]}},
        "effect": {"action": "require", "max_age": 900, "grace_days": 0},
    }  # fmt: skip
    assert screen.complaints() == []

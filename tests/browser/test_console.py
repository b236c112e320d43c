"""The console in a real browser: by keyboard alone, on a narrow screen, without a word in the browser's log."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from example_app.people import DAVES_KEY
from flask_mfa_gate.domain.records.daily_totals import Adoption
from flask_mfa_gate.domain.sign_in.sign_in_outcome import SignInOutcome
from tests.browser.conftest import Screen
from tests.browser.test_pages import oathtool
from tests.conftest import key_of, state_of
from tests.web.admin.kit import ADMIN, enroll

_PAGES = (
    "/",
    "/users?status=IN_ENROLLMENT",
    "/users?q=nobody",
    "/audit",
    "/settings",
    "/select",
    "/users/2",
    "/sign-ins",
    "/sign-ins?outcome=denied",
)


def at_console(screen: Screen, app: Any) -> None:
    enroll(app, ADMIN)
    with app.app_context():
        state_of(app).people.users.sync()
    screen.sign_in(ADMIN)
    screen.type("code", oathtool(DAVES_KEY))
    screen.press("Verify")
    screen.expect("Hello Ada Admin")


def count_days(app: Any) -> None:
    """Something for the charts to show."""
    state = state_of(app)
    with state.store.database.write() as tx:
        for ago in range(1, 40):
            day = (state.clock() - timedelta(days=ago)).date()
            adoption = {"": Adoption(80, 80 - ago), "a-group-with-quite-a-long-name": Adoption(40, 40 - ago)}
            state.store.daily_totals.put(tx, day, adoption, dict.fromkeys(SignInOutcome, ago))


@pytest.mark.parametrize("size", [(390, 640), (320, 480), (1280, 500)])
@pytest.mark.parametrize("scripts", [False], indirect=True)
def test_all_of_a_card_can_be_seen(screen: Screen, server: tuple[str, Any], size: tuple[int, int]) -> None:
    at_console(screen, server[1])
    metrics = {"width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": False}
    screen.chrome.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    screen.open("/admin/mfa/users?q=carol")
    badge = screen.chrome.find_element(By.CSS_SELECTOR, "[popovertarget]")
    screen.chrome.execute_script("arguments[0].scrollIntoView({block: 'center'})", badge)
    badge.send_keys(Keys.ENTER)
    shown = screen.chrome.execute_script(
        "return document.querySelector(':popover-open').getBoundingClientRect().toJSON()"
    )
    assert 0 <= shown["top"] < shown["bottom"] <= size[1]
    assert 0 <= shown["left"] < shown["right"] <= size[0]


def tab_to(screen: Screen, words: str, *, most: int = 60) -> Any:
    """The control with this name, reached by the tab key."""
    for _ in range(most):
        screen.chrome.switch_to.active_element.send_keys(Keys.TAB)
        focused = screen.chrome.switch_to.active_element
        if words in (focused.accessible_name or focused.text):
            assert focused.is_displayed()
            return focused
    raise AssertionError(f"no way to {words!r} by keyboard")


def test_a_deadline_is_extended_by_keyboard_alone(screen: Screen, server: tuple[str, Any]) -> None:
    _, app = server
    at_console(screen, app)
    screen.open("/admin/mfa/users?q=bob")
    tab_to(screen, "Select Bob Baker").send_keys(Keys.SPACE)
    tab_to(screen, "In enrollment: details of Bob Baker").send_keys(Keys.ENTER)
    screen.expect("Must set up an authenticator app before the period ends.")
    screen.chrome.switch_to.active_element.send_keys(Keys.ESCAPE)
    assert not screen.chrome.find_element(By.ID, "card-1").is_displayed()
    screen.open(f"/admin/mfa/users/{key_of(app, 'bob')}")
    tab_to(screen, "Extend the deadline").send_keys(Keys.ENTER)
    screen.expect("Extend for 1 user")
    days = tab_to(screen, "Days")
    days.clear()
    days.send_keys("3", Keys.ENTER)
    screen.expect("Done for 1 user.")
    with app.app_context():
        assert state_of(app).people.enrollments.status(key_of(app, "bob")).days_left == 10
    assert screen.complaints() == []


def test_a_card_shows_the_whole_end_in_utc_and_in_the_zone_of_the_reader(
    screen: Screen, server: tuple[str, Any], *, scripts: bool
) -> None:
    _, app = server
    at_console(screen, app)
    screen.chrome.execute_cdp_cmd("Emulation.setTimezoneOverride", {"timezoneId": "America/New_York"})
    screen.open("/admin/mfa/users?q=bob")
    screen.chrome.find_element(By.XPATH, "//main//td//button[contains(., 'In enrollment')]").click()
    card = screen.chrome.find_element(By.ID, "card-1")
    (end,) = card.find_elements(By.CSS_SELECTOR, "time[data-local=beside]")
    assert ("UTC" in end.text, "GMT-" in end.text) == (True, scripts)
    assert end.rect["x"] + end.rect["width"] <= card.rect["x"] + card.rect["width"]
    assert screen.complaints() == []


def test_no_page_scrolls_sideways_or_breaks_its_policy(screen: Screen, server: tuple[str, Any]) -> None:
    _, app = server
    at_console(screen, app)
    count_days(app)
    for width in (1280, 320):
        screen.chrome.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
            "width": width, "height": 800, "deviceScaleFactor": 1, "mobile": False,
        })  # fmt: skip
        for path in _PAGES:
            screen.open(f"/admin/mfa{path}")
            root = screen.chrome.find_element(By.TAG_NAME, "html")
            assert int(root.get_property("scrollWidth")) <= int(root.get_property("clientWidth")), (path, width)
    assert screen.complaints() == []

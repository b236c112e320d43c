"""The road of one user in a real browser, with `oathtool` as the phone."""

from __future__ import annotations

import shutil
import subprocess
from typing import Any

from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from tests.browser.conftest import Screen
from tests.conftest import key_of, require_or_skip, state_of


def oathtool(key: str) -> str:
    """The code that another implementation shows for the key a page showed."""
    require_or_skip("oathtool", shutil.which("oathtool") is not None)
    command = ["oathtool", "--totp", "--base32", key]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def test_prompt_later_enroll_challenge_recover(screen: Screen, scripts: bool) -> None:
    screen.sign_in("bob")
    screen.wait_for("/mfa/enroll")
    screen.expect("7 days")
    screen.press("Set up later")
    screen.expect("Hello Bob Baker")
    screen.expect("7 days left")
    screen.open("/mfa/enroll/totp")
    key = "".join(screen.texts(".mfa-key code"))
    assert len(key) == 32
    screen.type("code", "000000")
    screen.press("Confirm")
    screen.expect("That code didn't work")
    assert any(screen.texts("[role=alert]"))
    again = "".join(screen.texts(".mfa-key code"))
    assert again == key
    screen.type("code", oathtool(key))
    screen.press("Confirm")
    screen.expect("recovery codes")
    codes = screen.texts(".mfa-codes code")
    assert len(set(codes)) == 10
    assert screen.chrome.find_element(By.CSS_SELECTOR, "[data-needs-script]").is_displayed() == scripts
    assert [one.is_displayed() for one in screen.chrome.find_elements(By.CSS_SELECTOR, ".mfa-saved .mfa-wide")] == [
        False, True,
    ], "the link comes with the tick, the button that does nothing goes"  # fmt: skip
    screen.press("I saved these codes")
    screen.press("Continue")
    screen.expect("Hello Bob Baker")

    screen.open("/mfa/")
    screen.expect("Protected")
    screen.press("Sign out", within="header")
    screen.wait_for("/login")

    screen.sign_in("bob")
    screen.wait_for("/mfa/challenge")
    screen.press("recovery code")
    screen.wait_for("/mfa/challenge?factor=recovery_code")
    screen.type("code", codes[3].lower())
    screen.press("Verify")
    screen.wait_for("/mfa/recovered")
    screen.expect("9 of 10 codes left")
    screen.press("Continue to Example Portal")
    screen.expect("Hello Bob Baker")
    assert screen.complaints() == []


def test_a_phone_opens_its_app_and_folds_the_picture_that_it_cannot_scan(screen: Screen) -> None:
    screen.sign_in("frank")
    screen.chrome.set_window_size(390, 844)
    screen.open("/mfa/enroll/totp")
    link = screen.chrome.find_element(By.CSS_SELECTOR, "a[href^='otpauth://totp/']")
    picture = screen.chrome.find_element(By.CSS_SELECTOR, ".mfa-qr")
    key = screen.chrome.find_element(By.CSS_SELECTOR, ".mfa-key")
    assert link.location["y"] < key.location["y"]
    assert not picture.is_displayed()
    screen.press("Show a QR code")
    assert picture.is_displayed()
    assert picture.location["y"] > key.location["y"]
    screen.chrome.set_window_size(1280, 900)
    assert not link.is_displayed()
    assert picture.is_displayed()


def test_who_has_to_wait_cannot_send_a_code_meanwhile(screen: Screen, scripts: bool) -> None:
    screen.sign_in("dave")
    for _ in range(6):
        screen.type("code", "000000")
        screen.press("Verify")
    screen.expect("Too many incorrect codes. Try again in 0:")
    assert screen.chrome.find_element(By.NAME, "code").is_enabled() is not scripts
    assert len(screen.texts(".mfa-alert")) == 1


def test_pages_can_be_read_at_twice_the_size(screen: Screen) -> None:
    screen.sign_in("frank")
    screen.chrome.set_window_size(640, 900)
    for path in ("/mfa/", "/mfa/sessions", "/mfa/enroll/totp"):
        screen.open(path)
        screen.chrome.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
            "width": 320, "height": 450, "deviceScaleFactor": 2, "mobile": False,
        })  # fmt: skip
        root = screen.chrome.find_element(By.TAG_NAME, "html")
        assert int(root.get_property("scrollWidth")) <= int(root.get_property("clientWidth")), path


def test_a_code_from_another_implementation_signs_in_by_keyboard_alone(screen: Screen, server: tuple[str, Any]) -> None:
    from example_app.people import DAVES_KEY

    screen.sign_in("dave")
    screen.wait_for("/mfa/challenge")
    field = screen.chrome.switch_to.active_element
    assert field.get_attribute("name") == "code", "the field has the focus"
    field.send_keys(oathtool(DAVES_KEY), Keys.ENTER)
    screen.expect("Hello Dave Dean")


def test_locked_and_rescued(screen: Screen, server: tuple[str, Any]) -> None:
    screen.sign_in("carol")
    screen.expect("locked")
    app = server[1]
    with app.app_context():
        state_of(app).people.enrollments.extend(key_of(app, "carol"), days=3)
    screen.open("/")
    screen.expect("3 days")


def test_pages_fit_every_width_and_name_every_control(screen: Screen) -> None:
    screen.sign_in("bob")
    for width in (320, 360, 1280):
        screen.chrome.set_window_size(width, 800)
        for path in ("/mfa/enroll", "/mfa/enroll/totp"):
            screen.open(path)
            root = screen.chrome.find_element(By.TAG_NAME, "html")
            assert int(root.get_property("scrollWidth")) <= int(root.get_property("clientWidth")), (width, path)
            for control in screen.chrome.find_elements(By.CSS_SELECTOR, "button, a[href], input:not([type=hidden])"):
                if control.is_displayed() and "skip" not in (control.get_attribute("class") or ""):
                    assert control.accessible_name, control.get_attribute("outerHTML")
    assert screen.complaints() == []

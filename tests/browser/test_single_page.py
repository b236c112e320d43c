"""The recipe for single-page apps: fetch, 401, code, once more, without leaving the page."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from example_app.people import DAVES_KEY
from tests.browser.conftest import Screen
from tests.conftest import Phone, state_of

pytestmark = pytest.mark.parametrize("scripts", [True], indirect=True, ids=["script"])


def test_a_page_that_stays_open_asks_for_the_code_itself(screen: Screen, server: tuple[str, Any]) -> None:
    clock = state_of(server[1]).clock
    phone = Phone(clock, DAVES_KEY)
    screen.sign_in("dave")
    screen.type("code", phone.code())
    screen.press("Verify")
    screen.wait_for("/")
    clock.ahead = timedelta(minutes=6)  # type: ignore[attr-defined]
    screen.open("/single-page")
    send_amount(screen)
    screen.type("code", phone.wrong_code())
    screen.press("Verify", within="dialog")
    screen.expect("That code didn't work.")
    screen.type("code", phone.code())
    screen.press("Verify", within="dialog")
    screen.expect("The transfer of 12.50 is on its way.")
    send_amount(screen)
    screen.expect("The transfer of 12.50 is on its way.")
    assert screen.path == "/single-page"
    assert [one for one in screen.complaints() if "status of 401" not in one["message"]] == []


def send_amount(screen: Screen) -> None:
    screen.type("amount", "12.50")
    screen.press("Send")

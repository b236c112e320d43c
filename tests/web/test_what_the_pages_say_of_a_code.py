"""A code that is not taken: what was wrong with it, and what to do."""

from __future__ import annotations

import pytest
from bs4 import BeautifulSoup
from flask import Flask

from tests.conftest import Browser, Phone, StillClock, recovery_codes_in, state_of
from tests.web.kit import hand_in, issue, signed_in

pytestmark = pytest.mark.pages

CHALLENGE, SETUP = "/mfa/challenge", "/mfa/enroll/totp"
WRONG, USED = "That code didn't work.", "You already used this code. Wait for the next one."


def boxes(text: str) -> list[str]:
    """What the boxes above the field say, in words."""
    return [" ".join(one.get_text(" ").split()) for one in BeautifulSoup(text, "html.parser").select(".mfa-alert")]


def test_a_right_code_used_once_more_is_right_and_used(app: Flask, phone: Phone) -> None:
    code = phone.code()
    signed_in(app, "dave", phone)
    second = signed_in(app, "dave")
    answer = second.send(CHALLENGE, code=code)
    assert answer.status_code == 422
    assert boxes(answer.text) == [USED]
    assert second.send_json(CHALLENGE, {"code": code}).json["detail"] == USED  # type: ignore[index]
    older = phone.code(steps=-1)
    assert boxes(second.send(CHALLENGE, code=older).text) == [USED], "codes before it are used up with it"


def test_a_code_that_is_wrong_or_far_is_no_used_one(app: Flask, phone: Phone, clock: StillClock) -> None:
    signed_in(app, "dave", phone)
    browser = signed_in(app, "dave")
    assert boxes(browser.send(CHALLENGE, code=phone.wrong_code()).text) == [WRONG]
    assert boxes(browser.send(CHALLENGE, code="12345").text) == [WRONG]
    (box,) = boxes(browser.send(CHALLENGE, code=phone.code(steps=-10)).text)
    assert "different time" in box


def test_a_recovery_code_used_once_more_is_told_apart_too(app: Flask, phone: Phone, clock: StillClock) -> None:
    codes = recovery_codes_in(signed_in(app, "dave", phone).send("/mfa/recovery-codes").text)
    signed_in(app, "dave").send(CHALLENGE, factor="recovery_code", code=codes[0])
    browser = signed_in(app, "dave")
    used = browser.send(CHALLENGE, factor="recovery_code", code=codes[0])
    assert boxes(used.text) == ["You already used this recovery code. Each one works once; enter another."]
    assert boxes(browser.send(CHALLENGE, factor="recovery_code", code="A" * 16).text) == [WRONG]


def test_a_wrong_access_pass_is_called_one(app: Flask) -> None:
    browser = signed_in(app, "frank")
    issue(app, "frank")
    (box,) = boxes(hand_in(browser, "A" * 16).text)
    assert box == "That access pass didn't work. Check it, or ask your administrator for a new one."


def test_a_code_of_the_old_app_is_not_called_used_at_the_setup_of_a_new_one(
    app: Flask, phone: Phone, clock: StillClock
) -> None:
    browser = signed_in(app, "dave", phone)
    browser.begin_setup()
    clock.forward(seconds=60)
    assert boxes(browser.send(SETUP, code=phone.code()).text) == [WRONG]


@pytest.mark.parametrize("path", [CHALLENGE, SETUP])
def test_the_wait_is_told_once_by_the_code_that_starts_it(
    app: Flask, phone: Phone, clock: StillClock, path: str
) -> None:
    browser = signed_in(app, "dave" if path == CHALLENGE else "bob")
    browser.get(path)
    answers = [browser.send(path, code=phone.wrong_code()) for _ in range(6)]
    assert [answer.status_code for answer in answers] == [422] * 6
    assert boxes(answers[4].text) == [WRONG]
    assert boxes(answers[5].text) == [f"{WRONG} Too many incorrect codes. Try again in 0:30."]
    assert "<fieldset data-waits>" in answers[5].text
    clock.forward(seconds=10)
    while_waiting = browser.send(path, code=phone.code())
    assert while_waiting.status_code == 429
    assert boxes(while_waiting.text) == ["Too many incorrect codes. Try again in 0:20."]
    assert boxes(browser.get(path).text) == ["Too many incorrect codes. Try again in 0:20."]
    clock.forward(seconds=20)
    assert boxes(browser.get(path).text) == []


def test_who_is_stopped_and_has_no_codes_is_offered_a_pass(app: Flask, phone: Phone, clock: StillClock) -> None:
    browser = signed_in(app, "dave")
    fail_a_hundred_times(app)
    page = browser.get(CHALLENGE).text
    assert "Use an access pass" in page
    assert "recovery code" not in page
    assert 'name="code"' not in page


def fail_a_hundred_times(app: Flask) -> None:
    state = state_of(app)
    for number in range(100):
        with state.store.database.write() as tx:
            place = f"192.0.2.{number}"
            state.store.failures.add(tx, "4", place=place, now=state.clock())


def test_the_field_helps_whoever_types(app: Flask) -> None:
    field = BeautifulSoup(Browser.get(signed_in(app, "dave"), CHALLENGE).text, "html.parser").select_one("#code")
    assert field is not None
    assert field["inputmode"] == "numeric"
    assert field["autocomplete"] == "one-time-code"
    assert field["placeholder"] == "000000"
    assert "autofocus" in field.attrs

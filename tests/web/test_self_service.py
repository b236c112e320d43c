"""The security page and what can be done from it."""

from __future__ import annotations

from typing import Any

import pytest
from bs4 import BeautifulSoup
from flask import Flask

from tests.conftest import JSON, Browser, Phone, StillClock, key_of, recovery_codes_in, state_of
from tests.web.kit import signed_in


@pytest.fixture
def proved(app: Flask, phone: Phone) -> Browser:
    browser = Browser(app)
    browser.sign_in("dave")
    browser.send("/mfa/challenge", code=phone.code())
    return browser


def factor_of(browser: Browser) -> dict[str, str]:
    (factor,) = browser.get("/mfa/", headers=JSON).json["factors"]  # type: ignore[index]
    return dict(factor)


def test_the_page_shows_factors_codes_and_activity(proved: Browser) -> None:
    page = proved.get("/mfa/").text
    for text in (
        "Account security",
        "Protected",
        "Authenticator app",
        "0 of 10 codes",
        "Verified with authenticator app",
        "127.0.0.1",
    ):
        assert text in page


def test_pages_of_a_pending_sign_in_lead_to_the_next_step(app: Flask) -> None:
    browser = Browser(app)
    browser.sign_in("dave")
    for path in ("/mfa/", "/mfa/sessions", "/mfa/recovery-codes", "/mfa/enroll/totp"):
        assert browser.get(path).location == "/mfa/challenge", path
    for path in ("/mfa/recovery-codes", "/mfa/sessions", "/mfa/factors/x/remove", "/mfa/factors/x/rename"):
        assert browser.send(path).location == "/mfa/challenge", path


def test_rename(proved: Browser) -> None:
    assert proved.send(factor_of(proved)["rename_url"], name="<svg onload=x>").location == "/mfa/"
    page = proved.get("/mfa/").text
    assert "<svg onload" not in page
    assert "&lt;svg onload=x&gt;" in page
    for name in ("", " ", "x" * 65, "a\nb"):
        assert proved.send(factor_of(proved)["rename_url"], name=name).status_code == 400


def test_the_last_factor_stays_while_required(proved: Browser) -> None:
    answer = proved.send(factor_of(proved)["remove_url"])
    assert answer.status_code == 409
    assert "can't remove" in answer.text or "can&#39;t remove" in answer.text
    assert (
        proved.send_json(f"/mfa/factors/{factor_of(proved)['id']}", {}, method="DELETE").json["reason"] == "last-factor"
    )  # type: ignore[index]


def test_removing_needs_a_fresh_factor_and_takes_the_codes_along(
    app: Flask, proved: Browser, phone: Phone, clock: StillClock
) -> None:
    with app.app_context():
        state_of(app).people.enrollments.remove("4")
    proved.send("/mfa/recovery-codes")
    url = factor_of(proved)["remove_url"]
    clock.forward(minutes=16)
    assert proved.send(url).location == "/mfa/challenge"
    assert factor_of(proved)
    assert proved.send("/mfa/challenge", code=phone.code()).location == url
    assert "Remove" in proved.get(url).text
    assert proved.send(url).location == "/mfa/"
    assert proved.status()["factors"] == []
    with state_of(app).store.database.read() as tx:
        assert state_of(app).store.recovery_codes.left(tx, "4") == 0
        (kept,) = state_of(app).store.factors.record(tx, "4")
    assert kept.sealed == b"", "the record stays, the secret goes"


def test_another_users_factor_is_not_there(app: Flask, proved: Browser, clock: StillClock) -> None:
    bob = Browser(app)
    bob.sign_in("bob")
    bob.send("/mfa/enroll/totp", code=Phone(clock, bob.begin_setup()["secret"]).code())
    url = factor_of(bob)
    for path in (url["remove_url"], url["rename_url"]):
        assert proved.send(path, name="mine").status_code == 404
    assert factor_of(bob)["name"] == "Authenticator app"


def test_new_codes_void_the_old_and_are_shown_once(app: Flask, proved: Browser, clock: StillClock) -> None:
    first = recovery_codes_in(proved.send("/mfa/recovery-codes").text)
    second = recovery_codes_in(proved.send("/mfa/recovery-codes").text)
    assert len(set(first) | set(second)) == 20
    assert recovery_codes_in(proved.get("/mfa/recovery-codes").text) == []
    other = Browser(app)
    other.sign_in("dave")
    assert other.send("/mfa/challenge", factor="recovery_code", code=first[0]).status_code == 422
    assert other.send("/mfa/challenge", factor="recovery_code", code=second[0]).status_code == 303


def test_new_codes_need_a_fresh_factor(proved: Browser, clock: StillClock) -> None:
    clock.forward(minutes=16)
    assert proved.send("/mfa/recovery-codes").location == "/mfa/challenge"
    assert proved.send_json("/mfa/recovery-codes", {}).status_code == 401


def test_a_warning_when_three_or_fewer_are_left(app: Flask, proved: Browser, clock: StillClock) -> None:
    codes = recovery_codes_in(proved.send("/mfa/recovery-codes").text)
    warning = "running low"
    for spent, code in enumerate(codes[:7], 1):
        browser = Browser(app)
        browser.sign_in("dave")
        browser.send("/mfa/challenge", factor="recovery_code", code=code)
        assert (warning in browser.get("/mfa/").text) == (10 - spent <= 3)


def test_no_codes_before_a_factor(app: Flask) -> None:
    browser = Browser(app)
    browser.sign_in("frank")
    assert browser.send("/mfa/recovery-codes").status_code == 409


@pytest.mark.parametrize("token", ["", "wrong", "0" * 64, "é"])
def test_writes_without_the_right_token_change_nothing(app: Flask, proved: Browser, token: str) -> None:
    other = Browser(app)
    other.sign_in("bob")
    foreign = other.status()["csrf_token"]
    for path in (
        "/mfa/recovery-codes",
        "/mfa/sign-out",
        "/mfa/cancel",
        "/mfa/sessions",
        "/mfa/enroll/totp",
        "/mfa/challenge",
        "/mfa/enroll/later",
        factor_of(proved)["rename_url"],
    ):
        for sent in (token, foreign):
            answer = proved.client.post(path, data={"csrf_token": sent, "name": "x", "code": "123456"})
            assert answer.status_code == 400, path
        assert proved.client.post(path, data={"name": "x"}, headers=JSON).json["code"] == "csrf_failed"  # type: ignore[index]
    assert proved.is_in()
    assert factor_of(proved)["name"] == "Authenticator app"


def test_get_changes_nothing(proved: Browser) -> None:
    for path in ("/mfa/cancel", "/mfa/sign-out", "/mfa/enroll/later", factor_of(proved)["rename_url"]):
        assert proved.get(path).status_code == 405
    proved.get(factor_of(proved)["remove_url"])
    assert factor_of(proved)


def test_another_origin_reads_and_writes_nothing(proved: Browser) -> None:
    for path in ("/mfa/status", "/mfa/enroll/totp", "/mfa/"):
        answer = proved.get(path, headers={"Origin": "https://evil.example", **JSON})
        assert answer.status_code == 403
        assert "csrf_token" not in answer.text
        assert "secret" not in answer.text


def test_extra_fields_are_ignored(app: Flask, clock: StillClock) -> None:
    browser = Browser(app)
    browser.sign_in("bob")
    secret = browser.begin_setup()["secret"]
    mine = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
    sneaky = {"secret": mine, "user_id": "1", "user_key": "1", "confirmed": "true", "code": Phone(clock, mine).code()}
    assert browser.send("/mfa/enroll/totp", **sneaky).status_code == 422
    assert browser.begin_setup()["secret"] == secret


def test_after_enrollment_the_key_is_never_shown_again(app: Flask, clock: StillClock) -> None:
    browser = Browser(app)
    browser.sign_in("bob")
    secret = browser.begin_setup()["secret"]
    browser.send("/mfa/enroll/totp", code=Phone(clock, secret).code())
    groups = [secret[start : start + 4] for start in range(0, 32, 4)]
    for path in ("/mfa/enroll/totp", "/mfa/", "/mfa/enroll"):
        text = browser.get(path, follow_redirects=True).text
        assert secret not in text
        assert not all(group in text for group in groups)


def test_no_secret_in_logs_or_audit(app: Flask, clock: StillClock, caplog: pytest.LogCaptureFixture) -> None:
    from sqlalchemy import text

    caplog.set_level("DEBUG")
    browser = Browser(app)
    browser.sign_in("bob")
    setup = browser.begin_setup()
    phone = Phone(clock, setup["secret"])
    wrong = phone.wrong_code()
    browser.send("/mfa/enroll/totp", code=wrong)
    code = phone.code()
    codes = recovery_codes_in(browser.send("/mfa/enroll/totp", code=code).text)
    with state_of(app).store.database.read() as tx:
        names = ("audit", "session", "factor", "recovery_code", "outbox")
        kept = " ".join(str(tx.execute(text(f"SELECT * FROM mfa_gate_{name}")).all()) for name in names)
    for secret in (
        setup["secret"],
        code,
        wrong,
        setup["otpauth_uri"],
        *codes,
        *(one.replace("-", "") for one in codes),
    ):
        assert secret not in caplog.text
        assert secret not in kept


def test_the_activity_says_what_was_used(app: Flask, proved: Browser, clock: StillClock) -> None:
    codes = recovery_codes_in(proved.send("/mfa/recovery-codes").text)
    other = Browser(app)
    other.sign_in("dave", remember="1")
    other.send("/mfa/challenge", factor="recovery_code", code=codes[0])
    third = Browser(app)
    third.client.set_cookie("remember_token", other.cookie("remember_token") or "")
    third.get("/")
    page = proved.get("/mfa/").text
    assert page.count("Signed in with password") == 1, "once an hour from one place"
    assert page.count("Signed in from a remembered browser") == 1
    assert page.count("Recovery code used") == 1
    assert page.count("Verified with authenticator app") == 1


def test_the_activity_has_words_for_everything_that_is_recorded() -> None:
    from flask_mfa_gate.signals import gate_signals
    from flask_mfa_gate.web.account import activity

    assert set(gate_signals) == set(activity.EVENTS)


@pytest.mark.parametrize("name", ["%00", "a%00b", "%ed%a0%80", "x" * 5000, "%F0%9F%98%80"])
@pytest.mark.parametrize("path", ["/mfa/sessions/{}/end", "/mfa/factors/{}/rename", "/mfa/factors/{}/remove"])
def test_an_id_that_none_can_be_is_not_found(proved: Browser, path: str, name: str, caplog: Any) -> None:
    assert proved.send(path.format(name), name="x").status_code == 404
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


def activity_of(browser: Browser) -> list[str]:
    """The lines of recent activity, in words."""
    page = BeautifulSoup(browser.get("/mfa/").text, "html.parser")
    return [" ".join(one.get_text(" ").split()) for one in page.select(".mfa-events li > span")]


def test_one_act_is_one_line(app: Flask, clock: StillClock) -> None:
    browser = signed_in(app, "frank")
    phone = Phone(clock, browser.begin_setup()["secret"])
    browser.send("/mfa/enroll/totp", code=phone.code())
    assert activity_of(browser) == ["Multi-factor authentication set up", "Signed in with password"]
    clock.forward(seconds=31)
    phone = Phone(clock, browser.begin_setup()["secret"])
    browser.send("/mfa/enroll/totp", code=phone.code())
    assert activity_of(browser)[0] == "Authentication method added", "another one is news"


def test_wrong_codes_do_not_push_out_what_matters(app: Flask, phone: Phone, clock: StillClock) -> None:
    browser, other = signed_in(app, "dave"), signed_in(app, "dave")
    other.client.environ_base["HTTP_USER_AGENT"] = "Mozilla/5.0 (Windows NT 10.0) Gecko/20100101 Firefox/140.0"
    for _ in range(2):
        other.send("/mfa/challenge", code=phone.wrong_code())
    for _ in range(3):
        browser.send("/mfa/challenge", code=phone.wrong_code())
    browser.send("/mfa/challenge", code=phone.code())
    assert activity_of(browser)[:4] == [
        "Verified with authenticator app", "Incorrect code 3 times", "Incorrect code 2 times", "Signed in with password",
    ]  # fmt: skip
    assert "Firefox on Windows" in browser.get("/mfa/").text


def test_a_flood_of_sign_ins_hides_nothing_and_stays_in_sight_itself(
    app: Flask, phone: Phone, clock: StillClock
) -> None:
    with app.app_context():
        state_of(app).people.enrollments.reset(key_of(app, "dave"), actor="cli", notify=False)
        state_of(app).people.enrollments.remove(key_of(app, "dave"), actor="cli")
    for number in range(70):
        thief = Browser(app)
        thief.client.environ_base["REMOTE_ADDR"] = f"203.0.113.{number}"
        thief.sign_in("dave")
        clock.forward(seconds=20)
    lines = BeautifulSoup(signed_in(app, "dave").get("/mfa/").text, "html.parser").select(".mfa-events")[0]
    shown = [" ".join(one.get_text(" ").split()) for one in lines.select("li > span")]
    assert shown.count("Signed in with password") >= 5
    assert "Multi-factor authentication reset" in shown


def test_older_activity_is_folded(app: Flask, phone: Phone, clock: StillClock) -> None:
    for _ in range(6):
        clock.forward(hours=1)
        browser = signed_in(app, "dave", phone)
    page = BeautifulSoup(browser.get("/mfa/").text, "html.parser")
    assert [len(one.select("li")) for one in page.select(".mfa-events")] == [10, len(activity_of(browser)) - 10]


def test_a_thief_at_the_code_page_is_no_session_that_signed_in(app: Flask, phone: Phone) -> None:
    owner = signed_in(app, "dave", phone)
    signed_in(app, "dave")
    page = BeautifulSoup(owner.get("/mfa/sessions").text, "html.parser")
    assert "Waiting for a code" not in {one.text for one in page.select("li:not(:has(form)) .mfa-badge")}, "the owner"
    assert page.text.count("Signed in ") == 1


def test_times_are_relative_and_exact(proved: Browser, clock: StillClock) -> None:
    for forward, words in (
        ({"seconds": 59}, "just now"),
        ({"seconds": 1}, "1 minute ago"),
        ({"minutes": 44}, "45 minutes ago"),
    ):
        clock.forward(**forward)
        assert f"Last used {words} · <time" in proved.get("/mfa/").text


def test_what_is_not_protected_says_until_when(app: Flask) -> None:
    browser = signed_in(app, "bob")
    browser.send("/mfa/enroll/later")
    page = " ".join(browser.get("/mfa/").text.split())
    assert "7 days left</strong>, until <time" in page


def test_removing_says_what_goes_with_it(app: Flask, clock: StillClock) -> None:
    browser = signed_in(app, "frank")
    phone = Phone(clock, browser.begin_setup()["secret"])
    browser.send("/mfa/enroll/totp", code=phone.code())
    page = browser.get(factor_of(browser)["remove_url"]).text
    assert "This also deletes your recovery codes." in page

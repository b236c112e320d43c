"""Mails that a user's own acts cause: which, how many, to whom, and that what they tell holds no secret."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from tests.conftest import JSON, Browser, Phone, StillClock, recovery_codes_in, state_of
from tests.web.kit import act, change_user, events, hand_in, hold_security_key, issue, kinds, mails, signed_in

Make = Callable[..., Flask]
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0"
HERE = {"address": "127.0.0.1"}


def enroll(app: Flask, clock: StillClock, name: str = "frank") -> tuple[Browser, Phone, list[str]]:
    browser = signed_in(app, name)
    phone = Phone(clock, browser.begin_setup()["secret"])
    return browser, phone, recovery_codes_in(browser.send("/mfa/enroll/totp", code=phone.code()).text)


def test_a_first_factor_is_told_once(app: Flask, clock: StillClock) -> None:
    enroll(app, clock)
    (mail,) = mails(app, "frank")
    assert (mail.kind, mail.recipient) == ("enrolled", "frank@example.org")
    assert mail.facts["method"] == "totp"
    assert mail.facts["address"] == "127.0.0.1"


def test_a_replaced_factor_is_told_as_another(app: Flask, clock: StillClock, phone: Phone) -> None:
    browser = signed_in(app, "dave", phone)
    browser.send("/mfa/enroll/totp", code=Phone(clock, browser.begin_setup()["secret"]).code())
    assert kinds(app, "dave") == ["factor-added"]


def test_after_a_reset_the_next_one_is_the_first_again(app: Flask, clock: StillClock) -> None:
    act(app, "reset", "dave")
    enroll(app, clock, "dave")
    assert sorted(kinds(app, "dave")) == ["enrolled", "reset"]


def test_the_first_totp_beside_another_factor(make_app: Make, clock: StillClock) -> None:
    app = make_app(MFA_GATE_FACTORS=["totp", "webauthn"])
    hold_security_key(app, "frank")
    browser = signed_in(app, "frank")
    hand_in(browser, issue(app, "frank", notify=False))
    browser.send("/mfa/enroll/totp", code=Phone(clock, browser.begin_setup()["secret"]).code())
    assert kinds(app, "frank") == ["factor-added"]


def test_a_removed_factor_is_told(app: Flask, clock: StillClock, phone: Phone) -> None:
    act(app, "remove", "dave", notify=False)
    browser = signed_in(app, "dave", phone)
    (factor,) = browser.get("/mfa/", headers=JSON).json["factors"]  # type: ignore[index]
    browser.send(factor["remove_url"])
    (mail,) = mails(app, "dave")
    assert (mail.kind, mail.facts["method"], mail.facts["by_admin"]) == ("factor-removed", "totp", False)


def test_a_removal_cannot_be_silenced(make_app: Make, clock: StillClock, phone: Phone) -> None:
    from flask_mfa_gate import ConfigError

    with pytest.raises(ConfigError):
        make_app(MFA_GATE_MAIL_DISABLED=["factor-removed"])
    muted = ["enrolled", "factor-added", "recovery-code-used", "recovery-codes-made", "wrong-codes"]
    app = make_app(MFA_GATE_MAIL_DISABLED=muted)
    act(app, "remove", "dave", notify=False)
    browser = signed_in(app, "dave", phone)
    browser.send("/mfa/recovery-codes")
    (factor,) = browser.get("/mfa/", headers=JSON).json["factors"]  # type: ignore[index]
    browser.send(factor["remove_url"])
    enroll(app, clock)
    assert kinds(app, "dave") == ["factor-removed"]
    assert kinds(app, "frank") == []


def test_a_used_recovery_code_is_told_with_how_many_are_left(app: Flask, clock: StillClock) -> None:
    _browser, _phone, codes = enroll(app, clock)
    for left, code in ((9, codes[0]), (8, codes[1])):
        clock.forward(minutes=1)
        browser = signed_in(app, "frank")
        assert browser.send("/mfa/challenge", factor="recovery_code", code=code).location == "/"
        assert mails(app, "frank")[-1].facts["left"] == left
    assert kinds(app, "frank") == ["enrolled", "recovery-code-used", "recovery-code-used"]


def test_a_code_refused_or_spent_is_not_told_as_used(app: Flask, clock: StillClock) -> None:
    _browser, _phone, codes = enroll(app, clock)
    for code in (codes[0], codes[0], "AAAA-AAAA-AAAA-AAAA"):
        signed_in(app, "frank").send("/mfa/challenge", factor="recovery_code", code=code)
    assert kinds(app, "frank").count("recovery-code-used") == 1


def test_new_recovery_codes_are_told(app: Flask, phone: Phone, clock: StillClock) -> None:
    browser = signed_in(app, "dave", phone)
    codes = recovery_codes_in(browser.send("/mfa/recovery-codes").text)
    assert kinds(app, "dave") == ["recovery-codes-made"]
    assert not any(code in str(mails(app, "dave")) for code in codes)
    clock.forward(minutes=16)
    browser.send("/mfa/recovery-codes")
    assert kinds(app, "dave") == ["recovery-codes-made"], "a refused wish is no news"


def guess(app: Flask, clock: StillClock, phone: Phone, times: int, *, factor: str = "totp") -> Browser:
    browser = signed_in(app, "dave")
    for _ in range(times):
        code = phone.wrong_code() if factor == "totp" else "AAAA-AAAA-AAAA-AAAA"
        assert browser.send("/mfa/challenge", factor=factor, code=code).status_code == 422
    return browser


@pytest.mark.parametrize("factor", ["totp", "recovery_code", "access_pass"])
def test_the_third_wrong_code_warns(app: Flask, clock: StillClock, phone: Phone, factor: str) -> None:
    guess(app, clock, phone, 2, factor=factor)
    assert kinds(app, "dave") == []
    guess(app, clock, phone, 1, factor=factor)
    (mail,) = mails(app, "dave")
    assert (mail.kind, mail.facts["times"], mail.facts["address"]) == ("wrong-codes", 3, "127.0.0.1")


def test_once_an_hour(app: Flask, clock: StillClock, phone: Phone) -> None:
    guess(app, clock, phone, 5)
    assert kinds(app, "dave") == ["wrong-codes"]
    clock.forward(minutes=59)
    guess(app, clock, phone, 1)
    assert kinds(app, "dave") == ["wrong-codes"]
    clock.forward(minutes=1)
    guess(app, clock, phone, 1)
    assert kinds(app, "dave") == ["wrong-codes", "wrong-codes"]
    assert mails(app, "dave")[-1].facts["times"] == 7


def test_once_an_hour_also_when_mail_has_gone_out_meanwhile(app: Flask, clock: StillClock, phone: Phone) -> None:
    guess(app, clock, phone, 3)
    with app.app_context():
        state_of(app).gate.run_due()
    clock.forward(minutes=30)
    guess(app, clock, phone, 1)
    assert kinds(app, "dave").count("wrong-codes") == 1


def test_what_was_not_tried_is_no_news(app: Flask, clock: StillClock, phone: Phone) -> None:
    browser = guess(app, clock, phone, 2)
    for code in ("", "x" * 65):
        browser.send("/mfa/challenge", code=code)
    assert kinds(app, "dave") == []


def test_whoever_sets_up_a_first_factor_only_mistypes(app: Flask, clock: StillClock) -> None:
    browser = signed_in(app, "bob")
    phone = Phone(clock, browser.begin_setup()["secret"])
    for _ in range(4):
        browser.send("/mfa/enroll/totp", code=phone.wrong_code())
    assert kinds(app, "bob") == []


def test_a_thief_who_guesses_the_pass_for_a_first_factor_is_told_of(make_app: Make) -> None:
    """He has the password already; the owner must not hear of him only when he gets in."""
    app = make_app(MFA_GATE_ADMIN_ENROLLMENT="pass")
    issue(app, "ada", notify=False)
    browser = signed_in(app, "ada")
    for _ in range(3):
        hand_in(browser, "AAAA-AAAA-AAAA-AAAA")
    assert kinds(app, "ada") == ["wrong-codes"]


def test_a_changed_factor_is_told_to_the_old_address_too(app: Flask, clock: StillClock) -> None:
    signed_in(app, "frank")
    change_user(app, "frank", email="new@example.org")
    enroll(app, clock)
    assert {mail.recipient for mail in mails(app, "frank")} == {"frank@example.org", "new@example.org"}


@pytest.mark.parametrize(
    "road", [["x@evil.example", "y@evil.example"], ["x@evil.example", "frank@example.org", "y@evil.example"]]
)
def test_two_changes_do_not_silence_the_first_address(app: Flask, clock: StillClock, road: list[str]) -> None:
    """Whoever has the password could otherwise move the owner's address out of sight before he enrolls."""
    signed_in(app, "frank")
    for address in road:
        change_user(app, "frank", email=address)
        signed_in(app, "frank")
    enroll(app, clock)
    assert "frank@example.org" in {mail.recipient for mail in mails(app, "frank")}


def test_an_address_that_was_changed_and_changed_back_is_told_once(app: Flask, clock: StillClock) -> None:
    for address in ("x@example.org", "frank@example.org"):
        signed_in(app, "frank")
        change_user(app, "frank", email=address)
    enroll(app, clock)
    assert [mail.recipient for mail in mails(app, "frank")].count("frank@example.org") == 1


def test_an_old_address_is_forgotten_after_a_month(app: Flask, clock: StillClock) -> None:
    signed_in(app, "frank")
    change_user(app, "frank", email="new@example.org")
    signed_in(app, "frank")
    clock.forward(days=30)
    enroll(app, clock)
    assert [mail.recipient for mail in mails(app, "frank")] == ["new@example.org"]
    change_user(app, "frank", email="newer@example.org")
    signed_in(app, "frank")
    act(app, "reset", "frank")
    told = {mail.recipient for mail in mails(app, "frank") if mail.kind == "reset"}
    assert told == {"new@example.org", "newer@example.org"}


def test_what_a_client_calls_itself_stays_data(app: Flask, clock: StillClock, phone: Phone) -> None:
    browser = signed_in(app, "dave", phone)
    token = browser.status()["csrf_token"]
    browser.client.post(
        "/mfa/recovery-codes", data={"csrf_token": token}, headers={"User-Agent": "{{ 7*7 }} <b>" + "x" * 5000}
    )
    (mail,) = mails(app, "dave")
    assert mail.facts["user_agent"].startswith("{{ 7*7 }} <b>")
    assert len(mail.facts["user_agent"]) <= 300


def test_a_failed_act_tells_nobody(app: Flask, phone: Phone, monkeypatch: pytest.MonkeyPatch) -> None:
    browser = signed_in(app, "dave", phone)
    state = state_of(app)

    def fail(*_args: Any, **_options: Any) -> None:
        raise RuntimeError("the last statement")

    monkeypatch.setattr(type(state.store.audit), "write", fail)
    assert browser.send("/mfa/recovery-codes").status_code == 503
    monkeypatch.undo()
    assert kinds(app, "dave") == []
    assert not events(app, "dave", "recovery_codes_made")

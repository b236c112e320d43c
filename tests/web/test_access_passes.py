"""Access passes through the real pages: what they open, when they end, and what they never do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from flask import Flask

from flask_mfa_gate.errors import BadRequest, ConfigError, NotAllowed
from tests.conftest import JSON, Browser, Phone, StillClock, at_once, key_of, recovery_codes_in, state_of
from tests.web.kit import (
    act,
    change_user,
    events,
    everything_kept,
    hand_in,
    hold_security_key,
    issue,
    kinds,
    mails,
    signed_in,
)  # fmt: skip

WRONG = "AAAA-AAAA-AAAA-AAAA"


def revoke(app: Flask, username: str, **terms: Any) -> bool:
    with app.app_context():
        return state_of(app).people.access_passes.revoke(key_of(app, username), **terms)


def amr_of(app: Flask, browser: Browser) -> tuple[str, ...]:
    found = state_of(app).sign_in.sessions.find(browser.cookie() or "")
    assert found is not None
    return found[0].assurance.amr


def has_pass(app: Flask, username: str) -> bool:
    """Whether a pass waits or lives that was not spent."""
    with app.app_context():
        return bool(state_of(app).people.access_passes.of(key_of(app, username)))


def test_a_pass_is_the_way_in(app: Flask) -> None:
    code = issue(app, "dave")
    browser = signed_in(app, "dave")
    assert not browser.is_in()
    assert hand_in(browser, code).location == "/"
    assert browser.is_in()
    assert amr_of(app, browser) == ("pwd", "mfa")


@pytest.mark.parametrize("typed", [str.lower, lambda code: code.replace("-", ""), lambda code: f" {code} "])
def test_it_is_typed_in_any_shape(app: Flask, typed: Any) -> None:
    code = issue(app, "dave")
    assert hand_in(signed_in(app, "dave"), typed(code)).location == "/"


def test_a_one_time_pass_is_spent_by_its_use(app: Flask) -> None:
    code = issue(app, "dave")
    hand_in(signed_in(app, "dave"), code)
    second = signed_in(app, "dave")
    assert hand_in(second, code).status_code == 422
    assert not second.is_in()


def test_a_timed_pass_works_until_it_ends(app: Flask, clock: StillClock) -> None:
    code = issue(app, "dave", one_time=False, lifetime=timedelta(minutes=10))
    for _ in range(2):
        assert hand_in(signed_in(app, "dave"), code).location == "/"
    clock.forward(minutes=10)
    assert hand_in(signed_in(app, "dave"), code).status_code == 422


def test_it_is_good_for_one_user(app: Flask) -> None:
    code = issue(app, "dave")
    for name in ("bob", "ada"):
        assert hand_in(signed_in(app, name), code).status_code == 422
    assert hand_in(signed_in(app, "dave"), code).location == "/"


def test_it_begins_when_it_begins(app: Flask, clock: StillClock) -> None:
    code = issue(app, "dave", starts_at=clock() + timedelta(hours=2))
    assert hand_in(signed_in(app, "dave"), code).status_code == 422
    clock.forward(hours=2)
    assert hand_in(signed_in(app, "dave"), code).location == "/"
    clock.forward(minutes=59, seconds=59)


def test_hours_are_hours_also_where_the_clocks_are_changed(make_app: Any, clock: StillClock) -> None:
    """On 29 March 2026 clocks in Berlin jump from 2 to 3 o'clock; on 25 October they go back."""
    app = make_app()
    for month, day in ((3, 29), (10, 25)):
        start = datetime(2026, month, day, 1, 45, tzinfo=ZoneInfo("Europe/Berlin"))
        with app.app_context():
            passes = state_of(app).people.access_passes
            passes.issue("4", starts_at=start, lifetime=timedelta(hours=2))
            (terms,) = passes.of("4")
        assert terms.ends_at - terms.starts_at == timedelta(hours=2)
        assert terms.starts_at == start.astimezone(UTC)


def test_a_revoked_pass_and_what_it_opened_end_at_once(app: Flask) -> None:
    code = issue(app, "dave", one_time=False)
    browser, waiting = signed_in(app, "dave"), signed_in(app, "dave")
    hand_in(browser, code)
    assert revoke(app, "dave", actor="user:1", reason="lost it again")
    assert not browser.is_in()
    assert hand_in(waiting, code).status_code == 422
    assert not revoke(app, "dave"), "there is nothing left to take back"
    assert len(events(app, "dave", "access_pass_revoked")) == 1


def test_a_new_pass_ends_the_old_one_and_what_it_opened(app: Flask) -> None:
    old = issue(app, "dave", one_time=False)
    browser = signed_in(app, "dave")
    hand_in(browser, old)
    new = issue(app, "dave")
    assert not browser.is_in()
    other = signed_in(app, "dave")
    assert hand_in(other, old).status_code == 422
    assert hand_in(other, new).location == "/"


def test_a_spent_pass_is_taken_back_with_its_session(app: Flask) -> None:
    browser = signed_in(app, "dave")
    hand_in(browser, issue(app, "dave"))
    assert revoke(app, "dave")
    assert not browser.is_in()


def test_other_sessions_of_the_user_outlive_the_pass(app: Flask, phone: Phone) -> None:
    own, by_pass = signed_in(app, "dave", phone), signed_in(app, "dave")
    hand_in(by_pass, issue(app, "dave"))
    revoke(app, "dave")
    assert own.is_in()
    assert not by_pass.is_in()


@pytest.mark.parametrize("proves_more", [False, True])
def test_the_session_ends_with_the_pass(app: Flask, clock: StillClock, phone: Phone, proves_more: bool) -> None:
    code = issue(app, "dave", lifetime=timedelta(minutes=20))
    browser = signed_in(app, "dave")
    hand_in(browser, code)
    if proves_more:
        clock.forward(seconds=30)
        browser.get("/transfer")
        assert browser.send("/mfa/challenge", code=phone.code()).location == "/transfer"
        assert browser.get("/transfer").status_code == 200
    clock.forward(minutes=19)
    assert browser.is_in()
    clock.forward(minutes=1)
    assert not browser.is_in()
    assert browser.get("/mfa/recovery-codes").status_code == 303


def test_a_pass_given_to_a_proved_session_shortens_it(app: Flask, clock: StillClock, phone: Phone) -> None:
    """What a pass touched ends with the pass, also when it was stronger before."""
    browser = signed_in(app, "dave", phone)
    clock.forward(minutes=16)
    browser.get("/mfa/enroll/totp")
    assert hand_in(browser, issue(app, "dave", lifetime=timedelta(minutes=10))).location == "/mfa/enroll/totp"
    clock.forward(minutes=10)
    assert not browser.is_in()


def test_the_new_key_set_up_with_a_pass_outlives_it(app: Flask, clock: StillClock, phone: Phone) -> None:
    browser = signed_in(app, "dave")
    hand_in(browser, issue(app, "dave"))
    new = Phone(clock, browser.begin_setup()["secret"])
    assert browser.send("/mfa/enroll/totp", code=new.code()).status_code == 200
    clock.forward(hours=1)
    assert not browser.is_in(), "the session that the pass opened is over"
    later = signed_in(app, "dave")
    assert later.send("/mfa/challenge", code=phone.code()).status_code == 422
    assert later.send("/mfa/challenge", code=new.code()).location == "/"


SELF_SERVICE = ("/mfa/", "/mfa/sessions", "/mfa/recovery-codes")
HOST_PAGES = ("/", "/payroll", "/wiki", "/transfer")


def test_a_pass_for_enrollment_opens_the_setup_and_nothing_else(app: Flask, clock: StillClock) -> None:
    code = issue(app, "dave", scope="enroll-only")
    browser = signed_in(app, "dave")
    assert hand_in(browser, code).location == "/mfa/enroll"
    assert browser.status()["next"] == "enroll"
    assert amr_of(app, browser) == ("pwd",)
    assert "for setting up a new authentication method" in browser.get("/mfa/enroll").text
    for path in (*HOST_PAGES, *SELF_SERVICE):
        assert browser.get(path).location == "/mfa/enroll", path
        told = browser.get(path, headers=JSON)
        assert (told.status_code, told.json["code"]) == (403, "mfa_enrollment_required"), path  # type: ignore[index]
    for path in ("/mfa/recovery-codes", "/mfa/sessions", "/mfa/factors/x/remove", "/mfa/factors/x/rename"):
        assert browser.send(path, name="x").location == "/mfa/enroll", path
    assert browser.send("/mfa/enroll/later").status_code == 409
    assert browser.client.post("/transfer", data={"amount": "1"}).status_code == 403
    assert browser.get("/mfa/challenge").location == "/mfa/enroll"
    new = Phone(clock, browser.begin_setup()["secret"])
    done = browser.send("/mfa/enroll/totp", code=new.code())
    assert done.status_code == 200
    assert recovery_codes_in(done.text) == [], "recovery codes come with the first factor, and this is not it"
    assert browser.is_in()
    assert browser.get("/transfer").status_code == 200
    assert amr_of(app, browser) == ("pwd", "otp", "mfa")


def test_a_pass_for_enrollment_opens_the_setup_also_where_everybody_must(make_app: Any, clock: StillClock) -> None:
    app = make_app(MFA_GATE_DEFAULT_ACCESS="require")
    browser = signed_in(app, "dave")
    assert hand_in(browser, issue(app, "dave", scope="enroll-only")).location == "/mfa/enroll"
    assert browser.get("/").location == "/mfa/enroll"
    new = Phone(clock, browser.begin_setup()["secret"])
    assert browser.send("/mfa/enroll/totp", code=new.code()).status_code == 200
    assert browser.is_in()


def test_a_pass_for_enrollment_is_no_second_way_in(app: Flask, phone: Phone) -> None:
    """The factor itself, or a full pass, still is."""
    browser = signed_in(app, "dave")
    hand_in(browser, issue(app, "dave", scope="enroll-only", one_time=False))
    assert browser.send("/mfa/challenge", code=phone.code()).location == "/"
    assert browser.is_in()


def test_a_pass_for_enrollment_ends_with_its_time(app: Flask, clock: StillClock) -> None:
    browser = signed_in(app, "dave")
    hand_in(browser, issue(app, "dave", scope="enroll-only", lifetime=timedelta(minutes=10)))
    clock.forward(minutes=10)
    assert browser.get("/mfa/enroll").location.startswith("/login")


def test_a_pass_never_steps_up(app: Flask, clock: StillClock) -> None:
    code = issue(app, "dave", one_time=False)
    browser = signed_in(app, "dave")
    hand_in(browser, code)
    assert browser.get("/transfer").location == "/mfa/challenge"
    assert "access pass" not in browser.get("/mfa/challenge").text.lower()
    assert hand_in(browser, code).status_code == 400
    told = browser.send_json("/mfa/challenge", {"factor": "access_pass", "code": code})
    assert (told.status_code, told.json["code"]) == (400, "bad_request")  # type: ignore[index]
    assert browser.get("/transfer").location == "/mfa/challenge"


@pytest.mark.parametrize("scope", ["full", "enroll-only"])
def test_a_refused_pass_is_not_spent(app: Flask, clock: StillClock, phone: Phone, scope: str) -> None:
    browser = signed_in(app, "dave", phone)
    clock.forward(minutes=6)
    code = issue(app, "dave", scope=scope)
    browser.get("/transfer")
    assert hand_in(browser, code).status_code == 400
    assert hand_in(signed_in(app, "dave"), code).status_code == 303


def test_a_pass_never_opens_a_resource(make_app: Any, clock: StillClock) -> None:
    app = make_app(MFA_GATE_DEFAULT_ACCESS={"payroll": "require"})
    browser = signed_in(app, "dave")
    hand_in(browser, issue(app, "dave"))
    assert browser.is_in()
    assert browser.get("/payroll").location == "/mfa/challenge"
    assert browser.get("/payroll", headers=JSON).json["code"] == "mfa_step_up_required"  # type: ignore[index]


def test_a_pass_removes_no_factor_and_makes_no_codes(app: Flask) -> None:
    act(app, "remove", "dave")
    browser = signed_in(app, "dave")
    hand_in(browser, issue(app, "dave"))
    (factor,) = browser.get("/mfa/", headers=JSON).json["factors"]  # type: ignore[index]
    for path in (factor["remove_url"], "/mfa/recovery-codes"):
        assert browser.send(path).location == "/mfa/challenge", path
    assert browser.send_json(f"/mfa/factors/{factor['id']}", {}, method="DELETE").status_code == 401
    assert browser.status()["factors"] == ["totp"]


def test_the_proof_for_a_new_factor_lasts_fifteen_minutes(app: Flask, clock: StillClock) -> None:
    browser = signed_in(app, "dave")
    hand_in(browser, issue(app, "dave", lifetime=timedelta(hours=8)))
    clock.forward(minutes=15, seconds=1)
    assert browser.get("/mfa/enroll/totp").location == "/mfa/challenge"


def test_it_lifts_no_lapse_and_is_not_spent_there(app: Flask) -> None:
    code = issue(app, "carol")
    browser = signed_in(app, "carol")
    answer = hand_in(browser, code)
    assert answer.status_code == 403
    assert "locked" in answer.text
    told = browser.send_json("/mfa/challenge", {"factor": "access_pass", "code": code})
    assert told.json["code"] == "mfa_enrollment_expired"  # type: ignore[index]
    assert not browser.is_in()
    assert has_pass(app, "carol")
    act(app, "extend", "carol", days=1)
    assert hand_in(browser, code).status_code == 303


def test_nor_where_a_lapse_locks_only_what_is_protected(make_app: Any) -> None:
    app = make_app(MFA_GATE_LOCKOUT_SCOPE="protected")
    code = issue(app, "carol")
    browser = signed_in(app, "carol")
    assert browser.is_in()
    assert hand_in(browser, code).status_code == 403
    assert has_pass(app, "carol")


def test_it_is_not_spent_on_an_account_that_is_switched_off(app: Flask) -> None:
    code = issue(app, "dave")
    browser = signed_in(app, "dave")
    change_user(app, "dave", enabled=False)
    assert hand_in(browser, code).status_code == 403
    change_user(app, "dave", enabled=True)
    assert hand_in(browser, code).location == "/"


def test_wrong_passes_wait_in_the_back_off_like_recovery_codes(app: Flask, clock: StillClock) -> None:
    code = issue(app, "dave")
    browser = signed_in(app, "dave")
    for _ in range(6):
        assert hand_in(browser, WRONG).status_code == 422
    stopped = hand_in(browser, code)
    assert stopped.status_code == 429
    assert stopped.headers["Retry-After"] == "30"
    told = browser.send_json("/mfa/challenge", {"factor": "access_pass", "code": code})
    assert (told.status_code, told.json["code"]) == (429, "mfa_throttled")  # type: ignore[index]
    clock.forward(seconds=30)
    assert hand_in(browser, code).location == "/", "the right one was neither tried nor spent"


def test_a_user_whose_codes_are_stopped_gets_in_with_a_pass(app: Flask, phone: Phone, clock: StillClock) -> None:
    state = state_of(app)
    for number in range(100):
        with state.store.database.write() as tx:
            address, at = f"192.0.2.{number}", clock()
            state.store.failures.add(tx, "4", place=address, now=at)
    browser = signed_in(app, "dave")
    assert browser.send("/mfa/challenge", code=phone.code()).status_code == 429
    assert "Use an access pass" in browser.get("/mfa/challenge").text
    assert hand_in(browser, issue(app, "dave")).location == "/"


@pytest.mark.parametrize(
    ("code", "status"),
    [(WRONG, 422), ("123456", 422), ("", 400), ("é" * 16, 422), ("A" * 65, 400), (None, 400), (5, 400), (["A"], 400)],
)
def test_what_is_no_pass(app: Flask, code: object, status: int) -> None:
    browser = signed_in(app, "dave")
    told = browser.send_json("/mfa/challenge", {"factor": "access_pass", "code": code})
    assert told.status_code == status
    assert told.json["code"] == ("mfa_code_invalid" if status == 422 else "bad_request")  # type: ignore[index]
    with state_of(app).store.database.read() as tx:
        failures = state_of(app).store.failures.count(tx, "4", place="127.0.0.1", now=state_of(app).clock())
    assert failures.in_total == (status == 422)


@pytest.mark.parametrize("factor", ["enrollment_pass", "webauthn", "sms", "\x00", ["access_pass"], 5])
def test_an_unknown_word_for_the_factor(app: Flask, factor: object) -> None:
    browser = signed_in(app, "dave")
    told = browser.send_json("/mfa/challenge", {"factor": factor, "code": WRONG})
    assert (told.status_code, told.json["code"]) == (400, "bad_request")  # type: ignore[index]


def test_programs(app: Flask) -> None:
    code = issue(app, "dave", scope="enroll-only", one_time=False)
    browser = signed_in(app, "dave")
    body = {"factor": "access_pass", "code": code}
    assert browser.client.post("/mfa/challenge", json=body).status_code == 400, "no token"
    told = browser.send_json("/mfa/challenge", body)
    assert told.json == {"next": "enroll", "continue_url": "/mfa/enroll"}
    full = signed_in(app, "dave")
    told = full.send_json("/mfa/challenge", {**body, "code": issue(app, "dave")})
    assert told.json == {"next": "pass", "continue_url": "/"}


def test_the_page_for_those_who_hold_a_factor(app: Flask) -> None:
    browser = signed_in(app, "dave")
    assert 'href="/mfa/challenge?factor=access_pass"' in browser.get("/mfa/challenge").text
    page = browser.get("/mfa/challenge?factor=access_pass").text
    assert "Enter an access pass" in page
    assert 'name="factor" value="access_pass"' in page
    assert "Use your authenticator app" in page
    wrong = hand_in(browser, WRONG)
    assert "That access pass didn&#39;t work" in wrong.text
    assert "Enter an access pass" in wrong.text


def test_the_page_for_those_who_hold_none(make_app: Any) -> None:
    app = make_app(MFA_GATE_FIRST_ENROLLMENT="pass")
    browser = signed_in(app, "bob")
    assert browser.get("/mfa/challenge?factor=access_pass").location == "/mfa/enroll", "nothing asks for one yet"
    assert browser.get("/mfa/enroll/totp").location == "/mfa/challenge?factor=access_pass"
    page = browser.get("/mfa/challenge?factor=access_pass").text
    assert "Enter an access pass" in page
    assert "Use a recovery code" not in page
    assert "Use your authenticator app" not in page
    live = signed_in(app, "frank")
    assert live.get("/mfa/challenge?factor=access_pass").location == "/"


def test_without_a_factor_nothing_but_a_pass_is_taken(app: Flask) -> None:
    browser = signed_in(app, "bob")
    for factor in ("totp", "recovery_code"):
        assert browser.send("/mfa/challenge", factor=factor, code="123456").location == "/mfa/enroll"
    assert hand_in(browser, WRONG).status_code == 422
    assert hand_in(browser, issue(app, "bob")).status_code == 303


def test_an_answer_does_not_tell_whether_there_is_a_pass(app: Flask) -> None:
    without = hand_in(signed_in(app, "dave"), WRONG)
    issue(app, "dave")
    assert hand_in(signed_in(app, "dave"), WRONG).text.split("csrf_token")[0] == without.text.split("csrf_token")[0]


def test_at_once_it_opens_once(app: Flask) -> None:
    code = issue(app, "dave")
    browsers = [signed_in(app, "dave") for _ in range(4)]
    for browser in browsers:
        browser.status()
    answers = at_once([lambda browser=browser: hand_in(browser, code).status_code for browser in browsers])
    assert answers.count(303) == 1, answers
    assert sum(browser.is_in() for browser in browsers) == 1


def test_who_may_hand_one_out(app: Flask) -> None:
    for actor, subject, reason in (
        ("user:7", "ada", "higher-role"),
        ("user:7", "hugo", "higher-role"),
        ("user:7", "grace", "yourself"),
        ("user:1", "ada", "yourself"),
        ("1", "ada", "yourself"),
        ("user:8", "bob", "not-allowed"),
        ("user:6", "bob", "not-allowed"),
        ("user:none", "bob", "not-allowed"),
    ):
        for call in (issue, revoke):
            with pytest.raises(NotAllowed) as refused:
                call(app, subject, actor=actor)
            assert refused.value.reason == reason
    assert issue(app, "bob", actor="user:7")
    assert issue(app, "grace", actor="user:1")
    change_user(app, "ada", enabled=False)
    with pytest.raises(NotAllowed):
        issue(app, "grace", actor="user:1")


def test_an_issued_pass_is_not_silent(app: Flask) -> None:
    with pytest.raises(BadRequest):
        issue(app, "dave", actor="user:1", notify=False)
    assert kinds(app, "dave") == []
    for word in ("cli", "host", "system"):
        issue(app, "dave", actor=word, notify=False)
    assert kinds(app, "dave") == []
    issue(app, "dave", actor="user:1")
    assert kinds(app, "dave") == ["access-pass"]


def test_mail_that_is_always_sent_cannot_be_switched_off(make_app: Any) -> None:
    with pytest.raises(ConfigError):
        make_app(MFA_GATE_MAIL_DISABLED=["access-pass"])


@pytest.mark.parametrize(
    "terms",
    [
        {"lifetime": timedelta(minutes=9, seconds=59)},
        {"lifetime": timedelta(days=30, seconds=1)},
        {"lifetime": timedelta(0)},
        {"lifetime": -timedelta(hours=1)},
        {"starts_at": datetime(2026, 3, 2, 8, 0, tzinfo=UTC)},
        {"starts_at": datetime(2027, 3, 3, 9, 0, tzinfo=UTC)},
        {"starts_at": datetime(2026, 3, 3, 9, 0)},  # noqa: DTZ001
        {"starts_at": datetime(1, 1, 1, tzinfo=ZoneInfo("Asia/Tokyo"))},
        {"starts_at": datetime.max.replace(tzinfo=ZoneInfo("America/New_York"))},
        {"scope": "everything"},
        {"scope": ""},
        {"reason": "x" * 10_001},
    ],
)
def test_terms_out_of_range(app: Flask, terms: dict[str, Any]) -> None:
    with pytest.raises(BadRequest):
        issue(app, "dave", **terms)
    assert not has_pass(app, "dave")


def test_the_code_is_nowhere(app: Flask, clock: StillClock, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    code = issue(app, "dave", actor="user:1", reason="phone lost")
    browser = signed_in(app, "dave")
    hand_in(browser, WRONG)
    hand_in(browser, code)
    with app.app_context():
        assert state_of(app).gate.delivery.send_due()[0] == 1
        (mail,) = mails(app, "dave")
    cookies = " ".join(str(cookie.value) for cookie in browser.client._cookies.values())  # type: ignore[union-attr]
    for secret in (code, code.replace("-", ""), WRONG, code.lower()):
        assert secret not in everything_kept(app)
        assert secret not in caplog.text
        assert secret not in cookies
        assert secret not in str(mail)
    (told,) = events(app, "dave", "access_pass_issued")
    assert (told.actor, told.reason) == ("user:1", "phone lost")


def test_two_passes_have_two_digests_and_no_code_in_a_repr(app: Flask) -> None:
    first, second = issue(app, "dave"), issue(app, "bob")
    assert first != second
    with state_of(app).store.database.read() as tx:
        rows = tx.execute(state_of(app).store.tables.access_pass.select()).all()
    assert len({row.sealed for row in rows}) == 2


def test_reset_takes_the_pass_along(app: Flask) -> None:
    code = issue(app, "dave", one_time=False)
    browser = signed_in(app, "dave")
    hand_in(browser, code)
    act(app, "reset", "dave", days=3)
    assert not browser.is_in()
    assert hand_in(signed_in(app, "dave"), code).status_code == 422


def test_a_holder_of_another_factor_uses_one_too(make_app: Any) -> None:
    app = make_app(MFA_GATE_FACTORS=["totp", "webauthn"])
    hold_security_key(app, "frank")
    browser = signed_in(app, "frank")
    assert browser.get("/").location == "/mfa/challenge"
    assert hand_in(browser, issue(app, "frank")).location == "/"

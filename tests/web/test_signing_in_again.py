"""Who is signed in already signs in again: what was proved stands, and the sign-in is fresh."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask, Response, after_this_request, redirect, request, stream_with_context
from flask_login import confirm_login, current_user, login_user, logout_user
from sqlalchemy import text

from example_app.models import User, db
from example_app.people import PASSWORD
from tests.conftest import JSON, Browser, Phone, StillClock, key_of, state_of
from tests.policy_kit import policy, put
from tests.web.kit import events, hand_in, issue, signed_in

SETUP = "/mfa/enroll/totp"


@pytest.fixture
def remembered(app: Flask) -> Browser:
    """Frank, who owes nothing, in a browser that was only remembered."""
    first = Browser(app)
    first.sign_in("frank", remember="1")
    browser = Browser(app)
    browser.client.set_cookie("remember_token", first.cookie("remember_token") or "")
    assert browser.is_in()
    return browser


def add_view(app: Flask, view: Any) -> None:
    app.add_url_rule("/host-view", "host_view", view, methods=["GET", "POST"])


def again() -> str:
    login_user(current_user._get_current_object())
    return "the view's own answer"


def test_a_remembered_user_signs_in_and_sets_a_first_factor_up(remembered: Browser) -> None:
    assert "Sign in again" in remembered.get(SETUP).text
    assert remembered.sign_in("frank").location == "/"
    remembered.client.delete_cookie("remember_token")
    assert remembered.get(SETUP).status_code == 200


@pytest.fixture
def bouncer(app: Flask, remembered: Browser) -> Browser:
    """The sign-in view of many apps sends back whoever is signed in, as that of the Mega-Tutorial does."""
    ordinary = app.view_functions["portal.login"]

    def login() -> Any:
        return redirect(request.args.get("next", "/")) if current_user.is_authenticated else ordinary()

    app.view_functions["portal.login"] = login
    return remembered


@pytest.mark.parametrize("path", ["/mfa/", "/mfa/sessions"])
def test_whom_only_the_app_knows_is_no_stranger_to_the_gate(bouncer: Browser, path: str) -> None:
    assert bouncer.get(path).status_code == 200
    assert bouncer.status()["next"] == "pass"


def test_nor_is_one_whose_sign_in_the_gate_forgot(app: Flask, clock: StillClock) -> None:
    browser = signed_in(app, "frank")
    clock.forward(hours=2)
    assert browser.get("/mfa/").status_code == 200


def test_where_the_login_sends_back_the_way_leads_out_and_in_again(bouncer: Browser) -> None:
    assert bouncer.get(SETUP).status_code == 401
    assert bouncer.send("/mfa/sign-out").location == "/login"
    assert bouncer.sign_in("frank").location == "/"
    assert bouncer.get(SETUP).status_code == 200


def test_a_user_met_there_still_owes_what_the_app_asks(app: Flask, phone: Phone, clock: StillClock) -> None:
    browser = signed_in(app, "dave", phone)
    clock.forward(hours=2)
    assert browser.get("/mfa/").location == "/mfa/challenge"
    assert browser.get("/mfa/sessions").location == "/mfa/challenge"
    assert not browser.is_in()
    assert browser.send("/mfa/challenge", code=phone.code()).location == "/"


def test_a_picture_on_another_site_parks_nobody_there(app: Flask, phone: Phone) -> None:
    first = Browser(app)
    first.sign_in("dave", remember="1")
    first.send("/mfa/challenge", code=phone.code())
    browser = Browser(app)
    browser.client.set_cookie("remember_token", first.cookie("remember_token") or "")
    picture = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}
    answer = browser.get("/mfa/", headers=picture)
    assert answer.status_code == 401
    assert answer.headers.getlist("Set-Cookie") == []


def test_a_loader_that_fails_there_finds_nobody(
    app: Flask, remembered: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_key: str) -> Any:
        raise RuntimeError("no g.db")

    monkeypatch.setattr(app.login_manager, "_user_callback", broken)  # type: ignore[attr-defined]
    assert remembered.get("/mfa/").location.startswith("/login")


def test_a_sign_in_that_grew_old_is_fresh_again(app: Flask, clock: StillClock) -> None:
    browser = signed_in(app, "frank")
    clock.forward(minutes=16)
    assert browser.get(SETUP).status_code == 401
    assert browser.sign_in("frank").location == "/"
    assert browser.get(SETUP).status_code == 200


def test_what_was_proved_stands_and_is_no_younger(app: Flask, phone: Phone, clock: StillClock) -> None:
    browser = signed_in(app, "dave", phone)
    clock.forward(minutes=10)
    before = browser.cookie()
    assert browser.sign_in("dave").location == "/"
    assert browser.is_in()
    assert browser.cookie() != before, "whoever kept the old id is not signed in again with it"
    assert browser.get("/transfer").location == "/mfa/challenge", "the step-up asks for a proof of 5 minutes"


def test_a_proof_for_one_request_is_not_doubled(app: Flask, phone: Phone, clock: StillClock) -> None:
    burn = state_of(app).gate.require_mfa(max_age=timedelta(0))(lambda: "burned")
    app.add_url_rule("/burn", "burn", burn)
    browser = signed_in(app, "dave", phone)
    clock.forward(seconds=30)
    browser.get("/burn")
    browser.send("/mfa/challenge", code=phone.code())
    old = browser.cookie() or ""
    browser.sign_in("dave")
    answers = [browser.get("/burn")]
    browser.client.set_cookie("mfa_gate", old)
    answers.append(browser.get("/burn"))
    assert [answer.text for answer in answers].count("burned") == 1


def test_no_session_lives_longer_for_it(app: Flask, phone: Phone, clock: StillClock) -> None:
    browser = signed_in(app, "dave", phone)
    for _ in range(23):
        clock.forward(minutes=30)
        browser.sign_in("dave")
    clock.forward(minutes=29)
    assert browser.is_in()
    clock.forward(minutes=1)
    assert not browser.is_in()


@pytest.mark.parametrize("is_revoked", [True, False])
def test_what_a_pass_opened_ends_with_it_all_the_same(app: Flask, clock: StillClock, *, is_revoked: bool) -> None:
    code = issue(app, "dave", lifetime=timedelta(minutes=30))
    browser = signed_in(app, "dave")
    hand_in(browser, code)
    clock.forward(minutes=16)
    browser.sign_in("dave")
    assert browser.is_in()
    assert browser.get(SETUP).status_code == 303, "the pass is no fresh proof any more"
    if is_revoked:
        with app.app_context():
            state_of(app).people.access_passes.revoke("4")
    else:
        clock.forward(minutes=14)
    assert not browser.is_in()


def test_the_old_id_ends_soon_and_renews_nothing(app: Flask, phone: Phone, clock: StillClock) -> None:
    browser, thief = signed_in(app, "dave", phone), Browser(app)
    thief.client.set_cookie("session", browser.cookie("session") or "")
    thief.client.set_cookie("mfa_gate", browser.cookie() or "")
    browser.sign_in("dave")
    assert thief.is_in(), "as long as requests may be on their way"
    clock.forward(seconds=30)
    assert not thief.is_in()
    assert browser.is_in()


def test_the_browser_is_remembered_that_asks_for_it_now(app: Flask, phone: Phone) -> None:
    browser = signed_in(app, "dave", phone)
    browser.sign_in("dave", remember="1")
    assert browser.cookie("remember_token")
    assert browser.is_in()


def test_the_id_of_a_proved_session_without_its_host_session_proves_nothing(app: Flask, phone: Phone) -> None:
    browser, thief = signed_in(app, "dave", phone), Browser(app)
    thief.client.set_cookie("mfa_gate", browser.cookie() or "")
    assert thief.sign_in("dave").location == "/mfa/challenge"
    assert not thief.is_in()


def test_a_second_click_undoes_nothing(app: Flask, phone: Phone) -> None:
    browser = signed_in(app, "dave", phone)
    late = Browser(app)
    for name in ("mfa_gate", "session"):
        late.client.set_cookie(name, browser.cookie(name) or "")
    assert browser.sign_in("dave").location == "/"
    assert late.sign_in("dave").location == "/", "with the id that gave way a moment ago"
    assert browser.is_in()
    assert late.is_in()


def test_each_time_is_on_record_once_an_hour(app: Flask, clock: StillClock) -> None:
    """Whoever has the password alone must not fill the log with it."""
    browser = signed_in(app, "frank")
    browser.sign_in("frank")
    assert [row.details["sign_in"] for row in events(app, "frank", "signed_in")] == ["password"]
    clock.forward(minutes=59)
    browser.get("/")
    clock.forward(minutes=2)
    browser.sign_in("frank")
    assert [row.details["sign_in"] for row in events(app, "frank", "signed_in")] == ["password", "password"]
    with state_of(app).store.database.read() as tx:
        rows = "SELECT count(*) FROM mfa_gate_session WHERE superseded_at IS NULL"
        assert tx.execute(text(rows)).scalar() == 1


def test_the_list_of_sessions_says_from_where_it_was(app: Flask) -> None:
    """Whoever takes over a session and signs in to it is not shown under the owner's address."""
    browser = signed_in(app, "frank")
    browser.client.environ_base.update(REMOTE_ADDR="203.0.113.9", HTTP_USER_AGENT="other")
    browser.sign_in("frank")
    with state_of(app).store.database.read() as tx:
        (session,) = state_of(app).store.sessions.of_user(tx, key_of(app, "frank"))
    assert (session.address, session.user_agent) == ("203.0.113.9", "other")


@pytest.mark.parametrize("way", [again, lambda: confirm_login() or "confirmed"])
def test_whatever_the_view_is_called(app: Flask, clock: StillClock, way: Any) -> None:
    add_view(app, way)
    browser = signed_in(app, "frank")
    clock.forward(minutes=16)
    assert browser.get("/host-view").status_code == 200
    assert browser.get(SETUP).status_code == 200


def name_again(*answer: Any) -> Any:
    """What a hook does to keep its user, or to have him remembered for longer."""
    if current_user.is_authenticated:
        again()
    return answer[0] if answer else None


@pytest.mark.parametrize(
    "hook_it_in",
    [
        lambda app: app.before_request(name_again),
        lambda app: app.before_request(lambda: after_this_request(name_again) and None),
        lambda app: app.after_request(name_again),
        lambda app: app.teardown_request(lambda _error: name_again()),
        lambda app: app.register_error_handler(404, lambda _error: name_again("nothing there")),
    ],
    ids=["before", "callback", "after", "teardown", "error"],
)
def test_a_hook_that_names_the_user_at_each_request_signs_nobody_in(
    app: Flask, clock: StillClock, hook_it_in: Any
) -> None:
    hook_it_in(app)
    browser = signed_in(app, "frank")
    clock.forward(minutes=16)
    browser.get("/nowhere")
    browser.get("/")
    assert browser.get(SETUP).status_code == 401


def test_who_is_only_remembered_by_a_view_signs_in_no_more_than_by_a_cookie(
    app: Flask, phone: Phone, clock: StillClock
) -> None:
    """The view says so itself, with ``fresh=False``; over a session of the same user it changes nothing."""
    add_view(app, lambda: str(login_user(db.session.get(User, int(request.args["user"])), fresh=False)))
    browser = Browser(app)
    assert browser.get("/host-view?user=6").text == "True"
    assert browser.is_in()
    assert browser.get(SETUP).status_code == 401
    browser = signed_in(app, "frank")
    clock.forward(minutes=16)
    browser.get("/host-view?user=6")
    assert browser.get(SETUP).status_code == 401
    browser = signed_in(app, "dave", phone)
    browser.get("/host-view?user=4")
    assert browser.is_in()


def test_a_job_in_a_request_of_its_own_signs_nobody_in(app: Flask, clock: StillClock) -> None:
    def report() -> str:
        user = current_user._get_current_object()
        with app.test_request_context("/report"):
            login_user(user)
        return "sent"

    add_view(app, report)
    browser = signed_in(app, "frank")
    clock.forward(minutes=16)
    assert browser.get("/host-view").text == "sent"
    assert browser.get(SETUP).status_code == 401
    assert browser.is_in()


def test_what_an_answer_does_while_it_is_sent_signs_nobody_in(app: Flask, clock: StillClock) -> None:
    def parts() -> Iterator[str]:
        yield "first"
        yield again()

    add_view(app, lambda: Response(stream_with_context(parts())))
    browser = signed_in(app, "frank")
    clock.forward(minutes=16)
    assert browser.get("/host-view").text.startswith("first")
    assert browser.get(SETUP).status_code == 401


def test_a_session_that_was_ended_meanwhile_is_not_renewed(app: Flask, phone: Phone, clock: StillClock) -> None:
    def end_all_and_sign_in() -> str:
        state_of(app).people.users.password_changed(current_user.get_id())
        return again()

    add_view(app, end_all_and_sign_in)
    browser = signed_in(app, "dave", phone)
    assert browser.send("/host-view").location == "/mfa/challenge"
    assert not browser.is_in()
    clock.forward(seconds=30)
    browser.send("/mfa/challenge", code=phone.code())
    assert browser.is_in()


def test_a_rule_about_passwords_is_asked_before_the_views_own_answer(app: Flask, remembered: Browser) -> None:
    remembered.get("/transfer")
    assert remembered.cookie(), "the step-up began a session for the browser that was only remembered"
    put(app, policy("no passwords", "deny", when={"sign_in": ["password"]}, users={"include": ["user:6"]}))
    assert remembered.is_in()
    assert remembered.sign_in("frank").location == "/mfa/blocked"
    assert not remembered.is_in()


def test_who_is_switched_off_meanwhile_does_not_go_on(app: Flask, phone: Phone) -> None:
    def switch_off_and_sign_in() -> str:
        user = current_user._get_current_object()
        user.enabled = False
        db.session.commit()
        login_user(user, force=True)
        return "the view's own answer"

    add_view(app, switch_off_and_sign_in)
    browser = signed_in(app, "dave", phone)
    assert browser.get("/host-view").location == "/mfa/blocked"


def test_in_and_out_again_is_out(app: Flask, phone: Phone) -> None:
    def in_and_out() -> str:
        again()
        logout_user()
        return "gone"

    add_view(app, in_and_out)
    browser = signed_in(app, "dave", phone)
    browser.get("/host-view")
    assert browser.get("/").location.startswith("/login")


def test_a_json_client_gets_the_answer_of_its_own_login(app: Flask, clock: StillClock) -> None:
    browser = signed_in(app, "frank")
    clock.forward(minutes=16)
    problem = browser.get(SETUP, headers=JSON).json
    assert problem is not None
    assert problem["code"] == "sign_in_again"
    browser.client.post(problem["continue_url"], data={"username": "frank", "password": "correct horse battery staple"})
    assert "secret" in (browser.get(SETUP, headers=JSON).json or {})


def test_an_emergency_account_is_told_of_when_it_passed_its_factor(make_app: Any, phone: Phone) -> None:
    app = make_app(MFA_GATE_BREAK_GLASS=["4"])
    assert key_of(app, "dave") == "4"
    browser = signed_in(app, "dave", phone)
    browser.sign_in("dave")
    assert len(events(app, "dave", "break_glass_used")) == 1, "the second time it was the password alone"


@pytest.mark.parametrize("headers", [{}, {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "image"}])
def test_at_an_exempt_login_page_over_a_session_that_ran_out(
    make_app: Any, phone: Phone, clock: StillClock, headers: dict[str, str]
) -> None:
    """The host's session names the user already, so the login changes nothing that could be seen in it."""
    app = make_app(MFA_GATE_EXEMPT_ENDPOINTS=["portal.login"])
    browser = signed_in(app, "dave", phone)
    clock.forward(hours=2)
    data = {"username": "dave", "password": PASSWORD}
    assert browser.client.post("/login", data=data, headers=headers).location == "/mfa/challenge"
    browser.send("/mfa/challenge", code=phone.code())
    assert browser.is_in()

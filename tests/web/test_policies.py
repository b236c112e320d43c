"""Policies at work: what a browser meets at sign-in, at resources, and when a rule changes under it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask, request
from flask_login import login_required

from flask_mfa_gate.errors import PolicyError
from tests.conftest import JSON, Browser, Phone, StillClock, key_of, state_of
from tests.policy_kit import FIREFOX, OFFICE, drop, graces, policy, prove, put, signed_in, statements

Make = Callable[..., Flask]


# At the sign-in


def test_a_user_without_a_factor_enrolls_inline_and_goes_straight_on(app: Flask, clock: StillClock) -> None:
    put(app, policy(users={"include": ["group:finance"]}))
    browser = Browser(app)
    browser.get("/payroll?month=3")
    answer = browser.client.post(
        "/login?next=/payroll?month=3", data={"username": "erin", "password": "correct horse battery staple"}
    )
    assert answer.location == "/mfa/enroll"
    assert "Set up later" not in browser.get("/mfa/enroll").text
    assert browser.send("/mfa/enroll/later").status_code == 409
    done = browser.send("/mfa/enroll/totp", code=Phone(clock, browser.begin_setup()["secret"]).code())
    assert 'href="/payroll?month=3"' in done.text
    assert browser.is_in()
    assert Browser(app).sign_in("frank").location == "/", "who is not in the group is left alone"


def test_a_policy_forces_and_is_not_a_requirement(app: Flask) -> None:
    put(app, policy())
    assert Browser(app).sign_in("frank").location == "/mfa/enroll"
    with app.app_context():
        status = state_of(app).people.enrollments.status(key_of(app, "frank"))
    assert (status.required, status.required_by, status.ends_at) == (False, None, None)


def test_a_user_in_a_soft_period_is_forced_now_and_completing_ends_the_period(app: Flask, clock: StillClock) -> None:
    put(app, policy())
    browser = Browser(app)
    assert browser.sign_in("bob").location == "/mfa/enroll"
    assert "Set up later" not in browser.get("/mfa/enroll").text
    browser.send("/mfa/enroll/totp", code=Phone(clock, browser.begin_setup()["secret"]).code())
    assert browser.is_in()
    with app.app_context():
        assert state_of(app).people.enrollments.status(key_of(app, "bob")).ends_at is None
    clock.forward(days=8)
    drop(app, "rule")
    assert Browser(app).sign_in("bob").location == "/mfa/challenge"


def test_a_lapsed_user_stays_locked_whatever_policies_say(app: Flask) -> None:
    for rule in (policy(), policy(action="allow"), policy(grace_days=9)):
        put(app, rule)
        assert Browser(app).sign_in("carol").location == "/mfa/blocked", rule.effect


def test_allow_drops_the_challenge_and_nothing_else(app: Flask) -> None:
    put(app, policy(action="allow", when={"network": [f"{OFFICE}/32"]}))
    assert Browser(app).sign_in("dave").location == "/mfa/challenge"
    assert signed_in(app, "dave", REMOTE_ADDR=OFFICE).is_in()
    assert signed_in(app, "bob", REMOTE_ADDR=OFFICE).get("/").location == "/mfa/enroll", "never the prompt"
    assert signed_in(app, "carol", REMOTE_ADDR=OFFICE).get("/").status_code == 403, "never a lockout"


def test_a_deny_shows_message_help_and_reason_id(app: Flask) -> None:
    put(app, policy(action="deny", message="Ask <b>Ann</b>", help_link="https://help.example.org/a?b=1&c=2"))
    browser = Browser(app)
    assert browser.sign_in("frank").location == "/mfa/blocked"
    page = browser.get("/mfa/blocked")
    assert page.status_code == 403
    assert "Ask &lt;b&gt;Ann&lt;/b&gt;" in page.text
    assert 'href="https://help.example.org/a?b=1&amp;c=2"' in page.text
    reason_id = page.text.partition("policy-")[2][:8]
    assert len(reason_id) == 8
    told = browser.get("/", headers=JSON)
    assert (told.status_code, told.json["code"], told.json["next"]) == (403, "access_denied", "deny")  # type: ignore[index]
    assert told.json["reason_id"] == f"policy-{reason_id}"  # type: ignore[index]
    assert told.json["detail"] == "Ask <b>Ann</b>"  # type: ignore[index]
    assert told.json["help_link"] == "https://help.example.org/a?b=1&c=2"  # type: ignore[index]
    assert "rule" not in page.text.replace("a rule", ""), "the policy's name is not told"
    assert browser.send("/mfa/sign-out").location == "/login", "the way out stays open"


def test_a_refusal_goes_on_record_with_the_policy(app: Flask) -> None:
    put(app, policy(action="deny"))
    Browser(app).sign_in("frank")
    with app.app_context():
        (found,) = [one for one in state_of(app).operations.audit.export() if one["event"] == "access_denied"]
    assert found["details"]["policies"] == ["rule"]
    assert found["details"]["reason_id"].startswith("policy-")


def test_a_deny_at_a_resource_leaves_the_session_alone(app: Flask, phone: Phone) -> None:
    browser = prove(app, phone)
    put(app, policy(action="deny", on=["payroll"], message="Not here"))
    answer = browser.get("/payroll")
    assert (answer.status_code, "Not here" in answer.text) == (403, True)
    assert browser.is_in()
    assert browser.get("/mfa/").status_code == 200


def test_a_deny_that_starts_mid_session_closes_the_gates_own_pages_too(app: Flask, phone: Phone) -> None:
    browser = prove(app, phone)
    put(app, policy(action="deny"))
    for page in ("/mfa/", "/mfa/enroll", "/mfa/enroll/totp", "/mfa/sessions", "/mfa/recovery-codes"):
        assert browser.get(page).status_code == 403, page
    assert browser.status()["next"] == "deny"
    token = browser.status()["csrf_token"]
    assert browser.client.post("/mfa/recovery-codes", data={"csrf_token": token}).status_code == 403
    assert browser.get("/").status_code == 403
    assert browser.get("/mfa/").status_code == 403, "parked, and still closed"
    drop(app, "rule")
    assert browser.get("/").status_code == 200, "nothing is left to prove"
    assert browser.is_in()


# At resources


def test_step_up_at_a_resource_with_the_way_back(app: Flask, phone: Phone, clock: StillClock) -> None:
    browser = prove(app, phone)
    put(app, policy(on=["payroll"], max_age=300))
    assert browser.get("/payroll").status_code == 200
    clock.forward(minutes=6)
    assert browser.get("/payroll?month=3").location == "/mfa/challenge"
    assert browser.is_in()
    told = browser.get("/payroll", headers=JSON)
    assert (told.status_code, told.json["code"], told.json["max_age"]) == (401, "mfa_step_up_required", 300)  # type: ignore[index]
    browser.get("/payroll?month=3")
    assert browser.send("/mfa/challenge", code=phone.code()).location == "/payroll?month=3"
    assert browser.get("/payroll").status_code == 200


def test_a_resource_asks_a_user_without_a_factor_to_enroll_with_the_way_back(app: Flask, clock: StillClock) -> None:
    put(app, policy(on=["payroll"]))
    browser = signed_in(app, "frank")
    assert browser.is_in()
    assert browser.get("/payroll?a=b").location == "/mfa/enroll"
    assert browser.is_in()
    done = browser.send("/mfa/enroll/totp", code=Phone(clock, browser.begin_setup()["secret"]).code())
    assert 'href="/payroll?a=b"' in done.text
    assert browser.get("/payroll").status_code == 200


def app_with_views(make_app: Make, **config: Any) -> Flask:
    """A resource that takes writes, one for single requests, and plain views."""
    app: Flask = make_app(**config)
    gate = state_of(app).gate
    app._got_first_request = False

    @app.route("/books", methods=["GET", "POST"])
    @login_required
    @gate.resource("books")
    def books() -> str:
        return f"booked {request.form.get('amount', '')}"

    @app.route("/notes", methods=["GET", "POST"])
    @login_required
    def notes() -> str:
        return f"noted {request.form.get('text', '')}"

    return app


def test_a_stopped_post_gets_the_page_to_verify_and_send_again(make_app: Make, phone: Phone, clock: StillClock) -> None:
    app = app_with_views(make_app)
    put(app, policy(on=["books"], max_age=60))
    browser = prove(app, phone)
    clock.forward(minutes=2)
    stopped = browser.client.post("/books", data={"amount": "5"}, headers={"Referer": "http://localhost/books"})
    assert stopped.status_code == 403
    assert "Verify first" in stopped.text
    assert browser.send("/mfa/challenge", code=phone.code()).location == "/books"
    assert browser.client.post("/books", data={"amount": "5"}).text == "booked 5"


def test_zero_max_age_gives_one_grant_for_the_form_and_what_it_sends(
    make_app: Make, phone: Phone, clock: StillClock
) -> None:
    app = app_with_views(make_app)
    put(app, policy(on=["books"], max_age=0))
    browser = prove(app, phone)
    assert browser.client.post("/books").status_code == 403
    clock.forward(seconds=30)
    browser.send("/mfa/challenge", code=phone.code())
    assert browser.get("/books").status_code == 200, "the form is shown"
    assert browser.client.post("/books").text == "booked ", "and the grant is still there"
    clock.forward(seconds=30)
    browser.client.post("/books")
    browser.send("/mfa/challenge", code=phone.code())
    assert browser.client.head("/books").status_code == 200
    assert browser.client.post("/books").text == "booked "
    assert browser.client.post("/books").status_code == 403, "used up"
    clock.forward(seconds=30)
    assert browser.send("/mfa/challenge", code=phone.code()).status_code == 303
    clock.forward(minutes=5)
    assert browser.client.post("/books").status_code == 403, "too late"


def test_zero_max_age_is_no_word_for_the_app(app: Flask) -> None:
    for resources in ([], ["app"], ["app", "payroll"]):
        with pytest.raises(PolicyError):
            policy(on=resources, max_age=0)


def test_a_recovery_code_meets_the_app_and_no_resource(app: Flask, phone: Phone, clock: StillClock) -> None:
    from tests.conftest import recovery_codes_in

    codes = recovery_codes_in(prove(app, phone).send("/mfa/recovery-codes").text)
    put(app, policy(factors=["totp"]), policy("pay", on=["payroll"]))
    browser = Browser(app)
    browser.sign_in("dave")
    assert browser.send("/mfa/challenge", factor="recovery_code", code=codes[0]).location == "/"
    assert browser.is_in()
    assert browser.get("/payroll").location == "/mfa/challenge"


def test_a_list_without_totp_takes_no_way_back_in(app: Flask, phone: Phone) -> None:
    from tests.conftest import recovery_codes_in

    codes = recovery_codes_in(prove(app, phone).send("/mfa/recovery-codes").text)
    put(app, policy(factors=["webauthn"]))
    browser = Browser(app)
    browser.sign_in("dave")
    browser.send("/mfa/challenge", factor="recovery_code", code=codes[0])
    assert not browser.is_in()


def test_demands_of_policies_on_app_and_resource_add_up(app: Flask, phone: Phone, clock: StillClock) -> None:
    put(
        app,
        policy("a", max_age=3600),
        policy("b", on=["payroll"], max_age=600),
        policy("c", on=["payroll"], max_age=60),
    )
    browser = prove(app, phone)
    assert browser.get("/payroll").status_code == 200
    clock.forward(minutes=2)
    assert browser.get("/wiki").status_code == 200
    assert browser.get("/payroll", headers=JSON).json["max_age"] == 60, "the smallest"  # type: ignore[index]
    put(app, policy("d", "deny", on=["payroll"]))
    assert browser.get("/payroll").status_code == 403
    clock.forward(minutes=57)
    assert browser.get("/wiki").status_code == 200
    clock.forward(minutes=2)
    assert browser.get("/wiki").location == "/mfa/challenge"


def test_the_apps_own_age_is_met_by_a_new_proof(app: Flask, phone: Phone, clock: StillClock) -> None:
    put(app, policy(max_age=600))
    browser = prove(app, phone)
    clock.forward(minutes=11)
    assert browser.get("/wiki?x=1").location == "/mfa/challenge"
    assert browser.send("/mfa/challenge", code=phone.code()).location == "/wiki?x=1"
    assert browser.get("/wiki").status_code == 200


# A rule of the app that is about some requests only


@pytest.mark.parametrize("when", [{"methods": ["POST"]}, {"endpoints": ["notes"]}])
def test_a_rule_about_some_requests_can_be_met(
    make_app: Make, phone: Phone, clock: StillClock, when: dict[str, Any]
) -> None:
    app = app_with_views(make_app)
    put(app, policy(when={"request": when}, max_age=300))
    browser = prove(app, phone)
    assert browser.client.post("/notes", data={"text": "a"}).text == "noted a"
    clock.forward(minutes=6)
    stopped = browser.client.post("/notes", data={"text": "b"}, headers={"Referer": "http://localhost/wiki"})
    assert stopped.status_code == 403
    assert "Verify first" in stopped.text
    assert "verify" in browser.get("/mfa/challenge").text.lower()
    assert browser.is_in(), "the app itself asks for nothing more"
    assert browser.client.post("/notes").status_code == 403
    assert browser.send("/mfa/challenge", code=phone.code()).status_code == 303
    assert browser.client.post("/notes", data={"text": "b"}).text == "noted b"


@pytest.mark.parametrize("when", [{"methods": ["POST"]}, {"endpoints": ["notes"]}])
def test_a_deny_about_some_requests_leaves_the_rest_alone(make_app: Make, phone: Phone, when: dict[str, Any]) -> None:
    app = app_with_views(make_app)
    put(app, policy(action="deny", when={"request": when}, message="Read only"))
    browser = prove(app, phone)
    answer = browser.client.post("/notes")
    assert (answer.status_code, "Read only" in answer.text) == (403, True)
    assert browser.is_in(), "and signs nobody out"
    assert browser.get("/mfa/").status_code == 200
    assert browser.send("/mfa/sign-out").location == "/login"


def test_an_enrollment_for_some_requests_only(make_app: Make, clock: StillClock) -> None:
    app = app_with_views(make_app)
    put(app, policy(when={"request": {"methods": ["POST"]}}))
    browser = signed_in(app, "frank")
    assert browser.is_in()
    assert browser.client.post("/notes").status_code == 403
    assert browser.is_in()
    done = browser.send("/mfa/enroll/totp", code=Phone(clock, browser.begin_setup()["secret"]).code())
    assert done.status_code == 200
    assert browser.client.post("/notes", data={"text": "c"}).text == "noted c"


# Days of grace


def test_grace_prompts_softly_then_hard(app: Flask, clock: StillClock) -> None:
    put(app, policy(grace_days=3))
    browser = Browser(app)
    assert browser.sign_in("frank").location == "/mfa/enroll"
    page = browser.get("/mfa/enroll").text
    assert "Set up later" in page
    assert "3</b> days" in page
    assert "5 March 2026, 09:00 UTC" in page
    assert browser.send("/mfa/enroll/later").location == "/"
    assert browser.is_in()
    assert Browser(app).sign_in("frank").location == "/mfa/enroll", "it returns at every sign-in"
    with app.app_context():
        status = state_of(app).people.enrollments.status(key_of(app, "frank"))
    assert (status.required, status.ends_at, status.status) == (False, None, "NOT_ENROLLED")
    clock.forward(days=3)
    hard = Browser(app)
    assert hard.sign_in("frank").location == "/mfa/enroll"
    assert "Set up later" not in hard.get("/mfa/enroll").text
    assert hard.send("/mfa/enroll/later").status_code == 409
    assert not hard.is_in()


def test_the_end_of_grace_bites_a_running_session(make_app: Make, clock: StillClock) -> None:
    app = make_app(MFA_GATE_SESSION_IDLE=timedelta(days=9), MFA_GATE_SESSION_MAX_AGE=timedelta(days=9))
    put(app, policy(grace_days=1))
    browser = signed_in(app, "frank")
    browser.send("/mfa/enroll/later")
    clock.forward(hours=23)
    assert browser.is_in()
    clock.forward(hours=1)
    assert browser.get("/").location == "/mfa/enroll"


def test_the_first_match_is_kept_through_everything_but_a_restart(app: Flask, clock: StillClock) -> None:
    service = state_of(app).access.policies
    put(app, policy(grace_days=3))
    signed_in(app, "frank")
    first = graces(app, "frank")["rule"]
    with app.app_context():
        before = service.history()[0].version
        text = service.export()
        clock.forward(days=2)
        signed_in(app, "frank")
        service.save(policy(grace_days=5, message="edited"))
        service.set_state("rule", "off")
        service.set_state("rule", "on")
        service.delete("rule")
        service.import_(text, dry_run=False)
        service.rollback(before)
        state_of(app).people.enrollments.require(key_of(app, "frank"), days=9)
        state_of(app).people.enrollments.reset(key_of(app, "frank"), days=9)
        state_of(app).people.enrollments.remove(key_of(app, "frank"))
    signed_in(app, "frank")
    assert graces(app, "frank")["rule"] == first
    clock.forward(days=1)
    assert "Set up later" not in signed_in(app, "frank").get("/mfa/enroll").text
    with app.app_context():
        service.restart_grace(key_of(app, "frank"), "rule", actor="cli", reason="long leave")
        (told,) = [one for one in state_of(app).operations.audit.export() if one["event"] == "grace_restarted"]
    assert (told["subject"], told["reason"], told["details"]["policy"]) == (key_of(app, "frank"), "long leave", "rule")
    assert "Set up later" in signed_in(app, "frank").get("/mfa/enroll").text


def test_grace_at_a_resource_and_the_way_back_after_later(app: Flask, clock: StillClock) -> None:
    put(app, policy(on=["payroll"], grace_days=2))
    browser = signed_in(app, "frank")
    assert browser.is_in()
    assert browser.get("/payroll?p=1").location == "/mfa/enroll"
    page = browser.get("/mfa/enroll").text
    assert "Set up later" in page
    assert "2</b> days" in page
    assert browser.send("/mfa/enroll/later").location == "/payroll?p=1"
    assert browser.get("/payroll").status_code == 200
    clock.forward(days=2)
    late = signed_in(app, "frank")
    assert late.get("/payroll").location == "/mfa/enroll"
    assert "Set up later" not in late.get("/mfa/enroll").text
    assert late.send("/mfa/enroll/later").status_code == 409
    assert late.get("/payroll").location == "/mfa/enroll"
    assert late.is_in()


def test_the_earliest_grace_counts_and_a_hard_rule_ends_it(app: Flask) -> None:
    put(app, policy("long", grace_days=9), policy("short", grace_days=2))
    browser = signed_in(app, "frank")
    assert "2</b> days" in browser.get("/mfa/enroll").text
    assert set(graces(app, "frank")) == {"long", "short"}
    put(app, policy("hard"))
    assert "Set up later" not in browser.get("/mfa/enroll").text
    assert browser.send("/mfa/enroll/later").status_code == 409


def test_grace_begins_with_the_first_match_also_beside_a_hard_rule(app: Flask, clock: StillClock) -> None:
    put(app, policy("hard"), policy("soft", grace_days=2))
    signed_in(app, "frank")
    assert set(graces(app, "frank")) == {"soft"}
    clock.forward(days=2)
    drop(app, "hard")
    assert "Set up later" not in signed_in(app, "frank").get("/mfa/enroll").text


def test_a_soft_prompt_never_stops_a_program_with_a_token_nor_lowers_a_default(make_app: Make) -> None:
    app = make_app(MFA_GATE_DEFAULT_ACCESS="require")
    put(app, policy(grace_days=9))
    assert "Set up later" not in signed_in(app, "frank").get("/mfa/enroll").text


# Changes bite at the next request


def test_an_edit_bites_at_the_next_request_and_is_read_once(app: Flask, phone: Phone) -> None:
    browser = prove(app, phone)
    put(app, policy(on=["wiki"]), policy("other", on=["payroll"], users={"include": ["group:finance"]}))
    with statements(app) as seen:
        assert browser.get("/wiki").status_code == 200
    assert len(seen) == 2, "one reload"
    with statements(app) as seen:
        for page in ("/wiki", "/payroll", "/"):
            assert browser.get(page).status_code == 200
    assert [one[:6] for one in seen] == ["SELECT"] * 3
    put(app, policy(action="deny", on=["wiki"]))
    assert browser.get("/wiki").status_code == 403


def test_a_grace_costs_one_more_write_once(app: Flask) -> None:
    browser = signed_in(app, "frank")
    put(app, policy(on=["payroll"], grace_days=9))
    browser.get("/payroll")
    browser.send("/mfa/enroll/later")
    with statements(app) as seen:
        browser.get("/payroll")
    assert [one[:6] for one in seen] == ["SELECT"]


def test_group_address_client_and_switched_off_user_bite_at_the_next_request(app: Flask, phone: Phone) -> None:
    from example_app.models import User, db

    put(
        app,
        policy("group", "deny", users={"include": ["group:banned"]}),
        policy("net", "deny", when={"network": ["203.0.113.0/24"]}),
        policy("client", "deny", when={"platform": ["android"]}),
    )
    browser = prove(app, phone, HTTP_USER_AGENT=FIREFOX)
    assert browser.get("/", environ_base={"REMOTE_ADDR": "203.0.113.5"}).status_code == 403
    assert browser.get("/mfa/challenge").status_code == 303
    assert browser.is_in()
    android = "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 Chrome/126.0.0.0 Mobile Safari/537.36"
    assert browser.get("/", headers={"User-Agent": android}).status_code == 403
    assert browser.get("/mfa/challenge").status_code == 303
    assert browser.is_in()

    def change(**values: Any) -> None:
        with app.app_context():
            user = db.session.get(User, int(key_of(app, "dave")))
            for name, value in values.items():
                setattr(user, name, value)
            db.session.commit()

    change(group="banned")
    assert browser.get("/").status_code == 403
    change(group="")
    assert browser.get("/mfa/challenge").status_code == 303
    assert browser.is_in()
    change(enabled=False)
    assert browser.get("/").status_code == 403
    assert browser.get("/mfa/").status_code == 403


def test_a_pending_sign_in_is_judged_by_the_rules_of_now(app: Flask, phone: Phone) -> None:
    browser = Browser(app)
    browser.sign_in("dave")
    put(app, policy(action="deny"))
    assert browser.get("/mfa/challenge").status_code == 403
    token = browser.status()["csrf_token"]
    answer = browser.client.post("/mfa/challenge", data={"csrf_token": token, "code": phone.code()})
    assert answer.status_code == 403, "and no code is taken"
    assert not browser.is_in()
    drop(app, "rule")
    assert browser.send("/mfa/challenge", code=phone.code()).location == "/", "it was not used up"


def test_a_rule_that_comes_between_page_and_code_holds(app: Flask, clock: StillClock) -> None:
    browser = signed_in(app, "bob")
    token = browser.status()["csrf_token"]
    secret = browser.begin_setup()["secret"]
    put(app, policy(action="deny"))
    answer = browser.client.post("/mfa/enroll/totp", data={"csrf_token": token, "code": Phone(clock, secret).code()})
    assert answer.status_code == 403
    assert browser.client.post("/mfa/enroll/later", data={"csrf_token": token}).status_code == 403
    assert not browser.is_in()

"""Who gets into the console, and with what."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from flask_mfa_gate.domain.people.roles import Role
from flask_mfa_gate.errors import ConfigError
from flask_mfa_gate.web.admin import routes as console_routes
from flask_mfa_gate.web.admin.console import ConsoleRoute
from flask_mfa_gate.web.endpoints import ADMIN as CONSOLE
from flask_mfa_gate.web.openapi import page as openapi
from tests.conftest import JSON, Browser, Phone, StillClock, key_of, state_of
from tests.oidc_kit import PROVIDER
from tests.web.admin.kit import ADMIN, AUDITOR, HELPDESK, at_console, enroll, send
from tests.web.kit import change_user, hand_in, issue

pytestmark = pytest.mark.pages


def test_anonymous_visitors_are_sent_to_the_sign_in_of_the_app_and_come_back(app: Flask, phone: Phone) -> None:
    enroll(app, ADMIN)
    browser = Browser(app)
    login = browser.get("/admin/mfa/settings?x=1")
    assert login.location == "/login?next=%2Fadmin%2Fmfa%2Fsettings%3Fx%3D1"
    assert browser.get("/admin/mfa/settings", headers=JSON).status_code == 401
    browser.client.post(login.location, data={"username": ADMIN, "password": "correct horse battery staple"})
    assert browser.get("/admin/mfa/settings").location == "/mfa/challenge", "the password is not enough"
    assert browser.send("/mfa/challenge", code=phone.code()).location == "/admin/mfa/settings?x=1"
    page = browser.get("/admin/mfa/settings")
    assert page.status_code == 200
    assert "Ada Admin" in page.text
    assert page.headers["Cache-Control"] == "no-store"
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]


def test_an_admin_without_a_factor_sets_one_up_first_with_the_way_back(
    make_app: Callable[..., Flask], clock: StillClock
) -> None:
    app = make_app(MFA_GATE_ADMIN_ENROLLMENT="pass")
    browser = Browser(app)
    browser.sign_in(ADMIN)
    assert browser.is_in()
    assert browser.get("/admin/mfa/settings").location == "/mfa/enroll"
    refused = browser.get("/admin/mfa/", headers=JSON)
    assert (refused.status_code, refused.json["code"]) == (403, "mfa_enrollment_required")  # type: ignore[index]
    assert browser.get("/mfa/enroll/totp").location == "/mfa/challenge?factor=access_pass"
    assert hand_in(browser, issue(app, ADMIN)).location == "/mfa/enroll/totp?next=/admin/mfa/"
    assert browser.get("/admin/mfa/").location == "/mfa/enroll", "a pass opens the setup, and not the console"
    phone = Phone(clock, browser.begin_setup()["secret"])
    assert browser.send("/mfa/enroll/totp", code=phone.code()).status_code == 200
    assert browser.get("/admin/mfa/settings").status_code == 200


@pytest.mark.parametrize(
    ("asked", "onward"), [("%2Fadmin%2Fmfa%2Fsettings", "/admin/mfa/settings"), ("https%3A%2F%2Fevil.example", "/")]
)
def test_the_setup_of_a_first_admin_ends_in_the_console_and_nowhere_else(
    make_app: Callable[..., Flask], clock: StillClock, asked: str, onward: str
) -> None:
    app = make_app(MFA_GATE_ADMIN_ENROLLMENT="pass")
    browser = Browser(app)
    browser.sign_in(ADMIN)
    browser.get("/mfa/enroll/totp")
    hand_in(browser, issue(app, ADMIN))
    page = browser.get(f"/mfa/enroll/totp?next={asked}").text
    action = re.search(r'action="(/mfa/enroll/totp[^"]*)"', page).group(1)  # type: ignore[union-attr]
    assert (action.endswith("/settings"), "evil" in page) == (onward != "/", False)
    phone = Phone(clock, browser.begin_setup()["secret"])
    done = browser.send(f"/mfa/enroll/totp?next={asked}", code=phone.code()).text
    assert f'href="{onward}"' in done
    assert "evil" not in done


def test_neither_recovery_codes_nor_passes_open_it(app: Flask, phone: Phone) -> None:
    enroll(app, ADMIN)
    browser = Browser(app)
    browser.sign_in(ADMIN)
    assert hand_in(browser, issue(app, ADMIN)).status_code == 303
    assert browser.is_in()
    assert browser.get("/admin/mfa/").location == "/mfa/challenge"
    assert browser.send("/mfa/challenge", code=phone.code()).location == "/admin/mfa/"
    assert browser.get("/admin/mfa/").status_code == 200


def test_actions_want_a_proof_of_the_last_15_minutes(app: Flask, phone: Phone, clock: StillClock) -> None:
    browser = at_console(app, ADMIN, phone)
    clock.forward(minutes=15)
    assert send(browser, "/users/sync").status_code == 303
    clock.forward(seconds=1)
    assert browser.get("/admin/mfa/").status_code == 200, "looking is not acting"
    stopped = send(browser, "/users/sync", back="/admin/mfa/settings")
    assert stopped.status_code == 403
    assert "Your form was not submitted" in stopped.text
    assert browser.send("/mfa/challenge", code=phone.code()).location == "/admin/mfa/settings"
    assert send(browser, "/users/sync").status_code == 303
    clock.forward(minutes=16)
    told = browser.send_json("/admin/mfa/users/sync", {})
    assert (told.status_code, told.json["code"], told.json["max_age"]) == (401, "mfa_step_up_required", 900)  # type: ignore[index]
    assert send(browser, "/users/sync", back="https://evil.example/").status_code == 403
    assert browser.send("/mfa/challenge", code=phone.code()).location == "/admin/mfa/", "leads nowhere else"


def test_a_form_that_waits_for_a_proof_keeps_what_was_typed_but_no_secret(
    app: Flask, phone: Phone, clock: StillClock
) -> None:
    browser = at_console(app, ADMIN, phone)
    clock.forward(minutes=16)
    typed = {"reason": '"><script>', "key": ["1", "2"], "code": "123456", "password": "hunter2", "secret": "KRSXG5A"}
    stopped = send(browser, "/users/sync?x=%22%3E", **typed)
    assert 'action="/admin/mfa/users/sync?x=%22%3E"' in stopped.text
    hidden = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', stopped.text.split("users/sync")[1])
    token = browser.status()["csrf_token"]
    assert hidden == [("csrf_token", token), ("reason", "&#34;&gt;&lt;script&gt;"), ("key", "1"), ("key", "2")]
    again = send(browser, "/users/sync", reason="still")
    assert (again.status_code, 'value="still"' in again.text) == (403, True)
    assert browser.send("/mfa/challenge", code=phone.code()).status_code == 303
    assert browser.client.post("/admin/mfa/users/sync", data={"csrf_token": token}).status_code == 303


def test_forms_need_their_token(app: Flask, phone: Phone) -> None:
    browser = at_console(app, ADMIN, phone)
    told = browser.client.post("/admin/mfa/users/sync", data={"csrf_token": "x"}, headers=JSON)
    assert (told.status_code, told.json["code"]) == (400, "csrf_failed")  # type: ignore[index]
    read = browser.client.get("/admin/mfa/settings", headers={"Origin": "https://evil.example"})
    assert read.status_code == 403, "a page of another site reads nothing"


def routes() -> list[ConsoleRoute]:
    return [*console_routes(is_provider=True), *openapi.ROUTES]


# What others than admins may send, and what not everybody with a role may look at. All else is read by each role, and
# sent by admins alone.
SENT_BY = {
    Role.HELPDESK: {
        "user_actions", "user_request_confirm", "user_request_cancel", "user_access_pass", "user_access_pass_revoke",
        "users_sync", "user_apps_revoke", "user_tokens_revoke",
    },
    Role.AUDITOR: {"audit_verify", "policies_preview", "simulator_draft"},
}  # fmt: skip
READ_BY = {
    Role.HELPDESK: {"user_requests", "user_request", "user_select"},
    Role.ADMIN: {
        "policy_new", "policy_edit", "network_new", "policies_import_form", "client_new", "client_edit",
        "client_remove_form",
    },
}  # fmt: skip


def test_a_route_that_is_not_named_here_is_for_admins_to_send_to(make_app: Callable[..., Flask]) -> None:
    app, there = make_app(**PROVIDER), routes()
    served = {
        rule.endpoint.partition(".")[2] for rule in app.url_map.iter_rules() if rule.endpoint.startswith(f"{CONSOLE}.")
    }
    assert served == {route.name for route in there}
    for route in there:
        least_to_write = next((role for role, names in SENT_BY.items() if route.name in names), Role.ADMIN)
        least = next((role for role, names in READ_BY.items() if route.name in names), Role.AUDITOR)
        if "GET" in route.methods:
            assert route.least is least, route.name
        if set(route.methods) - {"GET"}:
            assert route.least_to_write is least_to_write, route.name


def test_each_role_at_each_route_and_method(make_app: Callable[..., Flask], phone: Phone, clock: StillClock) -> None:
    """What a role may not have is refused whatever is sent; what it may have answers anything but a refusal."""
    app = make_app(**PROVIDER)
    people = {Role.ADMIN: ADMIN, Role.HELPDESK: HELPDESK, Role.AUDITOR: AUDITOR, None: "dave"}
    rank = [None, Role.AUDITOR, Role.HELPDESK, Role.ADMIN]
    refused = {}
    for role, username in people.items():
        browser = at_console(app, username, phone) if role else signed_in(app, username, phone)
        clock.forward(seconds=30)
        token = browser.status()["csrf_token"]
        for route in routes():
            path = f"/admin/mfa{route.rule}".replace("<path:key>", key_of(app, "frank"))
            path = path.replace("<request_id>", "x" * 22).replace("<int:version>", "1").replace("<name>", "a")
            path = path.replace("<client_id>", "board")
            assert "<" not in path, "say what it is about"
            for method in route.methods:
                answer = browser.client.open(path, method=method, headers={"X-CSRFToken": token, **JSON})
                least = route.least if method == "GET" else route.least_to_write
                may = rank.index(role) >= rank.index(least)
                code = (answer.json or {}).get("code") if answer.is_json else None
                if (answer.status_code == 403 and code == "access_denied") is may or answer.status_code >= 500:
                    refused[role, method, route.rule] = answer.status_code, code
    assert refused == {}


def signed_in(app: Flask, username: str, phone: Phone) -> Browser:
    browser = Browser(app)
    browser.sign_in(username)
    assert browser.send("/mfa/challenge", code=phone.code()).status_code == 303
    return browser


def test_whose_role_is_too_weak_stays_in_the_console(app: Flask, phone: Phone) -> None:
    page = at_console(app, AUDITOR, phone).get("/admin/mfa/policies/new")
    assert page.status_code == 403
    assert "Your role doesn't allow this." in page.text.replace("&#39;", "'")
    assert 'href="/admin/mfa/users"' in page.text, "with the way to what the role may see"


def test_a_role_that_was_taken_away_is_gone_at_the_next_request(app: Flask, phone: Phone) -> None:
    browser = at_console(app, ADMIN, phone)
    assert browser.get("/admin/mfa/").status_code == 200
    change_user(app, ADMIN, role="")
    page = browser.get("/admin/mfa/")
    assert page.status_code == 403
    assert "You don&#39;t have access to this console" in page.text
    change_user(app, ADMIN, role="admin", enabled=False)
    assert browser.get("/admin/mfa/").status_code == 403


def test_work_in_the_console_keeps_the_session(app: Flask, phone: Phone, clock: StillClock) -> None:
    browser = at_console(app, ADMIN, phone)
    for _ in range(3):
        clock.forward(minutes=40)
        assert browser.get("/admin/mfa/").status_code == 200


def test_the_prefix_is_a_setting_and_never_taken(make_app: Callable[..., Flask], phone: Phone) -> None:
    app = make_app(MFA_GATE_ADMIN_URL_PREFIX="/security/console")
    browser = at_console(app, ADMIN, phone)
    assert browser.get("/security/console/").status_code == 200
    assert browser.get("/admin/mfa/").status_code == 404
    for prefix in ("/mfa", "/payroll/", "admin"):
        with pytest.raises(ConfigError, match="MFA_GATE_ADMIN_URL_PREFIX"):
            make_app(MFA_GATE_ADMIN_URL_PREFIX=prefix)
    with pytest.raises(ConfigError, match="MFA_GATE_EXEMPT_ENDPOINTS"):
        make_app(MFA_GATE_EXEMPT_ENDPOINTS=["mfa_gate_admin.dashboard"])


def test_policies_of_the_console_count(app: Flask, phone: Phone, clock: StillClock) -> None:
    from flask_mfa_gate.domain.policy.document.effect import Action, Effect
    from flask_mfa_gate.domain.policy.document.policy import Policy, PolicyState

    browser = at_console(app, ADMIN, phone)
    with app.app_context():
        policy = Policy(
            name="Fresh", effect=Effect(Action.REQUIRE, max_age=timedelta(minutes=5)), state=PolicyState.ON,
            resources=("mfa-admin",),
        )  # fmt: skip
        state_of(app).access.policies.save(policy, actor="cli")
    assert browser.get("/admin/mfa/").status_code == 200
    clock.forward(minutes=6)
    assert browser.get("/admin/mfa/").location == "/mfa/challenge"
    assert browser.is_in()


def test_settings_show_no_secret(make_app: Callable[..., Flask], phone: Phone) -> None:
    key = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
    app = make_app(MFA_GATE_ISSUER="<b>Portal</b>", MFA_GATE_KEYS=[key])
    enroll_again: Any = at_console(app, AUDITOR, phone)
    page = enroll_again.get("/admin/mfa/settings")
    assert "&lt;b&gt;Portal&lt;/b&gt;" in page.text
    assert "<b>Portal" not in page.text
    told = enroll_again.get("/admin/mfa/settings", headers=JSON).json
    assert told["settings"]["MFA_GATE_KEYS"] == "set"
    assert told["settings"]["MFA_GATE_ENROLLMENT_DAYS"] == "7"
    assert {"level", "code", "sentence", "fix"} == set(told["findings"][0])
    for text in (page.text, str(told)):
        assert key not in text
        assert "0123456789" not in text

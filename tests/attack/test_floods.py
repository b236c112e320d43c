"""A flood from one address: what it can make the gate write and send, and who is let alone by it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask
from flask_login import current_user, login_user

from tests.attack.test_row_bounds import count_rows
from tests.conftest import JSON, PASSWORD, Browser, Phone, StillClock, at_once, require_or_skip, state_of
from tests.hosts_small.kit import Host, User
from tests.policy_kit import policy, prove, put, rows, signed_in
from tests.servers import REDIS, is_redis_reachable

Make = Callable[..., Flask]
LIMIT, FLOOD = 10, 25
ELSEWHERE = {"REMOTE_ADDR": "198.51.100.9"}


@pytest.fixture
def guarded(make_app: Make) -> Flask:
    return make_app(MFA_GATE_FLOOD_LIMIT=LIMIT)


def sign_in(app: Flask, username: str, **options: Any) -> Any:
    return app.test_client().post("/login", data={"username": username, "password": PASSWORD}, **options)


def flood(app: Flask, username: str = "frank") -> None:
    for _ in range(LIMIT + 1):
        sign_in(app, username)


def made_by(app: Flask, request: Callable[[], Any]) -> dict[str, int]:
    before = count_rows(app)
    for _ in range(FLOOD):
        request()
    after = count_rows(app)
    return {name: after[name] - before[name] for name in after if after[name] != before[name]}


def host_cookie(app: Flask, username: str) -> str:
    """A session of the host's alone, begun elsewhere."""
    return signed_in(app, username, **ELSEWHERE).cookie("session") or ""


def with_host_cookie(app: Flask, path: str) -> Callable[[], Any]:
    cookie = host_cookie(app, "frank")

    def request() -> Any:
        client = app.test_client()
        client.set_cookie("session", cookie)
        return client.get(path)

    return request


@pytest.mark.parametrize("username", ["dave", "bob", "carol", "frank"])
def test_a_password_thief_writes_no_more_than_the_budget(guarded: Flask, username: str) -> None:
    made = made_by(guarded, lambda: sign_in(guarded, username))
    assert made["session"] == LIMIT
    assert made.get("outbox", 0) <= 1


def test_a_stranger_with_many_passwords_writes_no_more_than_the_budget(make_app: Make) -> None:
    app = make_app(MFA_GATE_FLOOD_LIMIT=LIMIT, MFA_GATE_BREAK_GLASS=["4", "6"])
    names = iter(["dave", "bob", "carol", "frank", "erin"] * FLOOD)
    made = made_by(app, lambda: sign_in(app, next(names)))
    assert made["session"] == LIMIT
    assert sum(made.values()) <= LIMIT * 8, made


@pytest.mark.parametrize("path", ["/mfa/", "/transfer", "/payroll"])
def test_a_cookie_of_the_host_alone_writes_no_more_than_the_budget(guarded: Flask, path: str) -> None:
    put(guarded, policy(on=["payroll"]))
    assert made_by(guarded, with_host_cookie(guarded, path)).get("session", 0) <= LIMIT


def test_a_setup_begun_again_and_again_is_bounded(guarded: Flask) -> None:
    made = made_by(guarded, lambda: signed_in(guarded, "frank").get("/mfa/enroll/totp"))
    assert (made["session"], made["factor"]) == (LIMIT, LIMIT)


def test_codes_guessed_in_many_sign_ins_are_bounded(guarded: Flask, phone: Phone) -> None:
    thief = Browser(guarded)
    thief.sign_in("dave")
    token = thief.status()["csrf_token"]
    answers = [
        thief.client.post("/mfa/challenge", data={"csrf_token": token, "code": "1"}).status_code for _ in range(FLOOD)
    ]
    assert 429 in answers[: LIMIT + 1]
    assert thief.client.post("/mfa/challenge", data={}).status_code == 429, "before anything is read or looked up"


def test_the_answer_says_when_to_come_back_and_keeps_nobody_in(guarded: Flask, clock: StillClock) -> None:
    flood(guarded)
    browser = Browser(guarded)
    page = browser.sign_in("frank", remember="on")
    assert (page.status_code, page.headers["Retry-After"]) == (429, "60")
    assert "Too many sign-ins from your network" in page.text
    assert page.mimetype == "text/html"
    assert browser.cookie() is None
    assert browser.cookie("remember_token") is None
    assert browser.get("/").status_code == 302, "the host knows nobody"
    told = sign_in(guarded, "frank", headers=JSON)
    assert (told.status_code, told.headers["Retry-After"]) == (429, "60")
    assert told.json["code"] == "mfa_throttled"
    assert told.json["retry_after"] == 60
    clock.forward(minutes=1)
    assert browser.sign_in("frank").status_code == 302
    assert browser.is_in()


def test_whoever_passed_a_factor_goes_on_behind_the_flooded_address(guarded: Flask, phone: Phone) -> None:
    owner = prove(guarded, phone)
    flood(guarded)
    assert owner.is_in()
    assert owner.get("/transfer").status_code in {200, 303}
    for _ in range(FLOOD):
        assert owner.send("/mfa/recovery-codes").status_code != 429
    assert sign_in(guarded, "dave").status_code == 429, "the address is flooded"
    assert sign_in(guarded, "dave", environ_base=ELSEWHERE).status_code == 303, "and no other"


def test_whoever_is_in_without_a_factor_is_let_alone_too(guarded: Flask) -> None:
    erin = signed_in(guarded, "erin")
    flood(guarded)
    assert erin.is_in()


def test_leaving_is_always_possible(guarded: Flask) -> None:
    pending = Browser(guarded)
    pending.sign_in("dave")
    flood(guarded)
    assert pending.send("/mfa/challenge", code="000000").status_code == 429
    assert pending.send("/mfa/cancel").status_code == 303
    assert rows(guarded, "session")[0]["user_key"]


def test_a_session_of_the_host_is_left_as_it_came(guarded: Flask, clock: StillClock) -> None:
    """Whoever comes by a session that the gate has not seen is refused for a minute, and not signed out."""
    cookie = host_cookie(guarded, "frank")
    put(guarded, policy(action="require"))
    flood(guarded)
    client = guarded.test_client()
    client.set_cookie("session", cookie)
    refused = client.get("/")
    assert refused.status_code == 429
    assert client.get("/healthz").status_code == 200, "exempt means not stopped"
    assert client.get("/mfa/").status_code == 429
    clock.forward(minutes=1)
    assert client.get("/").headers["Location"].endswith("/mfa/enroll")


def test_the_page_of_another_site_uses_up_nobody_s_budget(guarded: Flask) -> None:
    """A form in a sandboxed frame sends ``Origin: null``, as our own forms do."""
    sent = {"Origin": "null", "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    client = guarded.test_client()
    assert {client.post("/mfa/challenge", headers=sent).status_code for _ in range(FLOOD)} == {403}
    assert sign_in(guarded, "frank").status_code == 302


def sign_everybody_in() -> None:
    login_user(User("1"))


def test_an_exempt_view_is_not_stopped_for_whom_a_hook_signs_in() -> None:
    host = Host(MFA_GATE_FLOOD_LIMIT=2)
    host.with_login_manager()
    host.app.before_request(sign_everybody_in)
    host.app.add_url_rule("/healthz", "healthz", host.gate.exempt(lambda: str(current_user.get_id())))
    host.app.add_url_rule("/", "home", lambda: "in")
    host.gate.init_app(host.app)
    host.enroll()
    assert [host.client().get("/").status_code for _ in range(4)] == [303, 303, 429, 429]
    assert host.client().get("/healthz").text == "None", "and it sees nobody"


def test_the_doctor_tells_of_a_proxy_that_stands_for_everybody(guarded: Flask) -> None:
    from tests.web.inspection.kit import found

    sign_in(guarded, "frank")
    assert "untold-proxy" not in found(guarded)
    sign_in(guarded, "frank", headers={"X-Forwarded-For": "198.51.100.7"})
    assert found(guarded)["untold-proxy"] == "warning"


def test_a_flood_is_switched_off(make_app: Make) -> None:
    app = make_app(MFA_GATE_FLOOD_LIMIT=None)
    assert {sign_in(app, "frank").status_code for _ in range(FLOOD)} == {302}


def test_workers_share_the_budget_on_redis(make_app: Make, clock: StillClock) -> None:
    require_or_skip("redis", is_redis_reachable())
    clock.forward(minutes=uuid4().int % 5_000_000)  # a minute of this test's own, on a server that others use as well
    shared = {"MFA_GATE_FLOOD_LIMIT": LIMIT, "MFA_GATE_FLOOD_STORAGE": REDIS}
    workers = [make_app(**shared), make_app(**shared)]
    answers = at_once([lambda app=app: sign_in(app, "frank").status_code for app in workers * 10])  # type: ignore[misc]
    assert (answers.count(302), answers.count(429)) == (LIMIT, 10)


def test_a_server_that_is_down_is_told_by_the_doctor_and_lets_people_in(make_app: Make) -> None:
    from tests.web.inspection.kit import found

    app = make_app(MFA_GATE_FLOOD_STORAGE="redis://127.0.0.1:1/0")
    assert sign_in(app, "frank").status_code == 302
    assert found(app)["flood-storage"] == "warning"
    assert state_of(app).sign_in.flood_guard.failure() is not None

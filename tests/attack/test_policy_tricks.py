"""Ways past a policy that somebody would try."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event, Thread
from typing import Any

import pytest
from flask import Flask
from flask_login import login_required

from tests.conftest import JSON, Browser, Phone, StillClock, key_of, state_of
from tests.policy_kit import CHROME, FIREFOX, OFFICE, drop, policy, prove, put, rows, signed_in

Make = Callable[..., Flask]
ELSEWHERE = "203.0.113.9"
ALLOWED = policy("office", "allow", when={"network": [OFFICE]})


def test_an_address_that_moves_out_of_the_office_is_asked_again(app: Flask, phone: Phone) -> None:
    put(app, ALLOWED)
    browser = signed_in(app, "dave", REMOTE_ADDR=OFFICE)
    assert browser.is_in()
    browser.client.environ_base["REMOTE_ADDR"] = ELSEWHERE
    assert browser.get("/").location == "/mfa/challenge"
    assert browser.get("/mfa/").status_code in {302, 303}
    assert browser.send("/mfa/challenge", code=phone.code()).location == "/"
    assert browser.is_in()


def test_stolen_cookies_of_the_office_are_worth_nothing_elsewhere(app: Flask) -> None:
    put(app, ALLOWED)
    browser = signed_in(app, "dave", REMOTE_ADDR=OFFICE)
    thief = Browser(app)
    for name in ("session", "mfa_gate"):
        thief.client.set_cookie(name, browser.cookie(name) or "")
    thief.client.environ_base["REMOTE_ADDR"] = ELSEWHERE
    assert thief.get("/").location == "/mfa/challenge"
    assert thief.get("/api/me", headers=JSON).status_code == 401


def test_two_cookies_of_two_people_fit_no_rule(app: Flask, phone: Phone) -> None:
    put(app, policy(on=["payroll"], users={"exclude": [f"user:{key_of(app, 'frank')}"]}))
    erin, dave, frank = signed_in(app, "erin"), prove(app, phone), signed_in(app, "frank")
    assert frank.get("/payroll").status_code == 200
    for gate_cookie in (dave.cookie(), frank.cookie(), "", None):
        mixed = Browser(app)
        mixed.client.set_cookie("session", erin.cookie("session") or "")
        if gate_cookie is not None:
            mixed.client.set_cookie("mfa_gate", gate_cookie)
        assert mixed.get("/payroll").status_code == 303, "erin has to enroll, whatever comes beside"
        assert mixed.get("/payroll", follow_redirects=True).request.path.startswith("/mfa/")
    for first, last in ((dave, frank), (frank, dave)):
        cookies = f"session={erin.cookie('session')}; mfa_gate={first.cookie()}; mfa_gate={last.cookie()}"
        twice = app.test_client(use_cookies=False).get("/payroll", headers={"Cookie": cookies})
        assert twice.status_code == 303


def test_dropping_the_gates_cookie_does_not_drop_the_rule(app: Flask, phone: Phone) -> None:
    put(app, policy(on=["wiki"], max_age=600), policy("no", "deny", on=["payroll"]))
    browser = prove(app, phone)
    browser.client.delete_cookie("mfa_gate")
    assert browser.get("/payroll").status_code in {303, 403}
    assert browser.get("/wiki").status_code == 303


@pytest.mark.parametrize(
    "headers",
    [
        {"X-HTTP-Method-Override": "GET"}, {"X-Original-URL": "/wiki"}, {"X-Rewrite-URL": "/wiki"}, {"Purpose": "prefetch"},
        {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Mode": "no-cors"}, {"Authorization": "Bearer x"},
        {"Authorization": "Basic eDp5"}, {"X-Requested-With": "XMLHttpRequest"}, {"Content-Type": "application/json"},
        {"Origin": "https://evil.example"}, {"Sec-CH-UA-Platform": '"Android"'}, {"User-Agent": "A" * 10_000},
        {"Host": "localhost"}, {"Accept": "*/*"}, {"Access-Control-Request-Method": "GET"}, {"SSL-Client-Verify": "SUCCESS"},
    ],
)  # fmt: skip
def test_no_header_gets_past_a_deny(app: Flask, phone: Phone, headers: dict[str, str]) -> None:
    browser = prove(app, phone)
    put(app, policy(action="deny", on=["payroll"]))
    for method in ("GET", "HEAD", "POST", "PUT", "DELETE", "PROPFIND"):
        answer = browser.client.open("/payroll", method=method, headers=headers)
        assert answer.status_code >= 400, method
        assert b"Salaries" not in answer.data
    assert browser.is_in()


def test_own_options_are_judged_and_flasks_own_tell_nothing(make_app: Make, phone: Phone) -> None:
    app = make_app()
    gate = state_of(app).gate
    app._got_first_request = False

    @app.route("/own", methods=["GET", "OPTIONS"])
    @login_required
    @gate.resource("own")
    def own() -> str:
        return "own content"

    browser = prove(app, phone)
    put(app, policy(action="deny", on=["own", "payroll"]))
    assert browser.client.options("/own").status_code == 403
    assert browser.client.options("/payroll").data == b""


@pytest.mark.parametrize("form", ["form", "json", "xml", "empty"])
def test_a_body_of_any_kind_is_refused_without_being_carried_out(make_app: Make, phone: Phone, form: str) -> None:
    app = make_app()
    gate = state_of(app).gate
    app._got_first_request = False
    done: list[str] = []

    @app.post("/act")
    @login_required
    @gate.resource("act")
    def act() -> str:
        done.append(form)
        return "done"

    browser = prove(app, phone)
    put(app, policy(action="deny", on=["act"]))
    bodies: dict[str, dict[str, Any]] = {
        "form": {"data": {"a": "b"}}, "json": {"json": {"a": "b"}}, "empty": {},
        "xml": {"data": "<a/>", "content_type": "text/xml"},
    }  # fmt: skip
    answer = browser.client.post("/act", **bodies[form])
    assert (answer.status_code, done) == (403, [])
    assert answer.is_json == (form == "json")


def test_the_password_alone_never_enrolls_after_an_allowed_network(app: Flask, clock: StillClock) -> None:
    """A thief with the password, in the office: the period goes on and the prompt stays."""
    put(app, ALLOWED)
    thief = signed_in(app, "bob", REMOTE_ADDR=OFFICE)
    assert thief.get("/").location == "/mfa/enroll"
    clock.forward(days=8)
    assert signed_in(app, "bob", REMOTE_ADDR=OFFICE).get("/").status_code == 403


def test_later_at_one_resource_opens_no_hard_one(app: Flask) -> None:
    put(app, policy("soft", on=["wiki"], grace_days=5), policy("hard", on=["payroll"]))
    browser = signed_in(app, "frank")
    browser.get("/wiki")
    assert browser.send("/mfa/enroll/later").location == "/wiki"
    assert browser.get("/wiki").status_code == 200
    assert browser.get("/payroll").location == "/mfa/enroll"
    assert browser.send("/mfa/enroll/later").status_code == 409
    assert browser.get("/payroll").location == "/mfa/enroll"


def test_a_prompt_of_one_resource_gives_no_later_to_a_sign_in_that_is_forced(app: Flask) -> None:
    put(app, policy("soft", on=["wiki"], grace_days=5))
    browser = signed_in(app, "frank")
    browser.get("/wiki")
    put(app, policy("hard"))
    assert browser.send("/mfa/enroll/later").status_code in {303, 409}
    assert not browser.is_in()
    assert browser.send("/mfa/enroll/later").status_code == 409


def test_a_step_up_answered_with_less_is_no_step_up(app: Flask, phone: Phone, clock: StillClock) -> None:
    put(app, policy(on=["payroll"], factors=["webauthn"]))
    browser = prove(app, phone)
    assert browser.get("/payroll").status_code == 303
    clock.forward(seconds=30)
    browser.send("/mfa/challenge", code=phone.code())
    assert browser.get("/payroll").status_code == 303


def test_a_rule_that_is_edited_while_a_code_is_typed_counts(app: Flask, phone: Phone) -> None:
    for _ in range(3):
        browser = signed_in(app, "dave")
        token = browser.status()["csrf_token"]
        started, done = Event(), []

        def edit(started: Event = started) -> None:
            started.wait()
            put(app, policy(action="deny"))

        worker = Thread(target=edit)
        worker.start()
        started.set()
        done.append(browser.client.post("/mfa/challenge", data={"csrf_token": token, "code": phone.code()}).status_code)
        worker.join()
        assert not browser.is_in(), "whoever was first, the next request is denied"
        drop(app, "rule")
        state_of(app).clock.forward(seconds=30)  # type: ignore[attr-defined]


def test_a_groups_callback_that_fails_or_lies_in_form_shuts_out(app: Flask, phone: Phone) -> None:
    from dataclasses import replace

    put(app, policy(action="deny", users={"include": ["group:banned"]}))
    browser = prove(app, phone)
    state = state_of(app)

    def broken(_user: Any) -> Any:
        raise OSError("secret")

    tricks: list[Any] = [
        broken,
        lambda _: "banned",
        lambda _: None,
        lambda _: [None],
        lambda _: [["banned"]],
        lambda _: 7,
    ]
    for groups in tricks:
        app.extensions["mfa_gate"] = replace(
            state, host=replace(state.host, reader=replace(state.host.reader, groups=groups))
        )
        answer = browser.get("/")
        assert answer.status_code == 503
        assert "secret" not in answer.text
    for groups in (
        lambda _: ("banned",),
        lambda _: {"banned"},
        lambda _: (name for name in ["banned"]),
        lambda _: {"banned": 1},
    ):
        app.extensions["mfa_gate"] = replace(
            state, host=replace(state.host, reader=replace(state.host.reader, groups=groups))
        )
        assert browser.get("/").status_code in {403, 303}, groups
        app.extensions["mfa_gate"] = replace(
            state, host=replace(state.host, reader=replace(state.host.reader, groups=lambda _: []))
        )
        browser.get("/mfa/challenge")
        assert browser.is_in()


def test_whom_the_directory_does_not_know_has_unknown_groups() -> None:
    from flask_login import login_user

    from flask_mfa_gate.domain.people.person import Person
    from tests.hosts_small.kit import Host, User

    class Directory:
        people = {"2": Person("2"), "3": Person("3", groups=frozenset({"banned"}))}

        def get(self, key: str) -> Person | None:
            return self.people.get(key)

        def page(self, _after: str | None, _limit: int) -> list[Person]:
            return []

    for groups, refused in ((None, {"1", "3"}), (lambda user: [], {"3"}), (lambda user: ["banned"], {"1", "3"})):
        host = Host()
        host.with_login_manager()
        host.gate.init_app(host.app, directory=Directory(), groups=groups)
        host.app.add_url_rule("/login/<key>", "login", lambda key: str(login_user(User(key))))
        host.app.add_url_rule("/vault", "vault", host.gate.resource("vault")(lambda: "vault"))
        put(host.app, policy(action="deny", on=["vault"], users={"include": ["group:banned"]}))
        for key in ("1", "2", "3"):
            client = host.client()
            client.get(f"/login/{key}")
            assert client.get("/vault").status_code == (403 if key in refused else 200), (groups, key)


def test_groups_are_asked_once_a_request_and_only_for_a_rule_that_names_one(app: Flask, phone: Phone) -> None:
    from dataclasses import replace

    asked: list[Any] = []
    state = state_of(app)

    def groups(user: Any) -> list[str]:
        asked.append(user)
        return []

    app.extensions["mfa_gate"] = replace(
        state, host=replace(state.host, reader=replace(state.host.reader, groups=groups))
    )
    browser = prove(app, phone)
    put(app, policy("plain", on=["wiki"]))
    asked.clear()
    browser.get("/wiki")
    assert asked == []
    put(
        app,
        policy("named", on=["wiki"], max_age=0, users={"exclude": ["group:x"]}),
        policy("req", "deny", users={"exclude": ["group:x"]}, when={"request": {"endpoints": ["portal.wiki"]}}),
    )
    browser.get("/wiki")
    assert len(asked) == 1


def test_a_flood_of_clients_writes_no_row_without_a_rule_on_risk(app: Flask, phone: Phone) -> None:
    browser = prove(app, phone)
    put(app, policy(on=["wiki"]))
    before = len(rows(app, "session"))
    for agent in (CHROME, FIREFOX, "", "x" * 9000):
        assert browser.get("/wiki", headers={"User-Agent": agent}).status_code == 200
    assert len(rows(app, "session")) == before


@pytest.mark.parametrize(
    "rule",
    [policy("no", "deny", on=["payroll"]), policy("post", "deny", when={"request": {"endpoints": ["portal.payroll"]}})],
)
def test_what_one_request_meets_keeps_no_unproved_identity_in_place(
    app: Flask, phone: Phone, clock: StillClock, rule: Any
) -> None:
    put(app, policy("fresh", max_age=600))
    browser = prove(app, phone)
    put(app, rule)
    clock.forward(minutes=11)
    assert browser.get("/payroll").status_code == 403
    with browser.client.session_transaction() as held:
        assert "_user_id" not in held, "the app itself asks for a proof, so everything is parked"


# Tokens


def by_header(request: Any) -> str:
    word: str = request.headers.get("Authorization", "")
    return word.removeprefix("Bearer ").removeprefix("Basic ")


def token_app(make_app: Make, name_in: Callable[[Any], str] = by_header, **config: Any) -> Flask:
    from example_app import login_manager
    from example_app.models import User, db

    app = make_app(**config)

    def load(request: Any) -> Any:
        name = name_in(request)
        return db.session.scalars(db.select(User).where(User.username == name)).first() if name else None

    app.extensions["test_loader"] = login_manager._request_callback
    app.login_manager.request_loader(load)  # type: ignore[attr-defined]
    return app


@pytest.mark.parametrize("mode", ["refuse", "exempt"])
def test_tokens_under_rules(make_app: Make, mode: str) -> None:
    app = token_app(make_app, MFA_GATE_TOKENS=mode)
    try:
        client = app.test_client()

        def ask(name: str, path: str = "/api/me", **extra: str) -> int:
            return client.get(path, headers={"Authorization": f"Bearer {name}", **extra}).status_code

        assert ask("frank") == 200
        put(app, policy(grace_days=5))
        assert ask("frank") == 200, "a soft prompt never stops one"
        put(app, policy())
        assert ask("frank") == (200 if mode == "exempt" else 403)
        assert ask("dave") == (200 if mode == "exempt" else 401)
        basic = client.get("/api/me", headers={"Authorization": "Basic frank"})
        assert basic.status_code == 403, "a password is no token"
        put(app, policy(action="deny", when={"network": ["127.0.0.0/8"]}))
        assert ask("frank") == 403, "a refusal stops tokens in every mode"
        assert ask("carol") == 403
    finally:
        app.login_manager._request_callback = app.extensions["test_loader"]  # type: ignore[attr-defined]


def test_the_sign_in_of_a_token_is_not_known(make_app: Make) -> None:
    app = token_app(make_app, MFA_GATE_TOKENS="exempt")
    try:
        put(app, policy(action="deny", when={"sign_in": ["remember-me"]}))
        answer = app.test_client().get("/api/me", headers={"Authorization": "Bearer frank"})
        assert answer.status_code == 403
    finally:
        app.login_manager._request_callback = app.extensions["test_loader"]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("name_in", "body"),
    [
        (lambda request: request.form.get("name", ""), {"data": {"name": "dave"}}),
        (lambda request: request.values.get("name", ""), {"data": {"name": "dave"}}),
        (lambda request: request.args.get("name", ""), {"query_string": {"name": "dave"}}),
        (lambda request: (request.get_json(silent=True) or {}).get("name", ""), {"json": {"name": "dave"}}),
        (lambda request: request.get_data(as_text=True), {"data": "dave"}),
        (lambda request: request.get_data(cache=False).decode(), {"data": "dave"}),
        (lambda request: request.stream.read().decode(), {"data": "dave"}),
    ],
)  # fmt: skip
def test_a_password_in_the_body_is_no_token_whatever_header_is_beside_it(
    make_app: Make, name_in: Callable[[Any], str], body: dict[str, Any]
) -> None:
    app = token_app(make_app, name_in, MFA_GATE_TOKENS="exempt")
    try:
        app._got_first_request = False
        app.add_url_rule("/rpc", "rpc", login_required(lambda: "done"), methods=["POST"])
        for headers in ({}, {"Authorization": "Bearer x"}, {"Authorization": ""}, {"Authorization": "Basic x"}):
            answer = app.test_client().post("/rpc", headers=headers, **body)
            assert answer.status_code in {401, 403}, headers
    finally:
        app.login_manager._request_callback = app.extensions["test_loader"]  # type: ignore[attr-defined]

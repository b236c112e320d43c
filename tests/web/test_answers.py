"""Who gets which answer: every kind of client against every state, over every endpoint."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from flask_mfa_gate.web.endpoints import is_own
from tests.conftest import JSON, Browser, Phone, key_of, state_of

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
OPEN = {"portal.login", "portal.logout", "portal.healthz", "static"}
NEXT = {"bob": "/mfa/enroll", "dave": "/mfa/challenge", "carol": "/mfa/blocked"}


def held(app: Flask, username: str) -> Browser:
    browser = Browser(app)
    assert browser.sign_in(username).location == NEXT[username]
    return browser


def address(rule: Any) -> str:
    return str(rule.build(dict.fromkeys(rule.arguments, "1"))[1])


@pytest.mark.parametrize("username", sorted(NEXT))
@pytest.mark.parametrize("method", METHODS)
def test_no_endpoint_answers_with_its_own_content(app: Flask, username: str, method: str) -> None:
    browser = held(app, username)
    walked = 0
    for rule in app.url_map.iter_rules():
        if rule.endpoint in OPEN or is_own(rule.endpoint) or method not in (rule.methods or set()):
            continue
        answer = browser.client.open(address(rule), method=method)
        assert answer.status_code in {303, 403}, rule
        assert not any(
            word in answer.text for word in ("Everybody was paid", "coffee machine", "Hello", "transfer is on")
        )
        walked += 1
    assert walked or method in {"PUT", "PATCH", "DELETE"}


@pytest.mark.parametrize("username", sorted(NEXT))
def test_open_endpoints_see_nobody(app: Flask, username: str) -> None:
    browser = held(app, username)
    assert browser.get("/healthz").json == {"status": "ok"}
    assert "Sign out" not in browser.get("/login").text
    with browser.get("/static/portal.css") as file:
        assert file.status_code == 200
    assert browser.get("/nowhere").status_code == 404


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({"Accept": "application/json"}, None),
        ({"Accept": "application/problem+json"}, None),
        ({"X-Requested-With": "XMLHttpRequest"}, None),
        ({"Sec-Fetch-Mode": "cors"}, None),
        ({}, {"a": 1}),
    ],
)
def test_programs_get_problem_documents(app: Flask, headers: dict[str, str], body: Any) -> None:
    expected = {
        "dave": (401, "mfa_challenge_required", "challenge"),
        "bob": (403, "mfa_enrollment_required", "prompt"),
        "carol": (403, "mfa_enrollment_expired", "locked"),
    }
    for username, (status, code, word) in expected.items():
        answer = held(app, username).client.open("/api/me", method="GET", headers=headers, json=body)
        assert answer.status_code == status
        assert answer.mimetype == "application/problem+json"
        facts = answer.json or {}
        assert (facts["code"], facts["next"], facts["continue_url"]) == (code, word, NEXT[username])
        assert ("WWW-Authenticate" in answer.headers) == (status == 401)


def test_browsers_that_accept_anything_get_pages(app: Flask) -> None:
    for accept in ("text/html,application/xhtml+xml,*/*;q=0.8", "*/*"):
        assert held(app, "dave").get("/", headers={"Accept": accept}).status_code == 303


def test_the_challenge_header_of_rfc_9470(app: Flask) -> None:
    header = held(app, "dave").get("/api/me", headers=JSON).headers["WWW-Authenticate"]
    assert header.startswith('Bearer error="insufficient_user_authentication"')
    assert "acr_values=" in header


def test_an_unsafe_method_from_a_page_is_told_to_verify_and_send_again(app: Flask) -> None:
    answer = held(app, "dave").client.post("/transfer", data={"amount": "5"})
    assert answer.status_code == 403
    assert "submit it again" in answer.text
    assert answer.location is None


def test_head_is_like_get_without_effects(app: Flask, phone: Phone) -> None:
    browser = Browser(app)
    browser.sign_in("dave", remember="1")
    browser.send("/mfa/challenge", code=phone.code())
    token = browser.cookie("remember_token")
    other = app.test_client()
    other.set_cookie("remember_token", token or "")
    answer = other.head("/")
    assert (answer.status_code, answer.location) == (303, "/mfa/challenge")
    assert answer.headers.getlist("Set-Cookie") == []


def test_a_real_preflight_passes(app: Flask) -> None:
    answer = held(app, "dave").client.options("/payroll")
    assert answer.status_code == 200
    assert answer.data == b""


def test_path_tricks_reach_no_view(app: Flask) -> None:
    browser = held(app, "dave")
    for path in (
        "/payroll/",
        "//payroll",
        "/%70ayroll",
        "/payroll;x",
        "/./payroll",
        "/payroll%00",
        "/Payroll",
        "/payroll%2f",
    ):
        assert "Everybody was paid" not in browser.get(path, follow_redirects=True).text


def test_method_override_headers_change_nothing(app: Flask) -> None:
    browser = held(app, "dave")
    for header in ("X-HTTP-Method-Override", "X-Original-URL", "X-Rewrite-Url", "X-Forwarded-Uri"):
        assert browser.get("/payroll", headers={header: "/healthz"}).status_code == 303
    assert browser.client.post("/payroll?_method=GET").status_code == 405


def test_what_the_login_view_answered_never_reaches_the_client(app: Flask) -> None:
    answer = Browser(app).sign_in("dave", remember="1")
    assert answer.location == "/mfa/challenge"
    cookies = " ".join(answer.headers.getlist("Set-Cookie"))
    assert "remember_token" not in cookies
    assert "session=;" in cookies or "session=" not in cookies


def test_anonymous_requests_to_marked_views(app: Flask) -> None:
    stranger = Browser(app)
    assert stranger.get("/payroll?a=b").location == "/login?next=%2Fpayroll%3Fa%3Db"
    assert stranger.get("/payroll", headers=JSON).status_code == 401
    assert stranger.get("/payroll", headers=JSON).json["code"] == "sign_in_required"  # type: ignore[index]
    assert stranger.client.post("/transfer").status_code == 401


def test_strangers_at_the_gates_own_pages(app: Flask) -> None:
    stranger = Browser(app)
    assert stranger.get("/mfa/status").status_code == 401
    assert stranger.get("/mfa/status").json["code"] == "sign_in_required"  # type: ignore[index]
    for rule in app.url_map.iter_rules():
        if not is_own(rule.endpoint) or rule.endpoint == "mfa_gate.static":
            continue
        for method in (rule.methods or set()) - {"OPTIONS", "HEAD"}:
            answer = stranger.client.open(address(rule), method=method)
            assert answer.status_code in {303, 401}, rule
            assert (answer.location or "/login").startswith("/login")


def test_every_answer_of_the_gate_is_guarded(app: Flask, phone: Phone) -> None:
    browser = held(app, "dave")
    answers = [
        browser.get("/mfa/challenge"),
        browser.get("/"),
        browser.get("/api/me", headers=JSON),
        browser.client.post("/mfa/cancel"),
    ]
    browser.send("/mfa/challenge", code=phone.code())
    answers += [browser.get("/mfa/"), browser.get("/mfa/enroll/totp"), browser.get("/mfa/status")]
    for answer in answers:
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
        assert "Cookie" in answer.headers["Vary"]


def test_only_pages_with_forms_lead_on(app: Flask, phone: Phone) -> None:
    """Browsers hold redirects after a form against ``form-action``; all else is as strict as it can be."""
    strict = (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; frame-ancestors 'none'; "
        "base-uri 'none'"
    )
    browser = held(app, "dave")
    for path in ("/mfa/challenge", "/mfa/challenge?factor=recovery_code"):
        assert browser.get(path).headers["Content-Security-Policy"] == strict
    for answer in (browser.get("/"), browser.get("/mfa/status"), Browser(app).get("/mfa/")):
        assert answer.headers["Content-Security-Policy"] == f"{strict}; form-action 'none'"


def test_a_database_that_fails_lets_nobody_in(app: Flask, phone: Phone, monkeypatch: Any) -> None:
    from flask_mfa_gate.errors import StoreError

    browser = held(app, "dave")
    browser.send("/mfa/challenge", code=phone.code())

    def broken(*_args: Any, **_options: Any) -> None:
        raise StoreError("The gate's database did not answer as it should.")

    monkeypatch.setattr(type(state_of(app).store.sessions), "load", broken)
    answer = browser.get("/payroll")
    assert answer.status_code == 503
    assert "did not answer" in answer.text
    assert browser.get("/api/me", headers=JSON).json["code"] == "mfa_unavailable"  # type: ignore[index]


def test_a_sealed_key_that_cant_be_opened_lets_nobody_in(make_app: Any, phone: Phone) -> None:
    from flask_mfa_gate.crypto import generate_key

    make_app()
    browser = held(make_app(MFA_GATE_KEYS=[generate_key()]), "dave")
    answer = browser.send("/mfa/challenge", code=phone.code())
    assert answer.status_code == 503
    assert not browser.is_in()


def test_missing_tables_give_one_clear_sentence(make_app: Any, tmp_path: Any, caplog: Any) -> None:
    from flask import Flask as App
    from flask_login import LoginManager, UserMixin

    from flask_mfa_gate import MFAGate

    app = App("bare")
    app.config.update(SECRET_KEY="x", TESTING=True, MFA_GATE_DATABASE_URI=f"sqlite:///{tmp_path}/own.sqlite3")
    manager = LoginManager(app)
    MFAGate(app)

    @manager.request_loader
    def load(_request: Any) -> Any:
        user = UserMixin()
        user.id = "1"
        return user

    @app.get("/")
    def home() -> str:
        return "in"

    answer = app.test_client().get("/")
    assert answer.status_code == 503
    assert "flask mfa upgrade" in answer.text
    assert app.test_cli_runner().invoke(args=["mfa", "upgrade"]).exit_code == 0
    assert app.test_client().get("/").text == "in"
    state_of(app).store.database.dispose()


def test_a_disabled_account_is_refused_at_the_next_request(app: Flask, phone: Phone) -> None:
    from example_app.models import User, db

    browser = held(app, "dave")
    browser.send("/mfa/challenge", code=phone.code())
    frank = Browser(app)
    frank.sign_in("frank")
    for who, one in (("dave", browser), ("frank", frank)):
        with app.app_context():
            user = db.session.get(User, int(key_of(app, who)))
            assert user is not None
            user.enabled = False
            db.session.commit()
        answer = one.get("/")
        assert answer.status_code == 403
        assert "disabled" in answer.text


def test_a_host_header_builds_no_link(app: Flask) -> None:
    answer = held(app, "dave").get(
        "/mfa/challenge", headers={"X-Forwarded-Host": "evil.example", "Forwarded": "host=evil.example"}
    )
    assert "evil.example" not in answer.text


def test_refusals_are_on_record_once(app: Flask, signals: list[Any]) -> None:
    browser = held(app, "carol")
    browser.get("/")
    browser.get("/payroll")
    refused = [event for event in signals if event.name == "access_denied"]
    assert [(event.subject, event.details["verdict"], event.address) for event in refused] == [
        (key_of(app, "carol"), "locked", "127.0.0.1")
    ]


def test_records_carry_address_agent_and_no_control_characters(app: Flask, signals: list[Any]) -> None:
    client = app.test_client()
    data = {"username": "dave", "password": "correct horse battery staple"}
    client.post(
        "/login",
        data=data,
        headers={"User-Agent": "a\x1b[31mb" + "x" * 400},
        environ_base={"REMOTE_ADDR": "::ffff:10.0.0.5"},
    )
    (event,) = signals
    assert (event.name, event.actor, event.address) == ("signed_in", "user:4", "10.0.0.5")
    assert event.user_agent.isprintable()
    assert len(event.user_agent) == 255


@pytest.mark.parametrize("path", ["/gr%C3%B6%C3%9Fe", "/a%20b?c=%2F", "/100%25", "/a;b=c"])
def test_the_page_asked_for_is_kept_as_it_was_written(make_app: Any, phone: Phone, path: str) -> None:
    app: Flask = make_app()
    app._got_first_request = False
    app.add_url_rule("/<name>", "any", lambda name: name)
    browser = Browser(app)
    browser.sign_in("dave", remember="1")
    browser.send("/mfa/challenge", code=phone.code())
    other = Browser(app)
    other.client.set_cookie("remember_token", browser.cookie("remember_token") or "")
    other.get(path)
    assert other.send("/mfa/challenge", code=phone.code(steps=1)).location == path


@pytest.mark.parametrize(
    "target",
    ["/login", "/logout", "/%6cogout", "/logout/", "/mfa/enroll", "/mfa/%63hallenge", "//evil", "/login?next=/login"],
)
def test_targets_that_lead_in_circles_lead_home(app: Flask, phone: Phone, target: str) -> None:
    browser = Browser(app)
    data = {"username": "dave", "password": "correct horse battery staple"}
    browser.client.post("/login", query_string={"next": target}, data=data)
    assert browser.send("/mfa/challenge", code=phone.code()).location == "/"


@pytest.mark.parametrize("target", ["/docs/", "/docs", "/docs//", "/old", "/round"])
def test_a_target_is_looked_up_to_the_end_of_its_redirects(make_app: Any, phone: Phone, target: str) -> None:
    app: Flask = make_app()
    app.add_url_rule("/docs/", "docs", lambda: "docs")
    app.add_url_rule("/old", "old", redirect_to="/docs")
    app.add_url_rule("/round", "round", redirect_to="/round")
    browser = Browser(app)
    data = {"username": "dave", "password": "correct horse battery staple"}
    assert browser.client.post("/login", query_string={"next": target}, data=data).location == "/mfa/challenge"
    assert browser.send("/mfa/challenge", code=phone.code()).location == target


def test_a_redirect_to_the_way_out_leads_home(make_app: Any, phone: Phone) -> None:
    app: Flask = make_app()
    app.add_url_rule("/bye", "bye", redirect_to="/logout")
    browser = Browser(app)
    data = {"username": "dave", "password": "correct horse battery staple"}
    browser.client.post("/login", query_string={"next": "/bye"}, data=data)
    assert browser.send("/mfa/challenge", code=phone.code()).location == "/"


def test_a_sandboxed_page_reads_nothing(app: Flask) -> None:
    answer = held(app, "dave").get("/mfa/status", headers={"Origin": "null"})
    assert answer.status_code == 403
    assert held(app, "dave").get("/mfa/status", headers={"Origin": "https://localhost"}).status_code == 200


def test_a_disabled_account_changes_nothing_on_the_gates_pages(app: Flask, phone: Phone) -> None:
    from example_app.models import User, db

    proved, fresh, waiting = Browser(app), Browser(app), Browser(app)
    proved.sign_in("dave")
    proved.send("/mfa/challenge", code=phone.code())
    fresh.sign_in("erin")
    waiting.sign_in("bob")
    tokens = {one: one.status()["csrf_token"] for one in (proved, fresh, waiting)}
    with app.app_context():
        db.session.execute(db.update(User).values(enabled=False))
        db.session.commit()
    for browser, token in tokens.items():
        for path in ("/mfa/recovery-codes", "/mfa/enroll/totp", "/mfa/sessions", "/mfa/challenge", "/mfa/enroll/later"):
            answer = browser.client.post(path, data={"csrf_token": token, "code": "123456"})
            assert answer.status_code == 403, path
            assert "disabled" in answer.text
        assert browser.get("/mfa/enroll/totp").status_code == 403
        assert browser.client.post("/mfa/sign-out", data={"csrf_token": token}).status_code == 303

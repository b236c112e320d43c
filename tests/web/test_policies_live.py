"""Policies on live requests: what a rule says is what the next request meets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event, text

from flask_mfa_gate.domain.policy.facts import Environment
from flask_mfa_gate.services.policies.versions import PolicyVersions
from tests.conftest import JSON, Browser, Phone, StillClock, key_of, state_of

HEAD = "version = 1\n"
OFFICE = '[[networks]]\nname = "office"\nentries = ["10.20.0.0/16", "2001:db8::/32"]\n'


def rule(name: str, effect: str, *, state: str = "on", **parts: str) -> str:
    lines = [f"{key} = {value}" for key, value in parts.items()]
    return "\n".join(["[[policies]]", f'name = "{name}"', f'state = "{state}"', *lines, f"effect = {effect}", ""])


@pytest.fixture
def put(app: Flask) -> Callable[..., None]:
    """Make these the policies."""

    def act(*rules: str, networks: str = "") -> None:
        with app.app_context():
            state_of(app).access.policies.import_(HEAD + networks + "\n".join(rules), dry_run=False)

    return act


def proved(app: Flask, clock: StillClock, phone: Phone, address: str = "198.51.100.7") -> Browser:
    clock.forward(seconds=60)
    browser = Browser(app)
    browser.client.environ_base["REMOTE_ADDR"] = address
    browser.sign_in("dave")
    assert browser.send("/mfa/challenge", code=phone.code()).location == "/"
    return browser


def test_a_require_on_the_app_forces_setup_at_the_sign_in_and_goes_straight_on(
    app: Flask, put: Any, clock: StillClock
) -> None:
    put(rule("MFA for all", '{ action = "require" }'))
    browser = Browser(app)
    assert browser.client.post("/login?next=/wiki", data={"username": "frank", "password": password()}).location == (
        "/mfa/enroll"
    )
    assert browser.get("/").location == "/mfa/enroll"
    phone = Phone(clock, browser.begin_setup()["secret"])
    done = browser.send_json("/mfa/enroll/totp", {"code": phone.code()}).json
    assert (done["next"], done["continue_url"]) == ("pass", "/wiki")
    assert browser.is_in()


def test_who_is_in_a_soft_period_is_forced_by_it(app: Flask, put: Any) -> None:
    put(rule("MFA for all", '{ action = "require" }'))
    browser = Browser(app)
    browser.sign_in("bob")
    assert browser.status()["next"] == "enroll"
    assert browser.send_json("/mfa/enroll/later", {}).status_code == 409


def test_a_deny_shows_its_words_and_its_help_and_an_id(app: Flask, put: Any) -> None:
    put(
        rule(
            "No wiki", '{ action = "deny" }', resources='["wiki"]', message='"Ask the service desk"',
            help_link='"https://help.example.org/"',
        )
    )  # fmt: skip
    browser = Browser(app)
    browser.sign_in("frank")
    page = browser.get("/wiki")
    assert page.status_code == 403
    assert "Ask the service desk" in page.text
    assert 'href="https://help.example.org/"' in page.text
    told = browser.get("/wiki", headers=JSON).json
    assert (told["code"], told["detail"], told["help_link"]) == (
        "access_denied", "Ask the service desk", "https://help.example.org/",
    )  # fmt: skip
    assert told["reason_id"].startswith("policy-")
    assert told["reason_id"] in page.text
    assert "No wiki" not in page.text, "the name is the admins' own"
    assert browser.is_in()


def test_a_step_up_at_a_resource_leads_back(app: Flask, put: Any, clock: StillClock, phone: Phone) -> None:
    put(rule("Fresh payroll", '{ action = "require", max_age = 900 }', resources='["payroll"]'))
    browser = proved(app, clock, phone)
    assert browser.get("/payroll").status_code == 200
    clock.forward(minutes=16)
    assert browser.get("/payroll").location == "/mfa/challenge"
    assert browser.is_in(), "the rest of the app stays open"
    assert browser.send("/mfa/challenge", code=phone.code()).location == "/payroll"
    assert browser.get("/payroll").status_code == 200


def test_zero_lets_safe_requests_pass_for_five_minutes(app: Flask, put: Any, clock: StillClock, phone: Phone) -> None:
    put(rule("Every time", '{ action = "require", max_age = 0 }', resources='["payroll"]'))
    browser = proved(app, clock, phone)
    assert browser.get("/payroll").location == "/mfa/challenge"
    clock.forward(seconds=60)
    browser.send("/mfa/challenge", code=phone.code())
    assert [browser.get("/payroll").status_code for _ in range(2)] == [200, 200], "the form may be read again"
    clock.forward(minutes=5, seconds=1)
    assert browser.get("/payroll").status_code == 303


def test_a_network_relaxes_the_code_and_nothing_else(app: Flask, put: Any, clock: StillClock, phone: Phone) -> None:
    put(rule("Office", '{ action = "allow" }', conditions='{ network = ["office"] }'), networks=OFFICE)
    for address in ("10.20.3.4", "::ffff:10.20.3.4", "2001:db8::5"):
        browser = Browser(app)
        browser.client.environ_base["REMOTE_ADDR"] = address
        assert browser.sign_in("dave").location == "/", address
        assert browser.get("/transfer").location == "/mfa/challenge", "a step-up asks all the same"
        browser.client.environ_base["REMOTE_ADDR"] = "203.0.113.9"
        assert browser.get("/").location == "/mfa/challenge", "the address changed within the session"
    for name, landing in (("bob", "/mfa/enroll"), ("carol", "/mfa/blocked")):
        browser = Browser(app)
        browser.client.environ_base["REMOTE_ADDR"] = "10.20.3.4"
        assert browser.sign_in(name).location == landing
    unreadable = Browser(app)
    unreadable.client.environ_base["REMOTE_ADDR"] = "garbage"
    assert unreadable.sign_in("dave").location == "/mfa/challenge", "what is unknown lets nobody off"


def test_an_edit_bites_at_the_next_request(app: Flask, put: Any, clock: StillClock, phone: Phone) -> None:
    browser = proved(app, clock, phone)
    assert browser.get("/wiki").status_code == 200
    put(rule("Shut", '{ action = "deny" }', resources='["wiki"]'))
    assert browser.get("/wiki").status_code == 403
    with app.app_context():
        state_of(app).access.policies.set_state("Shut", "off")
    assert browser.get("/wiki").status_code == 200
    put(rule("All out", '{ action = "deny" }', users='{ include = ["user:4"] }'))
    assert browser.get("/").status_code == 403
    assert browser.get("/mfa/").status_code == 403, "the gate's own pages are shut as well"


def test_a_group_is_asked_of_the_host_at_each_request(app: Flask, put: Any) -> None:
    from example_app.models import User, db

    put(rule("Finance only", '{ action = "deny" }', resources='["wiki"]', users='{ include = ["group:finance"] }'))
    browser = Browser(app)
    browser.sign_in("frank")
    assert browser.get("/wiki").status_code == 200
    with app.app_context():
        user = db.session.get(User, int(key_of(app, "frank")))
        assert user is not None
        user.group = "finance"
        db.session.commit()
    assert browser.get("/wiki").status_code == 403


def test_days_of_grace_prompt_and_then_force(app: Flask, put: Any, clock: StillClock) -> None:
    put(rule("Soon", '{ action = "require", grace_days = 5 }'))
    browser = Browser(app)
    assert browser.sign_in("frank").location == "/mfa/enroll"
    page = browser.get("/mfa/enroll").text
    assert "<b>5</b> days left" in page
    assert browser.send("/mfa/enroll/later").location == "/"
    assert browser.is_in()
    clock.forward(days=2)
    with app.app_context():
        policies = state_of(app).access.policies
        policies.set_state("Soon", "off")
        policies.delete("Soon")
    put(rule("Soon", '{ action = "require", grace_days = 5 }'))
    again = Browser(app)
    again.sign_in("frank")
    assert "<b>3</b> days left" in again.get("/mfa/enroll").text, "the first match outlives edit, off and deletion"
    clock.forward(days=3)
    forced = Browser(app)
    forced.sign_in("frank")
    assert forced.status()["next"] == "enroll"
    with app.app_context():
        status = state_of(app).people.enrollments.status("6")
        state_of(app).access.policies.restart_grace("6", "Soon", actor="cli")
    assert (status.status, status.required, status.ends_at) == ("NOT_ENROLLED", False, None)
    renewed = Browser(app)
    renewed.sign_in("frank")
    assert renewed.status()["next"] == "prompt"


def test_grace_at_a_resource_has_a_later_too(app: Flask, put: Any) -> None:
    put(rule("Soon", '{ action = "require", grace_days = 5 }', resources='["payroll"]'))
    browser = Browser(app)
    assert browser.sign_in("frank").location == "/"
    assert browser.get("/payroll").location == "/mfa/enroll"
    page = browser.get("/mfa/enroll").text
    assert "Set up later" in page
    assert "<b>5</b> days left" in page
    assert browser.send("/mfa/enroll/later").location == "/payroll"
    assert browser.get("/payroll").status_code == 200


def test_the_strictest_of_several_counts(app: Flask, put: Any, clock: StillClock, phone: Phone) -> None:
    put(
        rule("A", '{ action = "require", max_age = 3600 }', resources='["payroll"]'),
        rule("B", '{ action = "require", max_age = 60 }', resources='["payroll"]'),
        rule(
            "C",
            '{ action = "require", factors = ["webauthn"] }',
            resources='["payroll"]',
            users='{ include = ["user:1"] }',
        ),
    )
    browser = proved(app, clock, phone)
    clock.forward(seconds=61)
    assert browser.get("/payroll", headers=JSON).json["max_age"] == 60


def test_a_factor_that_nobody_here_has_sends_to_the_setup(
    app: Flask, put: Any, clock: StillClock, phone: Phone
) -> None:
    put(rule("Keys only", '{ action = "require", factors = ["webauthn"] }', resources='["payroll"]'))
    browser = proved(app, clock, phone)
    assert browser.get("/payroll", headers=JSON).json["code"] == "mfa_enrollment_required"


def test_a_recovery_code_meets_no_list_without_totp(app: Flask, put: Any, clock: StillClock, phone: Phone) -> None:
    from tests.conftest import recovery_codes_in

    codes = recovery_codes_in(proved(app, clock, phone).send("/mfa/recovery-codes").text)
    put(rule("Codes", '{ action = "require", factors = ["totp"] }'))
    browser = Browser(app)
    browser.sign_in("dave")
    assert browser.send("/mfa/challenge", factor="recovery_code", code=codes[0]).location == "/"
    with app.app_context(), state_of(app).store.database.write() as tx:
        tx.execute(text("UPDATE mfa_gate_factor SET kind = 'webauthn' WHERE user_key = '4'"))
    put(rule("Keys", '{ action = "require", factors = ["webauthn"] }'))
    other = Browser(app)
    other.sign_in("dave")
    other.send("/mfa/challenge", factor="recovery_code", code=codes[1])
    assert not other.is_in()


def test_signing_in_stays_possible_under_a_rule_on_writes(
    app: Flask, put: Any, clock: StillClock, phone: Phone
) -> None:
    put(rule("Read only", '{ action = "deny" }', conditions='{ request = { methods = ["POST"] } }'))
    browser = proved(app, clock, phone)
    assert browser.is_in()
    assert browser.client.post("/transfer").status_code == 403


def test_a_proved_request_costs_one_select_and_an_edit_one_more(
    app: Flask, put: Any, clock: StillClock, phone: Phone
) -> None:
    put(rule("Fresh payroll", '{ action = "require", max_age = 900 }', resources='["payroll"]'))
    browser = proved(app, clock, phone)
    browser.get("/payroll")
    statements: list[str] = []
    engine = state_of(app).store.database.engine

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        statements.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    assert browser.get("/payroll").status_code == 200
    assert len(statements) == 1, statements
    put(rule("Fresh payroll", '{ action = "require", max_age = 901 }', resources='["payroll"]'))
    statements.clear()
    assert browser.get("/payroll").status_code == 200
    assert len(statements) == 2, "the new version is loaded once"
    event.remove(engine, "before_cursor_execute", note)


def rows(app: Flask) -> dict[str, list[Any]]:
    state = state_of(app)
    with state.store.database.read() as tx:
        return {
            name: sorted(map(repr, tx.execute(table.select()).all()))
            for name, table in state.store.tables.metadata.tables.items()
        }


def test_a_reported_rule_changes_nothing_but_the_report(app: Flask, put: Any, clock: StillClock) -> None:
    put(
        rule("Would deny", '{ action = "deny" }', state="report-only"),
        rule("Would ask", '{ action = "require", grace_days = 3 }', state="report-only"),
        rule("Elsewhere", '{ action = "deny" }', state="report-only", conditions='{ network = ["192.0.2.0/24"] }'),
        rule("Would pass", '{ action = "allow" }', state="report-only", conditions='{ network = ["127.0.0.0/8"] }'),
    )
    before = rows(app)
    browser = Browser(app)
    assert browser.sign_in("frank").location == "/"
    assert browser.get("/").status_code == 200
    after = rows(app)
    changed = {name.removeprefix("mfa_gate_") for name in after if after[name] != before[name]}
    assert changed == {"session", "sign_in", "audit", "person", "person_word", "noted", "enrollment"}, (
        "what any sign-in writes"
    )
    with app.app_context():
        assert state_of(app).access.simulator.report(1) == {
            "Would deny": {"would refuse": 1}, "Would ask": {"would ask": 1},
            "Elsewhere": {"would not apply": 1}, "Would pass": {"would pass": 1},
        }  # fmt: skip
        clock.forward(days=2)
        assert state_of(app).access.simulator.report(1) == {}
        assert set(state_of(app).access.simulator.report(7)) == {"Would deny", "Would ask", "Elsewhere", "Would pass"}


def test_a_reported_rule_on_a_resource_is_told_where_it_is_opened(app: Flask, put: Any) -> None:
    put(rule("Would shut", '{ action = "deny" }', state="report-only", resources='["wiki"]'))
    browser = Browser(app)
    browser.sign_in("frank")
    assert [browser.get(path).status_code for path in ("/payroll", "/wiki", "/wiki")] == [200, 200, 200]
    with app.app_context():
        assert state_of(app).access.simulator.report(1) == {"Would shut": {"would refuse": 1}}


def test_no_device_is_trusted_yet(app: Flask, put: Any) -> None:
    put(rule("Trusted off", '{ action = "deny" }', resources='["wiki"]', conditions='{ device = ["trusted"] }'))
    browser = Browser(app)
    browser.sign_in("frank")
    assert browser.get("/wiki").status_code == 200


AGENTS = {
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36": (
        "windows", "chrome",
    ),
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Safari/605.1.15": (
        "macos", "safari",
    ),
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1": (
        "ios", "safari",
    ),
    "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Mobile Safari/537.36": (
        "android", "chrome",
    ),
    "Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0": ("linux", "firefox"),
}  # fmt: skip


@pytest.mark.parametrize(("agent", "words"), AGENTS.items(), ids=[" ".join(words) for words in AGENTS.values()])
def test_platform_and_browser_are_read_from_the_client(app: Flask, put: Any, agent: str, words: Any) -> None:
    platform, browser_name = words
    put(
        rule("Platform", '{ action = "deny" }', resources='["wiki"]', conditions=f'{{ platform = ["{platform}"] }}'),
        rule(
            "Browser", '{ action = "deny" }', resources='["payroll"]', conditions=f'{{ browser = ["{browser_name}"] }}'
        ),
    )
    browser = Browser(app)
    browser.client.environ_base["HTTP_USER_AGENT"] = agent
    browser.sign_in("frank")
    assert [browser.get(path).status_code for path in ("/wiki", "/payroll")] == [403, 403]
    other = "linux" if platform != "linux" else "windows"
    put(rule("Another", '{ action = "deny" }', resources='["wiki"]', conditions=f'{{ platform = ["{other}"] }}'))
    assert browser.get("/wiki").status_code == 200


@pytest.mark.parametrize("agent", ["", "x" * 10_000, "\x00\xff", "curl/8.0"])
def test_an_unreadable_client_is_unknown_and_breaks_nothing(app: Flask, put: Any, agent: str) -> None:
    put(rule("Windows off", '{ action = "deny" }', resources='["wiki"]', conditions='{ platform = ["windows"] }'))
    browser = Browser(app)
    browser.client.environ_base["HTTP_USER_AGENT"] = agent
    browser.sign_in("frank")
    assert browser.get("/wiki").status_code in {200, 403}
    assert browser.get("/").status_code == 200


def test_a_certificate_counts_when_the_server_says_so_and_never_by_a_header(app: Flask, put: Any) -> None:
    put(
        rule(
            "Certificate only", '{ action = "deny" }', resources='["wiki"]',
            conditions='{ not = { device = ["certificate"] } }',
        )
    )  # fmt: skip
    browser = Browser(app)
    browser.sign_in("frank")
    assert browser.get("/wiki").status_code == 403, "unknown counts for a deny"
    assert browser.get("/wiki", headers={"Ssl-Client-Verify": "SUCCESS"}).status_code == 403
    assert browser.get("/wiki", environ_overrides={"SSL_CLIENT_VERIFY": "SUCCESS"}).status_code == 200
    assert browser.get("/wiki", environ_overrides={"SSL_CLIENT_VERIFY": "FAILED"}).status_code == 403


def test_a_new_device_and_a_new_address_are_told_by_proven_sign_ins(
    app: Flask, put: Any, clock: StillClock, phone: Phone
) -> None:
    put(
        rule("New device", '{ action = "deny" }', resources='["wiki"]', conditions='{ risk = ["new-device"] }'),
        rule("New address", '{ action = "deny" }', resources='["payroll"]', conditions='{ risk = ["new-address"] }'),
    )
    chrome, *_, firefox = AGENTS

    def visit(agent: str, address: str) -> list[int]:
        clock.forward(seconds=60)
        browser = Browser(app)
        browser.client.environ_base.update(HTTP_USER_AGENT=agent, REMOTE_ADDR=address)
        browser.sign_in("dave")
        browser.send("/mfa/challenge", code=phone.code())
        return [browser.get(path).status_code for path in ("/wiki", "/payroll")]

    assert visit(firefox, "198.51.100.1") == [403, 403], "at a first sign-in both hit"
    assert visit(firefox, "198.51.100.1") == [200, 200]
    assert visit(chrome, "198.51.100.1") == [403, 200]
    assert visit(firefox, "198.51.100.2") == [200, 403]


def test_an_account_for_emergencies_is_outside_of_policies_and_lapse_only(
    make_app: Any, clock: StillClock, phone: Phone, signals: list[Any]
) -> None:
    app: Flask = make_app(MFA_GATE_BREAK_GLASS=["4", "3"])
    with app.app_context():
        all_but_ada = rule("All out", '{ action = "deny" }', users='{ exclude = ["user:1"] }')
        state_of(app).access.policies.import_(HEAD + all_but_ada, dry_run=False)
        state_of(app).access.policies.import_(
            HEAD + rule("All in", '{ action = "allow" }', users='{ include = ["user:4"] }'), dry_run=False, merge=True
        )
    browser = Browser(app)
    assert browser.sign_in("dave").location == "/mfa/challenge", "its own factor is always asked"
    assert browser.send("/mfa/challenge", code=phone.code()).location == "/"
    assert browser.is_in()
    assert "break_glass_used" in [one.name for one in signals]
    with state_of(app).store.database.read() as tx:
        told = tx.execute(text("SELECT recipient FROM mfa_gate_outbox WHERE kind = 'break-glass'")).scalars().all()
    assert "dave@example.org" in told
    assert Browser(app).sign_in("carol").location != "/mfa/blocked", "a lapse does not lock it"
    with app.app_context():
        assert state_of(app).people.enrollments.reset(["4", "5"], actor="user:7").failed == (("4", "higher-role"),)


def test_what_the_simulator_says_is_what_happens(app: Flask, put: Any, clock: StillClock) -> None:
    put(
        rule("Office", '{ action = "allow" }', conditions='{ network = ["office"] }'),
        rule("Finance", '{ action = "require" }', users='{ include = ["group:finance"] }', resources='["payroll"]'),
        rule(
            "Nights",
            '{ action = "deny" }',
            conditions='{ schedule = { hours = "22:00-06:00", zone = "Europe/Berlin" } }',
        ),
        networks=OFFICE,
    )
    words = {"/": "pass", "/mfa/challenge": "challenge", "/mfa/enroll": "enroll", "/mfa/blocked": "deny"}
    for hour in (0, 14):
        for address in ("10.20.1.1", "203.0.113.5"):
            for name in ("ada", "bob", "carol", "dave", "erin", "frank"):
                browser = Browser(app)
                browser.client.environ_base["REMOTE_ADDR"] = address
                found = words[browser.sign_in(name).location or ""]
                facts = Environment(address=address, sign_in="password", method="GET", at=clock())
                with app.app_context():
                    said = state_of(app).gate.simulate(key_of(app, name), environment=facts).verdict
                assert {"prompt": "enroll", "locked": "deny"}.get(said, said) == found, (name, address, hour)
        clock.forward(hours=14)


def test_blueprints_and_view_classes_carry_resources(make_app: Any) -> None:
    from flask import Blueprint
    from flask.views import MethodView
    from flask_login import login_required

    from flask_mfa_gate import MFAGate

    app: Flask = make_app()
    gate = MFAGate()
    outer, inner = gate.resource("vault")(Blueprint("outer", __name__)), Blueprint("inner", __name__)

    @inner.get("/safe")
    @login_required
    def safe() -> str:
        return "gold"

    @gate.resource("ledger")
    class Ledger(MethodView):
        decorators = [login_required]

        def get(self) -> str:
            return "books"

    outer.register_blueprint(inner)
    app.register_blueprint(outer, url_prefix="/vault")
    app.add_url_rule("/ledger", view_func=Ledger.as_view("ledger"))
    with app.app_context():
        state_of(app).access.policies.import_(
            HEAD
            + rule("V", '{ action = "deny" }', resources='["vault"]')
            + rule("L", '{ action = "deny" }', resources='["ledger"]'),
            dry_run=False,
        )
        table = {row["endpoint"]: row for row in state_of(app).gate.routes()}
    assert (table["outer.inner.safe"]["resources"], table["outer.inner.safe"]["policies"]) == (["vault"], ["V"])
    assert (table["ledger"]["resources"], table["ledger"]["policies"]) == (["ledger"], ["L"])
    browser = Browser(app)
    browser.sign_in("frank")
    assert [browser.get(path).status_code for path in ("/vault/safe", "/ledger", "/wiki")] == [403, 403, 200]
    assert Browser(app).get("/ledger", headers=JSON).status_code == 401


def test_a_deny_that_comes_between_the_page_and_the_lock_stops_the_setup(
    app: Flask, put: Any, clock: StillClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(rule("Everybody", '{ action = "require" }'))
    browser = Browser(app)
    browser.sign_in("frank")
    new = Phone(clock, browser.begin_setup()["secret"])
    pending = state_of(app).store.factors.pending

    def deny_meanwhile(*args: Any, **named: Any) -> Any:
        monkeypatch.undo()
        found = pending(*args, **named)
        put(rule("Nobody", '{ action = "deny" }'))
        return found

    monkeypatch.setattr(state_of(app).store.factors, "pending", deny_meanwhile)
    assert browser.send("/mfa/enroll/totp", code=new.code()).status_code == 409
    with app.app_context():
        assert state_of(app).people.enrollments.status(key_of(app, "frank")).factors == ()
    assert not browser.is_in()


def test_a_stored_set_that_cant_be_read_lets_nobody_in(app: Flask, put: Any) -> None:
    put(rule("Any", '{ action = "allow" }', resources='["wiki"]'))
    with app.app_context(), state_of(app).store.database.write() as tx:
        tx.execute(text("UPDATE mfa_gate_policy_version SET document = '{}'"))
    service = state_of(app).access.policies
    service._versions = PolicyVersions(service._store, service._registry)
    browser = Browser(app)
    assert browser.sign_in("frank").status_code == 503
    assert not browser.is_in()


def password() -> str:
    from example_app.people import PASSWORD

    return PASSWORD


def test_policies_age_with_the_clock(app: Flask, put: Any, clock: StillClock) -> None:
    put(
        rule(
            "Working hours", '{ action = "deny" }', resources='["wiki"]',
            conditions='{ not = { schedule = { days = ["mon-fri"], hours = "09:00-17:00", zone = "UTC" } } }',
        )
    )  # fmt: skip
    browser = Browser(app)
    browser.sign_in("frank")
    assert browser.get("/wiki").status_code == 200
    clock.forward(hours=8)
    fresh = Browser(app)
    fresh.sign_in("frank")
    assert fresh.get("/wiki").status_code == 403

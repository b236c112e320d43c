"""What if: the same words as live requests, changing nothing."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_address
from typing import Any

import pytest
from flask import Flask
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from flask_mfa_gate.domain.policy.document.codec import write_document
from flask_mfa_gate.domain.policy.document.policy import PolicySet
from flask_mfa_gate.domain.policy.facts import Environment
from flask_mfa_gate.errors import BadRequest, PolicyError, UnknownUser
from tests.conftest import JSON, Browser, Phone, StillClock, key_of, state_of
from tests.policy_kit import CHROME, FIREFOX, OFFICE, policy, prove, put, rows, signed_in

Make = Callable[..., Flask]
ELSEWHERE = "203.0.113.9"


def simulate(app: Flask, username: str, resource: str = "app", draft: Any = None, **facts: Any) -> Any:
    with app.app_context():
        return state_of(app).gate.simulate(key_of(app, username), resource, Environment(**facts), draft)


# The same as live

CONDITIONS = st.sampled_from(
    [
        {}, {"network": [OFFICE]}, {"not": {"network": [OFFICE]}}, {"platform": ["windows"]},
        {"not": {"browser": ["firefox"]}}, {"request": {"methods": ["GET"]}}, {"sign_in": ["password"]},
        {"any": [{"network": ["203.0.113.0/24"]}, {"platform": ["linux"]}]}, {"enrollment": ["ENROLLED"]},
        {"all": [{"network": [OFFICE]}, {"not": {"sign_in": ["remember-me"]}}]}, {"country": ["DE"]},
        {"schedule": {"days": ["mon"], "hours": "08:00-18:00", "zone": "UTC"}},
    ]
)  # fmt: skip
EFFECTS = st.sampled_from(
    [{"action": "allow"}, {"action": "deny"}, {"action": "require"}, {"action": "require", "grace_days": 5},
     {"action": "require", "factors": ["totp"], "max_age": 600}]
)  # fmt: skip
USERS = st.sampled_from([{}, {"include": ["group:finance"]}, {"exclude": ["group:finance"]}, {"include": ["user:4"]}])
RULES = st.lists(
    st.tuples(EFFECTS, CONDITIONS, USERS, st.sampled_from([[], ["payroll"], ["app", "payroll"]])),
    min_size=1,
    max_size=4,
)


@pytest.fixture(scope="module")
def small_app(tmp_path_factory: pytest.TempPathFactory) -> Any:
    from example_app import create_app
    from tests.conftest import close_portal, portal_config

    clock = StillClock()
    app = create_app(portal_config(f"sqlite:///{tmp_path_factory.mktemp('same')}/portal.sqlite3", clock))
    yield app
    close_portal(app)


@settings(max_examples=60)
@given(
    RULES, st.sampled_from(["frank", "erin", "dave", "bob", "carol"]), st.sampled_from([OFFICE, ELSEWHERE]),
    st.sampled_from([CHROME, FIREFOX, ""]), st.sampled_from(["app", "payroll"]),
)  # fmt: skip
def test_simulated_and_live_are_the_same_word(
    small_app: Flask, chosen: Any, username: str, address: str, agent: str, resource: str
) -> None:
    app = small_app
    made = [
        policy(f"p{place}", effect.get("action"), users=users, when=when, on=on, **{k: v for k, v in effect.items() if k != "action"})
        for place, (effect, when, users, on) in enumerate(chosen)
    ]  # fmt: skip
    with app.app_context(), state_of(app).store.database.write() as tx:
        tx.execute(text("UPDATE mfa_gate_enrollment SET graces = NULL"))
    with app.app_context():
        service = state_of(app).access.policies
        service._check = lambda *_: None
        service.import_(write_document(PolicySet(tuple(made)), "json"), dry_run=False)
        said = simulate(
            app, username, resource, address=address, user_agent=agent or None, method="GET", sign_in="password",
            at=state_of(app).clock(), endpoint="mfa_gate.challenge" if resource == "app" else "portal.payroll",
        ).verdict  # fmt: skip
    browser = Browser(app)
    browser.client.environ_base.update(REMOTE_ADDR=address, HTTP_USER_AGENT=agent)
    browser.sign_in(username)
    found = browser.status()["next"]
    if resource == "payroll" and found == "pass":
        answer = browser.get("/payroll", headers=JSON)
        found = "pass" if answer.status_code == 200 else answer.json["next"]  # type: ignore[index]
        assert said == found
    elif resource == "app":
        assert said == found


def test_the_country_follows_from_the_address_as_it_does_live(make_app: Make, tmp_path: Any) -> None:
    from mmdb_writer import MMDBWriter
    from netaddr import IPSet

    writer = MMDBWriter(6, "GeoLite2-Country", ipv4_compatible=True, languages=["en"], description="small")
    writer.insert_network(IPSet([f"{OFFICE}/32"]), {"country": {"iso_code": "DE"}})
    writer.to_db_file(str(tmp_path / "c.mmdb"))
    app = make_app(MFA_GATE_GEOIP_DATABASE=str(tmp_path / "c.mmdb"))
    put(app, policy(action="deny", when={"country": ["DE"]}))
    assert simulate(app, "frank", address=OFFICE).verdict == "deny"
    assert simulate(app, "frank", address=OFFICE, country="FR").verdict == "pass", "what is given is taken as it is"
    assert simulate(app, "frank", country="FR").verdict == "pass"


# What it tells


def test_missing_facts_stay_unknown_and_each_criterion_says_why(app: Flask) -> None:
    put(
        app,
        policy("net", "deny", when={"all": [{"network": [OFFICE]}, {"platform": ["windows"]}]}),
        policy("off", state="off"),
    )
    found = simulate(app, "frank", platform="windows")
    assert (found.verdict, found.reason) == ("deny", "policy")
    assert found.reason_id.startswith("policy-")
    net, off = found.policies
    assert (net.name, net.state, net.applies, net.mark) == ("net", "on", True, "unknown")
    assert {one.word: one.mark.value for one in net.criteria} == {
        "resources": "hit", "users": "hit", "network": "unknown", "platform": "hit",
    }  # fmt: skip
    assert all(one.reason for one in net.criteria)
    assert (off.name, off.state, off.applies) == ("off", "off", True)
    miss = simulate(app, "frank", address=ELSEWHERE, platform="windows")
    assert (miss.verdict, miss.policies[0].applies, miss.policies[0].mark) == ("pass", False, "miss")


def test_a_policy_on_the_app_applies_to_whatever_is_opened_in_it(app: Flask) -> None:
    put(app, policy("all", "deny"), policy("pay", "deny", on=["payroll"]), policy("wiki", "deny", on=["wiki"]))
    found = simulate(app, "frank", "payroll")
    assert {one.name: one.applies for one in found.policies} == {"all": True, "pay": True, "wiki": False}
    assert found.policies[0].criteria[0].looked_at == "app with payroll"
    assert {one.name: one.applies for one in simulate(app, "frank").policies} == {
        "all": True, "pay": False, "wiki": False,
    }  # fmt: skip


def test_an_endpoint_brings_what_its_view_is_marked_with(app: Flask) -> None:
    put(app, policy("pay", "deny", on=["payroll"]))
    assert simulate(app, "frank").verdict == "pass"
    assert simulate(app, "frank", endpoint="portal.payroll").verdict == "deny"
    step_up = simulate(app, "frank", endpoint="portal.transfer")
    assert (step_up.verdict, len(step_up.policies)) == ("enroll", 2)
    own = step_up.policies[-1]
    assert (own.name, own.state, own.applies) == (
        "require_mfa(totp+webauthn within 300 s) at portal.transfer", "on", True,
    )  # fmt: skip
    assert [(one.word, one.mark.value) for one in own.criteria] == [
        ("resources", "hit"), ("users", "hit"), ("request", "hit"),
    ]  # fmt: skip
    assert len(simulate(app, "frank", endpoint="nowhere").policies) == 1


def test_an_unknown_user_or_resource_raises(app: Flask) -> None:
    gate = state_of(app).gate
    with app.app_context():
        for key in ("99", "", "all", "policy:x", "group:finance", "x" * 300, "a\x00b"):
            with pytest.raises(UnknownUser):
                gate.simulate(key)
        for resource in ("payrol", "", "App", " payroll"):
            with pytest.raises(BadRequest):
                gate.simulate("1", resource)
        for resource in ("app", "payroll", "wiki", "mfa-admin"):
            gate.simulate("1", resource)


def test_a_draft_as_text_or_set_over_several_users_changes_nothing(app: Flask) -> None:
    put(app, policy())
    draft = PolicySet((policy("draft", "deny", users={"include": ["group:finance"]}),))
    before = {name: rows(app, name) for name in TABLES}
    for form in (draft, write_document(draft, "toml"), write_document(draft, "json")):
        words = {name: simulate(app, name, draft=form).verdict for name in ("frank", "erin", "dave", "bob", "carol")}
        assert words == {"frank": "pass", "erin": "deny", "dave": "challenge", "bob": "prompt", "carol": "locked"}
    assert {name: rows(app, name) for name in TABLES} == before
    with app.app_context(), pytest.raises(PolicyError):
        state_of(app).gate.simulate("1", draft="version = 1\n[[policies]]\nname = 'x'")


# Preview

TABLES = (
    "person",
    "enrollment",
    "factor",
    "session",
    "audit",
    "outbox",
    "policy_version",
    "sign_in",
    "failure",
    "mark",
)


def preview(app: Flask, *policies: Any) -> Any:
    with app.app_context():
        return state_of(app).gate.preview(PolicySet(policies))


def test_the_preview_counts_who_would_be_asked_forced_denied_and_let_off(app: Flask, phone: Phone) -> None:
    with app.app_context():
        state_of(app).gate.users.sync()
    key = {name: key_of(app, name) for name in ("bob", "dave", "erin", "frank")}
    forced = preview(app, policy()).users
    assert forced.forced.count == 6, "all but the one who is asked already and the one who is locked"
    assert key["frank"] in forced.forced.sample
    assert (forced.challenged.count, forced.denied.count, forced.relaxed.count) == (0, 0, 0)
    denied = preview(app, policy(action="deny", users={"include": ["group:finance"]})).users
    assert (denied.denied.count, denied.denied.sample) == (1, (key["erin"],))
    relaxed = preview(app, policy(action="allow")).users
    assert (relaxed.relaxed.count, relaxed.relaxed.sample) == (1, (key["dave"],))
    assert preview(app, policy(state="off")).users.forced.count == 0


def test_the_preview_counts_what_is_only_reported_as_if_it_were_on(app: Flask) -> None:
    with app.app_context():
        state_of(app).gate.users.sync()
        gate = state_of(app).gate
        on = preview(app, policy(action="deny"))
        assert preview(app, policy(action="deny", state="report-only")) == on
        assert on.users.denied.count == 8
        put(app, policy("kept", "deny", state="report-only"))
        assert gate.preview(write_document(gate.policies.current())).users.denied.count == 8, "asked once more"
        alone = policy("new", "deny", state="report-only", users={"include": [f"user:{key_of(app, 'erin')}"]})
        assert gate.preview(alone).users.denied.count == 1, "the other one is no part of this draft"


def test_the_preview_judges_every_resource_that_is_named(app: Flask) -> None:
    with app.app_context():
        state_of(app).gate.users.sync()
    found = preview(
        app, policy("pay", "deny", on=["payroll"], users={"include": ["group:finance"]}), policy("w", on=["wiki"])
    )
    assert set(found.resources) == {"payroll", "wiki"}
    assert found.resources["payroll"].users.denied.sample == (key_of(app, "erin"),)
    assert found.resources["payroll"].users.forced.count == 0
    assert found.resources["wiki"].users.forced.count == 6
    assert (found.users.denied.count, found.users.forced.count) == (1, 6)
    both = preview(app, policy("both", "deny", on=["payroll", "wiki"]))
    assert both.users.denied.count == both.resources["wiki"].users.denied.count == 8, "each user counts once"
    put(app, policy("pay", "deny", on=["payroll"], users={"include": ["group:finance"]}))
    assert preview(app).resources["payroll"].users.relaxed.sample == (key_of(app, "erin"),), "a policy that goes"


def test_the_preview_of_the_console_counts_those_who_may_open_it(app: Flask) -> None:
    with app.app_context():
        state_of(app).gate.users.sync()
    denied = preview(app, policy(action="deny", on=["mfa-admin"])).users.denied
    assert set(denied.sample) == {key_of(app, name) for name in ("ada", "grace", "hugo")}


def test_the_preview_counts_each_recorded_sign_in_once_over_all_resources(app: Flask, clock: StillClock) -> None:
    for _ in range(2):
        signed_in(app, "frank", REMOTE_ADDR=OFFICE)
        clock.forward(hours=1)
    found = preview(app, policy("d", "deny", on=["payroll", "wiki"], when={"network": [OFFICE]}))
    assert found.recorded.denied.count == found.resources["wiki"].recorded.denied.count == 2


def test_the_preview_counts_everybody_before_the_first_sync_as_after_it(app: Flask) -> None:
    before = preview(app, policy(action="deny")).users
    assert before.denied.count == 8
    with app.app_context():
        state_of(app).gate.users.sync()
    assert preview(app, policy(action="deny")).users == before


def test_the_preview_counts_recorded_sign_ins_as_they_were(app: Flask, phone: Phone, clock: StillClock) -> None:
    signed_in(app, "frank", REMOTE_ADDR=OFFICE)
    clock.forward(days=31)
    signed_in(app, "frank", REMOTE_ADDR=OFFICE, HTTP_USER_AGENT=CHROME)
    signed_in(app, "frank", REMOTE_ADDR=ELSEWHERE, HTTP_USER_AGENT=FIREFOX)
    signed_in(app, "dave", REMOTE_ADDR=OFFICE, HTTP_USER_AGENT=CHROME)
    found = preview(
        app, policy(action="deny", when={"all": [{"network": [OFFICE]}, {"platform": ["windows"]}]})
    ).recorded
    assert (found.denied.count, set(found.denied.sample)) == (2, {key_of(app, "frank"), key_of(app, "dave")})
    relaxed = preview(app, policy(action="allow", when={"network": [OFFICE]})).recorded
    assert (relaxed.relaxed.count, relaxed.relaxed.sample) == (1, (key_of(app, "dave"),))
    challenged = preview(app, policy(when={"network": [ELSEWHERE]})).recorded
    assert (challenged.forced.count, challenged.forced.sample) == (1, (key_of(app, "frank"),))


# Report-only

RANDOM = {
    "id", "id_digest", "lineage", "parked", "salt", "stamp", "csrf", "secret", "host_user_id", "target", "step_up",
}  # fmt: skip


def everything(app: Flask) -> dict[str, list[dict[str, Any]]]:
    """All that the gate keeps, without what is random at each sign-in."""
    with state_of(app).store.database.read() as tx:
        names = [name for name in state_of(app).store.tables.metadata.tables if "policy_version" not in name]
        found = {name: tx.execute(text(f"SELECT * FROM {name}")).mappings().all() for name in names}
    return {
        name: [
            {
                column: value for column, value in row.items()
                if column not in RANDOM and not (name.endswith("sign_in") and column in {"report", "policy_version"})
                and not (name.endswith("noted") and column == "value")
            }
            for row in table if not (name.endswith("audit") and row["event"] == "policy_changed")
        ]
        for name, table in found.items()
    }  # fmt: skip


REPORTED = (
    policy("soft", grace_days=3, state="report-only", users={"include": ["group:finance"], "exclude": ["group:x"]}),
    policy("hard", state="report-only", when={"not": {"network": [OFFICE]}}),
    policy("no", "deny", state="report-only", when={"risk": ["new-device", "failed-attempts"]}),
    policy("pay", "deny", on=["payroll"], state="report-only", users={"include": ["group:finance"]}),
    policy("wiki", on=["wiki"], state="report-only", grace_days=3),
    policy("all", "allow", state="report-only"),
)


def test_report_only_changes_nothing_but_the_report(tmp_path: Any) -> None:
    from example_app import create_app
    from tests.conftest import close_portal, portal_config

    seen: list[Any] = []
    for place, policies in enumerate([(), REPORTED]):
        (folder := tmp_path / str(place)).mkdir()
        app = create_app(portal_config(f"sqlite:///{folder}/portal.sqlite3", StillClock()))
        put(app, *policies)
        told = []
        for username in ("erin", "bob", "dave"):
            browser = signed_in(app, username, REMOTE_ADDR=ELSEWHERE, HTTP_USER_AGENT=CHROME)
            for page in ("/", "/payroll", "/wiki", "/payroll"):
                answer = browser.get(page)
                told.append((answer.status_code, answer.location))
            with browser.client.session_transaction() as held:
                told.append({name: value for name, value in held.items() if name not in {"_id", "csrf_token"}})
        seen.append((told, everything(app)))
        close_portal(app)
    assert seen[0][0] == seen[1][0]
    for name, table in seen[0][1].items():
        assert table == seen[1][1][name], name


def test_a_reported_rule_says_what_it_would_have_done(app: Flask, phone: Phone) -> None:
    put(app, *REPORTED)
    erin = signed_in(app, "erin", REMOTE_ADDR=ELSEWHERE, HTTP_USER_AGENT=CHROME)
    with app.app_context():
        found = {name: dict(counts) for name, counts in state_of(app).access.simulator.report(1).items()}
    assert found == {
        "soft": {"would ask": 1}, "hard": {"would ask": 1}, "no": {"would refuse": 1}, "all": {"would pass": 1},
    }  # fmt: skip
    for _ in range(2):
        assert erin.get("/payroll").status_code == 200
    assert erin.get("/wiki").status_code == 200
    with app.app_context():
        found = {name: dict(counts) for name, counts in state_of(app).access.simulator.report(1).items()}
    assert (found["pay"], found["wiki"]) == ({"would refuse": 1}, {"would ask": 1})


def test_the_report_covers_the_days_asked_for(app: Flask, clock: StillClock) -> None:
    put(app, policy(action="deny", state="report-only"))
    for days in (23, 6, 1):
        signed_in(app, "frank")
        clock.forward(days=days)
    signed_in(app, "frank")
    with app.app_context():
        report = state_of(app).access.simulator.report
        counts = [sum(report(days)["rule"].values()) for days in (1, 7, 30)]
        assert report(0).get("rule", {}).get("would refuse", 0) == 1
    assert counts == [2, 3, 4]


def test_reported_rules_cost_a_request_nothing_and_stop_nobody(
    app: Flask, phone: Phone, caplog: pytest.LogCaptureFixture
) -> None:
    from dataclasses import replace

    from tests.policy_kit import statements

    browser = prove(app, phone)
    put(app, *REPORTED)
    browser.get("/payroll")
    with statements(app) as seen:
        for page in ("/", "/payroll", "/payroll"):
            assert browser.get(page).status_code == 200
    assert [one[:6] for one in seen] == ["SELECT"] * 3

    def groups(_user: Any) -> list[str]:
        raise OSError

    state = state_of(app)
    app.extensions["mfa_gate"] = replace(
        state, host=replace(state.host, reader=replace(state.host.reader, groups=groups))
    )
    assert browser.get("/payroll").status_code == 200, "a callback that only a reported rule needs stops nobody"


# What a caller gives


@pytest.mark.parametrize(
    ("fact", "value"),
    [
        ("address", 10), ("address", ["10.0.0.1"]), ("address", b"\n\0\0\1"), ("user_agent", 5), ("country", 49),
        ("platform", ["windows"]), ("browser", True), ("sign_in", 1), ("provider", {}), ("method", 5),
        ("upstream_amr", 5), ("upstream_amr", [1]),
        ("endpoint", ["a"]), ("at", "2026-03-02T09:00:00Z"), ("at", 1234567890), ("device", 5), ("device", [1]),
        ("device_unknown", [1]), ("risk", {"new-device": "no"}), ("risk", {1: True}), ("risk", 5),
    ],
)  # fmt: skip
def test_a_fact_of_another_type_is_refused_and_not_taken_for_unknown(app: Flask, fact: str, value: Any) -> None:
    put(app, *(policy(f"p{place}", on=["payroll"], when={"network": [OFFICE]}) for place in range(5)))
    with pytest.raises(BadRequest, match=fact):
        simulate(app, "erin", "payroll", **{fact: value})


@pytest.mark.parametrize(
    ("when", "facts"),
    [
        ({"device": ["managed"]}, {"device": "managed"}), ({"device": ["managed"]}, {"device": ["managed"]}),
        ({"risk": ["new-device"]}, {"risk": ["new-device"]}), ({"risk": ["new-device"]}, {"risk": "new-device"}),
        ({"network": [OFFICE]}, {"address": ip_address(OFFICE)}), ({"risk": ["New-Device"]}, {"risk": {"NEW-device": True}}),
    ],
)  # fmt: skip
def test_a_word_alone_and_a_list_of_words_are_understood(app: Flask, when: Any, facts: Any) -> None:
    put(app, policy("rule", on=["payroll"], when=when))
    found = simulate(app, "erin", "payroll", **facts)
    assert (found.verdict, found.policies[0].applies) == ("enroll", True)


@pytest.mark.parametrize(
    ("when", "facts", "mark"),
    [
        ({"risk": ["new-device"]}, {"risk": ()}, "miss"), ({"risk": ["new-device"]}, {"risk": frozenset()}, "miss"),
        ({"risk": ["new-device"]}, {"risk": ["new-address"]}, "miss"),
        ({"risk": ["new-device", "new-address"]}, {"risk": ["new-address"]}, "hit"),
        ({"risk": ["new-device"]}, {"risk": {}}, "unknown"), ({"risk": ["new-device"]}, {"risk": None}, "unknown"),
        ({"risk": ["new-device"]}, {"risk": {"new-device": None}}, "unknown"),
        ({"risk": ["new-device"]}, {"risk": {"new-address": True}}, "unknown"),
        ({"device": ["managed"]}, {"device": ()}, "miss"), ({"device": ["managed"]}, {"device": None}, "unknown"),
        ({"device": ["managed"]}, {"device": (), "device_unknown": ["managed"]}, "unknown"),
    ],
)  # fmt: skip
def test_what_is_given_and_empty_is_known(app: Flask, when: Any, facts: Any, mark: str) -> None:
    draft = PolicySet((policy("no", "deny", when=when),))
    found = simulate(app, "frank", draft=draft, **facts)
    assert {one.word: one.mark.value for one in found.policies[0].criteria}[next(iter(when))] == mark
    assert found.verdict == ("pass" if mark == "miss" else "deny")


@pytest.mark.parametrize("risk", [["new-devise"], {"new-devise": True}, "new-devise"])
def test_a_risk_signal_that_nobody_raises_is_refused(app: Flask, risk: Any) -> None:
    with pytest.raises(BadRequest, match="Did you mean new-device"):
        simulate(app, "frank", risk=risk)


def test_no_environment_is_nothing_known_and_another_thing_is_refused(app: Flask) -> None:
    with app.app_context():
        gate = state_of(app).gate
        assert gate.simulate("5", environment=None).verdict == "pass"
        for other in ({"address": OFFICE}, OFFICE, 5):
            with pytest.raises(BadRequest, match="environment"):
                gate.simulate("5", environment=other)
        for resource in (["payroll"], {}, None):
            with pytest.raises(BadRequest, match="no resource"):
                gate.simulate("5", resource)


def test_a_draft_of_one_policy_is_judged_among_those_of_today(app: Flask) -> None:
    put(app, policy("ask", on=["payroll"]), policy("shut", "deny", on=["wiki"]))
    draft = policy("ask", "deny", on=["payroll"])
    assert simulate(app, "erin", "payroll", draft=draft).verdict == "deny"
    assert simulate(app, "erin", "wiki", draft=draft).verdict == "deny"
    assert simulate(app, "erin", "payroll").verdict == "enroll", "nothing is kept"
    with app.app_context():
        gate = state_of(app).gate
        assert gate.preview(policy("ask", "deny", users={"include": ["user:5"]})).users.denied.sample == ("5",)
        for other in ({"version": 1}, [draft], 5, b"version = 1"):
            with pytest.raises(BadRequest, match="draft"):
                gate.simulate("5", draft=other)
            with pytest.raises(BadRequest, match="draft"):
                gate.preview(other)


def test_a_miss_without_a_fact_reads_as_a_sentence(app: Flask) -> None:
    put(app, policy("rule", on=["payroll"], when={"device": ["trusted"]}))
    (found,) = simulate(app, "erin", "payroll").policies
    assert (found.criteria[-1].mark, found.criteria[-1].reason) == ("miss", "Nothing matches trusted.")

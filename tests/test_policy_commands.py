"""Conditional access from the command line, and files of expected decisions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text

from flask_mfa_gate.domain.policy.document.codec import write_document
from flask_mfa_gate.domain.policy.document.policy import PolicySet
from tests.conftest import key_of, state_of
from tests.policy_kit import CHROME, policy, put, signed_in

DOCUMENT = """
version = 1
[[policies]]
name = "pay"
state = "on"
resources = ["payroll"]
effect = { action = "require", max_age = 900 }
"""
SCENARIOS = """
[[scenarios]]
name = "frank enrolls for payroll"
user = "6"
resource = "payroll"
address = "203.0.113.9"
at = 2026-03-02T09:00:00Z
risk = { new-device = true }
device = ["managed"]
expect = "enroll"

[[scenarios]]
user = "6"
expect = "pass"
"""


@pytest.fixture
def run(app: Flask) -> Any:
    def invoke(*args: str, stdin: str | None = None) -> Any:
        return app.test_cli_runner().invoke(args=["mfa", "policies", *args], input=stdin)

    return invoke


def test_import_list_show_export(app: Flask, run: Any, tmp_path: Path) -> None:
    file = tmp_path / "p.toml"
    file.write_text(DOCUMENT)
    dry = run("import", str(file), "--dry-run", "--json")
    assert (dry.exit_code, json.loads(dry.output)["added"], json.loads(dry.output)["dry_run"]) == (0, ["pay"], True)
    assert json.loads(run("list", "--json").output) == []
    unasked = run("import", str(file))
    assert (unasked.exit_code, "Pass --yes" in unasked.output) == (1, True)
    assert json.loads(run("list", "--json").output) == []
    assert run("import", str(file), "--yes", "--reason", "go").exit_code == 0
    assert "pay" in run("list").output
    assert json.loads(run("show", "pay", "--json").output)["effect"]["max_age"] == 900
    assert run("show", "none").exit_code != 0
    assert 'name = "pay"' in run("export").output
    assert json.loads(run("export", "--form", "json").output)["policies"][0]["name"] == "pay"
    assert run("import", "-", "--yes", stdin=DOCUMENT).exit_code == 0
    file.write_bytes(b"\xff\xfe")
    assert run("import", str(file), "--yes").exit_code != 0
    file.write_text("version = 1\n[[policies]]\nname = 3")
    failed = run("import", str(file), "--yes")
    assert failed.exit_code != 0
    assert "policies[0]" in failed.output + (failed.stderr if failed.stderr_bytes else "")


def test_set_history_rollback(app: Flask, run: Any) -> None:
    put(app, policy("pay", on=["payroll"]))
    assert run("set", "pay", "off").exit_code == 0
    assert run("set", "none", "off").exit_code != 0
    assert run("set", "pay", "onn").exit_code == 2
    found = json.loads(run("history", "--json", "--policy", "pay").output)
    assert [(one["version"], one["author"], one["act"]) for one in found] == [(2, "cli", "state"), (1, "host", "save")]
    assert run("rollback", "1").exit_code == 1, "nobody was asked"
    assert run("rollback", "1", "--yes").exit_code == 0
    assert run("rollback", "99", "--yes").exit_code != 0
    assert json.loads(run("show", "pay", "--json").output)["state"] == "on"


def test_check(app: Flask, run: Any, tmp_path: Path) -> None:
    (tmp_path / "p.toml").write_text(DOCUMENT)
    (tmp_path / "s.toml").write_text(SCENARIOS)
    good = run("check", str(tmp_path / "p.toml"), "--scenarios", str(tmp_path / "s.toml"), "--json")
    assert (good.exit_code, json.loads(good.output)["surprises"]) == (0, [])
    surprised = run("check", "--scenarios", str(tmp_path / "s.toml"), "--json")
    assert surprised.exit_code == 1
    (one,) = json.loads(surprised.output)["surprises"]
    assert (one["name"], one["expected"], one["found"]) == ("frank enrolls for payroll", "enroll", "pass")
    bad = DOCUMENT.replace('resources = ["payroll"]', "conditions = { country = ['DE'] }")
    (tmp_path / "p.toml").write_text(bad)
    assert run("check", str(tmp_path / "p.toml")).exit_code == 1
    for faulty in (
        "[[scenarios]]\nuser = '6'\nexpect = 'pass'\nresource = 5",
        "[[scenarios]]\nuser = '6'\nexpect = 'passes'",
        "[[scenarios]]\nusr = '6'",
        "x = 1",
        "[",
    ):
        (tmp_path / "s.toml").write_text(faulty)
        assert run("check", "--scenarios", str(tmp_path / "s.toml")).exit_code != 0


def test_simulate(app: Flask, run: Any, tmp_path: Path) -> None:
    (tmp_path / "p.toml").write_text(DOCUMENT)
    put(app, policy("net", "deny", when={"network": ["203.0.113.0/24"]}))
    found = run("simulate", "frank@example.org", "--from", "203.0.113.9", "--json")
    assert (found.exit_code, json.loads(found.output)["verdict"]) == (0, "deny")
    assert (
        json.loads(run("simulate", key_of(app, "frank"), "--from", "::ffff:203.0.113.9", "--json").output)["verdict"]
        == "deny"
    )
    draft = run("simulate", "6", "--resource", "payroll", "--draft", str(tmp_path / "p.toml"), "--json")
    assert json.loads(draft.output)["verdict"] == "enroll"
    assert "net" in run("simulate", "6").output
    at_view = json.loads(run("simulate", "6", "--endpoint", "portal.transfer", "--json").output)
    assert (at_view["verdict"], at_view["policies"][-1]["applies"], at_view["policies"][-1]["mark"]) == (
        "deny",
        True,
        "hit",
    ), "nothing is known of the address"
    for wrong in (
        ("nobody",),
        ("6", "--resource", "payrol"),
        ("6", "--at", "noon"),
        ("6", "--from", "office"),
        ("6", "--from", ""),
        ("6", "--endpoint", "portal.transfr"),
        ("6", "--at", "2026-03-02T09:00:00"),
    ):
        assert run("simulate", *wrong).exit_code != 0, wrong


def test_preview_counts_whom_a_document_would_hit(app: Flask, run: Any, tmp_path: Path) -> None:
    (tmp_path / "p.toml").write_text(write_document(PolicySet((policy("d", "deny", users={"include": ["user:6"]}),))))
    with app.app_context():
        state_of(app).people.users.sync()
    found = json.loads(run("preview", str(tmp_path / "p.toml"), "--json").output)
    assert set(found) == {"users", "recorded", "resources"}
    assert found["resources"]["app"]["users"] == found["users"]
    assert found["users"]["denied"] == {"count": 1, "sample": ["6"]}
    assert found["users"]["relaxed"] == {"count": 0, "sample": []}
    printed = run("preview", str(tmp_path / "p.toml")).output
    assert [line.split("  ", 1)[0] for line in printed.splitlines()] == ["RESOURCE", "any", "app"]
    assert [" ".join(line.split()) for line in printed.splitlines()[1:]] == [
        f"{resource} users denied 1 Frank Ford (6)" for resource in ("any", "app")
    ]
    (tmp_path / "p.toml").write_text("version = 1")
    assert run("preview", str(tmp_path / "p.toml")).output == "Nothing would change for anyone.\n"
    (tmp_path / "p.toml").write_text("version = 2")
    wrong = run("preview", str(tmp_path / "p.toml"))
    assert (wrong.exit_code, "version" in wrong.output) == (1, True)


def test_an_explanation_says_whom_it_is_about_and_what_each_condition_stands_under(app: Flask, run: Any) -> None:
    away = {"not": {"any": [{"network": ["203.0.113.0/24"]}, {"not": {"platform": ["windows"]}}]}}
    put(app, policy("away", "deny", when=away | {"browser": ["chrome"]}))
    with app.app_context():
        state_of(app).people.users.sync()
    asked = ("simulate", "6", "--from", "198.51.100.1", "--platform", "windows", "--browser", "chrome")
    lines = run(*asked).output.splitlines()
    assert lines[0].startswith("Frank Ford (6) at app: deny (")
    assert lines[1].split() == ["RESULT", "STATE", "POLICY"]
    assert lines[2].split() == ["hit", "on", "away"]
    assert [line.split(": ")[0].split(maxsplit=1) for line in lines[5:]] == [
        ["miss", "network, under not any"], ["hit", "platform, under not any not"], ["hit", "browser"],
    ]  # fmt: skip
    (found,) = json.loads(run(*asked, "--json").output)["policies"]
    assert [one["under"] for one in found["criteria"]] == ["", "", "not any", "not any not", ""]


def test_what_is_no_address_is_no_origin_of_scenarios(run: Any, tmp_path: Path) -> None:
    (tmp_path / "s.toml").write_text('[[scenarios]]\nuser = "6"\nexpect = "pass"\n')
    refused = run("check", "--scenarios", str(tmp_path / "s.toml"), "--from", "office")
    assert (refused.exit_code, "--from takes an IPv4 or IPv6 address" in refused.output) == (1, True)


def test_the_history_of_a_policy_that_never_was_is_an_error(app: Flask, run: Any) -> None:
    assert run("history").output == "No version yet.\n"
    put(app, policy("pay", on=["payroll"]))
    put(app, policy("other", on=["payroll"]), policy("pay", on=["payroll"]))
    assert (run("history", "--policy", "pya").exit_code, "pay" in run("history", "--policy", "pay").output) == (1, True)
    assert run("history", "--policy", "pay", "--limit", "1").output == "None of the last 1 versions changed 'pay'.\n"


def test_a_report_of_nothing_says_so(run: Any) -> None:
    assert run("report").output == "No report-only policy was judged at a sign-in of these days.\n"


def test_report_counts_what_reported_policies_would_have_done(app: Flask, run: Any) -> None:
    put(app, policy("no", "deny", state="report-only"))
    signed_in(app, "frank")
    assert json.loads(run("report", "--json").output) == {"no": {"would refuse": 1}}
    assert run("report", "--days", "30").output == "RESULT        SIGN-INS  POLICY\nwould refuse  1         no\n"
    with app.app_context():
        assert state_of(app).gate.report(days=1) == {"no": {"would refuse": 1}}
    assert run("report", "--days", "31").exit_code == 2


def test_show_and_export_take_the_word_json_too(app: Flask, run: Any) -> None:
    put(app, policy("pay", on=["payroll"]))
    assert json.loads(run("show", "pay", "--json").output) == json.loads(run("show", "pay", "--json").output)
    assert run("export", "--json").output == run("export", "--form", "json").output


def test_a_program_is_not_told_of_an_import_that_is_refused(run: Any, tmp_path: Path) -> None:
    (tmp_path / "p.toml").write_text(DOCUMENT.replace('resources = ["payroll"]', "conditions = { country = ['DE'] }"))
    refused = run("import", str(tmp_path / "p.toml"), "--yes", "--json")
    assert refused.exit_code == 1
    assert "added" not in refused.output


IMPORTED = """
version = 1
[[networks]]
name = "office"
entries = ["10.0.0.0/8"]
[[policies]]
name = "pay"
state = "on"
users = { include = ["user:6", "user:66", "group:finanse"] }
resources = ["payroll"]
effect = { action = "require" }
"""


def test_an_import_tells_of_networks_and_of_names_that_nobody_has(app: Flask, run: Any, tmp_path: Path) -> None:
    with app.app_context():
        state_of(app).gate.users.sync()
    (tmp_path / "p.toml").write_text(IMPORTED)
    (tmp_path / "bad.toml").write_text(IMPORTED.replace("resources", "conditions = { country = ['DE'] }\nresources"))
    for merge in ([], ["--merge"]):
        told = run("import", str(tmp_path / "p.toml"), "--dry-run", *merge)
        assert told.exit_code == 0
        for line in ("added: pay", "network added: office", "There is no user '66'.", "There is no group 'finanse'."):
            assert line in told.output
        assert "'6'" not in told.output
        found = json.loads(run("import", str(tmp_path / "p.toml"), "--dry-run", "--json", *merge).output)
        assert found["networks"] == {"added": ["office"], "removed": [], "changed": []}
        assert sorted(one["code"] for one in found["remarks"]) == ["unknown-group", "unknown-user"]
        assert "[fact-missing]" in run("import", str(tmp_path / "bad.toml"), "--dry-run", *merge).output


def test_a_mistyped_resource_is_warned_of(run: Any, tmp_path: Path) -> None:
    (tmp_path / "p.toml").write_text(DOCUMENT.replace("payroll", "payrol"))
    checked = run("check", str(tmp_path / "p.toml"))
    assert checked.exit_code == 0
    assert "[unknown-resource]" in checked.output
    assert "Did you mean payroll?" in checked.output
    assert "[unknown-resource]" in run("import", str(tmp_path / "p.toml"), "--dry-run").output


def test_a_document_is_checked_and_put_in_while_the_one_in_force_cannot_be_read(
    app: Flask, run: Any, tmp_path: Path
) -> None:
    (tmp_path / "p.toml").write_text(DOCUMENT)
    put(app, policy("pay", on=["payroll"]))
    with state_of(app).store.database.write() as tx:
        tx.execute(text("UPDATE mfa_gate_policy_version SET document = '{}'"))
    assert run("check").exit_code == 1
    assert run("check", str(tmp_path / "p.toml")).exit_code == 0
    assert run("import", str(tmp_path / "p.toml"), "--yes").exit_code == 0
    assert run("check").exit_code == 0


def test_simulate_takes_every_fact(app: Flask, run: Any) -> None:
    conditions = {
        "device": ["managed"], "risk": ["new-device"], "sign_in": ["federated:https://id.example"],
        "request": {"endpoints": ["portal.payroll"], "methods": ["GET"]}, "platform": ["windows"], "country": ["DE"],
    }  # fmt: skip
    put(app, policy("all", "require", on=["payroll"], when=conditions, state="report-only"))
    found = run(
        "simulate", "6", "--resource", "payroll", "--device", "managed", "--risk", "new-device", "--sign-in", "federated",
        "--provider", "https://id.example", "--endpoint", "portal.payroll", "--method", "GET", "--user-agent", CHROME,
        "--country", "de", "--json",
    )  # fmt: skip
    assert found.exit_code == 0, found.output
    (one,) = json.loads(found.output)["policies"]
    assert {criterion["word"]: criterion["mark"] for criterion in one["criteria"]} == dict.fromkeys(
        ["resources", "users", *conditions], "hit"
    )


def test_simulate_takes_none_for_known_and_empty(app: Flask, run: Any) -> None:
    put(app, policy("no", "deny", when={"any": [{"device": ["managed"]}, {"risk": ["new-device"]}]}))
    assert json.loads(run("simulate", "6", "--json").output)["verdict"] == "deny"
    assert json.loads(run("simulate", "6", "--device", "none", "--json").output)["verdict"] == "deny"
    found = json.loads(run("simulate", "6", "--device", "none", "--risk", "none", "--json").output)
    assert (found["verdict"], found["policies"][0]["applies"], found["policies"][0]["mark"]) == ("pass", False, "miss")


def test_a_scenario_may_say_that_no_signal_is_raised(app: Flask, run: Any, tmp_path: Path) -> None:
    put(app, policy("no", "deny", when={"risk": ["new-device"]}))
    told = '[[scenarios]]\nuser = "6"\nexpect = "pass"\nrisk = []\n[[scenarios]]\nuser = "6"\nexpect = "deny"\n'
    (tmp_path / "s.toml").write_text(told)
    found = run("check", "--scenarios", str(tmp_path / "s.toml"))
    assert found.exit_code == 0, found.output
    assert run("check", "-", stdin="version = 1").output == "No problems found.\n"


@pytest.mark.parametrize(
    ("fact", "given", "meant"),
    [
        ("platform", "windws", "windows"), ("browser", "crome", "chrome"), ("sign_in", "pasword", "password"),
        ("country", "Germany", ""), ("device", ["manged"], "managed"), ("device_unknown", ["manged"], "managed"),
    ],
)  # fmt: skip
def test_a_fact_that_no_request_could_bring_is_refused(
    run: Any, tmp_path: Path, fact: str, given: Any, meant: str
) -> None:
    (tmp_path / "s.toml").write_text(f'[[scenarios]]\nuser = "6"\nexpect = "pass"\n{fact} = {json.dumps(given)}\n')
    found = run("check", "--scenarios", str(tmp_path / "s.toml"))
    assert found.exit_code == 1
    assert f"scenarios[0].{fact}" in found.output
    assert (f"Did you mean {meant}?" if meant else "not known") in found.output
    if fact != "device_unknown":
        word = given if isinstance(given, str) else given[0]
        assert run("simulate", "6", f"--{fact.replace('_', '-')}", word).exit_code == 1


def test_the_pytest_plugin_runs_files_of_scenarios(app: Flask, portal_uri: str, pytester: pytest.Pytester) -> None:
    put(app, policy("pay", on=["payroll"]))
    pytester.makepyfile(
        hostapp="from example_app import create_app\n"
        "from tests.conftest import StillClock, portal_config\n"
        f"def make():\n    return create_app(portal_config({portal_uri!r}, StillClock()))\n"
    )
    pytester.syspathinsert()
    pytester.makeconftest('pytest_plugins = ["flask_mfa_gate.testing"]\n')
    pytester.makeini("[pytest]\nmfa_gate_app = hostapp:make\n")
    bad, odd = pytester.path / "bad.mfa-scenarios.toml", pytester.path / "odd.mfa-scenarios.toml"
    (pytester.path / "good.mfa-scenarios.toml").write_text(SCENARIOS)

    def run_pytest() -> tuple[int, str]:
        done = pytester.runpytest_inprocess("-p", "no:cacheprovider", "-q")
        return int(done.ret), done.stdout.str() + done.stderr.str()

    code, told = run_pytest()
    assert (code, "2 passed" in told) == (0, True), told
    bad.write_text(SCENARIOS.replace('"pass"', '"deny"'))
    code, told = run_pytest()
    assert (code, "expected deny, found pass" in told) == (1, True), told
    bad.write_text(SCENARIOS.replace("expect", "expct"))
    odd.write_bytes(b"\xff")
    code, told = run_pytest()
    assert "bad.mfa-scenarios.toml: scenarios[0] is not known: 'expct'. Did you mean expect?" in told
    assert "odd.mfa-scenarios.toml: 'utf-8' codec" in told
    assert "scenarios.py:" not in told, "no stack trace"
    bad.unlink()
    odd.unlink()
    pytester.makeini("[pytest]\nmfa_gate_app = hostapp:maker\n")
    code, told = run_pytest()
    assert "mfa_gate_app says hostapp:maker" in told
    assert "scenarios.py:" not in told
    pytester.makeini("[pytest]\n")
    code, told = run_pytest()
    assert (code != 0, "mfa_gate_app" in told) == (True, True), told

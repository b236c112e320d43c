"""Policies on the command line: looked at, compared, switched, taken back; and why somebody was asked."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import Result
from flask import Flask

from flask_mfa_gate.domain.authorization.decision import policy_id
from flask_mfa_gate.domain.policy.addresses import Network
from tests.conftest import Browser, StillClock, state_of
from tests.policy_kit import policy, put
from tests.services.kit import tables

Run = Callable[..., Result]


@pytest.fixture
def run(app: Flask) -> Run:
    return lambda *words: app.test_cli_runner().invoke(args=["mfa", *words])


def test_a_policy_is_found_by_the_reference_of_a_refused_page(app: Flask, run: Run) -> None:
    put(app, policy("pay", on=["payroll"]))
    reference = f"policy-{policy_id('pay')}"
    shown = run("policies", "show", reference)
    assert shown.stdout.startswith(f"# Reference: {reference}\n")
    assert tomllib.loads(shown.stdout)["policies"][0]["name"] == "pay"
    assert json.loads(run("policies", "show", reference, "--json").stdout)["name"] == "pay"
    assert reference in run("policies", "list").stdout
    assert run("policies", "show", "policy-00000000").exit_code == 1


def test_the_history_says_what_changed_by_whom_and_why(app: Flask, run: Run) -> None:
    put(app, policy("pay", on=["payroll"]))
    run("policies", "set", "pay", "off", "--reason", "ticket 7")
    with app.app_context():
        state_of(app).access.policies.save(policy("pay", "deny", on=["payroll"]), actor="user:1")
        state_of(app).access.policies.delete("pay")
    edits = json.loads(run("policies", "history", "--json").stdout)
    assert [(one["version"], one["author"], one["reason"]) for one in edits] == [
        (4, "host", None), (3, "user:1", None), (2, "cli", "ticket 7"), (1, "host", None),
    ]  # fmt: skip
    assert edits[0]["changes"] == ["pay: removed"]
    assert "pay: state off → on" in edits[1]["changes"]
    assert any(line.startswith("pay: effect {") for line in edits[1]["changes"])
    assert edits[2]["changes"] == ["pay: state on → off"]
    assert edits[3]["changes"] == ["pay: added, on"]
    run("sync")
    told = run("policies", "history").stdout.splitlines()
    assert told[0].split() == ["VERSION", "WHEN", "AUTHOR", "ACT", "REASON", "CHANGES"]
    assert told[1].split()[:4] == ["4", "2026-03-02", "09:00", "UTC"]
    assert "Ada Admin (1)" in told[2]


def test_the_oldest_version_of_a_short_history_is_not_taken_for_the_first(app: Flask, run: Run) -> None:
    for name in ("a", "b", "c"):
        put(app, policy(name, on=["payroll"]))
    edits = json.loads(run("policies", "history", "--limit", "2", "--json").stdout)
    assert [(one["version"], one["changes"]) for one in edits] == [(3, ["c: added, on"]), (2, ["b: added, on"])]


def test_what_going_back_would_change_is_said_before_it_is_done(app: Flask, run: Run) -> None:
    put(app, policy("pay", on=["payroll"]))
    run("policies", "set", "pay", "off")
    assert run("policies", "diff", "1").stdout == "pay: state off → on\n"
    assert run("policies", "diff", "2").stdout == "Nothing would change.\n"
    before = tables(state_of(app).store)
    dry = json.loads(run("policies", "rollback", "1", "--dry-run", "--json").stdout)
    assert (dry["changed"], dry["fields"], dry["dry_run"]) == (["pay"], ["pay: state off → on"], True)
    assert run("policies", "rollback", "1", "--dry-run").stdout.splitlines()[-1] == "Dry run: nothing was changed."
    unasked = run("policies", "rollback", "1")
    assert (unasked.exit_code, "Pass --yes" in unasked.stderr) == (1, True)
    assert tables(state_of(app).store) == before
    assert run("policies", "rollback", "1", "--yes").stdout.splitlines() == [
        "pay: state off → on", "The policies are those of version 1 again.",
    ]  # fmt: skip
    for wrong in ("0", "9"):
        assert run("policies", "diff", wrong).exit_code == 1


def test_switching_a_policy_says_what_it_did(app: Flask, run: Run) -> None:
    put(app, policy("pay", on=["payroll"]))
    dry = run("policies", "set", "pay", "off", "--dry-run").stdout.splitlines()
    assert dry == ["The policy 'pay' would be off; it was on.", "Dry run: nothing was changed."]
    assert run("policies", "set", "pay", "off").stdout.splitlines()[0] == "The policy 'pay' is now off; it was on."
    assert run("policies", "set", "pay", "off").stdout == "The policy 'pay' is off already.\n"


# Why


def test_why_somebody_was_asked_names_the_policy_that_was_in_force_then(
    app: Flask, run: Run, clock: StillClock
) -> None:
    Browser(app).sign_in("dave")
    clock.forward(hours=1)
    put(app, policy("no dave", "deny", users={"include": ["user:4"]}))
    clock.forward(hours=1)
    Browser(app).sign_in("dave")
    clock.forward(hours=1)
    with app.app_context():
        state_of(app).access.policies.delete("no dave")
    said: Any = json.loads(run("why", "dave@example.org", "--json").stdout)
    assert (said["key"], said["default"]) == ("4", "user-setting")
    later, earlier = said["sign_ins"]
    assert (later["verdict"], later["policy"], later["version"]) == ("deny", "no dave", 1)
    assert [one["name"] for one in later["policies"]] == ["no dave"]
    assert (earlier["verdict"], earlier["policy"], earlier["reason_id"]) == (
        "challenge", None, "second-factor-at-sign-in",
    )  # fmt: skip
    told = run("why", "4").stdout
    assert "The policy 'no dave' decided." in told
    assert "They have a factor, which is asked for at each sign-in." in told
    assert "Default access of app: user-setting." in told
    at = json.loads(run("why", "4", "--at", "2026-03-02T09:30+00:00", "--json").stdout)
    assert [one["verdict"] for one in at["sign_ins"]] == ["challenge"]


def test_why_of_somebody_who_never_signed_in_and_of_nobody(run: Run) -> None:
    assert "no sign-in on record" in run("why", "6").stdout
    assert run("why", "nobody").exit_code == 1
    assert run("why", "6", "--at", "noon").exit_code == 1


def test_policies_are_renamed_copied_deleted_brought_back_and_undone(app: Flask, run: Run) -> None:
    put(app, policy("pay", on=["payroll"]))

    def names() -> list[str]:
        return [one["name"] for one in json.loads(run("policies", "list", "--json").stdout)]

    assert run("policies", "rename", "pay", "salaries", "--reason", "ticket 8").exit_code == 0
    assert run("policies", "duplicate", "salaries", "copy").exit_code == 0
    assert names() == ["copy", "salaries"]
    deleted = run("policies", "delete", "salaries", "--yes")
    assert "loosens: " in deleted.stdout
    assert run("policies", "restore").stdout == "salaries\n"
    assert run("policies", "restore", "salaries").exit_code == 0
    undone = run("policies", "undo", "3", "--yes")
    assert "copy: removed" in undone.stdout
    assert names() == ["salaries"]
    run("policies", "set", "salaries", "off")
    run("policies", "rollback", "2", "--policy", "salaries", "--yes")
    assert json.loads(run("policies", "show", "salaries", "--json").stdout)["state"] == "on"
    for words in (("rename", "nothing", "x"), ("undo", "99", "--yes"), ("restore", "x"), ("delete", "x", "--yes")):
        assert run("policies", *words).exit_code == 1


def test_networks_are_listed_renamed_and_deleted(app: Flask, run: Run) -> None:
    with app.app_context():
        state_of(app).access.policies.save_network(Network("office", ("198.51.100.0/24",)))
        state_of(app).access.policies.save_network(Network("lab", ("192.0.2.1",)))
    put(app, policy("pay", on=["payroll"], when={"network": ["office"]}))
    assert run("policies", "delete-network", "office", "--yes").exit_code == 1
    assert run("policies", "rename-network", "office", "hq").exit_code == 0
    assert run("policies", "delete-network", "lab", "--yes").exit_code == 0
    assert json.loads(run("policies", "networks", "--json").stdout) == [
        {"name": "hq", "entries": ["198.51.100.0/24"], "used_by": ["pay"]}
    ]
    assert "hq" in run("policies", "networks").stdout
    assert "USERS" in run("policies", "list").stdout

"""Whom a command is about: found by what holds of them, hinted at when mistyped, and never a phantom."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import Result
from flask import Flask

from flask_mfa_gate.domain.people.person import Person
from tests.conftest import StillClock, key_of, state_of
from tests.policy_kit import policy, put
from tests.services.kit import mails, tables

Run = Callable[..., Result]


@pytest.fixture
def run(app: Flask) -> Run:
    return lambda *words: app.test_cli_runner().invoke(args=["mfa", *words])


def keys(result: Result) -> list[str]:
    assert result.exit_code == 0, result.output
    return [row["key"] for row in json.loads(result.stdout)]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--ends-within", "7d"], ["2"]),
        (["--ends-within", "6d"], []),
        (["--role", "admin"], ["1"]),
        (["--role", "admin", "--without-factor"], ["1"]),
        (["--role", "helpdesk"], ["7"]),
        (["--factor", "totp"], ["4"]),
        (["--factor", "webauthn"], []),
        (["--status", "in_enrollment", "--status", "ENROLLED"], ["2", "4"]),
        (["--search", "bak"], ["2"]),
        (["--search", "example ade"], []),
        (["--throttled"], []),
        (["--no-email"], []),
        (["--without-factor"], ["1", "2", "3", "5", "6", "7", "8"]),
        (["--group", "finance", "--without-factor"], ["5"]),
    ],
    ids=" ".join,
)
def test_lists_are_narrowed(run: Run, words: list[str], expected: list[str]) -> None:
    assert keys(run("status", *words, "--json")) == expected


@pytest.mark.parametrize(
    "words", [["--ends-within", "soon"], ["--role", "boss"], ["--factor", "sms"], ["2", "--role", "admin"], ["2", "3"]]
)
def test_what_can_be_no_filter_is_refused(run: Run, words: list[str]) -> None:
    result = run("status", *words)
    assert (result.exit_code != 0, result.stdout) == (True, "")


def test_a_list_has_a_head_names_and_addresses(run: Run) -> None:
    head, first, *_rest, last = run("status", "--all").stdout.splitlines()
    assert head.split() == ["KEY", "NAME", "EMAIL", "ROLE", "STATUS", "REQUIRED", "BY", "ENDS", "FACTORS"]
    assert first.split()[:5] == ["1", "Ada", "Admin", "ada@example.org", "admin"]
    assert last == "8 users."


def test_those_who_lapse_tomorrow_are_reminded_in_one_command(run: Run, app: Flask, clock: StillClock) -> None:
    clock.forward(days=6)
    assert run("remind", "--ends-within", "24h", "--yes").stdout == "Remind 1 user: 1 done, 0 skipped, 0 failed.\n"
    assert mails(app, "reminder") == [("reminder", "bob@example.org")]


def test_who_joined_since_the_last_sync_is_in_an_order_for_a_group(run: Run, app: Flask) -> None:
    from example_app.models import User, db

    run("sync")
    with app.app_context():
        db.session.execute(db.update(User).where(User.id == 6).values(group="finance"))
        db.session.commit()
    dry = run("require", "--group", "finance", "--dry-run", "--now")
    assert "Require MFA for 1 user" in dry.stdout
    assert dry.stderr == "The app's users as of 2026-03-02 09:00 UTC. For newer ones: flask mfa sync\n"
    done = json.loads(run("require", "--group", "finance", "--now", "--yes", "--json").stdout)["done"]
    assert [one["key"] for one in done] == ["5", "6"]


@pytest.mark.parametrize(
    "command",
    [
        ["status"], ["require", "--now"], ["reset"], ["access-pass"], ["policies", "simulate"], ["sync"],
        ["sync", "--dry-run"], ["why"], ["audit", "export", "--user"], ["forget", "--dry-run"],
    ],
)  # fmt: skip
def test_a_mistyped_user_is_an_error_with_the_nearest(run: Run, app: Flask, command: list[str]) -> None:
    run("sync")
    put(app, policy("pay", on=["payroll"]))
    before = tables(state_of(app).store)
    result = run(*command, "bob@exmaple.org")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        "Error: No user 'bob@exmaple.org' is known. Did you mean bob@example.org, Bob Baker (2)?\n"
    )
    assert tables(state_of(app).store) == before


def test_forgetting_and_renaming_can_be_tried(run: Run, app: Flask) -> None:
    run("sync")
    before = tables(state_of(app).store)
    forgotten, renamed = run("forget", "dave@example.org", "--dry-run"), run("rename", "4", "44", "--dry-run")
    assert forgotten.output == "Everything about Dave Dean (4) would be deleted.\nDry run: nothing was changed.\n"
    assert renamed.output == "Everything of 4 would be 44's.\nDry run: nothing was changed.\n"
    taken, unknown = run("rename", "4", "2", "--dry-run"), run("rename", "nobody", "5000", "--dry-run")
    assert [taken.exit_code, unknown.exit_code] == [1, 1]
    assert taken.output == run("rename", "4", "2", "--yes").output
    assert tables(state_of(app).store) == before


# A host without a directory


@pytest.fixture
def host(make_host: Any) -> Flask:
    return make_host()  # type: ignore[no-any-return]


def on(app: Flask, *words: str) -> Result:
    return app.test_cli_runner().invoke(args=["mfa", *words])


def test_a_key_that_nobody_has_come_by_is_taken_and_said_to_be_unseen(host: Flask, clock: StillClock) -> None:
    assert json.loads(on(host, "status", "alice", "--json").stdout)["seen"] is False
    made = on(host, "require", "alice", "--days", "7")
    assert made.exit_code == 0
    assert "not seen yet: nobody has signed in by this key" in made.stdout
    again = json.loads(on(host, "require", "alice", "--days", "7", "--json").stdout)
    assert again["done"] == [{"key": "alice", "reason": "not-seen-yet"}]
    assert "(not seen yet)" in on(host, "status", "--all").stdout
    with state_of(host).store.database.write() as tx:
        state_of(host).store.people.note_sign_in(tx, Person("alice", "Alice"), now=clock())
    assert json.loads(on(host, "status", "alice", "--json").stdout)["seen"] is True
    assert "not seen" not in on(host, "require", "alice", "--days", "7").stdout


@pytest.mark.parametrize("text", ["Admin", "admin"])
def test_a_name_in_place_of_a_key_is_refused_with_the_key(host: Flask, clock: StillClock, text: str) -> None:
    with state_of(host).store.database.write() as tx:
        state_of(host).store.people.note_sign_in(tx, Person("1", "Admin", "ada@example.org"), now=clock())
    before = tables(state_of(host).store)
    result = on(host, "require", text, "--now")
    assert result.exit_code == 1
    assert "Use the key" in result.stderr or "use the key '1'" in result.stderr
    assert tables(state_of(host).store) == before


def test_a_group_that_nobody_is_in_is_an_error_there_too(host: Flask) -> None:
    assert on(host, "require", "--group", "nogroup", "--now", "--yes").exit_code == 1


# Dry runs


@pytest.mark.parametrize(
    "words",
    [["access-pass", "4"], ["access-pass", "4", "--revoke"], ["run-due"], ["rotate-keys"], ["sync"], ["unlock", "3"]],
    ids=" ".join,
)
def test_a_dry_run_changes_nothing_says_so_and_answers_alike(
    run: Run, app: Flask, clock: StillClock, words: list[str]
) -> None:
    run("sync")
    clock.forward(days=6, hours=12)
    before = tables(state_of(app).store)
    told, dry = run(*words, "--dry-run"), run(*words, "--dry-run", "--json")
    assert (told.exit_code, told.stdout.splitlines()[-1]) == (0, "Dry run: nothing was changed.")
    assert tables(state_of(app).store) == before
    said = json.loads(dry.stdout)
    assert said.pop("dry_run") is True
    real = json.loads(run(*words, "--json").stdout)
    assert said.keys() == real.keys()
    if words == ["run-due"]:
        assert (said["reminded"], said["lapsed"]) == (real["reminded"], real["lapsed"]) == (1, 1)
    assert key_of(app, "bob") == "2"

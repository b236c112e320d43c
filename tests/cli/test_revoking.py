"""Commands that revoke, restart a grace, switch a policy in JSON, and say what an upgrade would do."""

from __future__ import annotations

import json
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text

from flask_mfa_gate.store import schema
from tests.conftest import Phone, key_of, state_of
from tests.policy_kit import policy, prove, put
from tests.services.kit import events, mails, tables


@pytest.fixture
def run(app: Flask) -> Any:
    runner = app.test_cli_runner()
    return lambda *words: runner.invoke(args=["mfa", *words])


def answer(result: Any) -> Any:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_revoking_from_the_command_line(run: Any, app: Flask, phone: Phone) -> None:
    dave = key_of(app, "dave")
    owner, before = prove(app, phone), tables(state_of(app).store)
    for words in (["revoke-sessions"], ["revoke-factor", "--kind", "totp"], ["revoke-pass"]):
        dry = answer(run(*words, "dave@example.org", "--dry-run", "--json"))
        done = {"done": [{"key": dave, "reason": ""}], "skipped": [], "failed": [], "dry_run": True}
        none = {**done, "done": [], "skipped": [{"key": dave, "reason": "no-pass"}]}
        assert dry == (none if words == ["revoke-pass"] else done)
    assert tables(state_of(app).store) == before
    assert run("revoke-sessions", dave, "--reason", "stolen").output == "Dave Dean (4): signed out everywhere.\n"
    assert not owner.is_in()
    assert confirm_refused(run("revoke-factor", "--all", "--kind", "totp"))
    said = run("revoke-factor", "--all", "--kind", "totp", "--yes").output
    assert "1 done, 7 skipped, 0 failed" in said
    assert "there is no such factor (no-factor)" in said
    assert mails(app, "factor-removed") == [("factor-removed", "dave@example.org")]
    assert "there is no access pass (no-pass)" in run("revoke-pass", dave).output
    assert run("access-pass", dave).exit_code == 0
    assert run("revoke-pass", dave).exit_code == 0
    assert [name for name, _ in events(app, "sessions_revoked", "factor_removed", "access_pass_revoked")] == [
        "sessions_revoked", "factor_removed", "access_pass_revoked",
    ]  # fmt: skip


def confirm_refused(result: Any) -> bool:
    return result.exit_code == 1 and "Pass --yes" in result.output


@pytest.mark.parametrize("words", [[], ["--kind", "totp", "--id", "x"]])
def test_a_factor_has_to_be_named(run: Any, words: list[str]) -> None:
    result = run("revoke-factor", "4", *words)
    assert (result.exit_code, result.output) == (1, "Error: Pass either --kind or --id.\n")


def test_grace_is_restarted(run: Any, app: Flask) -> None:
    put(app, policy("Soon", grace_days=3))
    frank = key_of(app, "frank")
    assert answer(run("policies", "restart-grace", "Soon", frank, "--dry-run", "--json")) == {
        "policy": "Soon", "key": frank, "dry_run": True,
    }  # fmt: skip
    assert events(app, "grace_restarted") == []
    said = run("policies", "restart-grace", "Soon", "frank@example.org", "--reason", "long leave")
    assert said.output == "The grace of 'Soon' starts again for Frank Ford (6).\n"
    assert events(app, "grace_restarted") == [("grace_restarted", frank)]
    for dry in ([], ["--dry-run"]):
        wrong = run("policies", "restart-grace", "Later", frank, *dry)
        assert (wrong.exit_code, wrong.output) == (1, "Error: There is no policy 'Later'.\n")


def test_a_policy_is_switched_in_json(run: Any, app: Flask) -> None:
    put(app, policy("Soon", users={"include": ["user:6"]}))
    facts = {"name": "Soon", "before": "on", "state": "off"}
    assert answer(run("policies", "set", "Soon", "off", "--dry-run", "--json")) == {
        **facts,
        "loosens": [],
        "dry_run": True,
    }
    loosens = answer(run("policies", "set", "Soon", "off", "--json"))
    assert {**loosens, "loosens": None} == {**facts, "loosens": None}
    assert loosens["loosens"], "the same sentences as for people"
    again = answer(run("policies", "set", "Soon", "off", "--json"))
    assert again == {"name": "Soon", "before": "off", "state": "off", "loosens": []}


def test_what_an_upgrade_would_do(run: Any, app: Flask) -> None:
    database = state_of(app).store.database
    head = schema.head()
    assert run("upgrade", "--dry-run").output == "Nothing would be applied.\nDry run: nothing was changed.\n"
    assert f"({head}, " in run("upgrade", "--revision", "base", "--dry-run").output
    assert schema.current(database, prefix="mfa_gate_") == head
    schema.downgrade(database, prefix="mfa_gate_", revision="0007")
    before = schema.current(database, prefix="mfa_gate_")
    assert "would be applied: 0008" in run("upgrade", "--dry-run").output
    assert schema.current(database, prefix="mfa_gate_") == before
    assert run("upgrade", "--revision", "4711", "--dry-run").exit_code == 1
    assert run("upgrade").exit_code == 0
    with database.write() as tx:
        tx.execute(text("UPDATE mfa_gate_mark SET value = 'another' WHERE name = 'owner'"))
    refused = run("upgrade", "--dry-run")
    assert refused.exit_code == 1
    assert "another" in refused.output
    assert "would be this app's" in run("upgrade", "--adopt", "--dry-run").output
    assert run("upgrade", "--dry-run").exit_code == 1, "nothing was taken over"

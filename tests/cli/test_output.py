"""Where the output can't go anywhere a command says so in one line; and what `audit verify` says of removed records."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.cli import FlaskGroup

from flask_mfa_gate.cli import mfa
from tests.conftest import StillClock, state_of

FULL = Path("/dev/full")
SAID = "Error: The output can't be written: No space left on device."
COMMANDS = (
    ["routes"], ["routes", "--json"], ["status", "--all"], ["status", "2"], ["policies", "list"], ["audit", "verify"],
    ["audit", "export"], ["doctor"], ["why", "2"], ["run-due", "--dry-run"], ["upgrade"], ["unlock", "2", "--json"],
)  # fmt: skip


def test_every_command_tells_in_one_line_that_its_output_is_full(
    app: Flask, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    group = FlaskGroup(create_app=lambda: app, add_default_commands=False)
    group.add_command(mfa)
    for words in COMMANDS:
        full = FULL.open("w")
        monkeypatch.setattr(sys, "stdout", full)
        with pytest.raises(SystemExit) as ended:
            group.main(["mfa", *words], prog_name="flask")
        assert ended.value.code == 1
        assert capsys.readouterr().err.splitlines()[-1] == SAID, words
        assert full.closed, "or Python would try once more when it ends"


def test_a_closed_output_is_told_before_anything_is_done() -> None:
    flask = f"{sys.executable} -m flask mfa generate-key"
    script = f"{flask} >&-; echo $? >&2; {flask} >/dev/full; echo $? >&2"
    result = subprocess.run(["sh", "-c", script], capture_output=True, text=True, env=dict(os.environ), check=True)
    closed = "Error: Standard output is closed. Send it to a file, or to /dev/null."
    assert result.stderr.splitlines() == [closed, "1", SAID, "1"]


def test_audit_verify_tells_of_records_that_retention_removed(
    make_app: Callable[..., Flask], clock: StillClock
) -> None:
    app = make_app(MFA_GATE_AUDIT_RETENTION_DAYS=10)
    run: Any = app.test_cli_runner()
    with app.app_context():
        state = state_of(app)
        before = json.loads(run.invoke(args=["mfa", "audit", "verify", "--json"]).stdout)
        assert (before["removed"], before["removed_at"]) == (0, None)
        assert "removed" not in run.invoke(args=["mfa", "audit", "verify"]).stdout
        for _ in range(3):
            state.people.enrollments.unlock("2")
        state.operations.audit.seal()
        old = state.operations.audit.head()
        clock.forward(days=11)
        state.people.enrollments.unlock("2")
        state.operations.audit.seal()
        assert state.operations.upkeep.sweeper._retention.run() == old.number
        said = run.invoke(args=["mfa", "audit", "verify"]).stdout.splitlines()
        assert said == [
            "Audit log intact: 1 record verified, 0 not yet sealed.",
            f"Records before {old.number + 1} were removed by retention on 2026-03-13.",
            f"Head: {state.operations.audit.head()}",
        ]
        facts = json.loads(run.invoke(args=["mfa", "audit", "verify", "--json"]).stdout)
        assert facts == {
            "verified": 1, "bare": 0, "unsealed": 0, "broken_at": None, "head": str(state.operations.audit.head()),
            "removed": old.number, "removed_at": clock().isoformat(),
        }  # fmt: skip
        gone = run.invoke(args=["mfa", "audit", "verify", "--head", str(old.number - 1) + ":" + "0" * 64])
        assert gone.exit_code == 1

"""A value that somebody typed into a row, and that nothing can read: commands and doctor name the table and the row."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from flask.cli import FlaskGroup
from sqlalchemy import text

from flask_mfa_gate.cli import mfa
from tests.conftest import state_of
from tests.web.inspection.kit import finding, found

CASES = [
    ("person", "role", "'boss'", "5", "'boss' is not a valid Role", ["status", "--all"]),
    ("person", "groups", "'not json'", "5", "Expecting value", ["status", "--all"]),
    ("enrollment", "ends_at", "'tomorrow'", "2", "Invalid isoformat string", ["status", "2"]),
    ("enrollment", "ends_at", "'tomorrow'", "2", "Invalid isoformat string", ["why", "2"]),
    ("enrollment", "graces", """'{"a": "x"}'""", "2", "Invalid isoformat string", ["unlock", "--all", "--yes"]),
    ("factor", "kind", "'abacus'", "4", "'abacus' is not a known FactorKind", ["status", "--all"]),
]


def run(app: Flask, words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    group = FlaskGroup(create_app=lambda: app, add_default_commands=False)
    group.add_command(mfa)
    with pytest.raises(SystemExit) as ended:
        group.main(["mfa", *words], prog_name="flask")
    assert ended.value.code == 1
    return capsys.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize(("table", "column", "typed", "user", "why", "words"), CASES)
def test_the_row_is_named(
    app: Flask, capsys: pytest.CaptureFixture[str], table: str, column: str, typed: str, user: str, why: str, words: Any
) -> None:
    with app.app_context():
        state_of(app).people.users.sync()
    with state_of(app).store.database.write() as tx:
        tx.execute(text(f"UPDATE mfa_gate_{table} SET {column}={typed} WHERE user_key='{user}'"))
    said = run(app, words, capsys)
    assert said.startswith("Error: The row ")
    assert f" of the table mfa_gate_{table} can't be read: {column}: {why}" in said
    assert said.endswith("Correct or delete what was edited by hand.")
    assert found(app)["unreadable-row"] == "error"
    assert f"mfa_gate_{table}" in finding(app, "unreadable-row").sentence


def test_another_mistake_is_no_row(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """What no row explains is shown as what it is."""

    def fail(*_: Any, **__: Any) -> Any:
        raise ValueError("a mistake of the program")

    monkeypatch.setattr(type(state_of(app).people.enrollments), "look_up", fail)
    result = app.test_cli_runner().invoke(args=["mfa", "status", "2"])
    assert isinstance(result.exception, ValueError)

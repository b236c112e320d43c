"""The command line, as an operator uses it."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from tests.conftest import Browser, key_of, state_of


@pytest.fixture
def run(app: Flask) -> Any:
    runner = app.test_cli_runner()
    return lambda *words: runner.invoke(args=["mfa", *words])


def answer(result: Any) -> Any:
    assert result.exit_code == 0, result.output
    return json.loads(result.output)


def test_generate_key(run: Any) -> None:
    keys = {run("generate-key").output.strip() for _ in range(2)}
    assert len(keys) == 2
    assert all(len(urlsafe_b64decode(key)) == 32 for key in keys)


def test_rescue_of_a_lapsed_user(run: Any, app: Flask) -> None:
    key = key_of(app, "carol")
    assert "ENROLLMENT_EXPIRED" in run("status", key).output
    assert run("require", key, "--days", "7").exit_code == 1
    assert "Extend it or reset" in run("require", key, "--days", "7").output
    assert answer(run("extend", key, "--days", "2", "--reason", "was ill", "--json")) == {
        "done": [{"key": key, "reason": ""}], "skipped": [], "failed": [],
    }  # fmt: skip
    assert answer(run("status", key, "--json"))["days_left"] == 2
    assert Browser(app).sign_in("carol").location == "/mfa/enroll"
    with state_of(app).store.database.read() as tx:
        latest = state_of(app).store.audit.recent(tx, key, limit=2)[1]
    assert (latest.event if hasattr(latest, "event") else latest.name, latest.actor, latest.reason) == (
        "enrollment_extended",
        "cli",
        "was ill",
    )


def test_users_by_email(run: Any, app: Flask) -> None:
    assert answer(run("require", "Frank@Example.org", "--now", "--json"))["done"] == [
        {"key": key_of(app, "frank"), "reason": ""}
    ]
    assert answer(run("status", "frank@example.org", "--json")) == {
        "key": key_of(app, "frank"), "status": "NOT_ENROLLED", "required": True, "required_by": "cli", "days_left": None,
        "ends_at": None, "enrolled_at": None, "factors": [],
    }  # fmt: skip


def test_days_zero_is_refused_with_a_hint_at_now(run: Any) -> None:
    for command in ("require", "reset"):
        result = run(command, "6", "--days", "0")
        assert result.exit_code == 1
        assert "--now" in result.output
    assert run("require", "6", "--days", "5", "--now").exit_code == 1
    assert run("require", "6", "--days", "366").exit_code == 1


def test_extend_until(run: Any, app: Flask) -> None:
    run("extend", key_of(app, "bob"), "--until", "2026-03-20")
    assert answer(run("status", key_of(app, "bob"), "--json"))["ends_at"] == "2026-03-20T23:59:59+00:00"
    run("extend", key_of(app, "bob"), "--until", "2026-03-20T10:00+01:00")
    assert answer(run("status", key_of(app, "bob"), "--json"))["ends_at"] == "2026-03-20T09:00:00+00:00"
    for wrong in ("someday", "2020-01-01", "2026-03-20T10:00"):
        assert run("extend", key_of(app, "bob"), "--until", wrong).exit_code == 1
    assert run("extend", key_of(app, "bob")).exit_code == 1


def test_several_users_and_unknown_ones(run: Any, app: Flask) -> None:
    bob, erin = key_of(app, "bob"), key_of(app, "erin")
    result = run("require", bob, erin, "4711", "--days", "7")
    assert result.exit_code == 1
    assert result.output.splitlines() == [f"done: {erin}", f"skipped: {bob} (in-period)", "failed: 4711 (unknown-user)"]
    single = run("require", "4711")
    assert single.exit_code == 1
    assert "No user" in single.output


def test_reset_remove_unlock(run: Any, app: Flask) -> None:
    dave = key_of(app, "dave")
    assert run("reset", dave).output == f"done: {dave}\n"
    assert Browser(app).sign_in("dave").location == "/mfa/enroll"
    assert run("remove", dave).output == f"done: {dave}\n"
    assert run("remove", dave).output == f"skipped: {dave} (not-required)\n"
    assert Browser(app).sign_in("dave").location == "/"
    assert run("unlock", key_of(app, "carol")).output == f"done: {key_of(app, 'carol')} (lapsed-too)\n"


def test_status_of_all(run: Any) -> None:
    found = {row["key"]: row["status"] for row in answer(run("status", "--all", "--json"))}
    assert len(found) == 8, "everybody, as the app's own directory has them"
    assert (found["2"], found["3"], found["4"]) == ("IN_ENROLLMENT", "ENROLLMENT_EXPIRED", "ENROLLED")
    assert [row["key"] for row in answer(run("status", "--group", "finance", "--json"))] == ["5"]
    assert run("status").exit_code == 1
    assert run("status", "1", "--all").exit_code == 1


def test_run_due_notes_each_lapse_once(run: Any, app: Flask, signals: list[Any]) -> None:
    assert answer(run("run-due", "--json"))["lapsed"] == 1
    assert answer(run("run-due", "--json"))["lapsed"] == 0
    assert [(event.name, event.subject, event.actor) for event in signals] == [
        ("enrollment_lapsed", key_of(app, "carol"), "system")
    ]


def test_run_due_sweeps_dead_rows(run: Any, app: Flask, clock: Any) -> None:
    browser = Browser(app)
    browser.sign_in("dave")
    browser.send("/mfa/challenge", code="000000")
    clock.forward(days=40)
    assert answer(run("run-due", "--json"))["swept"] == 2


def test_routes(run: Any) -> None:
    table = {row["endpoint"]: row for row in answer(run("routes", "--json"))}
    assert table["portal.payroll"]["resources"] == ["payroll"]
    assert table["portal.payroll"]["policies" : [], "default"] == "allow"
    assert table["portal.transfer"]["demands"] == ["mfa(totp+webauthn within 300 s)"]
    assert table["portal.healthz"]["default"] == "exempt"
    assert table["portal.home"]["default"] == "user-setting"
    assert table["static"]["default"] == "static"
    assert table["mfa_gate.challenge"] == {
        "endpoint": "mfa_gate.challenge", "rule": "/mfa/challenge", "methods": ["GET", "POST"], "resources": [], "demands": [],
        "default": "gate",
    }  # fmt: skip
    assert "portal.payroll" in run("routes").output


def test_doctor_finds_nothing_wrong_in_the_portal(run: Any) -> None:
    result = run("doctor")
    assert (result.exit_code, result.output) == (0, "All is well.\n")


def planted(tmp_path: Path, **config: Any) -> Flask:
    from flask_login import LoginManager

    from flask_mfa_gate import MFAGate

    app = Flask("planted", instance_path=str(tmp_path / "instance"))
    app.config.update(SECRET_KEY="x", **config)
    if not config.get("no_login"):
        LoginManager(app).user_loader(lambda key: None)
    MFAGate(app)
    return app


@pytest.mark.parametrize(
    ("code", "level", "config"),
    [
        ("tables", "fault", {"MFA_GATE_DATABASE_URI": "sqlite:///other.sqlite3", "TESTING": True}),
        ("unknown-endpoint", "fault", {"MFA_GATE_EXEMPT_ENDPOINTS": ["statc"]}),
        ("no-identity", "fault", {"no_login": True}),
        ("key-file", "warning", {}),
        ("no-mail", "warning", {}),
        ("no-base-url", "warning", {}),
        ("session-cookie", "warning", {"SESSION_COOKIE_HTTPONLY": False}),
    ],
)
def test_doctor_finds_what_is_planted(tmp_path: Path, code: str, level: str, config: dict[str, Any]) -> None:
    (tmp_path / "instance").mkdir()
    app = planted(tmp_path, **config)
    result = app.test_cli_runner().invoke(args=["mfa", "doctor", "--json"])
    found = {one["code"]: one["level"] for one in json.loads(result.output)}
    assert found[code] == level
    assert result.exit_code == (1 if "fault" in found.values() else 0)
    state_of(app).store.database.dispose()


def test_doctor_finds_a_readable_key_file_and_a_taken_route(tmp_path: Path) -> None:
    app = planted(tmp_path)
    (tmp_path / "instance" / "mfa_gate.key").chmod(0o644)
    app.add_url_rule("/mfa/challenge", "mine", lambda: "mine")
    found = {one["code"] for one in json.loads(app.test_cli_runner().invoke(args=["mfa", "doctor", "--json"]).output)}
    assert {"key-file-mode", "taken-route"} <= found
    state_of(app).store.database.dispose()


def test_upgrade_and_down(run: Any, app: Flask) -> None:
    assert run("upgrade", "--revision", "base").output == "The tables are at base.\n"
    assert run("doctor").exit_code == 1
    assert run("upgrade").output == "The tables are at 0004.\n"
    assert run("doctor").exit_code == 0

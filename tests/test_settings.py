"""Settings are checked once, and an error says what to do."""

from __future__ import annotations

import os
import subprocess
import sys
from base64 import urlsafe_b64decode
from dataclasses import fields
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from docs.generate import settings_page
from flask_mfa_gate import ConfigError, MFAGate
from flask_mfa_gate.crypto import generate_key
from flask_mfa_gate.settings import PREFIX, Settings

WRONG = [
    ("ENROLLMENT_DAYS", 0), ("ENROLLMENT_DAYS", 366), ("ENROLLMENT_DAYS", True), ("ENROLLMENT_DAYS", "7"), ("ENROLLMENT_DAYS", 7.0),
    ("TOTP_PERIOD", 300), ("TOTP_DIGITS", 7), ("TOTP_WINDOW", 3), ("TOTP_WINDOW", -1), ("SESSION_IDLE", 3600),
    ("SESSION_IDLE", timedelta(0)), ("SESSION_MAX_AGE", timedelta(-1)), ("PROMPT_INTERVAL", timedelta(-1)), ("PENDING_MINUTES", 0),
    ("LAPSED", "lock"), ("DECIDE", "middle"), ("TOKENS", None), ("CHALLENGE_UNREQUIRED", 1), ("EXEMPT_ENDPOINTS", "static"),
    ("SIGN_OUT_ENDPOINTS", "logout"), ("TOKEN_HEADERS", [1]), ("ISSUER", "Ac:me"), ("ISSUER", "a\nb"), ("ISSUER", "x" * 61),
    ("BASE_URL", "portal.example.org"), ("BASE_URL", "ftp://x"), ("BASE_URL", "https://x/?a"), ("BASE_URL", "https://u@x"),
    ("URL_PREFIX", "mfa"), ("URL_PREFIX", "/"), ("URL_PREFIX", "/mfa/"), ("URL_PREFIX", "/<x>"), ("COOKIE_NAME", "__Host-x"),
    ("COOKIE_NAME", "a b"), ("TABLE_PREFIX", "Mfa"), ("TABLE_PREFIX", "1"), ("LOGIN_URL", "//evil"), ("LOGIN_URL", "http://x"),
    ("DEFAULT_ACCESS", "maybe"), ("DEFAULT_ACCESS", {"payroll": "user-setting"}), ("DEFAULT_ACCESS", {"mfa-admin": "allow"}),
    ("DEFAULT_ACCESS", 7), ("KEYS", "abc"), ("KEYS", ["abc"]), ("KEYS", [7]), ("MAIL_DISABLED", ["reset"]), ("CLOCK", 7),
    ("DATABASE_URI", ""), ("MAIL_SENDER", 7),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_a_wrong_value_names_the_key_and_what_is_allowed(name: str, value: Any) -> None:
    with pytest.raises(ConfigError) as refused:
        Settings.from_mapping({f"MFA_GATE_{name}": value})
    assert refused.value.key.startswith(f"MFA_GATE_{name}")
    assert "Allowed: " in str(refused.value)


def test_an_unknown_key_names_the_nearest() -> None:
    with pytest.raises(
        ConfigError, match=r"MFA_GATE_ENROLMENT_DAYS is not a setting.*Did you mean MFA_GATE_ENROLLMENT_DAYS"
    ):
        Settings.from_mapping({"MFA_GATE_ENROLMENT_DAYS": 7})


def test_an_unknown_word_names_the_nearest() -> None:
    with pytest.raises(ConfigError, match="Did you mean locked"):
        Settings.from_mapping({"MFA_GATE_LAPSED": "lokced"})


def test_a_wrong_key_is_not_repeated() -> None:
    with pytest.raises(ConfigError) as refused:
        Settings.from_mapping({"MFA_GATE_KEYS": [generate_key(), "hunter2hunter2"]})
    assert refused.value.key == "MFA_GATE_KEYS[1]"
    assert "hunter2" not in str(refused.value)
    assert "keys" not in repr(Settings.from_mapping({"MFA_GATE_KEYS": [generate_key()]})).split("issuer")[0]


def test_secrets_stay_out_of_the_representation() -> None:
    key = generate_key()
    shown = repr(
        Settings.from_mapping({"MFA_GATE_KEYS": [key], "MFA_GATE_DATABASE_URI": "postgresql://gate:hunter2@db/gate"})
    )
    assert "hunter2" not in shown
    assert repr(urlsafe_b64decode(key)) not in shown


def test_an_impossible_mix() -> None:
    with pytest.raises(ConfigError, match="longer than MFA_GATE_SESSION_MAX_AGE"):
        Settings.from_mapping({"MFA_GATE_SESSION_IDLE": timedelta(days=1)})


def test_defaults_and_other_keys() -> None:
    settings = Settings.from_mapping(
        {"SECRET_KEY": "x", "mfa_gate_typo": 1, "MFA_GATE_DEFAULT_ACCESS": {"payroll": "require"}}
    )
    assert settings.enrollment_days == 7
    assert dict(settings.default_access) == {"app": "user-setting", "payroll": "require"}
    assert Settings.from_mapping({"MFA_GATE_BASE_URL": "https://x.example/a/"}).base_url == "https://x.example/a"


def test_a_missing_key_stops_the_start_and_prints_the_command(tmp_path: Path) -> None:
    app = Flask("no keys")
    app.config.update(SECRET_KEY="x", MFA_GATE_DATABASE_URI=f"sqlite:///{tmp_path}/own.sqlite3", DEBUG=True)
    with pytest.raises(ConfigError, match=r"MFA_GATE_KEYS is missing.*flask mfa generate-key"):
        MFAGate(app)


def test_the_printed_command_runs_where_the_app_cannot_start(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("raise SystemExit('this app does not start')", encoding="utf-8")
    flask = Path(sys.executable).with_name("flask")
    clean = {name: value for name, value in os.environ.items() if not name.startswith("FLASK_")}
    result = subprocess.run(
        [flask, "--app", "app", "mfa", "generate-key"],
        cwd=tmp_path, env=clean, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert Settings.from_mapping({"MFA_GATE_KEYS": [result.stdout.strip()]}).keys


def test_an_unknown_exempt_endpoint_stops_the_start() -> None:
    app = Flask("typo")
    app.config.update(
        SECRET_KEY="x", TESTING=True, MFA_GATE_DATABASE_URI="sqlite://", MFA_GATE_EXEMPT_ENDPOINTS=["statc"]
    )
    gate = MFAGate(app)
    with pytest.raises(ConfigError, match=r"MFA_GATE_EXEMPT_ENDPOINTS names an endpoint.*'statc'.*Did you mean static"):
        gate.check(app)
    with pytest.raises(ConfigError, match="statc"):
        app.test_client().get("/")


def test_the_portal_stops_at_its_start(make_app: Any) -> None:
    with pytest.raises(ConfigError, match="statc"):
        make_app(MFA_GATE_EXEMPT_ENDPOINTS=["statc"])


def test_the_reference_page_is_up_to_date() -> None:
    page = Path(__file__).parents[1] / "docs" / "settings.md"
    assert page.read_text(encoding="utf-8") == settings_page(), "run: make docs"


@pytest.mark.parametrize("item", fields(Settings), ids=lambda item: item.name)
def test_every_key_says_its_type_and_every_number_its_unit(item: Any) -> None:
    entry = settings_page().partition(f"## `{PREFIX}{item.name.upper()}`")[2].partition("\n## ")[0]
    assert "- Type: " in entry
    assert "- Default: " in entry
    assert "- Allowed: " in entry
    assert ("- Unit: " in entry) == (item.metadata["kind"] == "int")

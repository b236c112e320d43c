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
from hypothesis import given
from hypothesis import strategies as st

from docs.generate import settings_page
from flask_mfa_gate import ConfigError, MFAGate
from flask_mfa_gate.crypto import generate_key
from flask_mfa_gate.settings import PREFIX, Settings

WRONG = [
    ("ENROLLMENT_DAYS", 0), ("ENROLLMENT_DAYS", 366), ("ENROLLMENT_DAYS", True), ("ENROLLMENT_DAYS", "7"), ("ENROLLMENT_DAYS", 7.0),
    ("TOTP_PERIOD", 300), ("TOTP_DIGITS", 7), ("TOTP_WINDOW", 3), ("TOTP_WINDOW", -1), ("SESSION_IDLE", 3600),
    ("SESSION_IDLE", timedelta(0)), ("SESSION_MAX_AGE", timedelta(-1)), ("SESSION_MAX_AGE", timedelta.max), ("PROMPT_INTERVAL", timedelta(-1)), ("PENDING_MINUTES", 0),
    ("LAPSED", "lock"), ("DECIDE", "middle"), ("TOKENS", None), ("CHALLENGE_UNREQUIRED", 1), ("EXEMPT_ENDPOINTS", "static"),
    ("SIGN_OUT_ENDPOINTS", "logout"), ("TOKEN_HEADERS", [1]), ("ISSUER", "Ac:me"), ("ISSUER", "a\nb"), ("ISSUER", "x" * 61),
    ("BASE_URL", "portal.example.org"), ("BASE_URL", "ftp://x"), ("BASE_URL", "https://x/?a"), ("BASE_URL", "https://u@x"),
    ("URL_PREFIX", "mfa"), ("URL_PREFIX", "/"), ("URL_PREFIX", "/mfa/"), ("URL_PREFIX", "/<x>"), ("COOKIE_NAME", "__Host-x"),
    ("COOKIE_NAME", "a b"), ("TABLE_PREFIX", "Mfa"), ("TABLE_PREFIX", "1"), ("LOGIN_URL", "//evil"), ("LOGIN_URL", "http://x"),
    ("DEFAULT_ACCESS", "maybe"), ("DEFAULT_ACCESS", {"payroll": "user-setting"}), ("DEFAULT_ACCESS", {"mfa-admin": "allow"}),
    ("DEFAULT_ACCESS", 7), ("KEYS", "abc"), ("KEYS", ["abc"]), ("KEYS", [7]), ("MAIL_DISABLED", ["reset"]), ("CLOCK", 7),
    ("DATABASE_URI", ""), ("MAIL_SENDER", 7), ("BASE_URL", "https://x/?"), ("BASE_URL", "https://x#"), ("BASE_URL", "https://x:abc"),
    ("BASE_URL", "https://x:99999"), ("URL_PREFIX", "/.."), ("URL_PREFIX", "/mfa/../x"), ("LOGIN_URL", "/\\evil.example"),
    ("KEYS", set()), ("KEYS", {}), ("KEYS", b"abc"), ("TOKEN_HEADERS", ["X Api Key"]), ("TOKEN_HEADERS", ["X-Api-Key:"]),
    ("TRUSTED_PROXIES", "10.0.0.1"), ("TRUSTED_PROXIES", ["*"]), ("TRUSTED_PROXIES", ["10.0.0.1/8"]), ("TRUSTED_PROXIES", ["nginx"]),
    ("TRUSTED_PROXIES", ["0.0.0.0/0"]), ("TRUSTED_PROXIES", ["::/0"]), ("TRUSTED_PROXIES", ["0.0.0.0/1", "128.0.0.0-255.255.255.255"]),
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


@pytest.mark.parametrize(
    ("name", "value"), [("BASE_URL", "https://bob:hunter2@x"), ("DATABASE_URI", b"postgresql://u:hunter2@h/d")]
)
def test_a_password_in_a_wrong_address_is_not_repeated(name: str, value: Any) -> None:
    with pytest.raises(ConfigError, match="Allowed: ") as refused:
        Settings.from_mapping({f"MFA_GATE_{name}": value})
    assert "hunter2" not in str(refused.value)


def test_a_sign_in_endpoint_may_have_a_hyphen() -> None:
    assert Settings.from_mapping({"MFA_GATE_LOGIN_URL": "my-auth.login"}).login_url == "my-auth.login"


def test_secrets_stay_out_of_the_representation() -> None:
    key = generate_key()
    shown = repr(
        Settings.from_mapping({"MFA_GATE_KEYS": [key], "MFA_GATE_DATABASE_URI": "postgresql://gate:hunter2@db/gate"})
    )
    assert "hunter2" not in shown
    assert repr(urlsafe_b64decode(key)) not in shown


@pytest.mark.parametrize("uri", [("postgresql://gate:hunter2@db/gate",), b"postgresql://gate:hunter2@db/gate"])
def test_an_address_of_the_wrong_type_is_refused_and_its_password_not_repeated(uri: object) -> None:
    """A comma at the end of the line makes a tuple of the address."""
    with pytest.raises(ConfigError, match="MFA_GATE_DATABASE_URI is not valid") as refused:
        Settings.from_mapping({"MFA_GATE_DATABASE_URI": uri})
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("keys", [{"hunter2": 1}, b"hunter2", "hunter2", ["hunter2"], ("hunter2",), [b"hunter2"]])
def test_nothing_that_was_meant_as_a_key_is_repeated(keys: object) -> None:
    with pytest.raises(ConfigError, match="MFA_GATE_KEYS") as refused:
        Settings.from_mapping({"MFA_GATE_KEYS": keys})
    assert "hunter2" not in f"{refused.value}{refused.value.given!r}"


@pytest.mark.parametrize(
    "address", ["https://x.example:99999", "https://x.example:port", "https://x.example?", "https://x.example#"]
)
def test_an_address_that_makes_broken_links_is_refused(address: str) -> None:
    with pytest.raises(ConfigError, match="MFA_GATE_BASE_URL"):
        Settings.from_mapping({"MFA_GATE_BASE_URL": address})


@pytest.mark.parametrize(
    "link", ["javascript:alert(1)", "data:text/html,x", " https://x.example", "//x.example", "/\\x.example", "x.example", ""]
)  # fmt: skip
def test_a_link_for_help_leads_to_a_page_or_to_a_mail(link: str) -> None:
    with pytest.raises(ConfigError, match="MFA_GATE_HELP_LINK"):
        Settings.from_mapping({"MFA_GATE_HELP_LINK": link})


@pytest.mark.parametrize("prefix", ["/.", "/..", "/mfa/../x", "/mfa/."])
def test_a_prefix_that_browsers_would_resolve_is_refused(prefix: str) -> None:
    with pytest.raises(ConfigError, match="MFA_GATE_URL_PREFIX"):
        Settings.from_mapping({"MFA_GATE_URL_PREFIX": prefix})


NAMES = sorted(f"{PREFIX}{item.name.upper()}" for item in fields(Settings))
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12) | st.binary(max_size=12) | st.timedeltas(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)  # fmt: skip


@given(st.sampled_from(NAMES), ANYTHING)
def test_any_value_is_taken_or_refused_by_name(name: str, value: Any) -> None:
    # Of the two lifetimes one alone may contradict the default of the other.
    lifetimes = {"MFA_GATE_SESSION_IDLE", "MFA_GATE_SESSION_MAX_AGE"}
    named = refused_key({name: value})
    assert named is None or named.startswith(name) or {named, name} <= lifetimes


def refused_key(config: dict[str, Any]) -> str | None:
    try:
        Settings.from_mapping(config)
    except ConfigError as refused:
        return refused.key
    return None


@given(st.sampled_from(sorted(set(NAMES) - {"MFA_GATE_CHALLENGE_UNREQUIRED", "MFA_GATE_OIDC"})), st.booleans())
def test_true_and_false_are_no_numbers_and_no_texts(name: str, value: bool) -> None:
    with pytest.raises(ConfigError):
        Settings.from_mapping({name: value})


@given(
    st.sampled_from(["KEYS", "EXEMPT_ENDPOINTS", "SIGN_OUT_ENDPOINTS", "TOKEN_HEADERS", "MAIL_DISABLED"]),
    st.text(),
)
def test_a_bare_text_is_no_list(name: str, text: str) -> None:
    with pytest.raises(ConfigError, match=name):
        Settings.from_mapping({f"{PREFIX}{name}": text})


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("slip", ["drop", "swap", "double"])
def test_a_slip_of_the_finger_names_the_key_that_was_meant(name: str, slip: str) -> None:
    at = len(name) - 2
    typed = {
        "drop": name[:at] + name[at + 1 :],
        "swap": name[:at] + name[at + 1] + name[at],
        "double": name[:at] + name[at] + name[at:],
    }[slip]
    if typed in NAMES:
        return
    with pytest.raises(ConfigError) as refused:
        Settings.from_mapping({typed: 1})
    assert refused.value.nearest == name


def test_a_name_like_no_other_has_no_nearest() -> None:
    with pytest.raises(ConfigError, match="is not a setting") as refused:
        Settings.from_mapping({"MFA_GATE_" + "Z" * 60: 1})
    assert refused.value.nearest is None


LIFETIMES = st.timedeltas(timedelta(seconds=1), timedelta(days=36_500))


@given(LIFETIMES, LIFETIMES)
def test_idle_is_never_longer_than_the_whole_life(idle: timedelta, most: timedelta) -> None:
    config = {"MFA_GATE_SESSION_IDLE": idle, "MFA_GATE_SESSION_MAX_AGE": most}
    if idle <= most:
        assert Settings.from_mapping(config).session_idle == idle
    else:
        with pytest.raises(ConfigError, match="longer than"):
            Settings.from_mapping(config)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ENROLLMENT_DAYS", 1), ("ENROLLMENT_DAYS", 365), ("TOTP_DIGITS", 8), ("TOTP_PERIOD", 60), ("TOTP_WINDOW", 0),
        ("TOTP_WINDOW", 2), ("PENDING_MINUTES", 1), ("PENDING_MINUTES", 60), ("LAPSED", "confined"), ("TOKENS", "exempt"),
        ("DECIDE", "last"), ("ISSUER", "x" * 60), ("ISSUER", ""), ("PROMPT_INTERVAL", timedelta(0)),
        ("SESSION_IDLE", timedelta(microseconds=1)), ("TABLE_PREFIX", "a" * 31), ("URL_PREFIX", "/a/b.c~d"),
        ("LOGIN_URL", "/"), ("LOGIN_URL", "auth.login"), ("CHALLENGE_UNREQUIRED", False), ("BASE_URL", "http://[::1]:5000"),
    ],
)  # fmt: skip
def test_what_is_just_inside_is_kept(name: str, value: Any) -> None:
    assert getattr(Settings.from_mapping({f"MFA_GATE_{name}": value}), name.lower()) == value


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
    assert ("- Unit: " in entry) == item.metadata["kind"].startswith("int")

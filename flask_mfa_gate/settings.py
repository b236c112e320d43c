"""Every ``MFA_GATE_*`` key: type, default, unit, check and meaning. Read once, when the app starts."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import timedelta
from types import MappingProxyType
from typing import Any

from . import checks
from .checks import Check
from .clock import Clock, utc_now
from .errors import ConfigError

PREFIX = "MFA_GATE_"
_APP_DEFAULT: Mapping[str, str] = MappingProxyType({"app": "user-setting"})


def _key(default: Any, check: Check, meaning: str) -> Any:
    return field(default=default, metadata={"check": check, "meaning": meaning})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All settings of one app."""

    keys: tuple[bytes, ...] = field(
        default=(),
        repr=False,
        metadata={
            "check": checks.keys,
            "meaning": "Keys that seal secrets at rest, newest first. `flask mfa generate-key` makes one.",
        },
    )
    issuer: str = _key(
        "", checks.issuer, "Name of the app in authenticator apps and on the pages. Empty: the name of the Flask app."
    )
    base_url: str | None = _key(
        None, checks.base_url, "Public address of the app, for links in mails. Never taken from a request."
    )
    database_uri: str | None = _key(
        None, checks.optional_text, "Where the gate's tables live. None: beside the host's database."
    )
    table_prefix: str = _key("mfa_gate_", checks.table_prefix, "Start of every table name; the prefix is the tenant.")
    url_prefix: str = _key("/mfa", checks.url_prefix, "Where the pages of the end user are.")
    cookie_name: str = _key(
        "mfa_gate", checks.cookie_name, "Name of the gate's cookie; with TLS it gets `__Host-` in front."
    )
    enrollment_days: int = _key(7, checks.whole_number(1, 365), "Days of an enrollment period when none are given.")
    prompt_interval: timedelta = _key(
        timedelta(0),
        checks.duration(zero=True),
        'How long "Set up later" holds for other sign-ins too; never past the last day.',
    )
    lapsed: str = _key(
        "locked",
        checks.word("locked", "confined"),
        "What a lapsed period does: locks the account, or forces enrollment.",
    )
    challenge_unrequired: bool = _key(
        True, checks.flag, "Ask enrolled users for a code even where MFA is not required of them."
    )
    default_access: Mapping[str, str] = field(
        default_factory=lambda: _APP_DEFAULT,
        metadata={"check": checks.default_access, "meaning": "Default access by resource; a bare text means `app`."},
    )
    session_idle: timedelta = _key(timedelta(hours=1), checks.duration(), "How long a proof lives without a request.")
    session_max_age: timedelta = _key(timedelta(hours=12), checks.duration(), "How long a proof lives at most.")
    pending_minutes: int = _key(10, checks.whole_number(1, 60), "Minutes that a sign-in waits for its second factor.")
    totp_digits: int = _key(6, checks.one_of(6, 8), "Digits of a code. Many authenticator apps only know 6.")
    totp_period: int = _key(30, checks.one_of(30, 60), "Seconds of a time step. Many authenticator apps only know 30.")
    totp_window: int = _key(1, checks.whole_number(0, 2), "Time steps accepted before and after the current one.")
    exempt_endpoints: tuple[str, ...] = _key(
        (), checks.texts, "Endpoints that are not stopped; they see no unproven identity."
    )
    sign_out_endpoints: tuple[str, ...] | None = _key(
        None, checks.optional_texts, "Endpoints that sign out. None: names ending in logout, signout, sign_out."
    )
    login_url: str | None = _key(
        None,
        checks.login_url,
        "Path or endpoint of the host's sign-in page. None: as Flask-Login was told, else `/login`.",
    )
    decide: str = _key(
        "first", checks.word("first", "last"), "Decide before the host's hooks, or directly before the view."
    )
    tokens: str = _key(
        "refuse",
        checks.word("refuse", "exempt"),
        "Token requests meet the same demands as sessions, or none but a deny and a switched-off account.",
    )
    token_headers: tuple[str, ...] = _key((), checks.texts, "Headers beside Authorization that mark a token request.")
    mail_sender: str | None = _key(
        None, checks.optional_text, "Sender of the gate's mails. None: the default of Flask-Mail."
    )
    mail_disabled: tuple[str, ...] = _key((), checks.mail_kinds, "Kinds of mail that are not sent.")
    clock: Clock = _key(utc_now, checks.clock, "Gives the time as an aware UTC datetime.")

    @classmethod
    def from_mapping(cls, config: Mapping[str, Any]) -> Settings:
        """Read and check every key with the prefix.

        :raises ConfigError: for an unknown key, a wrong type, a value out of range or an impossible mix.
        """
        given = {name: value for name, value in config.items() if name.startswith(PREFIX)}
        known = {f"{PREFIX}{item.name.upper()}": item for item in fields(cls)}
        _refuse_unknown(given, known)
        values = {known[name].name: known[name].metadata["check"](name, value) for name, value in given.items()}
        settings = cls(**values)
        _refuse_impossible(settings)
        return settings


def _refuse_unknown(given: Mapping[str, Any], known: Mapping[str, Any]) -> None:
    for name in given:
        if name not in known:
            nearest = difflib.get_close_matches(name, known, n=1)
            raise ConfigError(name, "is not a setting of the gate", nearest=nearest[0] if nearest else None)


def _refuse_impossible(settings: Settings) -> None:
    if settings.session_idle > settings.session_max_age:
        raise ConfigError(
            f"{PREFIX}SESSION_IDLE", "is longer than MFA_GATE_SESSION_MAX_AGE",
            given=settings.session_idle, allowed=f"at most {settings.session_max_age}",
        )  # fmt: skip

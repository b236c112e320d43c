"""Every ``MFA_GATE_*`` key: type, default, unit, check and meaning. Read once, when the app starts."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import timedelta
from types import MappingProxyType
from typing import Any

from ..clock import Clock, utc_now
from ..domain.factors.totp import DIGITS, PERIODS
from ..errors import ConfigError
from . import checks
from .events import EventSettings
from .setting import setting

PREFIX = "MFA_GATE_"
_APP_DEFAULT: Mapping[str, str] = MappingProxyType({"app": "user-setting"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(EventSettings):
    """All settings of one app."""

    keys: tuple[bytes, ...] = setting(
        (),
        "list of str",
        checks.keys,
        "Keys that seal secrets at rest, newest first. `flask mfa generate-key` makes one.",
        secret=True,
    )
    issuer: str = setting(
        "",
        "str",
        checks.issuer,
        "Name of the app in authenticator apps and on the pages. Empty: the name of the Flask app.",
    )
    help_link: str | None = setting(
        None,
        "str or None",
        checks.help_link,
        "Where people get help, shown on every page of the gate: a web page, `mailto:` address or path of the app.",
    )
    database_uri: str | None = setting(
        None,
        "str or None",
        checks.database_uri,
        "Where the gate's tables live. None: beside the host's database.",
        secret=True,  # it may carry a password
    )
    engine_options: Mapping[str, Any] = setting(
        MappingProxyType({}),
        "dict of str",
        checks.engine_options,
        "Options of SQLAlchemy's `create_engine` for the gate's connections, on top of those of the app's database.",
        secret=True,
    )
    table_prefix: str = setting(
        "mfa_gate_", "str", checks.table_prefix, "Start of every table name; the prefix is the tenant."
    )
    app_id: str | None = setting(
        None,
        "str or None",
        checks.optional_text,
        "Names the app to the gate's tables, which serve no other. None: the app's name and that of its database.",
    )
    url_prefix: str = setting("/mfa", "str", checks.url_prefix, "Where the pages of the end user are.")
    admin_url_prefix: str = setting("/admin/mfa", "str", checks.url_prefix, "Where the admin console is.")
    cookie_name: str = setting(
        "mfa_gate",
        "str",
        checks.cookie_name,
        "Name of the gate's cookie; with TLS it gets `__Host-` in front, or `__Secure-` where "
        "`SESSION_COOKIE_DOMAIN` lets the app's session go over subdomains.",
    )
    enrollment_days: int = setting(
        7, "int", checks.whole_number(1, 365), "Days of an enrollment period when none are given.", unit="days"
    )
    factors: tuple[str, ...] = setting(
        ("totp",),
        "list of str",
        checks.factor_kinds,
        "Factors that users may hold. One that is left out counts nowhere. Only `totp` can be set up today.",
    )
    reminders: tuple[timedelta, ...] = setting(
        (timedelta(hours=24),),
        "timedelta, or list of timedelta",
        checks.durations,
        "How long before the end of a period its reminders go out. Empty: none.",
    )
    prompt_interval: timedelta = setting(
        timedelta(0),
        "timedelta",
        checks.duration(zero=True),
        'How long "Set up later" holds for other sign-ins too; never past the last day.',
    )
    lapsed: str = setting(
        "locked",
        "str",
        checks.word("locked", "confined"),
        "What a lapsed period does: locks the account, or forces enrollment.",
    )
    lockout_scope: str = setting(
        "app",
        "str",
        checks.word("app", "protected"),
        "How far a lapse locks: the account, or wherever a demand is met by no other factor of the user.",
    )
    period_satisfied_by: tuple[str, ...] = setting(
        ("totp",), "list of str", checks.factor_kinds, "Factors whose setup ends an enrollment period."
    )
    first_enrollment: str = setting(
        "sign-in",
        "str",
        checks.word("sign-in", "pass"),
        "What setting up a first factor takes: a sign-in of the last 15 minutes, or an access pass.",
    )
    admin_enrollment: str = setting(
        "pass",
        "str",
        checks.word("sign-in", "pass"),
        "The same for people with a role: an admin's password must not be enough to use their rights.",
    )
    challenge_unrequired: bool = setting(
        True, "bool", checks.flag, "Ask enrolled users for a code even where MFA is not required of them."
    )
    default_access: Mapping[str, str] = setting(
        _APP_DEFAULT,
        "dict of str to str, or str",
        checks.default_access,
        "Default access by resource; a plain string means `app`.",
    )
    session_idle: timedelta = setting(
        timedelta(hours=1), "timedelta", checks.duration(), "How long a proof lives without a request."
    )
    session_max_age: timedelta = setting(
        timedelta(hours=12), "timedelta", checks.duration(), "How long a proof lives at most."
    )
    pending_minutes: int = setting(
        10, "int", checks.whole_number(1, 60), "Minutes that a sign-in waits for its second factor.", unit="minutes"
    )
    totp_digits: int = setting(
        6,
        "int",
        checks.one_of(*DIGITS),
        "Digits of a code, for keys set up from now on. Many authenticator apps only know 6.",
        unit="digits",
    )
    totp_period: int = setting(
        30,
        "int",
        checks.one_of(*PERIODS),
        "Seconds of a time step, for keys set up from now on. Many authenticator apps only know 30.",
        unit="seconds",
    )
    totp_window: int = setting(
        1,
        "int",
        checks.whole_number(0, 2),
        "Time steps accepted before and after the current one.",
        unit="time steps",
    )
    exempt_endpoints: tuple[str, ...] = setting(
        (), "list of str", checks.texts, "Endpoints that are not stopped; they see no unproven identity."
    )
    sign_out_endpoints: tuple[str, ...] | None = setting(
        None,
        "list of str, or None",
        checks.optional_texts,
        "Endpoints that sign out. None: names ending in logout, signout, sign_out.",
    )
    login_url: str | None = setting(
        None,
        "str or None",
        checks.login_url,
        "Path or endpoint of the host's sign-in page. None: as Flask-Login was told, else `/login`.",
    )
    decide: str = setting(
        "first",
        "str",
        checks.word("first", "last"),
        "Decide before the host's hooks, or directly before the view.",
    )
    tokens: str = setting(
        "refuse",
        "str",
        checks.word("refuse", "owner-enrolled", "exempt"),
        "What token requests have to prove: as much as a session; the same, where tokens registered with "
        "`gate.mark_token` stand for what their owner proved; or nothing, so that only a deny, a lapse and a disabled "
        "account stop them.",
    )
    token_headers: tuple[str, ...] = setting(
        (), "list of str", checks.header_names, "Headers beside Authorization that mark a token request."
    )
    trusted_proxies: tuple[str, ...] = setting(
        (),
        "list of str",
        checks.networks,
        "Addresses of the proxies in front of the app. An `allow` on a network that holds one is warned of.",
    )
    flood_limit: int | None = setting(
        300,
        "int or None",
        checks.whole_number(1, 1_000_000, or_none=True),
        "Sign-ins and forms of users who have not passed a factor, per address and minute; more are answered with 429. "
        "IPv6 addresses count by their /64. None: no limit.",
        unit="requests a minute",
    )
    flood_storage: str | None = setting(
        None,
        "str or None",
        checks.optional_text,
        "Redis server that counts them for all processes, e.g. `redis://localhost:6379/0`. None: each process counts "
        "by itself, as it does while that server is down.",
        secret=True,  # it may carry a password
    )
    break_glass: tuple[str, ...] = setting(
        (),
        "list of str",
        checks.texts,
        "User keys of emergency accounts: outside of policies and lapse, their own factor always asked.",
    )
    geoip_database: str | None = setting(
        None, "str or None", checks.optional_text, "Path of a GeoIP database (MaxMind DB), for countries and travel."
    )
    mail_sender: str | None = setting(
        None, "str or None", checks.optional_text, "Sender of the gate's emails. None: the default of Flask-Mail."
    )
    mail_disabled: tuple[str, ...] = setting((), "list of str", checks.mail_kinds, "Kinds of email that are not sent.")
    audit_retention_days: int | None = setting(
        400,
        "int or None",
        checks.whole_number(0, 36_500, or_none=True),
        "Age at which `run-due` removes sealed records of the audit log. None or 0: kept for ever.",
        unit="days",
    )
    clock: Clock = setting(utc_now, "callable", checks.clock, "Gives the time as an aware UTC datetime.")

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
        settings.require_issuer()
        settings.require_distinct_destinations()
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
    if settings.admin_url_prefix == settings.url_prefix:
        raise ConfigError(
            f"{PREFIX}ADMIN_URL_PREFIX", "is the same as MFA_GATE_URL_PREFIX", given=settings.admin_url_prefix,
            allowed="another path, such as /admin/mfa",
        )  # fmt: skip
    if not set(settings.factors) & set(settings.period_satisfied_by):
        raise ConfigError(
            f"{PREFIX}FACTORS", "has no factor of MFA_GATE_PERIOD_SATISFIED_BY, so no period could ever be satisfied",
            given=list(settings.factors), allowed=f"at least one of {', '.join(settings.period_satisfied_by)}",
        )  # fmt: skip

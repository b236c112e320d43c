"""Checks of single settings: each takes the full key and the configured value, and gives the value to keep.

Each carries ``allowed``, the words of the reference page for what may stand there.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

from ..crypto import decode_key
from ..domain.policy.addresses import is_half_the_internet, merged, read_entry, span_of
from ..domain.records.mail_kind import ALWAYS_SENT, MailKind
from ..domain.sign_in.assurance import FactorKind
from ..errors import ConfigError, PolicyError

Check = Callable[[str, Any], Any]
_SILENCEABLE = tuple(kind.value for kind in MailKind if kind not in ALWAYS_SENT)
# Counted back from any year that a clock may show, it stays within the calendar.
_LONGEST = timedelta(days=36_500)
_APP_WORDS = ("user-setting", "allow", "require", "deny")
_RESOURCE_WORDS = ("allow", "require", "deny")


def allowing(words: str, *, secret: bool = False) -> Callable[[Check], Check]:
    """Attach what is allowed, and turn a refusal of the value into the error that names it, and shows no secret."""

    def decorate(check: Check) -> Check:
        def checked(key: str, value: Any) -> Any:
            try:
                return check(key, value)
            except ValueError:
                raise ConfigError(key, "is not valid", given=None if secret else value, allowed=words) from None

        checked.allowed = words  # type: ignore[attr-defined]
        return checked

    return decorate


def demand(holds: object) -> None:
    """Refuse the value unless this holds."""
    if not holds:
        raise ValueError


def whole_number(least: int, most: int, *, or_none: bool = False) -> Check:
    """An integer in a range; True and False are none."""

    @allowing(f"a whole number from {least} to {most}{' or None' if or_none else ''}")
    def check(key: str, value: Any) -> int | None:
        demand((or_none and value is None) or (type(value) is int and least <= value <= most))
        return None if value is None else int(value)

    return check


def one_of(*numbers: int) -> Check:
    """One of a few integers."""

    @allowing(" or ".join(str(number) for number in numbers))
    def check(key: str, value: Any) -> int:
        demand(type(value) is int and value in numbers)
        return int(value)

    return check


def word(*words: str) -> Check:
    """One of a few words."""

    @allowing(", ".join(repr(one) for one in words))
    def check(key: str, value: Any) -> str:
        if isinstance(value, str) and value not in words:
            nearest = difflib.get_close_matches(value, words, n=1)
            raise ConfigError(
                key, "is not a known word", given=value, allowed=", ".join(words),
                nearest=nearest[0] if nearest else None,
            )  # fmt: skip
        demand(isinstance(value, str))
        return str(value)

    return check


def duration(*, zero: bool = False) -> Check:
    """A timedelta."""

    least = "zero or more" if zero else "more than zero"

    @allowing(f"a datetime.timedelta, e.g. timedelta(minutes=30), {least}, at most {_LONGEST.days:,} days")
    def check(key: str, value: Any) -> timedelta:
        demand(isinstance(value, timedelta) and timedelta(0) <= value <= _LONGEST and (zero or value))
        assert isinstance(value, timedelta)  # noqa: S101 - for the type checker
        return value

    return check


@allowing("a datetime.timedelta of more than zero, or a list of them")
def durations(key: str, value: Any) -> tuple[timedelta, ...]:
    """One or several, the longest first."""
    many = list(value) if isinstance(value, list | tuple | set | frozenset) else [value]
    demand(all(isinstance(one, timedelta) and one > timedelta(0) for one in many))
    return tuple(sorted(set(many), reverse=True))


@allowing("True or False")
def flag(key: str, value: Any) -> bool:
    """A boolean."""
    demand(isinstance(value, bool))
    return bool(value)


@allowing("a string or None")
def optional_text(key: str, value: Any) -> str | None:
    """A text, or nothing."""
    demand(value is None or (isinstance(value, str) and value))
    return None if value is None else str(value)


@allowing("an address of a database (as SQLAlchemy takes it), or None", secret=True)
def database_uri(key: str, value: Any) -> str | None:
    """It may carry a password."""
    demand(value is None or (isinstance(value, str) and value))
    return None if value is None else str(value)


@allowing("a mapping of options of SQLAlchemy's create_engine, without url, pool and isolation_level", secret=True)
def engine_options(key: str, value: Any) -> Mapping[str, Any]:
    """The address has a setting of its own, and the isolation level is the gate's own affair."""
    demand(isinstance(value, Mapping) and {"url", "pool", "isolation_level"}.isdisjoint(value))
    return MappingProxyType(dict(value))


@allowing("a list or tuple of strings")
def texts(key: str, value: Any) -> tuple[str, ...]:
    """Several texts; a bare one would be read letter by letter."""
    demand(isinstance(value, list | tuple | set | frozenset) and all(isinstance(one, str) and one for one in value))
    return tuple(value)


@allowing("a list or tuple of strings, or None")
def optional_texts(key: str, value: Any) -> tuple[str, ...] | None:
    """Several texts, or nothing."""
    checked: tuple[str, ...] | None = None if value is None else texts(key, value)
    return checked


def keys(key: str, value: Any) -> tuple[bytes, ...]:
    """Keys of 32 bytes; a wrong one is not repeated in the error."""
    if not isinstance(value, list | tuple):
        raise ConfigError(key, "is not a list of keys", allowed=keys.allowed)  # type: ignore[attr-defined]
    return tuple(_read_key(key, place, one) for place, one in enumerate(value))


keys.allowed = "a list of keys from `flask mfa generate-key`, newest first"  # type: ignore[attr-defined]


def _read_key(key: str, place: int, text: Any) -> bytes:
    try:
        return decode_key(text if isinstance(text, str) else "")
    except ValueError as error:
        raise ConfigError(f"{key}[{place}]", f"is {error}", allowed="url-safe base64 of 32 bytes") from None


@allowing("a string of at most 60 printable characters without a colon")
def issuer(key: str, value: Any) -> str:
    """Authenticator apps split label and issuer at a colon."""
    demand(isinstance(value, str) and len(value) <= 60 and value.isprintable() and ":" not in value)
    return str(value)


@allowing("an http or https address without user and query, e.g. https://app.example.org, or None", secret=True)
def base_url(key: str, value: Any) -> str | None:
    """An absolute address, kept without a slash at the end."""
    if value is None:
        return None
    demand(isinstance(value, str))
    parts = urlsplit(value)
    demand(parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0)
    demand(re.fullmatch(r"[^\s?#\\]+", value) and value.isprintable() and parts.username is None)
    return str(value).rstrip("/")


@allowing("an https, http or mailto address, a path that starts with one slash, or None")
def help_link(key: str, value: Any) -> str | None:
    """A link for people who are stuck."""
    # SECURITY: it is shown on the gate's own pages, where any other scheme could run script.
    demand(value is None or (isinstance(value, str) and re.fullmatch(r"(https?://|mailto:|/(?![/\\]))[!-~]+", value)))
    return None if value is None else str(value)


@allowing("lower-case letters, digits and underscores, at most 31, a letter first")
def table_prefix(key: str, value: Any) -> str:
    """A prefix that every server takes unquoted."""
    demand(isinstance(value, str) and re.fullmatch(r"[a-z][a-z0-9_]{0,30}", value))
    return str(value)


@allowing("a path such as /mfa, without a slash at the end")
def url_prefix(key: str, value: Any) -> str:
    """A path below the root."""
    demand(isinstance(value, str) and re.fullmatch(r"(/(?!\.{1,2}(/|$))[A-Za-z0-9._~-]+)+", value))
    return str(value)


@allowing("a cookie name (RFC 6265) without `__Host-`, which the gate adds itself")
def cookie_name(key: str, value: Any) -> str:
    """A token."""
    demand(isinstance(value, str) and re.fullmatch(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}", value))
    demand(not value.lower().startswith("__"))
    return str(value)


@allowing("a path that starts with one slash, an endpoint name, or None")
def login_url(key: str, value: Any) -> str | None:
    """Where the host signs users in."""
    demand(value is None or (isinstance(value, str) and re.fullmatch(r"/(?![/\\])[!-~]*|[A-Za-z_][\w.-]*", value)))
    return None if value is None else str(value)


@allowing("a list or tuple of header names, e.g. X-Api-Key")
def header_names(key: str, value: Any) -> tuple[str, ...]:
    """One that is no name (RFC 9110 section 5.1) would never be found in a request."""
    names: tuple[str, ...] = texts(key, value)
    demand(all(re.fullmatch(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", name) for name in names))
    return names


def default_access(key: str, value: Any) -> Mapping[str, str]:
    """A word for each resource; the app always has one, the console always requires."""
    chosen = {"app": value} if isinstance(value, str) else value
    if not isinstance(chosen, Mapping) or not all(isinstance(name, str) and name for name in chosen):
        raise ConfigError(key, "is not valid", given=value, allowed=default_access.allowed)  # type: ignore[attr-defined]
    words = {"app": _APP_WORDS, "mfa-admin": ("require",)}
    checked = {name: word(*words.get(name, _RESOURCE_WORDS))(f"{key}[{name!r}]", one) for name, one in chosen.items()}
    return MappingProxyType({"app": "user-setting", **checked})


default_access.allowed = (  # type: ignore[attr-defined]
    "a word for `app` (user-setting, allow, require, deny), "
    "or a mapping from resource to word (others: allow, require, deny)"
)


def mail_kinds(key: str, value: Any) -> tuple[str, ...]:
    """Kinds of mail that may be disabled."""
    chosen: tuple[str, ...] = texts(key, value)
    return tuple(_silenceable(key, one) for one in chosen)


mail_kinds.allowed = f"a list of kinds: {', '.join(_SILENCEABLE)}"  # type: ignore[attr-defined]


def _silenceable(key: str, kind: str) -> str:
    # SECURITY: anyone who weakens an account must not do so without its owner being told.
    if kind in ALWAYS_SENT:
        raise ConfigError(key, "names an email that can't be disabled", given=kind, allowed=", ".join(_SILENCEABLE))
    return str(word(*_SILENCEABLE)(key, kind))


def factor_kinds(key: str, value: Any) -> tuple[str, ...]:
    """Kinds of factor, at least one."""
    chosen: tuple[str, ...] = texts(key, value)
    if not chosen:
        raise ConfigError(key, "names no factor", allowed=factor_kinds.allowed)  # type: ignore[attr-defined]
    return tuple(word(*FactorKind)(key, one) for one in chosen)


@allowing("a list of addresses, CIDR blocks and ranges, and not the whole internet")
def networks(key: str, value: Any) -> tuple[str, ...]:
    """Addresses in canonical spelling."""
    try:
        entries = tuple(read_entry(one, key) for one in texts(key, value))
    except PolicyError:
        raise ValueError from None
    # SECURITY: who takes everybody for a proxy believes whatever address a client says of itself, and who allows every
    # network to be reached has allowed none in particular.
    demand(not is_half_the_internet(merged(map(span_of, entries))))
    return entries


factor_kinds.allowed = "a list of one or more of totp, webauthn"  # type: ignore[attr-defined]


@allowing("a callable without arguments")
def clock(key: str, value: Any) -> Any:
    """Called for every decision."""
    demand(callable(value))
    return value

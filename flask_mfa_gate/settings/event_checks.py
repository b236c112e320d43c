"""Checks of the servers that are told of events. A secret, and the path of an address, is not repeated in an error."""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import SplitResult, urlsplit

from ..domain.records.destination import LONGEST_NAME, EventFormat, SyslogServer, Transport, Webhook
from ..domain.records.event_name import EventName
from ..errors import ConfigError
from .checks import allowing, demand, texts, word

SECRET_PREFIX = "whsec_"  # noqa: S105 - how every secret begins
# Standard Webhooks, "Signature scheme": 24 to 64 bytes.
SHORTEST_SECRET, LONGEST_SECRET = 24, 64
FACILITIES = {"auth": 4, "authpriv": 10, "audit": 13, **{f"local{number}": 16 + number for number in range(8)}}
_PORTS = {Transport.UDP: 514, Transport.TCP: 514, Transport.TLS: 6514}
_COMMON = frozenset({"url", "events", "format", "name"})
Kind = TypeVar("Kind")


@allowing("a list of mappings with url (https), secrets (whsec_…), and optionally events, format, name", secret=True)
def webhooks(key: str, value: Any) -> tuple[Webhook, ...]:
    """Each with what signs for it."""
    return _each(key, value, _webhook)


@allowing("a list of mappings with url (udp://, tcp:// or tls://), and optionally events, format, facility, name")
def syslog(key: str, value: Any) -> tuple[SyslogServer, ...]:
    """Each with its transport."""
    return _each(key, value, _syslog_server)


def _each(key: str, value: Any, read: Callable[[str, Mapping[str, Any]], Kind]) -> tuple[Kind, ...]:
    demand(isinstance(value, list | tuple) and all(isinstance(one, Mapping) for one in value))
    return tuple(read(f"{key}[{place}]", one) for place, one in enumerate(value))


def _webhook(key: str, given: Mapping[str, Any]) -> Webhook:
    _refuse_unknown(key, given, _COMMON | {"secrets"})
    # SECURITY: without TLS anyone on the way could read who signs in, and keep it back.
    parts = _address(f"{key}['url']", given.get("url"), ("https",), "an https address without user and fragment")
    secrets = _texts(f"{key}['secrets']", given.get("secrets"), least=1)
    return Webhook(
        **_common(key, given, parts),
        url=str(given["url"]),
        secrets=tuple(_secret(f"{key}['secrets'][{place}]", one) for place, one in enumerate(secrets)),
    )


def _syslog_server(key: str, given: Mapping[str, Any]) -> SyslogServer:
    _refuse_unknown(key, given, _COMMON | {"facility"})
    schemes = tuple(Transport)
    parts = _address(
        f"{key}['url']", given.get("url"), schemes, "udp://, tcp:// or tls:// with a name and a port", path=False
    )
    facility = word(*FACILITIES)(f"{key}['facility']", given.get("facility", "authpriv"))
    transport = Transport(parts.scheme)
    return SyslogServer(
        **_common(key, given, parts),
        host=parts.hostname or "",
        port=parts.port or _PORTS[transport],
        transport=transport,
        facility=FACILITIES[facility],
    )


def _common(key: str, given: Mapping[str, Any], parts: SplitResult) -> dict[str, Any]:
    events = _texts(f"{key}['events']", given.get("events", ()))
    return {
        "name": _name(f"{key}['name']", given.get("name", parts.netloc)),
        "events": frozenset(word(*EventName)(f"{key}['events']", one) for one in events),
        "format": EventFormat(word(*EventFormat)(f"{key}['format']", given.get("format", EventFormat.JSON))),
    }


def _refuse_unknown(key: str, given: Mapping[str, Any], known: frozenset[str]) -> None:
    if strange := sorted(str(name) for name in given if name not in known):
        raise ConfigError(key, f"has the unknown word {strange[0]!r}", allowed=", ".join(sorted(known)))


def _texts(key: str, value: Any, *, least: int = 0) -> Sequence[str]:
    try:
        found: Sequence[str] = texts(key, value)
    except ConfigError:
        found = ()
        value = None
    if value is None or len(found) < least:
        raise ConfigError(key, "is not valid", allowed="a list of strings" + (", at least one" if least else ""))
    return found


def _address(key: str, value: Any, schemes: Sequence[str], words: str, *, path: bool = True) -> SplitResult:
    try:
        demand(isinstance(value, str) and re.fullmatch(r"[!-~]+", value) and not set(value) & set("\\#@"))
        parts = urlsplit(str(value))
        demand(parts.scheme in schemes and parts.hostname and parts.port != 0)
        # A label that is empty or too long would only be found when the first event is sent.
        (parts.hostname or "").encode("idna")
        demand(path or not (parts.path.strip("/") or parts.query))
    except ValueError:
        raise ConfigError(key, "is not valid", allowed=words) from None
    return parts


def _name(key: str, value: Any) -> str:
    if not isinstance(value, str) or not value.strip() or len(value) > LONGEST_NAME or not value.isprintable():
        raise ConfigError(key, "is not valid", allowed=f"1 to {LONGEST_NAME} printable characters")
    return value


def _secret(key: str, text: str) -> bytes:
    try:
        demand(text.startswith(SECRET_PREFIX))
        secret = b64decode(text.removeprefix(SECRET_PREFIX), validate=True)
        # SECURITY: a short key could be guessed from one signature.
        demand(SHORTEST_SECRET <= len(secret) <= LONGEST_SECRET)
    except ValueError:
        raise ConfigError(key, "is not valid", allowed="a secret from `flask mfa events new-secret`") from None
    return secret

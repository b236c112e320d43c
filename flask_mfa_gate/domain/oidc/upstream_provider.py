"""A provider that signs users in here, as it is configured."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from ..sign_in.assurance import ACR_MULTI
from .client import OPENID, AuthMethod
from .registration import is_loopback

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?")
_SECRET_METHODS = (AuthMethod.BASIC, AuthMethod.POST)
_LONGEST_AGE = timedelta(days=366)


class BadUpstream(ValueError):
    """What is said of a provider can't be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamProvider:
    """One provider.

    :param name: in the address that its users come back to.
    :param label: as users know it.
    :param acr_values: what a stronger proof is called there, asked for and believed.
    :param max_age: how long ago its users may have authenticated there; None for any time.
    """

    name: str
    issuer: str
    client_id: str
    client_secret: str | None = field(default=None, repr=False)
    token_endpoint_auth_method: AuthMethod = AuthMethod.BASIC
    label: str = ""
    scope: str = f"{OPENID} profile email"
    acr_values: tuple[str, ...] = (ACR_MULTI,)
    max_age: timedelta | None = None

    @property
    def configuration_url(self) -> str:
        """Where it describes itself (OpenID Connect Discovery 1.0 section 4)."""
        return f"{self.issuer.rstrip('/')}/.well-known/openid-configuration"

    def may_name(self, url: object) -> bool:
        """Whether its configuration may name this address."""
        # SECURITY: one from elsewhere must not have requests sent to what listens on this machine.
        return is_safe_address(url) and (self.issuer.startswith("http:") or str(url).startswith("https:"))


def read_upstream_provider(name: object, words: object) -> UpstreamProvider:
    """A provider from its words.

    :raises BadUpstream: for one that is unknown, missing or wrong.
    """
    _demand(isinstance(name, str) and _NAME.fullmatch(name), "needs a name of a-z, 0-9 and -, for its address")
    _demand(isinstance(words, Mapping), "has to be a mapping")
    given = dict(words)  # type: ignore[call-overload]
    unknown = sorted(str(word) for word in given if word not in _READERS)
    _demand(not unknown, f"has a word that is not known: {', '.join(unknown)}")
    missing = [word for word in ("issuer", "client_id") if word not in given]
    _demand(not missing, f"lacks {' and '.join(missing)}")
    read = {word: _READERS[word](word, value) for word, value in given.items()}
    secret = read.get("client_secret")
    method = read.setdefault("token_endpoint_auth_method", AuthMethod.BASIC if secret else AuthMethod.NONE)
    _demand((method in _SECRET_METHODS) == bool(secret), f"has a client_secret that does not fit {method.value}")
    return UpstreamProvider(name=str(name), **{"label": str(name), **read})


def is_safe_address(url: object) -> bool:
    """Whether nobody can listen in on it."""
    if not isinstance(url, str) or not url.isascii() or not url.isprintable() or " " in url:
        return False
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return False
    return bool(host) and (parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host)))


def _demand(holds: object, problem: str) -> None:
    if not holds:
        raise BadUpstream(problem)


def _text(word: str, value: object) -> str:
    _demand(isinstance(value, str) and value.strip() == value and value and value.isprintable(), f"has a wrong {word}")
    return str(value)


def _issuer(word: str, value: object) -> str:
    # SECURITY: an eavesdropper on the keys or the tokens of a provider could sign anybody in.
    _demand(is_safe_address(value), "has an issuer that is no https address; http only for localhost")
    _demand("?" not in str(value) and "#" not in str(value), "has an issuer with a query or a fragment")
    return str(value)


def _scope(word: str, value: object) -> str:
    scope = _text(word, value)
    _demand(OPENID in scope.split(), f"has a scope without {OPENID}")
    return scope


def _method(word: str, value: object) -> AuthMethod:
    known = [*_SECRET_METHODS, AuthMethod.NONE]
    _demand(isinstance(value, str) and value in known, f"has another {word} than {', '.join(known)}")
    return AuthMethod(str(value))


def _texts(word: str, value: object) -> tuple[str, ...]:
    _demand(isinstance(value, list | tuple) and value, f"has {word} that are no list")
    return tuple(_text(word, one) for one in value)  # type: ignore[attr-defined]


def _age(word: str, value: object) -> timedelta | None:
    _demand(
        value is None or (isinstance(value, timedelta) and timedelta(0) < value <= _LONGEST_AGE),
        f"has a {word} that is no timedelta",
    )
    return value  # type: ignore[return-value]


_READERS: Mapping[str, Any] = {
    "issuer": _issuer, "client_id": _text, "client_secret": _text, "token_endpoint_auth_method": _method,
    "label": _text, "scope": _scope, "acr_values": _texts, "max_age": _age,
}  # fmt: skip

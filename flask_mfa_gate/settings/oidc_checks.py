"""Checks of the settings of the OpenID provider."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Any

from ..domain.oidc.registration import BadClient, read_client
from ..domain.oidc.strength import DEFAULT_ACR
from ..domain.oidc.upstream_provider import BadUpstream, UpstreamProvider, read_upstream_provider
from ..domain.sign_in.upstream import Trust
from ..errors import ConfigError
from .checks import allowing, demand

_LONGEST_CODE = timedelta(minutes=10)


@allowing("a list of mappings with client_id, redirect_uris and the other words of RFC 7591", secret=True)
def clients(key: str, value: Any) -> tuple[Mapping[str, Any], ...]:
    """Clients, of which each is read here once, so that a fault is told at the start."""
    demand(isinstance(value, list | tuple) and all(isinstance(one, Mapping) for one in value))
    names = [one.get("client_id") for one in value]
    for place, one in enumerate(value):
        try:
            read_client({word: said for word, said in one.items() if word != "client_secret"})
        except BadClient as error:
            raise ConfigError(f"{key}[{place}]", str(error).rstrip(".")) from None
        if names.index(one["client_id"]) != place:
            raise ConfigError(f"{key}[{place}]", "has the client_id of another", given=one["client_id"])
    return tuple(MappingProxyType(dict(one)) for one in value)


@allowing(f"a datetime.timedelta of more than zero, at most {_LONGEST_CODE.seconds // 60} minutes")
def code_lifetime(key: str, value: Any) -> timedelta:
    """A code is traded at once (RFC 6749 section 4.1.2)."""
    demand(isinstance(value, timedelta) and timedelta(0) < value <= _LONGEST_CODE)
    assert isinstance(value, timedelta)  # noqa: S101 - for the type checker
    return value


@allowing("a mapping from names to mappings with issuer and client_id", secret=True)
def upstreams(key: str, value: Any) -> Mapping[str, UpstreamProvider]:
    """Providers, of which each is read here once, so that a fault is told at the start."""
    demand(isinstance(value, Mapping))
    found = {}
    for name, words in value.items():
        try:
            found[name] = read_upstream_provider(name, words)
        except BadUpstream as error:
            raise ConfigError(f"{key}[{name!r}]", str(error)) from None
    issuers = [one.issuer for one in found.values()]
    demand(len(set(issuers)) == len(issuers))
    return MappingProxyType(found)


@allowing(f"a mapping from issuers to {', '.join(repr(word.value) for word in Trust)}")
def trust_amr(key: str, value: Any) -> Mapping[str, str]:
    """A word for each issuer, which is compared as it stands."""
    demand(isinstance(value, Mapping) and all(isinstance(one, str) and one for one in value))
    demand(all(isinstance(one, str) and one in set(Trust) for one in value.values()))
    return MappingProxyType(dict(value))


@allowing(f"a mapping from {', '.join(repr(word) for word in DEFAULT_ACR)} to three different strings without spaces")
def acr(key: str, value: Any) -> Mapping[str, str]:
    """A value for each strength; one that is left out keeps its default."""
    demand(isinstance(value, Mapping) and set(value) <= set(DEFAULT_ACR))
    words = {**DEFAULT_ACR, **value}
    demand(
        all(
            isinstance(one, str) and one.isascii() and one.isprintable() and one.split() == [one]
            for one in words.values()
        )
    )
    # SECURITY: with one name for two strengths a client could not tell the weaker from the stronger.
    demand(len(set(words.values())) == len(words))
    return MappingProxyType(words)

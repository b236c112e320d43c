"""How a client says who it is, before Authlib tries it: in one way, and in one that can be read."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Mapping
from typing import TYPE_CHECKING

from flask import Response, request

from ..client import origin_of
from .pages import Call, json_reply

if TYPE_CHECKING:
    from ...oidc.provider.server import Provider


def require_one_way(parameters: Mapping[str, str]) -> str | None:
    """The error of a client that authenticates in two ways, or in one that can't be read; None for all others."""
    header = request.headers.get("Authorization")
    ways = [header is not None, "client_secret" in parameters, "client_assertion" in parameters]
    # SECURITY: of two ways the weaker one would count (RFC 6749 section 2.3).
    if sum(ways) > 1:
        return "invalid_request"
    if header is None:
        return None
    named = _basic_name(header)
    if named is None or parameters.get("client_id", named) != named:
        return "invalid_client"
    return None


def _basic_name(header: str) -> str | None:
    scheme, _, encoded = header.partition(" ")
    try:
        name, colon, secret = b64decode(encoded.strip(), validate=True).decode().partition(":")
    except ValueError:
        return None
    return name if scheme.lower() == "basic" and colon and secret else None


def refused_client(call: Call, error: str) -> Response:
    """Without saying what was wrong."""
    is_unknown = error == "invalid_client"
    if is_unknown:
        note_failure(call)
    response = json_reply({"error": error}, 401 if is_unknown else 400)
    if is_unknown:
        response.headers["WWW-Authenticate"] = f'Basic realm="{call.oidc.issuer}"'
    return response


def claimed_client(provider: Provider, parameters: Mapping[str, str]) -> str:
    """Who the client says it is, before it has proved it; empty where that is no client of this provider."""
    header = request.headers.get("Authorization")
    named = parameters.get("client_id") if header is None else _basic_name(header)
    return named if named and provider.query_client(named) is not None else ""


def require_few_failures(call: Call, claimed: str) -> None:
    """Nothing is tried for a client at an address that has sent too many wrong secrets of that client.

    :raises Throttled: for such a one.
    """
    # SECURITY: secrets in the configuration may be weaker than those that are made here. By address and client, so
    # that wrong ones from elsewhere, or of another client behind the same proxy, lock no client out.
    if (refusal := call.oidc.failures.refusal(origin_of(request).address, about=claimed)) is not None:
        raise refusal


def note_failure(call: Call, claimed: str = "") -> None:
    """A client was not who it said."""
    call.oidc.failures.excess(origin_of(request).address, about=claimed)

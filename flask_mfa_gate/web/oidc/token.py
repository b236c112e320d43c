"""Where clients fetch tokens, and what they tell of their user."""

from __future__ import annotations

from typing import Any

from flask import Response, request

from ...domain.oidc.client import OPENID
from .client_authentication import claimed_client, refused_client, require_one_way
from .pages import Call, OidcRoute, json_reply, sent_parameters
from .provider import provider_of, reply_of, sound_parameters


def token(call: Call) -> Response:
    """Trade a code or a refresh token (RFC 6749 section 3.2)."""
    parameters = sound_parameters(sent_parameters())
    provider = provider_of(call)
    if (refusal := require_one_way(parameters)) is not None:
        return refused_client(call, refusal)
    asked = provider.request("POST", request.path, parameters, request.headers)
    return reply_of(call, claimed_client(provider, parameters), lambda: provider.create_token_response(asked))


def revoke(call: Call) -> Response:
    """End a token (RFC 7009)."""
    return _about_token(call, "revocation")


def introspect(call: Call) -> Response:
    """Tell a client of a token of its own (RFC 7662)."""
    return _about_token(call, "introspection")


def _about_token(call: Call, endpoint: str) -> Response:
    parameters = sound_parameters(sent_parameters())
    provider = provider_of(call)
    if (refusal := require_one_way(parameters)) is not None:
        return refused_client(call, refusal)
    asked = provider.request("POST", request.path, parameters, request.headers)
    claimed = claimed_client(provider, parameters)
    return reply_of(call, claimed, lambda: provider.create_endpoint_response(endpoint, asked))


def userinfo(call: Call) -> Response:
    """What the scopes of an access token tell of its user (OpenID Connect Core 1.0 section 5.3)."""
    scheme, _, sent = request.headers.get("Authorization", "").partition(" ")
    # SECURITY: never in the address or the body, where logs and other pages see it (RFC 9700 section 4.3.2).
    if scheme.lower() != "bearer" or not sent.strip():
        return _unauthorized("Bearer")
    found = call.oidc.access_tokens.find(sent.strip())
    access = None if found is None else call.oidc.access_tokens.read(found)
    if access is None:
        return _unauthorized('Bearer error="invalid_token"')
    if OPENID not in access.scopes:
        return _unauthorized('Bearer error="insufficient_scope", scope="openid"', 403)
    claims = call.oidc.claims.claims(access.subject, access.client, access.scopes)
    return json_reply({**claims, "sub": access.subject.person.key})


def _unauthorized(challenge: str, status: int = 401) -> Response:
    body: dict[str, Any] = {}
    if "error" in challenge:
        body = {"error": challenge.partition('error="')[2].partition('"')[0]}
    response = json_reply(body, status)
    response.headers["WWW-Authenticate"] = challenge
    return response


ROUTES = [
    OidcRoute(
        rule="/revoke", name="revoke", view=revoke, methods=("POST", "OPTIONS"), is_for_programs=True, cors=("POST",)
    ),
    OidcRoute(rule="/introspect", name="introspect", view=introspect, methods=("POST",), is_for_programs=True),
    OidcRoute(
        rule="/token", name="token", view=token, methods=("POST", "OPTIONS"), is_for_programs=True, cors=("POST",)
    ),
    OidcRoute(
        rule="/userinfo", name="userinfo", view=userinfo, methods=("GET", "POST", "OPTIONS"), is_for_programs=True,
        cors=("GET", "POST"),
    ),
]  # fmt: skip

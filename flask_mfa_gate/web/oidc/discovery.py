"""What clients find out by themselves: the provider's metadata and its keys."""

from __future__ import annotations

from typing import Any

from flask import Response, jsonify, request

from ...domain.oidc.client import SCOPES, AuthMethod, SigningAlgorithm
from ...domain.oidc.signing_key import PUBLISHED_FOR
from ..endpoints import DISCOVERY
from ..responses.host_names import own_url
from ..translation import languages
from .pages import Call, OidcRoute

_CLAIMS = (
    "iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "sid", "name", "locale", "zoneinfo", "email",
    "groups",
)  # fmt: skip
_ENDPOINTS = {
    "authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "jwks",
    "userinfo_endpoint": "userinfo", "revocation_endpoint": "revoke", "introspection_endpoint": "introspect",
    "end_session_endpoint": "end_session",
}  # fmt: skip


def configuration(call: Call) -> Response:
    """OpenID Connect Discovery 1.0 section 3, with what RFC 8414, RFC 9207 and RFC 7636 add."""
    return _cached(metadata(call))


def metadata(call: Call) -> dict[str, Any]:
    """All of it. What could be left out is said, where leaving it out means more than there is."""
    issuer, methods = call.oidc.issuer, [method.value for method in AuthMethod]
    return {
        "issuer": issuer,
        **{word: f"{issuer}{_path_of(name)}" for word, name in _ENDPOINTS.items()},
        "scopes_supported": list(SCOPES),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": [algorithm.value for algorithm in SigningAlgorithm],
        "token_endpoint_auth_methods_supported": methods,
        "token_endpoint_auth_signing_alg_values_supported": ["RS256", "ES256"],
        "revocation_endpoint_auth_methods_supported": methods,
        "introspection_endpoint_auth_methods_supported": [one for one in methods if one != AuthMethod.NONE],
        "backchannel_logout_supported": True,
        "backchannel_logout_session_supported": True,
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": True,
        "ui_locales_supported": list(languages()),
        "acr_values_supported": call.oidc.acr.all,
        "claims_supported": list(_CLAIMS),
        "claim_types_supported": ["normal"],
        "claims_parameter_supported": True,
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,
        "require_request_uri_registration": False,
        "prompt_values_supported": ["none", "login", "consent", "select_account"],
    }


def _path_of(name: str) -> str:
    """Below the issuer, which holds the app's mount point."""
    # SECURITY: caches keep this answer for everybody, and a proxy may let anyone say where the app is mounted.
    return own_url(f"mfa_gate_oidc.{name}").removeprefix(request.script_root)


def jwks(call: Call) -> Response:
    """The public keys."""
    return _cached({"keys": call.oidc.signing_keys.published()})


def _cached(body: dict[str, Any]) -> Response:
    """For as long as a new key is shown before it signs."""
    response = jsonify(body)
    response.headers["Cache-Control"] = f"public, max-age={int(PUBLISHED_FOR.total_seconds()) // 2}"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


ROUTES = [
    OidcRoute(
        rule=DISCOVERY, name="configuration", view=configuration, methods=("GET", "OPTIONS"),
        is_for_programs=True, cors=("GET",), is_at_root=True,
    ),
    OidcRoute(
        rule="/jwks", name="jwks", view=jwks, methods=("GET", "OPTIONS"), is_for_programs=True, cors=("GET",)
    ),
]  # fmt: skip

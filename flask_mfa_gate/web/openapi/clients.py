"""The console's pages about clients of the OpenID provider."""

from __future__ import annotations

from ...domain.oidc.client import AuthMethod, GrantType, SigningAlgorithm
from ...domain.oidc.registration import WORDS
from ..admin.clients.listing import TABLE
from ..admin.clients.words import OVERLAPS
from .operation import CSV, Operation, Operations, list_answer
from .schema import FLAG, FREE, MOMENT, NUMBER, TEXT, Schema, fields_of, joined, listed, maybe, row_of, table, words

UNTOLD = frozenset({"backchannel_logout_session_required", "application_type"})
_ROW: dict[str, Schema] = {
    "client_id": TEXT, "client_name": TEXT, "is_enabled": FLAG, "source": words(["configuration", "database"]),
    "token_endpoint_auth_method": words(AuthMethod), "redirect_uris": listed(TEXT), "secrets": NUMBER, "users": NUMBER,
    "changed_at": maybe(MOMENT),
}  # fmt: skip
_METADATA: dict[str, Schema] = {
    **dict.fromkeys(WORDS, TEXT), "redirect_uris": listed(TEXT), "post_logout_redirect_uris": listed(TEXT),
    "token_endpoint_auth_method": words(AuthMethod), "grant_types": listed(words(GrantType)),
    "response_types": listed(words(["code"])), "id_token_signed_response_alg": words(SigningAlgorithm), "jwks": FREE,
    "default_max_age": NUMBER, "backchannel_logout_session_required": FLAG, "skip_consent": FLAG,
}  # fmt: skip


def operations() -> Operations:
    """Every operation on clients."""
    client, reason = _client(), fields_of(reason=TEXT)
    with_secret = joined(client, optional=("client_secret",), client_secret=TEXT)
    metadata = joined(fields_of(**_METADATA), optional=("reason",), reason=TEXT)
    changed = joined(metadata, optional=("version",), version=TEXT)
    return {
        "GET clients": Operation(answer=list_answer(row_of(TABLE.columns, _ROW)), files=(CSV,)),
        "POST clients_add": Operation(answer=with_secret, status=201, body=metadata),
        "GET client": Operation(answer=client),
        "POST client_save": Operation(answer=with_secret, body=changed),
        "POST client_state": Operation(
            answer=client, body=fields_of(state=words(["enabled", "disabled"]), reason=TEXT)
        ),
        "POST client_secret_add": Operation(
            answer=joined(client, client_secret=TEXT), status=201, body=fields_of(overlap=words(OVERLAPS), reason=TEXT)
        ),
        "POST client_secret_revoke": Operation(answer=client, body=fields_of(secret=TEXT, reason=TEXT)),
        "POST client_revoke": Operation(answer=table(revoked=NUMBER), body=reason),
        "POST client_remove": Operation(answer=table(), body=reason),
    }


def _client() -> Schema:
    """What :func:`~flask_mfa_gate.services.oidc.client_overview.overview_json` tells of one."""
    secret = table(id=TEXT, created_at=MOMENT, ends_at=maybe(MOMENT))
    told = {word: schema for word, schema in _METADATA.items() if word not in UNTOLD}
    optional = ("jwks", "default_max_age", "client_uri", "backchannel_logout_uri")
    around: dict[str, Schema] = {
        "is_enabled": FLAG, "source": _ROW["source"], "users": NUMBER, "secrets": listed(secret), "version": TEXT,
    }  # fmt: skip
    return table({**told, **around}, optional=optional)

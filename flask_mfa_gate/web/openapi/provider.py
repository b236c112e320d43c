"""What programs send to the OpenID provider, and are told."""

from __future__ import annotations

from ...domain.oidc.client import SCOPES, GrantType
from .operation import Operation, Operations
from .schema import FLAG, FREE, NUMBER, TEXT, Schema, fields_of, listed, table, words

PROGRAMS = {
    "client_id": TEXT, "client_secret": TEXT, "client_assertion": TEXT,
    "client_assertion_type": {"const": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
}  # fmt: skip


def operations() -> Operations:
    """Every operation of the provider where no browser brings a person (RFC 6749, 7009, 7662, OpenID Connect)."""
    about = fields_of(token=TEXT, token_type_hint=TEXT, **PROGRAMS)
    trade = fields_of(
        grant_type=words(GrantType), code=TEXT, redirect_uri=TEXT, code_verifier=TEXT, refresh_token=TEXT, scope=TEXT,
        **PROGRAMS,
    )  # fmt: skip
    userinfo = Operation(answer=table(_CLAIMS, optional=_CLAIMS.keys(), is_open=True, sub=TEXT))
    return {
        "GET configuration": Operation(answer=table(is_open=True, issuer=TEXT, scopes_supported=listed(words(SCOPES)))),
        "GET jwks": Operation(answer=table(keys=listed(FREE))),
        "POST token": Operation(answer=_tokens(), body=trade, is_form=True),
        "POST revoke": Operation(answer=FREE, body=about, is_form=True),
        "POST introspect": Operation(answer=_introspection(), body=about, is_form=True),
        "GET userinfo": userinfo,
        "POST userinfo": userinfo,
    }


_CLAIMS: dict[str, Schema] = {
    "name": TEXT, "zoneinfo": TEXT, "locale": TEXT, "email": TEXT, "groups": listed(TEXT),
}  # fmt: skip


def _tokens() -> Schema:
    return table(
        optional=("refresh_token", "id_token"), access_token=TEXT, token_type={"const": "Bearer"}, expires_in=NUMBER,
        scope=TEXT, refresh_token=TEXT, id_token=TEXT,
    )  # fmt: skip


def _introspection() -> Schema:
    known: dict[str, Schema] = {
        "client_id": TEXT, "sub": TEXT, "scope": TEXT, "iss": TEXT, "iat": NUMBER, "exp": NUMBER, "acr": TEXT,
        "auth_time": NUMBER, "token_type": TEXT,
    }  # fmt: skip
    return table(known, optional=known.keys(), active=FLAG)

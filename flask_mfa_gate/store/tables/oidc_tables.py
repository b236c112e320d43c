"""Tables of the OpenID provider: its clients, what users granted them, its signing keys."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, Boolean, Column, Index, Integer, LargeBinary, MetaData, Table, Text

from .account_tables import user_key
from .types import UTCDateTime, exact

CLIENT_ID_LENGTH = 64


def client_id(*, primary_key: bool = False) -> Column[str]:
    """The column that says which client a row is about."""
    return Column("client_id", exact(CLIENT_ID_LENGTH), nullable=False, primary_key=primary_key)


def oidc_client(metadata: MetaData, prefix: str) -> Table:
    """Relying parties; ``words`` are their metadata (RFC 7591)."""
    return Table(
        f"{prefix}oidc_client",
        metadata,
        client_id(primary_key=True),
        Column("words", JSON, nullable=False),
        Column("is_enabled", Boolean, nullable=False),
        Column("created_at", UTCDateTime, nullable=False),
        Column("changed_at", UTCDateTime, nullable=False),
    )


def oidc_client_secret(metadata: MetaData, prefix: str) -> Table:
    """Their secrets, as SHA-256 of 256 random bits. Two may overlap; those that were taken back stay as a record."""
    return Table(
        f"{prefix}oidc_client_secret",
        metadata,
        Column("id", exact(32), primary_key=True),
        client_id(),
        Column("digest", exact(64), nullable=False),
        Column("created_at", UTCDateTime, nullable=False),
        Column("ends_at", UTCDateTime),
        Column("revoked_at", UTCDateTime),
        Index(f"ix_{prefix}oidc_client_secret_client_id", "client_id"),
    )


def oidc_grant(metadata: MetaData, prefix: str) -> Table:
    """What a user granted to a client: the family of all tokens that come of one code.

    ``notify_at`` is when the client has to be told that the sign-in is over; None once it was, or need not be.
    """
    return Table(
        f"{prefix}oidc_grant",
        metadata,
        Column("id", exact(32), primary_key=True),
        client_id(),
        user_key(),
        Column("lineage", exact(32), nullable=False),
        Column("scope", Text, nullable=False),
        Column("nonce", Text),
        Column("redirect_uri", Text, nullable=False),
        Column("acr", Text, nullable=False),
        Column("amr", JSON, nullable=False),
        Column("sign_in", exact(16), nullable=False),
        Column("signed_in_at", UTCDateTime, nullable=False),
        Column("proofs", JSON, nullable=False),
        Column("upstream", JSON(none_as_null=True)),
        Column("facts", JSON, nullable=False),
        *_end_of_grant(),
        Index(f"ix_{prefix}oidc_grant_code_digest", "code_digest", unique=True),
        Index(f"ix_{prefix}oidc_grant_user_key", "user_key", "client_id"),
        Index(f"ix_{prefix}oidc_grant_client_id", "client_id"),
        Index(f"ix_{prefix}oidc_grant_lineage", "lineage"),
        Index(f"ix_{prefix}oidc_grant_ends_at", "ends_at"),
        Index(f"ix_{prefix}oidc_grant_notify_at", "notify_at"),
    )


def _end_of_grant() -> list[Column[Any]]:
    """Its code, and when what is over."""
    return [
        Column("code_digest", exact(64), nullable=False),
        Column("code_challenge", exact(64), nullable=False),
        Column("code_ends_at", UTCDateTime, nullable=False),
        Column("code_used_at", UTCDateTime),
        Column("is_offline", Boolean, nullable=False),
        Column("revocations", Integer, nullable=False),
        Column("stamp", exact(64)),
        Column("created_at", UTCDateTime, nullable=False),
        Column("ends_at", UTCDateTime, nullable=False),
        Column("revoked_at", UTCDateTime),
        Column("notify_at", UTCDateTime),
        Column("notify_attempts", Integer, nullable=False, default=0),
        Column("notify_claimed_until", UTCDateTime),
    ]


def oidc_token(metadata: MetaData, prefix: str) -> Table:
    """Access and refresh tokens, as SHA-256. Used ones stay until they end, so that a second use is known."""
    return Table(
        f"{prefix}oidc_token",
        metadata,
        Column("digest", exact(64), primary_key=True),
        Column("grant_id", exact(32), nullable=False),
        Column("kind", exact(8), nullable=False),
        Column("scope", Text, nullable=False),
        Column("created_at", UTCDateTime, nullable=False),
        Column("ends_at", UTCDateTime, nullable=False),
        Column("used_at", UTCDateTime),
        Index(f"ix_{prefix}oidc_token_grant_id", "grant_id"),
        Index(f"ix_{prefix}oidc_token_ends_at", "ends_at"),
    )


def oidc_signing_key(metadata: MetaData, prefix: str) -> Table:
    """Keys that sign ID tokens, the private half sealed. Two processes never make the same generation."""
    return Table(
        f"{prefix}oidc_signing_key",
        metadata,
        Column("kid", exact(64), primary_key=True),
        Column("algorithm", exact(8), nullable=False),
        Column("generation", Integer, nullable=False),
        Column("public", JSON, nullable=False),
        Column("sealed", LargeBinary(8192)),
        Column("created_at", UTCDateTime, nullable=False),
        Column("signs_from", UTCDateTime, nullable=False),
        Column("retired_at", UTCDateTime),
        Index(f"ix_{prefix}oidc_signing_key_generation", "algorithm", "generation", unique=True),
    )


def oidc_consent(metadata: MetaData, prefix: str) -> Table:
    """What a user agreed that a client may have."""
    return Table(
        f"{prefix}oidc_consent",
        metadata,
        user_key(primary_key=True),
        client_id(primary_key=True),
        Column("scope", Text, nullable=False),
        Column("given_at", UTCDateTime, nullable=False),
    )


def oidc_request(metadata: MetaData, prefix: str) -> Table:
    """Authorization requests that wait for their user, by the digest of their id; ``browser`` is that of a cookie.

    ``answers`` is what the user has chosen on the way.
    """
    return Table(
        f"{prefix}oidc_request",
        metadata,
        Column("id_digest", exact(64), primary_key=True),
        Column("browser", exact(64), nullable=False),
        client_id(),
        Column("parameters", JSON, nullable=False),
        Column("answers", JSON, nullable=False),
        Column("asked_at", UTCDateTime, nullable=False),
        Index(f"ix_{prefix}oidc_request_asked_at", "asked_at"),
    )


def oidc_assertion(metadata: MetaData, prefix: str) -> Table:
    """Assertions by which clients proved themselves, so that none counts twice."""
    return Table(
        f"{prefix}oidc_assertion",
        metadata,
        Column("digest", exact(64), primary_key=True),
        Column("ends_at", UTCDateTime, nullable=False),
        Index(f"ix_{prefix}oidc_assertion_ends_at", "ends_at"),
    )

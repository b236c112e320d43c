"""The OpenID provider: clients and their secrets, grants and tokens, consents, waiting requests, signing keys."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic.operations import Operations

from flask_mfa_gate.store.tables.types import UTCDateTime, exact

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_OPTIONS: dict[str, Any] = {
    f"{server}_{option}": value
    for server in ("mysql", "mariadb")
    for option, value in (("engine", "InnoDB"), ("charset", "utf8mb4"))
}


def upgrade(op: Operations, prefix: str) -> None:
    """Make them."""
    _clients(op, prefix)
    _grants(op, prefix)
    _tokens(op, prefix)
    _keys(op, prefix)
    _ways(op, prefix)


def _clients(op: Operations, prefix: str) -> None:
    op.create_table(
        f"{prefix}oidc_client",
        sa.Column("client_id", exact(64), primary_key=True),
        sa.Column("words", sa.JSON, nullable=False),
        sa.Column("is_enabled", sa.Boolean, nullable=False),
        sa.Column("created_at", UTCDateTime, nullable=False),
        sa.Column("changed_at", UTCDateTime, nullable=False),
        **_OPTIONS,
    )
    op.create_table(
        f"{prefix}oidc_client_secret",
        sa.Column("id", exact(32), primary_key=True),
        sa.Column("client_id", exact(64), nullable=False),
        sa.Column("digest", exact(64), nullable=False),
        sa.Column("created_at", UTCDateTime, nullable=False),
        sa.Column("ends_at", UTCDateTime),
        sa.Column("revoked_at", UTCDateTime),
        **_OPTIONS,
    )
    op.create_index(f"ix_{prefix}oidc_client_secret_client_id", f"{prefix}oidc_client_secret", ["client_id"])


def _grants(op: Operations, prefix: str) -> None:
    op.create_table(
        f"{prefix}oidc_grant",
        sa.Column("id", exact(32), primary_key=True),
        sa.Column("client_id", exact(64), nullable=False),
        sa.Column("user_key", exact(191), nullable=False),
        sa.Column("lineage", exact(32), nullable=False),
        sa.Column("scope", sa.Text, nullable=False),
        sa.Column("nonce", sa.Text),
        sa.Column("redirect_uri", sa.Text, nullable=False),
        sa.Column("acr", sa.Text, nullable=False),
        sa.Column("amr", sa.JSON, nullable=False),
        sa.Column("sign_in", exact(16), nullable=False),
        sa.Column("signed_in_at", UTCDateTime, nullable=False),
        sa.Column("proofs", sa.JSON, nullable=False),
        sa.Column("facts", sa.JSON, nullable=False),
        sa.Column("code_digest", exact(64), nullable=False),
        sa.Column("code_challenge", exact(64), nullable=False),
        sa.Column("code_ends_at", UTCDateTime, nullable=False),
        sa.Column("code_used_at", UTCDateTime),
        sa.Column("is_offline", sa.Boolean, nullable=False),
        sa.Column("revocations", sa.Integer, nullable=False),
        sa.Column("stamp", exact(64)),
        sa.Column("created_at", UTCDateTime, nullable=False),
        sa.Column("ends_at", UTCDateTime, nullable=False),
        sa.Column("revoked_at", UTCDateTime),
        sa.Column("notify_at", UTCDateTime),
        sa.Column("notify_attempts", sa.Integer, nullable=False),
        sa.Column("notify_claimed_until", UTCDateTime),
        **_OPTIONS,
    )
    op.create_index(f"ix_{prefix}oidc_grant_code_digest", f"{prefix}oidc_grant", ["code_digest"], unique=True)
    op.create_index(f"ix_{prefix}oidc_grant_user_key", f"{prefix}oidc_grant", ["user_key", "client_id"])
    op.create_index(f"ix_{prefix}oidc_grant_client_id", f"{prefix}oidc_grant", ["client_id"])
    op.create_index(f"ix_{prefix}oidc_grant_lineage", f"{prefix}oidc_grant", ["lineage"])
    op.create_index(f"ix_{prefix}oidc_grant_ends_at", f"{prefix}oidc_grant", ["ends_at"])
    op.create_index(f"ix_{prefix}oidc_grant_notify_at", f"{prefix}oidc_grant", ["notify_at"])


def _tokens(op: Operations, prefix: str) -> None:
    op.create_table(
        f"{prefix}oidc_token",
        sa.Column("digest", exact(64), primary_key=True),
        sa.Column("grant_id", exact(32), nullable=False),
        sa.Column("kind", exact(8), nullable=False),
        sa.Column("scope", sa.Text, nullable=False),
        sa.Column("created_at", UTCDateTime, nullable=False),
        sa.Column("ends_at", UTCDateTime, nullable=False),
        sa.Column("used_at", UTCDateTime),
        **_OPTIONS,
    )
    op.create_index(f"ix_{prefix}oidc_token_grant_id", f"{prefix}oidc_token", ["grant_id"])
    op.create_index(f"ix_{prefix}oidc_token_ends_at", f"{prefix}oidc_token", ["ends_at"])
    op.create_table(
        f"{prefix}oidc_consent",
        sa.Column("user_key", exact(191), primary_key=True),
        sa.Column("client_id", exact(64), primary_key=True),
        sa.Column("scope", sa.Text, nullable=False),
        sa.Column("given_at", UTCDateTime, nullable=False),
        **_OPTIONS,
    )


def _keys(op: Operations, prefix: str) -> None:
    op.create_table(
        f"{prefix}oidc_signing_key",
        sa.Column("kid", exact(64), primary_key=True),
        sa.Column("algorithm", exact(8), nullable=False),
        sa.Column("generation", sa.Integer, nullable=False),
        sa.Column("public", sa.JSON, nullable=False),
        sa.Column("sealed", sa.LargeBinary(8192)),
        sa.Column("created_at", UTCDateTime, nullable=False),
        sa.Column("signs_from", UTCDateTime, nullable=False),
        sa.Column("retired_at", UTCDateTime),
        **_OPTIONS,
    )
    op.create_index(
        f"ix_{prefix}oidc_signing_key_generation", f"{prefix}oidc_signing_key", ["algorithm", "generation"], unique=True
    )
    op.create_table(
        f"{prefix}oidc_assertion",
        sa.Column("digest", exact(64), primary_key=True),
        sa.Column("ends_at", UTCDateTime, nullable=False),
        **_OPTIONS,
    )
    op.create_index(f"ix_{prefix}oidc_assertion_ends_at", f"{prefix}oidc_assertion", ["ends_at"])


def _ways(op: Operations, prefix: str) -> None:
    op.create_table(
        f"{prefix}oidc_request",
        sa.Column("id_digest", exact(64), primary_key=True),
        sa.Column("browser", exact(64), nullable=False),
        sa.Column("client_id", exact(64), nullable=False),
        sa.Column("parameters", sa.JSON, nullable=False),
        sa.Column("answers", sa.JSON, nullable=False),
        sa.Column("asked_at", UTCDateTime, nullable=False),
        **_OPTIONS,
    )
    op.create_index(f"ix_{prefix}oidc_request_asked_at", f"{prefix}oidc_request", ["asked_at"])


def downgrade(op: Operations, prefix: str) -> None:
    """Take them away."""
    for name in (
        "request", "assertion", "signing_key", "consent", "token", "grant", "client_secret", "client",
    ):  # fmt: skip
        op.drop_table(f"{prefix}oidc_{name}")

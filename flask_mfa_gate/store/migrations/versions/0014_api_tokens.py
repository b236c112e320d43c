"""Tokens of the host that sessions with a proven factor registered."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic.operations import Operations

from flask_mfa_gate.store.tables.types import UTCDateTime, exact

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_OPTIONS: dict[str, Any] = {
    f"{server}_{option}": value
    for server in ("mysql", "mariadb")
    for option, value in (("engine", "InnoDB"), ("charset", "utf8mb4"))
}


def upgrade(op: Operations, prefix: str) -> None:
    """One row a token."""
    table = f"{prefix}api_token"
    op.create_table(
        table,
        sa.Column("digest", exact(64), primary_key=True),
        sa.Column("id", exact(32), nullable=False),
        sa.Column("user_key", exact(191), nullable=False),
        sa.Column("lineage", exact(32), nullable=False),
        sa.Column("name", exact(64), nullable=False),
        sa.Column("proofs", sa.JSON, nullable=False),
        sa.Column("stamp", exact(64)),
        sa.Column("created_at", UTCDateTime, nullable=False),
        sa.Column("ends_at", UTCDateTime),
        sa.Column("last_used_at", UTCDateTime),
        **_OPTIONS,
    )
    for name in ("user_key", "ends_at"):
        op.create_index(f"ix_{table}_{name}", table, [name])


def downgrade(op: Operations, prefix: str) -> None:
    """Without any."""
    op.drop_table(f"{prefix}api_token")

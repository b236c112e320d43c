"""Several grants a session, each for one act. Earlier ones lived for five minutes, and are asked for again."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic.operations import Operations

from flask_mfa_gate.store.tables.types import UTCDateTime, exact

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_OPTIONS: dict[str, Any] = {
    f"{server}_{option}": value
    for server in ("mysql", "mariadb")
    for option, value in (("engine", "InnoDB"), ("charset", "utf8mb4"))
}


def upgrade(op: Operations, prefix: str) -> None:
    """From columns of the session to rows of their own."""
    op.create_table(
        f"{prefix}grant",
        sa.Column("lineage", exact(32), primary_key=True),
        sa.Column("act", exact(64), primary_key=True),
        sa.Column("expires_at", UTCDateTime, nullable=False),
        **_OPTIONS,
    )
    op.create_index(f"ix_{prefix}grant_expires_at", f"{prefix}grant", ["expires_at"])
    for name in ("grant_endpoint", "grant_method", "grant_expires_at"):
        op.drop_column(f"{prefix}session", name)


def downgrade(op: Operations, prefix: str) -> None:
    """Back to one."""
    op.add_column(f"{prefix}session", sa.Column("grant_endpoint", sa.Text))
    op.add_column(f"{prefix}session", sa.Column("grant_method", exact(16)))
    op.add_column(f"{prefix}session", sa.Column("grant_expires_at", UTCDateTime))
    op.drop_table(f"{prefix}grant")

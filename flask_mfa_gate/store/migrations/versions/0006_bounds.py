"""Who is missing from the directory, what was put on record lately, and mail that was given up."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic.operations import Operations

from flask_mfa_gate.store.tables.types import UTCDateTime, exact

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_OPTIONS: dict[str, Any] = {
    f"{server}_{option}": value
    for server in ("mysql", "mariadb")
    for option, value in (("engine", "InnoDB"), ("charset", "utf8mb4"))
}


def upgrade(op: Operations, prefix: str) -> None:
    """Nobody is missing yet, and nothing was given up."""
    op.add_column(f"{prefix}person", sa.Column("missing_since", UTCDateTime))
    op.add_column(f"{prefix}outbox", sa.Column("given_up_at", UTCDateTime))
    op.create_table(
        f"{prefix}noted",
        sa.Column("user_key", exact(191), primary_key=True),
        sa.Column("kind", exact(64), primary_key=True),
        sa.Column("place", exact(64), primary_key=True),
        sa.Column("at", UTCDateTime, nullable=False),
        sa.Column("value", exact(32)),
        **_OPTIONS,
    )
    op.create_index(f"ix_{prefix}noted_at", f"{prefix}noted", ["at"])


def downgrade(op: Operations, prefix: str) -> None:
    """Take them away."""
    op.drop_table(f"{prefix}noted")
    op.drop_column(f"{prefix}outbox", "given_up_at")
    op.drop_column(f"{prefix}person", "missing_since")

"""Who acts as whom at the moment."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic.operations import Operations

from flask_mfa_gate.store.tables.types import UTCDateTime, exact

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

_OPTIONS: dict[str, Any] = {
    f"{server}_{option}": value
    for server in ("mysql", "mariadb")
    for option, value in (("engine", "InnoDB"), ("charset", "utf8mb4"))
}


def upgrade(op: Operations, prefix: str) -> None:
    """One row a session."""
    table = f"{prefix}impersonation"
    op.create_table(
        table,
        sa.Column("lineage", exact(32), primary_key=True),
        sa.Column("id", exact(32), nullable=False),
        sa.Column("user_key", exact(191), nullable=False),
        sa.Column("subject_key", exact(191), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("began_at", UTCDateTime, nullable=False),
        sa.Column("revocations", sa.Integer, nullable=False),
        sa.Column("stamp", exact(64)),
        sa.Column("sealed", sa.LargeBinary(2**24 - 1), nullable=False),
        **_OPTIONS,
    )
    for name in ("user_key", "subject_key"):
        op.create_index(f"ix_{table}_{name}", table, [name])


def downgrade(op: Operations, prefix: str) -> None:
    """Without any."""
    op.drop_table(f"{prefix}impersonation")

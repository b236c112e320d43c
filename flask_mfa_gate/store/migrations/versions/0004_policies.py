"""Versions of the policies, records of sign-ins, grace and risk."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic.operations import Operations

from flask_mfa_gate.store.tables.types import LONG_TEXT, UTCDateTime, exact

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_OPTIONS: dict[str, Any] = {
    f"{server}_{option}": value
    for server in ("mysql", "mariadb")
    for option, value in (("engine", "InnoDB"), ("charset", "utf8mb4"))
}


def upgrade(op: Operations, prefix: str) -> None:
    """Add them."""
    op.create_table(
        f"{prefix}policy_version",
        sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("document", LONG_TEXT, nullable=False),
        sa.Column("author", exact(196), nullable=False),
        sa.Column("at", UTCDateTime, nullable=False),
        sa.Column("act", exact(40), nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        **_OPTIONS,
    )
    op.create_table(
        f"{prefix}sign_in",
        sa.Column("lineage", exact(32), primary_key=True),
        sa.Column("user_key", exact(191), nullable=False),
        sa.Column("at", UTCDateTime, nullable=False),
        sa.Column("proved_at", UTCDateTime),
        sa.Column("address", exact(64)),
        sa.Column("client", exact(64)),
        sa.Column("facts", sa.JSON, nullable=False),
        sa.Column("verdict", exact(16), nullable=False),
        sa.Column("reason_id", exact(64), nullable=False),
        sa.Column("report", sa.JSON, nullable=False),
        **_OPTIONS,
    )
    op.create_index(f"ix_{prefix}sign_in_user_key", f"{prefix}sign_in", ["user_key", "proved_at"])
    op.create_index(f"ix_{prefix}sign_in_at", f"{prefix}sign_in", ["at"])
    op.add_column(f"{prefix}enrollment", sa.Column("graces", sa.JSON))
    op.add_column(f"{prefix}session", sa.Column("risk", sa.JSON))


def downgrade(op: Operations, prefix: str) -> None:
    """Take them away, policies too."""
    op.drop_column(f"{prefix}session", "risk")
    op.drop_column(f"{prefix}enrollment", "graces")
    op.drop_table(f"{prefix}sign_in")
    op.drop_table(f"{prefix}policy_version")

"""Actions on many users as they were confirmed, with what became of each; indexes for the lists of the audit log."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic.operations import Operations

from flask_mfa_gate.store.tables.types import UTCDateTime, exact

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_OPTIONS: dict[str, Any] = {
    f"{server}_{option}": value
    for server in ("mysql", "mariadb")
    for option, value in (("engine", "InnoDB"), ("charset", "utf8mb4"))
}


def upgrade(op: Operations, prefix: str) -> None:
    """Make them."""
    op.create_table(
        f"{prefix}action_request",
        sa.Column("id", exact(32), primary_key=True),
        sa.Column("actor", exact(196), nullable=False),
        sa.Column("action", exact(32), nullable=False),
        sa.Column("state", exact(16), nullable=False),
        sa.Column("created_at", UTCDateTime, nullable=False),
        sa.Column("claimed_at", UTCDateTime),
        sa.Column("finished_at", UTCDateTime),
        sa.Column("count", sa.Integer, nullable=False),
        sa.Column("options", sa.JSON, nullable=False),
        sa.Column("not_found", sa.JSON, nullable=False),
        **_OPTIONS,
    )
    op.create_index(f"ix_{prefix}action_request_created_at", f"{prefix}action_request", ["created_at"])
    op.create_table(
        f"{prefix}action_item",
        sa.Column("request_id", exact(32), primary_key=True),
        sa.Column("user_key", exact(191), primary_key=True),
        sa.Column("seen", exact(64), nullable=False),
        sa.Column("outcome", exact(16), nullable=False, server_default=""),
        sa.Column("reason", exact(64), nullable=False, server_default=""),
        **_OPTIONS,
    )
    op.create_index(f"ix_{prefix}action_item_outcome", f"{prefix}action_item", ["request_id", "outcome", "user_key"])
    op.create_index(f"ix_{prefix}action_item_user_key", f"{prefix}action_item", ["user_key"])
    op.create_index(f"ix_{prefix}audit_actor", f"{prefix}audit", ["actor", "id"])
    op.create_index(f"ix_{prefix}audit_event", f"{prefix}audit", ["event", "id"])


def downgrade(op: Operations, prefix: str) -> None:
    """Take them away."""
    for name in ("actor", "event"):
        op.drop_index(f"ix_{prefix}audit_{name}", f"{prefix}audit")
    op.drop_table(f"{prefix}action_item")
    op.drop_table(f"{prefix}action_request")

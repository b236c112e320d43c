"""Events on their way to webhooks and syslog servers."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic.operations import Operations

from flask_mfa_gate.store.tables.types import BIG_ID, UTCDateTime, exact

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

_OPTIONS: dict[str, Any] = {
    f"{server}_{option}": value
    for server in ("mysql", "mariadb")
    for option, value in (("engine", "InnoDB"), ("charset", "utf8mb4"))
}


def upgrade(op: Operations, prefix: str) -> None:
    """Make the table."""
    table = f"{prefix}outgoing_event"
    op.create_table(
        table,
        sa.Column("number", BIG_ID, primary_key=True, autoincrement=True),
        sa.Column("id", exact(32), nullable=False),
        sa.Column("destination", exact(64), nullable=False),
        sa.Column("event", exact(40), nullable=False),
        sa.Column("at", UTCDateTime, nullable=False),
        sa.Column("subject", exact(191), nullable=False),
        sa.Column("actor", exact(196), nullable=False),
        sa.Column("facts", sa.JSON, nullable=False),
        sa.Column("state", exact(16), nullable=False),
        sa.Column("since", UTCDateTime, nullable=False),
        sa.Column("due_at", UTCDateTime, nullable=False),
        sa.Column("claimed_until", UTCDateTime),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("problem", sa.Text),
        **_OPTIONS,
    )
    op.create_index(f"ix_{table}_id", table, ["id"], unique=True)
    op.create_index(f"ix_{table}_waiting", table, ["state", "destination", "number"])
    op.create_index(f"ix_{table}_since", table, ["state", "since"])


def downgrade(op: Operations, prefix: str) -> None:
    """Take it away."""
    op.drop_table(f"{prefix}outgoing_event")

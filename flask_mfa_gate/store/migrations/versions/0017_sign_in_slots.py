"""A sign-in in which nothing was proved holds a slot, which the next one from the same place takes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic.operations import Operations

from flask_mfa_gate.store.tables.types import exact

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade(op: Operations, prefix: str) -> None:
    """Make the column. What is there keeps its row."""
    op.add_column(f"{prefix}sign_in", sa.Column("slot", exact(32)))
    op.create_index(f"ux_{prefix}sign_in_slot", f"{prefix}sign_in", ["slot"], unique=True)


def downgrade(op: Operations, prefix: str) -> None:
    """Take it away."""
    op.drop_index(f"ux_{prefix}sign_in_slot", f"{prefix}sign_in")
    op.drop_column(f"{prefix}sign_in", "slot")

"""The audit log becomes a chain."""

from __future__ import annotations

import sqlalchemy as sa
from alembic.operations import Operations

from flask_mfa_gate.store.tables.types import exact

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_COLUMNS = (("number", sa.BigInteger), ("mac", exact(64)), ("personal", exact(64)), ("salt", exact(32)))


def upgrade(op: Operations, prefix: str) -> None:
    """Records that are there are sealed by the next upkeep."""
    for name, kind in _COLUMNS:
        op.add_column(f"{prefix}audit", sa.Column(name, kind))
    op.create_index(f"ix_{prefix}audit_number", f"{prefix}audit", ["number"], unique=True)


def downgrade(op: Operations, prefix: str) -> None:
    """The records stay, their chain goes."""
    op.drop_index(f"ix_{prefix}audit_number", f"{prefix}audit")
    for name, _kind in reversed(_COLUMNS):
        op.drop_column(f"{prefix}audit", name)
    op.execute(f"DELETE FROM {prefix}mark WHERE name = 'audit-head'")  # noqa: S608 - a checked prefix

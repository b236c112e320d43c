"""Totals of each day for charts; who decided what a sign-in was asked for, and indexes for the list of sign-ins."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic.operations import Operations

from flask_mfa_gate.store.tables.types import exact

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_OPTIONS: dict[str, Any] = {
    f"{server}_{option}": value
    for server in ("mysql", "mariadb")
    for option, value in (("engine", "InnoDB"), ("charset", "utf8mb4"))
}


def upgrade(op: Operations, prefix: str) -> None:
    """Make them. The days that are over are counted by the next runs of ``run-due``."""
    op.create_table(
        f"{prefix}adoption_day",
        sa.Column("group_name", exact(191), primary_key=True),
        sa.Column("day", exact(10), primary_key=True),
        sa.Column("people", sa.Integer, nullable=False),
        sa.Column("enrolled", sa.Integer, nullable=False),
        **_OPTIONS,
    )
    op.create_index(f"ix_{prefix}adoption_day_day", f"{prefix}adoption_day", ["day"])
    op.create_table(
        f"{prefix}sign_in_day",
        sa.Column("day", exact(10), primary_key=True),
        sa.Column("outcome", exact(16), primary_key=True),
        sa.Column("count", sa.Integer, nullable=False),
        **_OPTIONS,
    )
    op.add_column(f"{prefix}sign_in", sa.Column("policies", sa.JSON))
    op.add_column(f"{prefix}sign_in", sa.Column("policy_version", sa.Integer))
    op.add_column(f"{prefix}sign_in", sa.Column("default_access", exact(16)))
    op.create_index(f"ix_{prefix}sign_in_verdict", f"{prefix}sign_in", ["verdict", "at"])
    op.create_index(f"ix_{prefix}sign_in_reason_id", f"{prefix}sign_in", ["reason_id", "at"])


def downgrade(op: Operations, prefix: str) -> None:
    """Take them away."""
    for name in ("reason_id", "verdict"):
        op.drop_index(f"ix_{prefix}sign_in_{name}", f"{prefix}sign_in")
    for name in ("default_access", "policy_version", "policies"):
        op.drop_column(f"{prefix}sign_in", name)
    op.drop_table(f"{prefix}sign_in_day")
    op.drop_table(f"{prefix}adoption_day")

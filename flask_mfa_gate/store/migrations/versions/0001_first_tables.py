"""The first tables."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic.operations import Operations

from flask_mfa_gate.store.tables.types import BIG_ID, UTCDateTime, exact

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# Text that is not compared takes the table's character set, and only InnoDB has transactions.
_OPTIONS: dict[str, Any] = {
    f"{server}_{option}": value
    for server in ("mysql", "mariadb")
    for option, value in (("engine", "InnoDB"), ("charset", "utf8mb4"))
}


def upgrade(op: Operations, prefix: str) -> None:
    """Make every table."""
    _enrollment(op, prefix)
    _factor(op, prefix)
    _recovery_code(op, prefix)
    _session(op, prefix)
    _failure(op, prefix)
    _audit(op, prefix)
    _outbox(op, prefix)


def downgrade(op: Operations, prefix: str) -> None:
    """Drop them."""
    for name in ("outbox", "audit", "failure", "session", "recovery_code", "factor", "enrollment"):
        op.drop_table(f"{prefix}{name}")


def _table(op: Operations, name: str, *columns: sa.Column[Any]) -> None:
    op.create_table(name, *columns, **_OPTIONS)


def _enrollment(op: Operations, prefix: str) -> None:
    _table(
        op,
        f"{prefix}enrollment",
        sa.Column("user_key", exact(191), primary_key=True),
        sa.Column("required", sa.Boolean, nullable=False),
        sa.Column("required_by", exact(196)),
        sa.Column("days", sa.Integer),
        sa.Column("started_at", UTCDateTime),
        sa.Column("ends_at", UTCDateTime),
        sa.Column("deferred_at", UTCDateTime),
        sa.Column("lapse_noted_at", UTCDateTime),
    )
    op.create_index(f"ix_{prefix}enrollment_ends_at", f"{prefix}enrollment", ["ends_at"])


def _factor(op: Operations, prefix: str) -> None:
    _table(
        op,
        f"{prefix}factor",
        sa.Column("id", exact(32), primary_key=True),
        sa.Column("user_key", exact(191), nullable=False),
        sa.Column("kind", exact(16), nullable=False),
        sa.Column("name", exact(64), nullable=False),
        sa.Column("secret", sa.LargeBinary(512)),
        sa.Column("lineage", exact(32)),
        sa.Column("last_step", sa.BigInteger),
        sa.Column("created_at", UTCDateTime, nullable=False),
        sa.Column("confirmed_at", UTCDateTime),
        sa.Column("last_used_at", UTCDateTime),
        sa.Column("voided_at", UTCDateTime),
    )
    op.create_index(f"ix_{prefix}factor_user_key", f"{prefix}factor", ["user_key"])


def _recovery_code(op: Operations, prefix: str) -> None:
    _table(
        op,
        f"{prefix}recovery_code",
        sa.Column("id", exact(32), primary_key=True),
        sa.Column("user_key", exact(191), nullable=False),
        sa.Column("digest", exact(64), nullable=False),
        sa.Column("created_at", UTCDateTime, nullable=False),
        sa.Column("used_at", UTCDateTime),
    )
    op.create_index(f"ix_{prefix}recovery_code_user_key", f"{prefix}recovery_code", ["user_key"])


def _session(op: Operations, prefix: str) -> None:
    _table(
        op,
        f"{prefix}session",
        sa.Column("id_digest", exact(64), primary_key=True),
        sa.Column("lineage", exact(32), nullable=False),
        sa.Column("user_key", exact(191), nullable=False),
        sa.Column("sign_in", exact(16), nullable=False),
        sa.Column("signed_in_at", UTCDateTime, nullable=False),
        sa.Column("began_at", UTCDateTime, nullable=False),
        sa.Column("seen_at", UTCDateTime, nullable=False),
        sa.Column("superseded_at", UTCDateTime),
        sa.Column("deferred_at", UTCDateTime),
        sa.Column("proofs", sa.JSON, nullable=False),
        sa.Column("parked", sa.LargeBinary(2**24 - 1)),
        sa.Column("parked_at", UTCDateTime),
        sa.Column("parked_endpoint", sa.Text),
        sa.Column("target", sa.Text),
        sa.Column("step_up", sa.JSON),
        sa.Column("grant_endpoint", sa.Text),
        sa.Column("grant_method", exact(16)),
        sa.Column("grant_expires_at", UTCDateTime),
        sa.Column("host_user_id", sa.Text),
        sa.Column("address", exact(64)),
        sa.Column("user_agent", exact(255)),
    )
    op.create_index(f"ix_{prefix}session_user_key", f"{prefix}session", ["user_key"])
    op.create_index(f"ix_{prefix}session_lineage", f"{prefix}session", ["lineage"])


def _failure(op: Operations, prefix: str) -> None:
    _table(
        op,
        f"{prefix}failure",
        sa.Column("user_key", exact(191), primary_key=True),
        sa.Column("address", exact(64), primary_key=True),
        sa.Column("ordinal", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("at", UTCDateTime, nullable=False),
    )
    op.create_index(f"ix_{prefix}failure_at", f"{prefix}failure", ["at"])


def _audit(op: Operations, prefix: str) -> None:
    _table(
        op,
        f"{prefix}audit",
        sa.Column("id", BIG_ID, primary_key=True, autoincrement=True),
        sa.Column("at", UTCDateTime, nullable=False),
        sa.Column("event", exact(40), nullable=False),
        sa.Column("actor", exact(196), nullable=False),
        sa.Column("subject", exact(191), nullable=False),
        sa.Column("address", exact(64)),
        sa.Column("user_agent", exact(255)),
        sa.Column("reason", sa.Text),
        sa.Column("details", sa.JSON, nullable=False),
    )
    op.create_index(f"ix_{prefix}audit_subject", f"{prefix}audit", ["subject", "id"])


def _outbox(op: Operations, prefix: str) -> None:
    _table(
        op,
        f"{prefix}outbox",
        sa.Column("id", exact(32), primary_key=True),
        sa.Column("kind", exact(32), nullable=False),
        sa.Column("user_key", exact(191), nullable=False),
        sa.Column("recipient", sa.Text, nullable=False),
        sa.Column("facts", sa.JSON, nullable=False),
        sa.Column("created_at", UTCDateTime, nullable=False),
        sa.Column("due_at", UTCDateTime, nullable=False),
        sa.Column("claimed_until", UTCDateTime),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("sent_at", UTCDateTime),
        sa.Column("problem", sa.Text),
    )
    op.create_index(f"ix_{prefix}outbox_due", f"{prefix}outbox", ["sent_at", "due_at"])

"""People, access passes, marks of jobs; when upkeep is due for a user; what a session rests on."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic.operations import Operations

from flask_mfa_gate.store.tables.types import UTCDateTime, exact

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_OPTIONS: dict[str, Any] = {
    f"{server}_{option}": value
    for server in ("mysql", "mariadb")
    for option, value in (("engine", "InnoDB"), ("charset", "utf8mb4"))
}
_SESSION_COLUMNS = (("stamp", exact(64)), ("pass_id", exact(32)), ("ends_at", UTCDateTime))


def upgrade(op: Operations, prefix: str) -> None:
    """Add them. A lapse that is not on record yet becomes one that is due."""
    _people(op, prefix)
    _passes_and_marks(op, prefix)
    enrollment = f"{prefix}enrollment"
    op.add_column(enrollment, sa.Column("due_at", UTCDateTime))
    op.execute(f"UPDATE {enrollment} SET due_at = ends_at WHERE lapse_noted_at IS NULL")  # noqa: S608 - a checked prefix
    op.drop_column(enrollment, "lapse_noted_at")
    op.create_index(f"ix_{enrollment}_due_at", enrollment, ["due_at"])
    for name, kind in _SESSION_COLUMNS:
        op.add_column(f"{prefix}session", sa.Column(name, kind))
    op.create_index(f"ix_{prefix}outbox_user_key", f"{prefix}outbox", ["user_key", "kind", "created_at"])


def downgrade(op: Operations, prefix: str) -> None:
    """Take them away. A lapse that is on record stays so."""
    op.drop_index(f"ix_{prefix}outbox_user_key", f"{prefix}outbox")
    for name, _kind in reversed(_SESSION_COLUMNS):
        op.drop_column(f"{prefix}session", name)
    enrollment = f"{prefix}enrollment"
    op.drop_index(f"ix_{enrollment}_due_at", enrollment)
    op.add_column(enrollment, sa.Column("lapse_noted_at", UTCDateTime))
    op.execute(f"UPDATE {enrollment} SET lapse_noted_at = ends_at WHERE due_at IS NULL")  # noqa: S608
    op.drop_column(enrollment, "due_at")
    for name in ("mark", "access_pass", "person_group", "person"):
        op.drop_table(f"{prefix}{name}")


def _people(op: Operations, prefix: str) -> None:
    op.create_table(
        f"{prefix}person",
        sa.Column("user_key", exact(191), primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("email", sa.Text, nullable=False),
        sa.Column("former_email", sa.Text, nullable=False),
        sa.Column("email_changed_at", UTCDateTime),
        sa.Column("is_active", sa.Boolean, nullable=False),
        sa.Column("role", exact(16)),
        sa.Column("groups", sa.JSON, nullable=False),
        sa.Column("locale", exact(35), nullable=False),
        sa.Column("timezone", exact(64), nullable=False),
        sa.Column("seen_at", UTCDateTime, nullable=False),
        sa.Column("last_sign_in_at", UTCDateTime),
        **_OPTIONS,
    )
    op.create_index(f"ix_{prefix}person_seen_at", f"{prefix}person", ["seen_at"])
    op.create_index(f"ix_{prefix}person_role", f"{prefix}person", ["role"])
    op.create_table(
        f"{prefix}person_group",
        sa.Column("name", exact(191), primary_key=True),
        sa.Column("user_key", exact(191), primary_key=True),
        **_OPTIONS,
    )
    op.create_index(f"ix_{prefix}person_group_user_key", f"{prefix}person_group", ["user_key"])


def _passes_and_marks(op: Operations, prefix: str) -> None:
    op.create_table(
        f"{prefix}access_pass",
        sa.Column("id", exact(32), primary_key=True),
        sa.Column("user_key", exact(191), nullable=False),
        sa.Column("digest", exact(64), nullable=False),
        sa.Column("scope", exact(16), nullable=False),
        sa.Column("one_time", sa.Boolean, nullable=False),
        sa.Column("starts_at", UTCDateTime, nullable=False),
        sa.Column("ends_at", UTCDateTime, nullable=False),
        sa.Column("issued_by", exact(196), nullable=False),
        sa.Column("created_at", UTCDateTime, nullable=False),
        sa.Column("used_at", UTCDateTime),
        sa.Column("voided_at", UTCDateTime),
        **_OPTIONS,
    )
    op.create_index(f"ix_{prefix}access_pass_user_key", f"{prefix}access_pass", ["user_key"])
    op.create_table(
        f"{prefix}mark",
        sa.Column("name", exact(191), primary_key=True),
        sa.Column("at", UTCDateTime, nullable=False),
        sa.Column("value", sa.Text, nullable=False),
        **_OPTIONS,
    )

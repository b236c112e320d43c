"""Sign-ins that were ended stay known, and how often those of a user were revoked."""

from __future__ import annotations

import sqlalchemy as sa
from alembic.operations import Operations

from flask_mfa_gate.store.tables.types import UTCDateTime, exact

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade(op: Operations, prefix: str) -> None:
    """Add them. Sessions that rest on a password that was changed are revoked."""
    session, enrollment = f"{prefix}session", f"{prefix}enrollment"
    op.add_column(session, sa.Column("ended_at", UTCDateTime))
    op.add_column(session, sa.Column("ending", exact(16)))
    op.add_column(enrollment, sa.Column("revocations", sa.Integer))
    op.add_column(enrollment, sa.Column("stamp", exact(64)))
    void = f"SELECT user_key FROM {session} WHERE stamp = 'void'"  # noqa: S608 - a checked prefix
    op.execute(f"UPDATE {enrollment} SET revocations = 1 WHERE user_key IN ({void})")  # noqa: S608
    op.execute(f"UPDATE {session} SET ended_at = seen_at, ending = 'revoked' WHERE stamp = 'void'")  # noqa: S608


def downgrade(op: Operations, prefix: str) -> None:
    """Take them away; what was ended must not come back."""
    session, enrollment = f"{prefix}session", f"{prefix}enrollment"
    op.execute(f"DELETE FROM {session} WHERE ended_at IS NOT NULL")  # noqa: S608
    op.drop_column(enrollment, "stamp")
    op.drop_column(enrollment, "revocations")
    op.drop_column(session, "ending")
    op.drop_column(session, "ended_at")

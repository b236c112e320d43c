"""${message}."""

from __future__ import annotations

from alembic import context, op
import sqlalchemy as sa

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Forward."""
    prefix = context.config.attributes["prefix"]
    ${upgrades if upgrades else "pass"}


def downgrade() -> None:
    """Back."""
    prefix = context.config.attributes["prefix"]
    ${downgrades if downgrades else "pass"}

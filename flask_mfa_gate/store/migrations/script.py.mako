"""${message}."""

from __future__ import annotations

import sqlalchemy as sa
from alembic.operations import Operations

from flask_mfa_gate.store.tables.types import BIG_ID, UTCDateTime, exact

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = None
depends_on = None


def upgrade(op: Operations, prefix: str) -> None:
    """Forward."""


def downgrade(op: Operations, prefix: str) -> None:
    """Back."""

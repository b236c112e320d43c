"""What another provider said of the users whom it signed in."""

from __future__ import annotations

import sqlalchemy as sa
from alembic.operations import Operations

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_TABLES = ("session", "oidc_grant")


def upgrade(op: Operations, prefix: str) -> None:
    """Of sign-ins from before nothing is known."""
    for name in _TABLES:
        op.add_column(f"{prefix}{name}", sa.Column("upstream", sa.JSON))


def downgrade(op: Operations, prefix: str) -> None:
    """Take it away."""
    for name in _TABLES:
        op.drop_column(f"{prefix}{name}", "upstream")

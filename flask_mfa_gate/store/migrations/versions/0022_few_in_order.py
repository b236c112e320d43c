"""An index of deadlines with what the other lists are sorted by, so that a few users are sorted without their rows."""

from __future__ import annotations

import sqlalchemy as sa
from alembic.operations import Operations

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade(op: Operations, prefix: str) -> None:
    """Lists are slower until it is there, and right all the same."""
    name = f"ix_{prefix}person_facets_orders"
    op.create_index(
        name, f"{prefix}person", ["facets", "deadline_sort", "user_key", "name_sort", "signed_in_sort"]
    )  # fmt: skip
    # Where SQLite has looked at the other indexes, it takes one without statistics for the best, and sorts.
    bind = op.get_bind()
    if bind.dialect.name == "sqlite" and sa.inspect(bind).has_table("sqlite_stat1"):
        op.execute(f"ANALYZE {name}")


def downgrade(op: Operations, prefix: str) -> None:
    """Without it."""
    op.drop_index(f"ix_{prefix}person_facets_orders", f"{prefix}person")

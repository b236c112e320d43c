"""The index of deadlines has what the other lists are sorted by, so that a few users are sorted without their rows."""

from __future__ import annotations

import sqlalchemy as sa
from alembic.operations import Operations

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

_OLDER = ["facets", "deadline_sort", "user_key"]


def upgrade(op: Operations, prefix: str) -> None:
    """Lists are slower until it is there, and right all the same."""
    _make(op, prefix, [*_OLDER, "name_sort", "signed_in_sort"])


def downgrade(op: Operations, prefix: str) -> None:
    """As it was."""
    _make(op, prefix, _OLDER)


def _make(op: Operations, prefix: str, columns: list[str]) -> None:
    name = f"ix_{prefix}person_facets_deadline"
    op.drop_index(name, f"{prefix}person")
    op.create_index(name, f"{prefix}person", columns)
    # Where SQLite has looked at the other indexes, it takes one without statistics for the best, and sorts.
    bind = op.get_bind()
    if bind.dialect.name == "sqlite" and sa.inspect(bind).has_table("sqlite_stat1"):
        op.execute(f"ANALYZE {name}")

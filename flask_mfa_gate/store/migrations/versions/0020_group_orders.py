"""Members of a group in every order of a list, and whose wrong codes may be too many."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from alembic.operations import Operations

from flask_mfa_gate.store.tables.types import UTCDateTime, exact

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

_NEVER, _NO_DEADLINE = "1970-01-01 00:00:00.000000", "9999-12-31 00:00:00.000000"
_ORDERS = {"deadline": "deadline_sort", "signed_in": "signed_in_sort"}


def upgrade(op: Operations, prefix: str) -> None:
    """Add the columns, fill them, and index them."""
    group, failure = f"{prefix}person_group", f"{prefix}failure"
    for name, value in (("deadline_sort", _NO_DEADLINE), ("signed_in_sort", _NEVER)):
        op.add_column(group, sa.Column(name, UTCDateTime, nullable=False, server_default=value))
    op.add_column(failure, sa.Column("on_record", sa.Integer, nullable=False, server_default="0"))
    _copy_orders(op, prefix)
    _count_failures(op, prefix)
    for name, column in _ORDERS.items():
        op.create_index(f"ix_{group}_{name}", group, ["name", column, "user_key"])
    op.create_index(f"ix_{failure}_on_record", failure, ["on_record", "user_key"])
    op.drop_index(f"ix_{failure}_at", failure)
    op.create_index(f"ix_{failure}_at", failure, ["at", "user_key"])


def downgrade(op: Operations, prefix: str) -> None:
    """Take them away."""
    group, failure = f"{prefix}person_group", f"{prefix}failure"
    op.drop_index(f"ix_{failure}_at", failure)
    op.create_index(f"ix_{failure}_at", failure, ["at"])
    op.drop_index(f"ix_{failure}_on_record", failure)
    op.drop_column(failure, "on_record")
    for name, column in _ORDERS.items():
        op.drop_index(f"ix_{group}_{name}", group)
        op.drop_column(group, column)


def _copy_orders(op: Operations, prefix: str) -> None:
    """As ``store/people/memberships`` keeps them from here on."""
    person, group = (
        sa.table(
            f"{prefix}{name}", sa.column("user_key", exact(191)),
            *(sa.column(column, UTCDateTime) for column in _ORDERS.values()),
        )
        for name in ("person", "person_group")
    )  # fmt: skip
    mine = person.c.user_key == group.c.user_key
    copied: Mapping[str, Any] = {
        column: sa.func.coalesce(sa.select(person.c[column]).where(mine).scalar_subquery(), group.c[column])
        for column in _ORDERS.values()
    }
    op.execute(sa.update(group).values(copied))


def _count_failures(op: Operations, prefix: str) -> None:
    """Of whom there are a hundred; of everybody else the next wrong code is counted right."""
    failure = sa.table(f"{prefix}failure", sa.column("user_key", exact(191)), sa.column("on_record", sa.Integer))
    key, times = failure.c.user_key, sa.func.count()
    many = op.get_bind().execute(sa.select(key, times).group_by(key).having(times >= 100)).all()
    for user_key, count in many:
        op.execute(sa.update(failure).where(key == user_key).values(on_record=count))

"""References of refusals, and indexes by time for the lists of the audit log."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa
from alembic.operations import Operations

from flask_mfa_gate.domain.authorization.decision import reason_of_policy
from flask_mfa_gate.store.tables.types import exact

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_PAGE = 1000
_LISTS = ("subject", "actor", "event")
_INDEXES = {
    "at": ["at", "id"],
    "subject": ["subject", "at", "id"],
    "actor": ["actor", "at", "id"],
    "event": ["event", "at", "id"],
    "event_actor": ["event", "actor", "at", "id"],
    "reason_id": ["reason_id", "at", "id"],
    "reference": ["reference"],
}


def upgrade(op: Operations, prefix: str) -> None:
    """Refusals from before have no reference; what they were refused for is found all the same."""
    table = f"{prefix}audit"
    op.add_column(f"{prefix}sign_in", sa.Column("reference", exact(16)))
    op.create_index(f"ix_{prefix}sign_in_reference", f"{prefix}sign_in", ["reference"])
    op.add_column(table, sa.Column("reference", exact(16)))
    op.add_column(table, sa.Column("reason_id", exact(64)))
    _fill(op, table)
    for name in _LISTS:
        op.drop_index(f"ix_{table}_{name}", table)
    for name, columns in _INDEXES.items():
        op.create_index(f"ix_{table}_{name}", table, columns)


def downgrade(op: Operations, prefix: str) -> None:
    """Take them away."""
    table = f"{prefix}audit"
    for name in _INDEXES:
        op.drop_index(f"ix_{table}_{name}", table)
    for name in _LISTS:
        op.create_index(f"ix_{table}_{name}", table, [name, "id"])
    for name in ("reason_id", "reference"):
        op.drop_column(table, name)
    op.drop_index(f"ix_{prefix}sign_in_reference", f"{prefix}sign_in")
    op.drop_column(f"{prefix}sign_in", "reference")


def _fill(op: Operations, table: str) -> None:
    """What was refused, and each policy that was changed, in the words that lists go by."""
    audit = sa.table(
        table, sa.column("id", sa.BigInteger), sa.column("event", exact(40)), sa.column("details", sa.types.NullType()),
        sa.column("reason_id", exact(64)),
    )  # fmt: skip
    mine = sa.update(audit).where(audit.c.id == sa.bindparam("of")).values(reason_id=sa.bindparam("why"))
    for event in ("access_denied", "policy_changed", "grace_restarted"):
        for page in _records(op, audit, event):
            said = [{"of": number, "why": why} for number, details in page if (why := _reason(details)) is not None]
            if said:
                op.get_bind().execute(mine, said)


def _records(op: Operations, audit: sa.TableClause, event: str) -> Iterator[Sequence[Any]]:
    after = 0
    chosen = sa.select(audit.c.id, audit.c.details).where(audit.c.event == event, audit.c.id > sa.bindparam("after"))
    while rows := op.get_bind().execute(chosen.order_by(audit.c.id).limit(_PAGE), {"after": after}).all():
        yield rows
        after = rows[-1][0]


def _reason(details: Any) -> str | None:
    """Nothing where somebody edited the record by hand. Only PostgreSQL reads JSON by itself."""
    try:
        details = json.loads(details) if isinstance(details, str | bytes) else details
    except ValueError:
        return None
    if not isinstance(details, dict):
        return None
    policy, reason = details.get("policy"), details.get("reason_id")
    is_network = str(details.get("act", "")).startswith("network")
    if isinstance(policy, str) and policy and not is_network:
        return reason_of_policy(policy)
    return reason[:64] if isinstance(reason, str) and reason else None

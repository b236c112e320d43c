"""Indexes for users without mail in every order, for keys that were shown, and for what happened to one policy."""

from __future__ import annotations

from alembic.operations import Operations

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_PERSON = {
    "facets_name": ["facets", "name_sort", "user_key", "deadline_sort", "key_shown_at"],
    "email_deadline": ["has_email", "deadline_sort", "user_key"],
    "email_signed_in": ["has_email", "signed_in_sort", "user_key"],
}
_OLDER = ["facets", "name_sort", "user_key", "deadline_sort"]


def upgrade(op: Operations, prefix: str) -> None:
    """Make them; lists are slower until they are there, and right all the same."""
    op.drop_index(f"ix_{prefix}person_facets_name", f"{prefix}person")
    for name, columns in _PERSON.items():
        op.create_index(f"ix_{prefix}person_{name}", f"{prefix}person", columns)
    op.create_index(f"ix_{prefix}audit_event_reason_id", f"{prefix}audit", ["event", "reason_id", "at", "id"])


def downgrade(op: Operations, prefix: str) -> None:
    """Take them away."""
    op.drop_index(f"ix_{prefix}audit_event_reason_id", f"{prefix}audit")
    for name in _PERSON:
        op.drop_index(f"ix_{prefix}person_{name}", f"{prefix}person")
    op.create_index(f"ix_{prefix}person_facets_name", f"{prefix}person", _OLDER)

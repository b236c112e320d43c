"""Keys keep their shape, digests of codes can be sealed, policies are known by content, amended records are marked."""

from __future__ import annotations

import hashlib

import sqlalchemy as sa
from alembic.operations import Operations

from flask_mfa_gate.store.tables.types import LONG_TEXT, exact

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_CODES = ("recovery_code", "access_pass")
_AS_BYTES = {"postgresql": "convert_to(digest, 'UTF8')", "sqlite": "CAST(digest AS BLOB)"}
_AS_TEXT = {"postgresql": "convert_from(sealed, 'UTF8')", "sqlite": "CAST(sealed AS TEXT)"}
# Where a digest in clear ends: hexadecimal digits, which no sealed value has the length of.
_DIGEST_LENGTH = 64


def upgrade(op: Operations, prefix: str) -> None:
    """Add them. What takes keys and settings, the app does at once after this: see ``services/table_setup``."""
    op.add_column(f"{prefix}factor", sa.Column("data", sa.JSON))
    _rename(op, f"{prefix}factor", "last_step", "counter")
    op.add_column(f"{prefix}audit", sa.Column("amended", exact(64)))
    for name in _CODES:
        op.add_column(f"{prefix}{name}", sa.Column("sealed", sa.LargeBinary(512)))
        as_bytes = _AS_BYTES.get(op.get_bind().dialect.name, "CAST(digest AS BINARY)")
        op.execute(f"UPDATE {prefix}{name} SET sealed = {as_bytes}")  # noqa: S608 - a checked prefix
        op.drop_column(f"{prefix}{name}", "digest")
    op.add_column(f"{prefix}policy_version", sa.Column("digest", exact(64), nullable=False, server_default=""))
    _fill_digests(op, prefix)


def downgrade(op: Operations, prefix: str) -> None:
    """Take them away. A code whose digest is sealed is worthless then, and its owner makes new ones."""
    op.drop_column(f"{prefix}policy_version", "digest")
    for name in _CODES:
        table = f"{prefix}{name}"
        op.add_column(table, sa.Column("digest", exact(64), nullable=False, server_default=""))
        as_text = _AS_TEXT.get(op.get_bind().dialect.name, "CONVERT(sealed USING utf8mb4)")
        op.execute(f"UPDATE {table} SET digest = {as_text} WHERE length(sealed) = {_DIGEST_LENGTH}")  # noqa: S608
        op.drop_column(table, "sealed")
    op.drop_column(f"{prefix}audit", "amended")
    _rename(op, f"{prefix}factor", "counter", "last_step")
    op.drop_column(f"{prefix}factor", "data")


def _rename(op: Operations, table: str, old: str, new: str) -> None:
    op.execute(f"ALTER TABLE {table} RENAME COLUMN {old} TO {new}")


def _fill_digests(op: Operations, prefix: str) -> None:
    """As ``store/policies`` makes them."""
    table = sa.table(
        f"{prefix}policy_version", sa.column("version", sa.Integer), sa.column("document", LONG_TEXT),
        sa.column("digest", exact(64)),
    )  # fmt: skip
    for version, document in op.get_bind().execute(sa.select(table.c.version, table.c.document)).all():
        digest = hashlib.sha256(f"{version}\n{document}".encode()).hexdigest()
        op.execute(table.update().where(table.c.version == version).values(digest=digest))

"""Versions of the policies: each change adds one, and none is ever changed or deleted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, func, insert, select
from sqlalchemy.exc import IntegrityError

from .tables import Tables


@dataclass(frozen=True, slots=True)
class PolicyVersion:
    """One version of the whole document.

    :param act: what made it: ``save``, ``delete``, ``state``, ``import``, ``rollback``, ``rename``.
    :param subject: name of the policy it was about; empty for all of them.
    """

    version: int
    document: str
    author: str
    at: datetime
    act: str
    subject: str


class PolicyVersions:
    """Rows of the policy version table."""

    def __init__(self, tables: Tables) -> None:
        self._table = tables.policy_version

    def get(self, tx: Connection, version: int) -> PolicyVersion | None:
        """One version."""
        row = tx.execute(select(self._table).where(self._table.c.version == version)).first()
        return PolicyVersion(*row) if row else None

    def newest(self, tx: Connection) -> int:
        """The number of the current version; 0 before the first."""
        return int(tx.execute(select(newest_version(self._table.c.version))).scalar_one())

    def try_add(self, tx: Connection, added: PolicyVersion) -> bool:
        """Make this the current version; False when another process was first with this number."""
        try:
            with tx.begin_nested():
                values = {name: getattr(added, name) for name in added.__slots__}
                tx.execute(insert(self._table).values(values))
        except IntegrityError:
            return False
        return True

    def history(self, tx: Connection, *, limit: int) -> Sequence[PolicyVersion]:
        """The latest versions, newest first."""
        rows = tx.execute(select(self._table).order_by(self._table.c.version.desc()).limit(limit))
        return [PolicyVersion(*row) for row in rows]


def newest_version(column: ColumnElement[int]) -> ColumnElement[int]:
    """The number of the current version, as part of another SELECT."""
    return select(func.coalesce(func.max(column), 0)).scalar_subquery()

"""Versions of the policies: each change adds one, and none is ever changed or deleted."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Table, func, insert, select
from sqlalchemy.exc import IntegrityError

from ..tables.tables import Tables


@dataclass(frozen=True, slots=True)
class PolicyVersion:
    """One version of the whole document.

    :param act: what made it: ``save``, ``delete``, ``state``, ``import``, ``rollback``, ``undo``,
        ``restore``, ``rename`` (of a user), ``rename-policy``, ``network``, ``network-rename``, ``network-delete``.
    :param subject: name of the policy it was about; empty for all of them.
    :param digest: as of :func:`digest_of`.
    """

    version: int
    document: str
    author: str
    at: datetime
    act: str
    subject: str
    digest: str


@dataclass(frozen=True, slots=True)
class Deletion:
    """A policy that somebody took out.

    :param version: in which it is gone.
    """

    name: str
    version: int
    author: str
    at: datetime


class PolicyVersions:
    """Rows of the policy version table."""

    def __init__(self, tables: Tables) -> None:
        self._table = tables.policy_version

    def get(self, tx: Connection, version: int) -> PolicyVersion | None:
        """One version."""
        row = tx.execute(select(self._table).where(self._table.c.version == version)).first()
        return PolicyVersion(*row) if row else None

    def current(self, tx: Connection) -> PolicyVersion | None:
        """The newest version; None before the first."""
        row = tx.execute(select(self._table).order_by(self._table.c.version.desc()).limit(1)).first()
        return PolicyVersion(*row) if row else None

    def newest(self, tx: Connection) -> int:
        """The number of the current version; 0 before the first."""
        return int(tx.execute(select(func.coalesce(func.max(self._table.c.version), 0))).scalar_one())

    def version_at(self, tx: Connection, moment: datetime) -> int:
        """The number of the version that was the newest at a time; 0 before the first."""
        earlier = select(func.coalesce(func.max(self._table.c.version), 0)).where(self._table.c.at <= moment)
        return int(tx.execute(earlier).scalar_one())

    def in_force(self, tx: Connection) -> str | None:
        """The digest of the current version; None before the first."""
        return tx.execute(select(digest_in_force(self._table))).scalar_one()

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

    def deletions(self, tx: Connection, *, limit: int) -> Sequence[Deletion]:
        """The latest versions that took one policy out, newest first."""
        row = self._table.c
        gone = select(row.subject, row.version, row.author, row.at).where(row.act == "delete")
        return [Deletion(*found) for found in tx.execute(gone.order_by(row.version.desc()).limit(limit))]

    def made_at(self, tx: Connection, version: int) -> datetime | None:
        """When a version was made; None for one that is not there."""
        return tx.execute(select(self._table.c.at).where(self._table.c.version == version)).scalar_one_or_none()


def digest_of(version: int, document: str) -> str:
    """Tells a version from every other, also from one that has its number in a copy of the database."""
    return hashlib.sha256(f"{version}\n{document}".encode()).hexdigest()


def digest_in_force(table: Table) -> ColumnElement[str | None]:
    """The digest of the current version, as part of another SELECT; NULL before the first."""
    return select(table.c.digest).order_by(table.c.version.desc()).limit(1).scalar_subquery()

"""What admins see of all clients at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, func, or_, select

from ..tables.tables import Tables
from .clients import SecretRow


class ClientOverviews:
    """Reads over all of the client tables."""

    def __init__(self, tables: Tables) -> None:
        self._grant, self._secret = tables.oidc_grant, tables.oidc_client_secret

    def users(self, tx: Connection, *, now: datetime) -> Mapping[str, int]:
        """How many users have a grant that is not over, by client."""
        row = self._grant.c
        number = func.count(row.user_key.distinct()).label("number")
        living = select(row.client_id, number).where(row.revoked_at.is_(None), row.ends_at > now)
        return {found.client_id: found.number for found in tx.execute(living.group_by(row.client_id))}

    def secrets(self, tx: Connection, *, now: datetime) -> Mapping[str, Sequence[SecretRow]]:
        """The secrets that work, oldest first, by client."""
        row = self._secret.c
        living = select(row.client_id, row.id, row.created_at, row.ends_at).where(
            row.revoked_at.is_(None), or_(row.ends_at.is_(None), row.ends_at > now)
        )
        found: dict[str, list[SecretRow]] = defaultdict(list)
        for client_id, *facts in tx.execute(living.order_by(row.created_at, row.id)):
            found[client_id].append(SecretRow(*facts))
        return found

"""What users agreed that clients may have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, select

from ..database.upsert import upsert
from ..tables.tables import Tables


@dataclass(frozen=True, slots=True)
class Consent:
    """One user's word for one client."""

    user_key: str
    client_id: str
    scope: str
    given_at: datetime


class OidcConsents:
    """Rows of the consent table."""

    def __init__(self, tables: Tables) -> None:
        self._table = tables.oidc_consent

    def give(self, tx: Connection, consent: Consent) -> None:
        """In place of an earlier one."""
        facts = {
            "user_key": consent.user_key, "client_id": consent.client_id, "scope": consent.scope,
            "given_at": consent.given_at,
        }  # fmt: skip
        upsert(tx, self._table, [facts], update=("scope", "given_at"))

    def of_user(self, tx: Connection, user_key: str) -> Sequence[Consent]:
        """Everything that this user agreed to."""
        row = self._table.c
        mine = select(row.user_key, row.client_id, row.scope, row.given_at).where(row.user_key == user_key)
        return [Consent(*found) for found in tx.execute(mine.order_by(row.client_id))]

    def withdraw(self, tx: Connection, user_key: str, client_id: str) -> bool:
        """As if it had never been given."""
        row = self._table.c
        mine = delete(self._table).where(row.user_key == user_key, row.client_id == client_id)
        return tx.execute(mine).rowcount == 1

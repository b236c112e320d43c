"""Authorization requests that wait for their user."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from ..tables.tables import Tables


@dataclass(frozen=True, slots=True)
class WaitingRequest:
    """One request on its way.

    :param browser: digest of the cookie of the browser that it belongs to.
    :param answers: what the user has chosen on the way.
    """

    id_digest: str = field(repr=False)
    browser: str = field(repr=False)
    client_id: str
    parameters: Mapping[str, str] = field(repr=False)
    answers: Mapping[str, Any]
    asked_at: datetime


class AuthorizeRequests:
    """Rows of the request table."""

    def __init__(self, tables: Tables) -> None:
        self._table = tables.oidc_request

    def add(self, tx: Connection, request: WaitingRequest) -> None:
        """A new one."""
        row = {
            "id_digest": request.id_digest, "browser": request.browser, "client_id": request.client_id,
            "parameters": dict(request.parameters), "answers": dict(request.answers), "asked_at": request.asked_at,
        }  # fmt: skip
        tx.execute(insert(self._table).values(row))

    def get(self, tx: Connection, id_digest: str) -> WaitingRequest | None:
        """By the digest of its id."""
        row = tx.execute(select(self._table).where(self._table.c.id_digest == id_digest)).first()
        return None if row is None else WaitingRequest(**row._mapping)

    def note_answers(self, tx: Connection, id_digest: str, answers: Mapping[str, Any]) -> None:
        """What the user chose."""
        mine = update(self._table).where(self._table.c.id_digest == id_digest)
        tx.execute(mine.values(answers=dict(answers)))

    def try_take(self, tx: Connection, id_digest: str) -> bool:
        """It is answered now; False when it was before."""
        return tx.execute(delete(self._table).where(self._table.c.id_digest == id_digest)).rowcount == 1

    def sweep(self, tx: Connection, *, before: datetime) -> int:
        """Delete those that nobody went on with."""
        return tx.execute(delete(self._table).where(self._table.c.asked_at < before)).rowcount

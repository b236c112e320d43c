"""Clients that have to be told that a sign-in is over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select, update

from ...domain.people.pseudonym import is_pseudonym
from ..tables.tables import Tables


@dataclass(frozen=True, slots=True)
class DueLogout:
    """One client to tell of the end of one sign-in.

    :param attempts: how often that was tried.
    """

    client_id: str
    user_key: str
    lineage: str
    attempts: int

    @property
    def subject(self) -> str | None:
        """Whom the client knows; None for somebody who is forgotten."""
        return None if is_pseudonym(self.user_key) else self.user_key


class Logouts:
    """Columns of the grant table, of which all grants of one client and sign-in count as one."""

    def __init__(self, tables: Tables) -> None:
        self._grant, self._session = tables.oidc_grant, tables.session

    def due(self, tx: Connection, *, now: datetime, idle_since: datetime, limit: int) -> Sequence[DueLogout]:
        """Whose sign-in is over, and whom nobody is telling just now."""
        row, session = self._grant.c, self._session.c
        current = and_(session.lineage == row.lineage, session.superseded_at.is_(None))
        is_over = or_(session.id_digest.is_(None), session.ended_at.is_not(None), session.seen_at <= idle_since)
        first = and_(row.notify_attempts == 0, or_(is_over, row.notify_at <= now))
        again = and_(row.notify_attempts > 0, row.notify_at <= now)
        chosen = (
            select(row.client_id, row.user_key, row.lineage, func.max(row.notify_attempts))
            .select_from(self._grant.outerjoin(self._session, current))
            .where(row.notify_at.is_not(None), self._is_unclaimed(now), or_(first, again))
            .group_by(row.client_id, row.user_key, row.lineage)
            .limit(limit)
        )
        return [DueLogout(*found) for found in tx.execute(chosen)]

    def keep_for_forgotten(self, tx: Connection, user_key: str, *, pseudonym: str, now: datetime) -> None:
        """Clients still have to hear that these sign-ins are over, and need no more of them than whose id they know."""
        row = self._grant.c
        mine = update(self._grant).where(row.user_key == user_key, row.notify_at.is_not(None))
        nothing: dict[str, object] = {"facts": {}, "upstream": None, "stamp": None, "nonce": None}
        tx.execute(mine.values(user_key=pseudonym, revoked_at=now, ends_at=now, **nothing))

    def try_claim(self, tx: Connection, logout: DueLogout, *, now: datetime, until: datetime) -> bool:
        """Take it; False when another process has it."""
        mine = update(self._grant).where(*self._of(logout), self._is_unclaimed(now))
        return tx.execute(mine.values(notify_claimed_until=until)).rowcount > 0

    def note_told(self, tx: Connection, logout: DueLogout) -> None:
        """The client knows, or is not worth another try."""
        mine = update(self._grant).where(*self._of(logout))
        tx.execute(mine.values(notify_at=None, notify_claimed_until=None))

    def note_failed(self, tx: Connection, logout: DueLogout, *, due_at: datetime) -> None:
        """It is tried again then."""
        mine = update(self._grant).where(*self._of(logout))
        tx.execute(
            mine.values(notify_at=due_at, notify_attempts=logout.attempts + 1, notify_claimed_until=None)
        )  # fmt: skip

    def _of(self, logout: DueLogout) -> tuple[ColumnElement[bool], ...]:
        row = self._grant.c
        return (row.client_id == logout.client_id, row.lineage == logout.lineage, row.notify_at.is_not(None))

    def _is_unclaimed(self, now: datetime) -> ColumnElement[bool]:
        row = self._grant.c
        return or_(row.notify_claimed_until.is_(None), row.notify_claimed_until <= now)

"""Access passes, as sealed digests."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, insert, select, update

from ...domain.factors.access_pass import AccessPass, Scope
from ..database.sets import among
from ..tables.tables import Tables


@dataclass(frozen=True, slots=True)
class IssuedPass:
    """A pass in the table, with the sealed digest of its code."""

    id: str
    user_key: str
    sealed: bytes = field(repr=False)
    terms: AccessPass
    issued_by: str


class AccessPasses:
    """Rows of the access pass table. A user has at most one live pass."""

    def __init__(self, tables: Tables) -> None:
        self._table = tables.access_pass

    def add(self, tx: Connection, issued: IssuedPass, *, now: datetime) -> None:
        """Hand one out."""
        terms = issued.terms
        tx.execute(
            insert(self._table).values(
                id=issued.id, user_key=issued.user_key, sealed=issued.sealed, scope=terms.scope,
                one_time=terms.one_time, starts_at=terms.starts_at, ends_at=terms.ends_at, issued_by=issued.issued_by,
                created_at=now,
            )
        )  # fmt: skip

    def live(self, tx: Connection, user_key: str, *, now: datetime) -> Sequence[IssuedPass]:
        """What would open now."""
        mine = select(self._table).where(*self._usable(user_key, now))
        return [_read(row) for row in tx.execute(mine)]

    def waiting_or_live(self, tx: Connection, user_key: str, *, now: datetime) -> Sequence[IssuedPass]:
        """What opens now or will."""
        row = self._table.c
        mine = (row.user_key == user_key, row.voided_at.is_(None), row.ends_at > now, ~self._is_spent())
        return [_read(found) for found in tx.execute(select(self._table).where(*mine).order_by(row.created_at))]

    def holders(self, tx: Connection, keys: Collection[str], *, now: datetime) -> set[str]:
        """Those of these users who have a pass that was not revoked and is not over, used or not."""
        row = self._table.c
        theirs = select(row.user_key).where(among(tx, row.user_key, keys), row.voided_at.is_(None), row.ends_at > now)
        return set(tx.execute(theirs).scalars())

    def try_use(
        self, tx: Connection, user_key: str, fits: Callable[[str, bytes], bool], *, now: datetime
    ) -> IssuedPass | None:
        """Use the pass that fits; a one-time pass is spent by it.

        :param fits: whether the code in hand is that of a row id and a sealed digest.
        """
        right = next((one for one in self.live(tx, user_key, now=now) if fits(one.id, one.sealed)), None)
        if right is None:
            return None
        # SECURITY: one conditional UPDATE, so that of all requests with a one-time pass only one finds it unused.
        used = update(self._table).where(self._table.c.id == right.id, *self._usable(user_key, now)).values(used_at=now)
        return right if tx.execute(used).rowcount == 1 else None

    def void(self, tx: Connection, *keys: str, now: datetime) -> list[str]:
        """Make every pass of these users worthless; the ids of all of them, to end what they opened."""
        mine = among(tx, self._table.c.user_key, keys)
        tx.execute(update(self._table).where(mine, self._table.c.voided_at.is_(None)).values(voided_at=now))
        return list(tx.execute(select(self._table.c.id).where(mine)).scalars())

    def _usable(self, user_key: str, now: datetime) -> tuple[ColumnElement[bool], ...]:
        row = self._table.c
        in_time = (row.starts_at <= now, row.ends_at > now)
        return (row.user_key == user_key, row.voided_at.is_(None), *in_time, ~self._is_spent())

    def _is_spent(self) -> ColumnElement[bool]:
        return self._table.c.one_time.is_(True) & self._table.c.used_at.is_not(None)


def _read(row: Row[Any]) -> IssuedPass:
    terms = AccessPass(Scope(row.scope), row.one_time, row.starts_at, row.ends_at)
    return IssuedPass(row.id, row.user_key, row.sealed or b"", terms, row.issued_by)

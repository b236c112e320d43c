"""Tokens of the host that were registered in a proven session, by digest."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, select, update

from ...domain.sign_in.api_token import ApiToken
from ...domain.sign_in.session import Ending
from ..database.sets import among
from ..database.upsert import upsert
from ..sign_in.session_rows import read_proofs, write_proofs
from ..tables.tables import Tables

_WANTED = "wanted"


class ApiTokens:
    """Rows of the token table."""

    def __init__(self, tables: Tables) -> None:
        self._table, self._session = tables.api_token, tables.session
        of_digest = self._table.c.digest.in_(bindparam(_WANTED, expanding=True))
        self._finding = select(self._table).where(of_digest)

    def find(self, tx: Connection, digests: Collection[str]) -> Sequence[ApiToken]:
        """Those of these that are registered."""
        return [_read(row) for row in tx.execute(self._finding, {_WANTED: list(digests)})]

    def put(self, tx: Connection, token: ApiToken) -> None:
        """A new one; one with the same digest is replaced."""
        facts = _write(token)
        upsert(tx, self._table, [facts], update=[name for name in facts if name != "digest"])

    def of_user(self, tx: Connection, user_key: str) -> Sequence[ApiToken]:
        """Everything of this user's, newest first."""
        row = self._table.c
        mine = select(self._table).where(row.user_key == user_key)
        return [_read(found) for found in tx.execute(mine.order_by(row.created_at.desc(), row.id))]

    def note_use(self, tx: Connection, token: ApiToken, *, now: datetime) -> None:
        """The mark that it is in use."""
        tx.execute(update(self._table).where(self._table.c.digest == token.digest).values(last_used_at=now))

    def restamp(self, tx: Connection, user_key: str, stamp: str) -> None:
        """What this user registered while there was no password rests on this one from now on."""
        row = self._table.c
        tx.execute(update(self._table).where(row.user_key == user_key, row.stamp.is_(None)).values(stamp=stamp))

    def remove(self, tx: Connection, user_key: str, token_id: str) -> bool:
        """Delete one of this user's; False when there is no such one."""
        row = self._table.c
        return tx.execute(delete(self._table).where(row.user_key == user_key, row.id == token_id)).rowcount == 1

    def drop(self, tx: Connection, keys: Collection[str]) -> int:
        """Delete everything of these users'."""
        return tx.execute(delete(self._table).where(among(tx, self._table.c.user_key, keys))).rowcount

    def drop_others(self, tx: Connection, user_key: str, *, but: str | None) -> int:
        """Delete what other sign-ins of this user registered than the lineage ``but``."""
        row, others = self._table.c, [] if but is None else [self._table.c.lineage != but]
        return tx.execute(delete(self._table).where(row.user_key == user_key, *others)).rowcount

    def drop_of_revoked(self, tx: Connection, user_key: str) -> int:
        """Delete what was registered by sign-ins of this user that were revoked since."""
        session, row = self._session.c, self._table.c
        revoked = select(session.lineage).where(session.user_key == user_key, session.ending == Ending.REVOKED.value)
        return tx.execute(delete(self._table).where(row.user_key == user_key, row.lineage.in_(revoked))).rowcount

    def trim(self, tx: Connection, user_key: str, *, most: int) -> None:
        """Delete those of this user's that have not been used for the longest, until there are so many."""
        row = self._table.c
        newest_first = func.coalesce(row.last_used_at, row.created_at).desc()
        found = tx.execute(select(row.digest).where(row.user_key == user_key).order_by(newest_first, row.id))
        if doomed := [one.digest for one in found][most:]:
            tx.execute(delete(self._table).where(row.digest.in_(doomed)))

    def sweep(self, tx: Connection, *, now: datetime) -> int:
        """Delete what has expired."""
        return tx.execute(delete(self._table).where(self._table.c.ends_at <= now)).rowcount


_PLAIN = ("id", "digest", "user_key", "lineage", "name", "stamp", "created_at", "ends_at", "last_used_at")


def _write(token: ApiToken) -> dict[str, Any]:
    return {**{name: getattr(token, name) for name in _PLAIN}, "proofs": write_proofs(token.proofs)}


def _read(row: Any) -> ApiToken:
    return ApiToken(proofs=read_proofs(row.proofs), **{name: getattr(row, name) for name in _PLAIN})

"""Gate sessions: one row a signed-in or pending browser."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    delete,
    insert,
    or_,
    select,
    update,
)

from ...crypto import Keyring
from ...domain.sign_in.session import Ending, GateSession, StepUp
from ...domain.sign_in.session_bounds import SessionRow, surplus
from ..database.sets import among
from ..tables.tables import Tables
from .rotation import try_put_in_place
from .session_rows import SessionRows, write_assurance


class Sessions(SessionRows):
    """What is done to rows of the session table."""

    def __init__(self, tables: Tables, keyring: Keyring) -> None:
        super().__init__(tables, keyring)
        self._adding = insert(tables.session)

    def add(self, tx: Connection, session: GateSession) -> None:
        """A new sign-in."""
        tx.execute(self._adding, self._write(session))

    def try_rotate(self, tx: Connection, session: GateSession, successor: GateSession, *, now: datetime) -> bool:
        """Put ``successor`` in the place of ``session``; False when another request did so before, or it was ended."""
        return try_put_in_place(tx, self._table, session.id_digest, self._write(successor), now=now)

    def park(self, tx: Connection, session: GateSession) -> None:
        """Turn a live session into a pending one, with what ``session`` now holds."""
        facts = self._write(session)
        changed = {name: facts[name] for name in _PARKED_COLUMNS}
        tx.execute(update(self._table).where(self._table.c.id_digest == session.id_digest).values(**changed))

    def set_step_up(self, tx: Connection, session: GateSession, step_up: StepUp | None) -> None:
        """Remember what is to be proved, and the way back."""
        asked = self._write(replace(session, step_up=step_up))["step_up"]
        tx.execute(update(self._table).where(self._table.c.id_digest == session.id_digest).values(step_up=asked))

    def set_target(self, tx: Connection, session: GateSession, target: str) -> None:
        """Lead a sign-in that waits for its proof to another page."""
        led = self._write(replace(session, kept_target=target))["target"]
        tx.execute(update(self._table).where(self._table.c.id_digest == session.id_digest).values(target=led))

    def set_upstream(self, tx: Connection, session: GateSession) -> None:
        """What is known of the provider that signed the user in."""
        told = write_assurance(session.assurance)["upstream"]
        tx.execute(update(self._table).where(self._table.c.id_digest == session.id_digest).values(upstream=told))

    def set_risk(self, tx: Connection, id_digest: str, risk: Mapping[str, Any]) -> None:
        """What the risk signals are from this address with this client."""
        tx.execute(update(self._table).where(self._table.c.id_digest == id_digest).values(risk=dict(risk)))

    def touch(self, tx: Connection, id_digest: str, *, now: datetime) -> None:
        """The idle mark."""
        tx.execute(update(self._table).where(self._table.c.id_digest == id_digest).values(seen_at=now))

    def of_user(self, tx: Connection, user_key: str) -> Sequence[GateSession]:
        """Sessions that are not over and that no other id has taken the place of, newest first."""
        current = select(self._table).where(self._current(user_key))
        return [
            self.read(dict(row._mapping)) for row in tx.execute(current.order_by(self._table.c.signed_in_at.desc()))
        ]

    def _of(self, user_key: str) -> ColumnElement[bool]:
        return self._table.c.user_key == user_key

    def _current(self, user_key: str) -> ColumnElement[bool]:
        row = self._table.c
        return and_(self._of(user_key), row.superseded_at.is_(None), row.ended_at.is_(None))

    def seen_since(self, tx: Connection, user_key: str, moment: datetime) -> Sequence[GateSession]:
        """Sessions that the user is in with, and used since then."""
        row = self._table.c
        is_in = (self._current(user_key), row.parked.is_(None), row.seen_at > moment)
        return [self.read(dict(found._mapping)) for found in tx.execute(select(self._table).where(*is_in))]

    def end(self, tx: Connection, lineage: str, *, user_key: str, now: datetime, ending: Ending) -> int:
        """End one sign-in of this user, with every id it ever had."""
        return self._end(tx, self._of(user_key), self._table.c.lineage == lineage, now=now, ending=ending)

    def revoke_others(self, tx: Connection, user_key: str, *, but: str, now: datetime) -> int:
        """End every sign-in of a user other than the lineage ``but``."""
        return self._end(tx, self._of(user_key), self._table.c.lineage != but, now=now)

    def revoke_all(self, tx: Connection, keys: Collection[str], *, now: datetime) -> int:
        """End every sign-in of these users."""
        return self._end(tx, among(tx, self._table.c.user_key, keys), now=now)

    def revoke_stale(
        self, tx: Connection, user_key: str, stamps: Collection[str], *, but: str | None, now: datetime
    ) -> int:
        """End what rests on a password that is none of these, other than the lineage ``but``."""
        row = self._table.c
        stale = [row.stamp.is_not(None), row.stamp.not_in(stamps)]
        return self._end(tx, self._of(user_key), *stale, *([row.lineage != but] if but else []), now=now)

    def revoke_opened(self, tx: Connection, user_key: str, pass_ids: Collection[str], *, now: datetime) -> int:
        """End what was opened with these access passes."""
        return self._end(tx, self._of(user_key), self._table.c.pass_id.in_(pass_ids), now=now)

    def _end(self, tx: Connection, *those: ColumnElement[bool], now: datetime, ending: Ending = Ending.REVOKED) -> int:
        """The row stays, without what it held: it tells later which cookies are those of an ended sign-in."""
        live = update(self._table).where(*those, self._table.c.ended_at.is_(None))
        return tx.execute(live.values(ended_at=now, ending=ending.value, **_EMPTIED)).rowcount

    def restamp(self, tx: Connection, lineage: str, stamp: str | None) -> None:
        """The password behind a sign-in is another now, and it was this sign-in that changed it."""
        mine = update(self._table).where(self._table.c.lineage == lineage, self._table.c.ended_at.is_(None))
        tx.execute(mine.values(stamp=stamp))

    def lack_stamps(self, tx: Connection) -> bool:
        """Whether there are sign-ins of users in whom nothing changes with the password."""
        bare = select(self._table.c.id_digest).where(self._table.c.stamp.is_(None))
        return tx.execute(bare.limit(1)).first() is not None

    def trim(self, tx: Connection, user_key: str, *, keep: str) -> None:
        """Delete the oldest of this user's rows of which there are too many, and never the one just made.

        :param keep: digest of its id; of several in one moment none is older.
        """
        row = self._table.c
        columns = (row.id_digest, row.lineage, row.parked_at, row.proofs, row.superseded_at)
        newest_first = select(*columns, row.parked.is_not(None).label("is_parked")).where(row.user_key == user_key)
        found = tx.execute(newest_first.order_by(row.id_digest != keep, row.seen_at.desc(), row.began_at.desc())).all()
        doomed = surplus(
            SessionRow(
                one.id_digest, one.lineage, bool(one.is_parked) and one.parked_at is not None, bool(one.proofs),
                one.superseded_at is not None,
            )
            for one in found
        )  # fmt: skip
        if doomed:
            tx.execute(delete(self._table).where(row.id_digest.in_(doomed)))

    def sweep(self, tx: Connection, *, now: datetime, older_than: timedelta, ended_before: datetime) -> int:
        """Delete rows that no lifetime can keep alive, and ended ones whose cookies have died."""
        row = self._table.c
        over = and_(row.ended_at.is_(None), row.seen_at < now - older_than)
        return tx.execute(delete(self._table).where(or_(over, row.ended_at < ended_before))).rowcount


_PARKED_COLUMNS = (
    "parked", "parked_at", "parked_endpoint", "target", "step_up", "host_user_id",
)  # fmt: skip
_EMPTIED: dict[str, Any] = dict.fromkeys(("parked", "target", "step_up", "risk"))

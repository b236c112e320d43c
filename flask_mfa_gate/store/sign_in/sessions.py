"""Gate sessions: one row a signed-in or pending browser."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache, partial
from operator import itemgetter
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Join,
    Select,
    and_,
    bindparam,
    delete,
    insert,
    or_,
    select,
    update,
)

from ...crypto import Keyring
from ...domain.authorization.decision import AuthnRequirement
from ...domain.enrollment.enrollment import EnrollmentState
from ...domain.sign_in.assurance import Method
from ...domain.sign_in.session import Ending, GateSession, StepUp
from ...domain.sign_in.session_bounds import SessionRow, surplus
from ..database.sets import among
from ..enrollment.enrollments import KEY_LIFETIME
from ..enrollment.states import KEY_SINCE, read_standing, standing_columns
from ..tables.tables import Tables
from .assurances import read_assurance, write_assurance
from .private import PrivateTexts
from .rotation import try_put_in_place


class Sessions:
    """Rows of the session table, found by the digest of the id in the cookie."""

    def __init__(self, tables: Tables, keyring: Keyring) -> None:
        self._tables, self._private = tables, PrivateTexts(keyring)
        self._table = tables.session
        self._names, self._loading = tables.session.columns.keys(), _loading(tables)
        self._adding = insert(tables.session)

    def load(self, tx: Connection, id_digest: str, *, now: datetime) -> tuple[GateSession, EnrollmentState] | None:
        """A session with its user's enrollment state: the one SELECT of a request."""
        row = tx.execute(self._loading, {"id_digest": id_digest, KEY_SINCE: now - KEY_LIFETIME}).first()
        if row is None:
            return None
        session = self.read(dict(zip(self._names, row, strict=False)))
        return session, read_standing(row, user_key=session.user_key)

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

    def _write(self, session: GateSession) -> dict[str, Any]:
        # SECURITY: a stolen copy of the database must not lead to a page by a token, nor name the host's session.
        return self._private.seal(_write(session))

    def read(self, row: Mapping[str, Any]) -> GateSession:
        """A session from the columns of its row, wherever they were selected.

        Private texts are opened when they are read: most requests don't.
        """
        open_text, lineage = self._private.open, row["lineage"]
        target, host_id, step_up = row["target"], row["host_user_id"], row["step_up"]
        if step_up is not None:
            step_up = _read_step_up({**step_up, "target": open_text(step_up["target"], "step_up", lineage) or "/"})
        return GateSession(
            assurance=read_assurance(row),
            step_up=step_up,
            ending=Ending(row["ending"]) if row["ending"] else None,
            kept_target=None if target is None else partial(open_text, target, "target", lineage),
            kept_host_user_id=None if host_id is None else partial(open_text, host_id, "host_user_id", lineage),
            **dict(zip(_PLAIN_COLUMNS, _plain(row), strict=True)),
        )


@cache
def _loading(tables: Tables) -> Select[Any]:
    """Building it takes longer than running it."""
    return select(*loaded_columns(tables)).select_from(with_enrollment(tables)).where(is_asked_for(tables))


def loaded_columns(tables: Tables) -> Sequence[ColumnElement[Any]]:
    """A session's columns first, then those of its user's enrollment."""
    own = [column.label(f"session_{column.name}") for column in tables.session.c]
    return [*own, *standing_columns(tables, tables.session.c.user_key)]


def with_enrollment(tables: Tables) -> Join:
    """Sessions, with the enrollment of their users where there is one."""
    mine, enrollment = tables.session, tables.enrollment
    return mine.outerjoin(enrollment, enrollment.c.user_key == mine.c.user_key)


def is_asked_for(tables: Tables) -> ColumnElement[bool]:
    """The session that the cookie names."""
    return tables.session.c.id_digest == bindparam("id_digest")


def _write(session: GateSession) -> dict[str, Any]:
    return {
        "id_digest": session.id_digest,
        "lineage": session.lineage,
        "user_key": session.user_key,
        **write_assurance(session.assurance),
        "began_at": session.began_at,
        "seen_at": session.seen_at,
        "superseded_at": session.superseded_at,
        "deferred_at": session.deferred_at,
        "parked": session.parked,
        "parked_at": session.parked_at,
        "parked_endpoint": session.parked_endpoint,
        "target": session.target,
        "step_up": _write_step_up(session.step_up),
        "host_user_id": session.host_user_id,
        "address": session.address,
        "user_agent": session.user_agent,
        "stamp": session.stamp,
        "pass_id": session.pass_id,
        "ends_at": session.ends_at,
        "risk": None if session.risk is None else dict(session.risk),
        "ended_at": session.ended_at,
        "ending": session.ending.value if session.ending else None,
    }


_PARKED_COLUMNS = (
    "parked", "parked_at", "parked_endpoint", "target", "step_up", "host_user_id",
)  # fmt: skip
_EMPTIED: dict[str, Any] = dict.fromkeys(("parked", "target", "step_up", "risk"))
_PLAIN_COLUMNS = (
    "id_digest", "lineage", "user_key", "began_at", "seen_at", "superseded_at", "deferred_at", "parked", "parked_at",
    "parked_endpoint", "address", "user_agent", "stamp", "pass_id", "ends_at", "risk", "ended_at",
)  # fmt: skip
_plain = itemgetter(*_PLAIN_COLUMNS)


def _write_step_up(step_up: StepUp | None) -> dict[str, Any] | None:
    if step_up is None:
        return None
    max_age = step_up.requirement.max_age
    return {
        "methods": sorted(step_up.requirement.methods),
        "max_age": None if max_age is None else max_age.total_seconds(),
        "endpoint": step_up.endpoint,
        "act": step_up.act,
        "target": step_up.target,
        "deferrable_until": step_up.deferrable_until.isoformat() if step_up.deferrable_until else None,
    }


def _read_step_up(facts: dict[str, Any]) -> StepUp:
    max_age = facts["max_age"]
    demand = AuthnRequirement(
        frozenset(Method(word) for word in facts["methods"]), None if max_age is None else timedelta(seconds=max_age)
    )
    until = facts.get("deferrable_until")
    return StepUp(
        demand, facts["endpoint"], facts.get("act"), facts["target"], datetime.fromisoformat(until) if until else None
    )

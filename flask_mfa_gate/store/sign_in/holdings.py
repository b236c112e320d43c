"""What a user has to prove who they are with, and how it has gone lately, in one statement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Row,
    Select,
    Subquery,
    and_,
    bindparam,
    case,
    func,
    select,
)

from ...domain.enrollment.enrollment import EnrollmentState
from ...domain.factors.throttle import MEMORY, Failures
from ...domain.sign_in.session import GateSession
from ..enrollment.factors import Factor, read_factor
from ..enrollment.states import read_standing
from ..tables.tables import Tables
from .session_rows import SessionRows, is_asked_for, loaded_columns, with_enrollment


@dataclass(frozen=True, slots=True)
class Held:
    """What one user has.

    :param factors: every live authenticator of any kind, oldest first.
    :param codes: how many recovery codes are unused.
    :param failures: wrong codes, counted at the place that was asked for.
    """

    user_key: str
    factors: Sequence[Factor] = field(default=())
    codes: int = 0
    failures: Failures = field(default=Failures(0, None, 0))


class Holdings:
    """Reads the factor, recovery code and failure tables together."""

    def __init__(self, tables: Tables, sessions: SessionRows) -> None:
        self._sessions, self._names = sessions, tables.session.columns.keys()
        self._reading, self._loading = _reading(tables), _loading(tables)

    def read(self, tx: Connection, user_key: str, *, place: str, now: datetime) -> Held:
        """Of one user, also where there is nothing."""
        return _held(user_key, tx.execute(self._reading, {"key": user_key, **_since(now), "place": place}).all())

    def load(
        self, tx: Connection, id_digest: str, *, place: str, now: datetime
    ) -> tuple[tuple[GateSession, EnrollmentState] | None, Held | None]:
        """A session as it is loaded for every request, with what its user holds."""
        values = {"id_digest": id_digest, **_since(now), "place": place}
        found = tx.execute(self._loading, values).all()
        if not found:
            return None, None
        session = self._sessions.read(dict(zip(self._names, found[0], strict=False)))
        enrollment = read_standing(found[0], user_key=session.user_key, now=now)
        return (session, enrollment), _held(session.user_key, found)


def _since(now: datetime) -> dict[str, datetime]:
    return {"now": now, "since": now - MEMORY}


def _held(user_key: str, rows: Sequence[Row[Any]]) -> Held:
    first = rows[0]
    failures = Failures(int(first.times), first.last_failure_at, int(first.in_total))
    return Held(user_key, [read_factor(row) for row in rows if row.id is not None], first.codes, failures)


@cache
def _reading(tables: Tables) -> Select[Any]:
    """One row, or one for each authenticator."""
    failures = _failures(tables, bindparam("key", type_=tables.failure.c.user_key.type))
    return _beside(tables, failures, failures.c.asked_key, [])


@cache
def _loading(tables: Tables) -> Select[Any]:
    """The same, with the session."""
    mine, is_mine = tables.session, is_asked_for(tables)
    failures = _failures(tables, select(mine.c.user_key).where(is_mine).scalar_subquery())
    joined = with_enrollment(tables).join(failures, failures.c.asked_key == mine.c.user_key)
    return _beside(tables, failures, mine.c.user_key, loaded_columns(tables), joined=joined).where(is_mine)


def _beside(
    tables: Tables, failures: Subquery, user_key: ColumnElement[str], columns: Sequence[ColumnElement[Any]], *,
    joined: FromClause | None = None,
) -> Select[Any]:  # fmt: skip
    """Failures, and what is joined with them, beside the user's live authenticators, oldest first."""
    # Under a name of its own, as the table is asked in subqueries of these columns too.
    factor = tables.factor.alias("held")
    live = and_(factor.c.user_key == user_key, factor.c.voided_at.is_(None), factor.c.confirmed_at.is_not(None))
    source = (failures if joined is None else joined).outerjoin(factor, live)
    return select(*columns, *factor.c, *failures.c).select_from(source).order_by(factor.c.confirmed_at)


def _failures(tables: Tables, key: ColumnElement[str]) -> Subquery:
    row, code = tables.failure.c, tables.recovery_code.c
    now = bindparam("now", type_=row.at.type)
    recent = case((row.at > bindparam("since", type_=row.at.type), 1), else_=0)
    is_here = row.address == bindparam("place")
    codes = select(func.count()).where(code.user_key == key, code.used_at.is_(None)).scalar_subquery()
    return select(
        key.label("asked_key"), codes.label("codes"),
        func.coalesce(func.sum(case((is_here, recent), else_=0)), 0).label("times"),
        func.coalesce(func.sum(recent), 0).label("in_total"),
        # What lies ahead was written before the clock was set back: it counts, and nobody waits for that time.
        func.max(case((is_here & (row.at <= now), row.at))).label("last_failure_at"),
    ).where(row.user_key == key).subquery("failures")  # fmt: skip

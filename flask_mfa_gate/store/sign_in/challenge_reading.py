"""How the codes of the users on one page have gone, in one statement."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, case, func, literal, select, union_all

from ...domain.factors.throttle import MEMORY, STOP_AT, Failures, wait_until
from ...domain.people.user_list import ChallengeState
from ..database.sets import among
from ..tables.tables import Tables
from ..tables.types import UTCDateTime


def read_challenges(
    tx: Connection, tables: Tables, keys: Collection[str], *, now: datetime
) -> Mapping[str, ChallengeState]:
    """Of each of these users of whom there is anything to tell."""
    if not keys:
        return {}
    found: dict[str, list[Row[Any]]] = {}
    for row in tx.execute(union_all(_failures(tx, tables, keys, now), _uses(tx, tables, keys))):
        found.setdefault(row.user_key, []).append(row)
    return {key: _state(rows, now) for key, rows in found.items()}


def _failures(tx: Connection, tables: Tables, keys: Collection[str], now: datetime) -> Select[Any]:
    """One row for each address."""
    row = tables.failure.c
    # What lies ahead was written before the clock was set back: it counts, and nobody waits for that time.
    last_at = func.max(case((row.at <= now, row.at)), type_=UTCDateTime).label("last_at")
    counted = select(row.user_key, literal(1).label("is_failure"), func.count().label("times"), last_at)
    return counted.where(among(tx, row.user_key, keys), row.at > now - MEMORY).group_by(row.user_key, row.address)


def _uses(tx: Connection, tables: Tables, keys: Collection[str]) -> Select[Any]:
    row = tables.factor.c
    used = select(row.user_key, literal(0), literal(0), func.max(row.last_used_at, type_=UTCDateTime))
    return used.where(among(tx, row.user_key, keys)).group_by(row.user_key)


def _state(rows: Sequence[Row[Any]], now: datetime) -> ChallengeState:
    failures = [row for row in rows if row.is_failure]
    total = sum(int(row.times) for row in failures)
    waits = [wait_until(Failures(int(row.times), row.last_at, total)) for row in failures]
    return ChallengeState(
        last_at=next((row.last_at for row in rows if not row.is_failure), None),
        wrong_codes=total,
        waits_until=max((until for until in waits if until is not None and until > now), default=None),
        is_stopped=total >= STOP_AT,
    )

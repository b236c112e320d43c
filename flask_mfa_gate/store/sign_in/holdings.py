"""What a user has to prove who they are with, and how it has gone lately, in one statement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Connection, Select, bindparam, case, func, select

from ...domain.factors.throttle import MEMORY, Failures
from ..enrollment.factors import Factor, read_factor
from ..tables.tables import Tables


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

    def __init__(self, tables: Tables) -> None:
        self._reading = _reading(tables)

    def read(self, tx: Connection, user_key: str, *, place: str, now: datetime) -> Held:
        """Of one user, also where there is nothing."""
        values = {"key": user_key, "place": place, "now": now, "since": now - MEMORY}
        found = tx.execute(self._reading, values).all()
        first = found[0]
        failures = Failures(int(first.times), first.last_failure_at, int(first.in_total))
        return Held(user_key, [read_factor(row) for row in found if row.id is not None], first.codes, failures)


@cache
def _reading(tables: Tables) -> Select[Any]:
    """One row, or one for each authenticator."""
    factor, failures = tables.factor, _failures(tables)
    live = (factor.c.user_key == failures.c.asked_key) & factor.c.voided_at.is_(None)
    joined = failures.outerjoin(factor, live & factor.c.confirmed_at.is_not(None))
    return select(*factor.c, *failures.c).select_from(joined).order_by(factor.c.confirmed_at)


def _failures(tables: Tables) -> Any:
    row, code = tables.failure.c, tables.recovery_code.c
    key, now = bindparam("key", type_=row.user_key.type), bindparam("now", type_=row.at.type)
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

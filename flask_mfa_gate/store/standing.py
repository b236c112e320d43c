"""How a row of the enrollment table and the kinds of live factors become one :class:`Standing`."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, exists, func, select

from ..domain.assurance import FactorKind
from ..domain.enrollment import Period, Standing
from .policies import newest_version
from .tables import Tables


def standing_columns(
    tables: Tables, user_key: ColumnElement[str], *, key_since: datetime
) -> Sequence[ColumnElement[Any]]:
    """Columns for :func:`read_standing`, with ``enrollment`` joined by the caller.

    :param key_since: a key that was shown earlier than this no longer waits for its first code.
    """
    factor = tables.factor
    own = and_(factor.c.user_key == user_key, factor.c.voided_at.is_(None))
    waiting = and_(own, factor.c.confirmed_at.is_(None), factor.c.created_at > key_since)
    enrolled_at = select(func.min(factor.c.confirmed_at)).where(own, factor.c.kind == FactorKind.TOTP).scalar_subquery()
    columns: list[ColumnElement[Any]] = [
        tables.enrollment.c.required,
        tables.enrollment.c.required_by,
        tables.enrollment.c.days,
        tables.enrollment.c.started_at,
        tables.enrollment.c.ends_at,
        tables.enrollment.c.deferred_at.label("standing_deferred_at"),
        tables.enrollment.c.graces,
        newest_version(tables.policy_version.c.version).label("policy_version"),
        exists().where(waiting).label("key_shown"),
        enrolled_at.label("enrolled_at"),
    ]
    for kind in FactorKind:
        held = exists().where(own, factor.c.kind == kind, factor.c.confirmed_at.is_not(None))
        columns.append(held.label(f"has_{kind.value}"))
    return columns


def read_standing(row: Row[Any], *, user_key: str) -> Standing:
    """The value of one row; nulls everywhere mean a user the gate never met."""
    return Standing(
        user_key=user_key,
        required=bool(row.required),
        required_by=row.required_by,
        period=_period(row),
        waiting_days=_waiting_days(row),
        factors=frozenset(kind for kind in FactorKind if getattr(row, f"has_{kind.value}")),
        key_shown=bool(row.key_shown),
        enrolled_at=row.enrolled_at,
        deferred_at=row.standing_deferred_at,
        graces=_graces(row),
        policy_version=row.policy_version,
    )


def standing_of(user_key: str, row: Row[Any] | None, factors: Collection[Row[Any]], *, key_since: datetime) -> Standing:
    """The same from a row of the enrollment table, if there is one, and the user's rows of the factor table."""
    confirmed = [factor for factor in factors if factor.confirmed_at is not None]
    totp = [factor.confirmed_at for factor in confirmed if factor.kind == FactorKind.TOTP]
    standing = Standing(
        user_key=user_key,
        factors=frozenset(FactorKind(factor.kind) for factor in confirmed),
        key_shown=any(factor.confirmed_at is None and factor.created_at > key_since for factor in factors),
        enrolled_at=min(totp, default=None),
    )
    if row is None:
        return standing
    return replace(
        standing, required=row.required, required_by=row.required_by, period=_period(row),
        waiting_days=_waiting_days(row), deferred_at=row.deferred_at, graces=_graces(row),
    )  # fmt: skip


def _period(row: Row[Any]) -> Period | None:
    return Period(row.started_at, row.ends_at) if row.ends_at is not None else None


def _graces(row: Row[Any]) -> Mapping[str, datetime]:
    return {name: datetime.fromisoformat(moment) for name, moment in (row.graces or {}).items()}


def _waiting_days(row: Row[Any]) -> int | None:
    """Days without an end are those of a period that has not begun."""
    return row.days if row.ends_at is None else None

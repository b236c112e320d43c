"""How a row of the enrollment table and the kinds of live factors become one :class:`EnrollmentState`."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, exists, false, func, or_, select

from ...domain.enrollment.enrollment import EnrollmentState, Period
from ...domain.sign_in.assurance import FactorKind
from ..records.policies import digest_in_force
from ..tables.tables import Tables

# A key that was shown longer ago no longer waits for its first code.
KEY_LIFETIME = timedelta(hours=24)


def standing_columns(tables: Tables, user_key: ColumnElement[str]) -> Sequence[ColumnElement[Any]]:
    """Columns for :func:`read_standing`, with ``enrollment`` joined by the caller."""
    factor = tables.factor
    own = and_(factor.c.user_key == user_key, factor.c.voided_at.is_(None))
    key_shown_at = select(func.max(factor.c.created_at)).where(own, factor.c.confirmed_at.is_(None)).scalar_subquery()
    # Not IN, whose list is spelled out into the statement each time it is executed.
    of_status = [factor.c.kind == kind for kind in sorted(FactorKind.of_status)]
    enrolled_at = select(func.min(factor.c.confirmed_at)).where(own, or_(false(), *of_status)).scalar_subquery()
    columns: list[ColumnElement[Any]] = [
        tables.enrollment.c.required,
        tables.enrollment.c.required_by,
        tables.enrollment.c.days,
        tables.enrollment.c.started_at,
        tables.enrollment.c.ends_at,
        tables.enrollment.c.deferred_at.label("standing_deferred_at"),
        tables.enrollment.c.graces,
        tables.enrollment.c.revocations,
        tables.enrollment.c.stamp.label("standing_stamp"),
        digest_in_force(tables.policy_version).label("policy_version"),
        key_shown_at.label("key_shown_at"),
        enrolled_at.label("enrolled_at"),
    ]
    for kind in FactorKind:
        held = exists().where(own, factor.c.kind == kind, factor.c.confirmed_at.is_not(None))
        columns.append(held.label(f"has_{kind.value}"))
    return columns


def read_standing(row: Row[Any], *, user_key: str, now: datetime) -> EnrollmentState:
    """The value of one row; nulls everywhere mean a user the gate never met."""
    ends_at, key_shown_at = row.ends_at, row.key_shown_at
    return EnrollmentState(
        user_key=user_key,
        required=bool(row.required),
        required_by=row.required_by,
        period=None if ends_at is None else Period(row.started_at, ends_at),
        # Days without an end are those of a period that has not begun.
        waiting_days=row.days if ends_at is None else None,
        factors=frozenset([kind for kind in FactorKind.known.values() if getattr(row, f"has_{kind}")]),
        key_shown=key_shown_at is not None and key_shown_at > now - KEY_LIFETIME,
        enrolled_at=row.enrolled_at,
        deferred_at=row.standing_deferred_at,
        graces=_moments(row.graces) if row.graces else _NO_GRACES,
        policy_version=row.policy_version,
        revocations=row.revocations or 0,
        stamp=row.standing_stamp,
    )


_NO_GRACES: Mapping[str, datetime] = MappingProxyType({})
STORED = ("user_key", "required", "required_by", "days", "started_at", "ends_at", "deferred_at", "graces")


def standing_of(
    user_key: str, stored: Sequence[Any] | None, factors: Collection[Row[Any]], *, now: datetime
) -> EnrollmentState:
    """The same from the columns ``STORED`` of the enrollment table, if there is a row, and the user's live factors."""
    held = _held(factors, now - KEY_LIFETIME) if factors else {}
    if stored is None:
        return EnrollmentState(user_key, **held)
    _, required, required_by, days, started_at, ends_at, deferred_at, graces = stored[: len(STORED)]
    period = Period(started_at, ends_at) if ends_at is not None else None
    waiting_days = days if ends_at is None else None
    return EnrollmentState(
        user_key, required, required_by, period, waiting_days, deferred_at=deferred_at, graces=_moments(graces), **held
    )


def _held(factors: Collection[Row[Any]], key_since: datetime) -> dict[str, Any]:
    """What a user's live factors say of their enrollment."""
    confirmed = [factor for factor in factors if factor.confirmed_at is not None]
    since = [factor.confirmed_at for factor in confirmed if factor.kind in FactorKind.of_status]
    return {
        "factors": frozenset(FactorKind(factor.kind) for factor in confirmed),
        "key_shown": any(factor.confirmed_at is None and factor.created_at > key_since for factor in factors),
        "enrolled_at": min(since, default=None),
    }


def _moments(graces: Mapping[str, str] | None) -> Mapping[str, datetime]:
    return {name: datetime.fromisoformat(moment) for name, moment in graces.items()} if graces else _NO_GRACES

"""Where one user's MFA stands, as lists, command line and host code see it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ..access import APP
from ..authorization.rules import REQUIRE, Rules, is_required
from .enrollment import EnrollmentState, Status, status_of


@dataclass(frozen=True, slots=True)
class MfaStatus:
    """One user's enrollment.

    :param required_by: who requires MFA, or ``default-access``; None where nothing does.
    :param days_left: days begun until ``ends_at``; all of them while the period waits to begin; None without a period.
    :param enrolled_at: when the first TOTP code was accepted.
    :param factors: kinds of confirmed factors, sorted.
    """

    key: str
    status: Status
    required: bool
    required_by: str | None
    days_left: int | None
    ends_at: datetime | None
    enrolled_at: datetime | None
    factors: tuple[str, ...]


def describe(enrollment: EnrollmentState, rules: Rules, *, now: datetime) -> MfaStatus:
    """What an enrollment state means under these rules."""
    by_default, period = rules.access(APP) is REQUIRE, enrollment.period
    return MfaStatus(
        key=enrollment.user_key,
        status=status_of(enrollment, now=now, enabled=rules.enabled),
        required=is_required(enrollment, rules),
        required_by=enrollment.required_by or ("default-access" if by_default else None),
        days_left=period.days_left(now) if period else enrollment.waiting_days,
        ends_at=period.ends_at if period else None,
        enrolled_at=enrollment.enrolled_at,
        factors=tuple(sorted(kind.value for kind in enrollment.factors)),
    )

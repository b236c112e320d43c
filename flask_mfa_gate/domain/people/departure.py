"""What becomes of users whom the directory shows no more."""

from __future__ import annotations

from datetime import datetime

from ..enrollment.enrollment import EnrollmentState
from ..enrollment.state_changes import Requirement, StateChange
from ..records.event_name import EventName
from ..records.mail_kind import MailKind, Notice


def depart(enrollment: EnrollmentState, *, now: datetime) -> StateChange:
    """The directory shows this user no more: what proves them is void, and what is demanded of them stays.

    Anyone who comes back under this key is forced to enroll, or locked out as before.
    """
    held, period = bool(enrollment.factors), enrollment.period
    is_lapsed = period is not None and period.has_ended(now)
    # SECURITY: without a demand, a password would be enough for users who come back.
    forced = (
        Requirement(enrollment.required_by or "system") if (held or enrollment.required) and not is_lapsed else None
    )
    return StateChange(
        requirement=forced, event=EventName.USER_DELETED, voids_proofs=True,
        details={"factors": sorted(enrollment.factors)},
        notice=Notice(MailKind.RESET, {"days": None, "forced": True}) if held else None,
    )  # fmt: skip

"""Requirement, period and status of one user, and the arithmetic of days."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from ..sign_in.assurance import FactorKind

DAY = timedelta(days=1)
LONGEST_DAYS = 365
# A day before the calendar itself ends, so that every zone can still tell the moment.
LATEST_END = datetime(9999, 12, 30, tzinfo=UTC)


class Status(StrEnum):
    """Where a user's enrollment is. Requirement is another axis."""

    DISABLED = "DISABLED"
    ENROLLED = "ENROLLED"
    ENROLLMENT_EXPIRED = "ENROLLMENT_EXPIRED"
    IN_ENROLLMENT = "IN_ENROLLMENT"
    PRE_ENROLLMENT = "PRE_ENROLLMENT"
    PENDING_ACTIVATION = "PENDING_ACTIVATION"
    NOT_ENROLLED = "NOT_ENROLLED"


@dataclass(frozen=True, slots=True)
class Period:
    """The days in which a user may still defer, both ends in UTC and cut to the second. The end itself is outside."""

    started_at: datetime
    ends_at: datetime

    def has_ended(self, now: datetime) -> bool:
        """Whether the user may no longer defer."""
        return now >= self.ends_at

    def days_left(self, now: datetime) -> int:
        """Days begun until the end: 7 right after a start with 7 days, 1 on the last day, 0 once it has ended."""
        return days_until(self.ends_at, now)


@dataclass(frozen=True, slots=True)
class EnrollmentState:
    """All that is stored about one user's MFA. A user the gate never met has this value's defaults.

    Two are equal when the same holds for both users.

    :param required: the stored flag; default access may demand MFA all the same.
    :param required_by: ``user:KEY``, ``cli``, ``host`` or ``system``.
    :param period: present only while required, with days, and not enrolled.
    :param waiting_days: length of a period that begins when the account is active and used; then there is none.
    :param factors: kinds of confirmed factors.
    :param key_shown: whether a key was shown that no code has confirmed yet.
    :param graces: by name of a policy with days of grace, when it first applied to this user.
    :param policy_version: digest of the policies in force when this was read, so that one SELECT tells both; None
        before there are any.
    :param deferred_at: when "Set up later" was last chosen, in any browser.
    :param revocations: how often sessions of this user were revoked, where one user is read.
    :param stamp: digest of what changes with the password, as it was last seen, where one user is read.
    """

    user_key: str = field(compare=False)
    required: bool = False
    required_by: str | None = None
    period: Period | None = None
    waiting_days: int | None = None
    factors: frozenset[FactorKind] = field(default=frozenset())
    key_shown: bool = False
    enrolled_at: datetime | None = None
    deferred_at: datetime | None = None
    graces: Mapping[str, datetime] = field(default_factory=dict, hash=False)
    policy_version: str | None = None
    revocations: int = field(default=0, compare=False)
    stamp: str | None = field(default=None, compare=False, repr=False)

    @property
    def is_forced(self) -> bool:
        """Required, and without any day to defer."""
        return self.required and self.period is None and self.waiting_days is None


def days_until(end: datetime, now: datetime) -> int:
    """Days begun until then, 0 when it is over."""
    return max(0, -((now - end) // DAY))


def start_period(now: datetime, *, days: int) -> Period:
    """A period that starts now."""
    started_at = _whole_second(now)
    return Period(started_at, _later(started_at, days))


def extend_period(period: Period, *, now: datetime, days: int) -> Period:
    """The same period, ``days`` longer; one that has ended restarts from now."""
    return replace(period, ends_at=_later(max(_whole_second(now), period.ends_at), days))


def move_end(period: Period, *, until: datetime) -> Period:
    """The same period with another end."""
    return replace(period, ends_at=_whole_second(until))


def next_due(period: Period, reminders: Collection[timedelta], *, after: datetime) -> datetime | None:
    """When this period has to be looked at next: for the next reminder before its end, then at the end itself.

    A reminder that is not shorter than the whole period is none.
    """
    length = period.ends_at - period.started_at
    moments = [period.ends_at - offset for offset in reminders if offset < length] + [period.ends_at]
    return min((moment for moment in moments if moment > after), default=None)


def _later(moment: datetime, days: int) -> datetime:
    """So many days later, or as late as an end can be."""
    return moment + min(days * DAY, LATEST_END - moment)


def _whole_second(moment: datetime) -> datetime:
    """In UTC, where every day has 24 hours; a zone with summer time would make some shorter."""
    if moment.tzinfo is None:
        raise TypeError("an instant without a zone is no instant")
    return moment.astimezone(UTC).replace(microsecond=0)


def status_of(enrollment: EnrollmentState, *, now: datetime, enabled: Collection[FactorKind]) -> Status:
    """The first status that holds, in the order of the product's law."""
    if FactorKind.of_status.isdisjoint(enabled):
        return Status.DISABLED
    if not FactorKind.of_status.isdisjoint(enrollment.factors):
        return Status.ENROLLED
    if enrollment.period is not None:
        return Status.ENROLLMENT_EXPIRED if enrollment.period.has_ended(now) else Status.IN_ENROLLMENT
    if enrollment.waiting_days is not None:
        return Status.PRE_ENROLLMENT
    return Status.PENDING_ACTIVATION if enrollment.key_shown else Status.NOT_ENROLLED

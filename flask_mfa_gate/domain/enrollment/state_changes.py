"""What each action does to one user: pure, so that one user and a hundred thousand go the same way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from ..people.roles import Right
from ..records.event_name import EventName
from ..records.mail_kind import MailKind, Notice
from ..sign_in.assurance import FactorKind
from .enrollment import EnrollmentState, Period, Status, extend_period, move_end, start_period, status_of
from .voids import Voids


class Outcome(StrEnum):
    """What became of one user in an action."""

    DONE = "done"
    SKIPPED = "skipped"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Requirement:
    """The requirement as it is to be stored.

    :param required_by: None means: not required.
    :param waiting_days: length of a period that begins when the account is active and used.
    """

    required_by: str | None
    period: Period | None = None
    waiting_days: int | None = None


@dataclass(frozen=True, slots=True)
class StateChange:
    """The change of one user.

    :param reason: one stable word, where there is more to say than the outcome.
    :param requirement: what to store; None leaves it as it is.
    :param event: what is recorded; None for a user who was skipped.
    :param voids_proofs: every key, code, pass and session becomes worthless.
    :param voids: parts of that which do.
    :param clears_failures: wrong codes are forgotten.
    :param restarts_grace: name of a policy whose days of grace begin now.
    """

    outcome: Outcome = Outcome.DONE
    reason: str = ""
    requirement: Requirement | None = None
    event: EventName | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    notice: Notice | None = None
    voids_proofs: bool = False
    voids: Voids | None = None
    clears_failures: bool = False
    restarts_grace: str | None = None


@dataclass(frozen=True, slots=True)
class UserState:
    """One user, as an action finds them.

    :param enabled: factor kinds enabled in the app.
    :param satisfying: those among them whose setup ends a period.
    :param held: id and kind of each confirmed factor; only for actions on a single one.
    :param has_pass: whether there is an access pass; only for actions on passes.
    """

    enrollment: EnrollmentState
    is_active: bool
    now: datetime
    enabled: frozenset[FactorKind]
    satisfying: frozenset[FactorKind]
    held: tuple[tuple[str, FactorKind], ...] = ()
    has_pass: bool = False

    @property
    def status(self) -> Status:
        """Where the user's enrollment is."""
        return status_of(self.enrollment, now=self.now, enabled=self.enabled)

    @property
    def is_enrolled(self) -> bool:
        """Whether the user holds what a period would ask for."""
        holds = self.enrollment.factors & set(self.enabled) & set(self.satisfying)
        return bool(holds) or self.status is Status.ENROLLED

    def begin(self, by: str, days: int) -> Requirement:
        """Required from now on: forced, within a period, or within one that waits for the account to become active."""
        if not days:
            return Requirement(by)
        return Requirement(by, start_period(self.now, days=days)) if self.is_active else Requirement(by, None, days)


class Action(Protocol):
    """Something an admin does to users."""

    @property
    def right(self) -> Right:
        """What it takes."""

    @property
    def must_tell(self) -> bool:
        """Whether the user is told whatever the admin says."""

    def on(self, user: UserState, *, by: str) -> StateChange:
        """What it does to this user; ``by`` is the actor's name."""


@dataclass(frozen=True, slots=True)
class Require:
    """Demand MFA, within ``days`` or, with 0, now. A running period restarts only with ``renew``."""

    days: int
    renew: bool
    right = Right.RULE
    must_tell = False

    def on(self, user: UserState, *, by: str) -> StateChange:
        """A lapsed user is never reopened; an enrolled one gets neither a period nor a mail."""
        if user.enrollment.is_forced and not self.renew:
            return _skip("already-required")
        if user.is_enrolled:
            return StateChange(requirement=Requirement(by), event=EventName.ENROLLMENT_STARTED, details={"days": 0})
        if user.status is Status.ENROLLMENT_EXPIRED:
            return _skip("lapsed")
        if user.status in {Status.IN_ENROLLMENT, Status.PRE_ENROLLMENT} and not self.renew:
            return _skip("in-period")
        requirement = user.begin(by, self.days)
        waits = requirement.waiting_days is not None
        notice = None if waits else start_notice(requirement.period, now=user.now)
        return StateChange(
            requirement=requirement, event=EventName.ENROLLMENT_STARTED, details={"days": self.days, "waiting": waits},
            notice=notice,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Extend:
    """Move the end of a period by ``days``, or to ``until``. Lets a lapsed user back in."""

    days: int | None
    until: datetime | None
    right = Right.RESCUE
    must_tell = False

    def on(self, user: UserState, *, by: str) -> StateChange:
        """A key that was shown stays; the requirement stays whose it is."""
        by = user.enrollment.required_by or by
        waiting = user.enrollment.waiting_days
        if waiting is not None and self.days is not None:
            longer = Requirement(by, None, waiting + self.days)
            return StateChange(
                requirement=longer, event=EventName.ENROLLMENT_EXTENDED, details={"days": longer.waiting_days}
            )
        if user.enrollment.period is None:
            return _skip("no-period")
        period = self._moved(user.enrollment.period, user.now)
        details = {"ends_at": period.ends_at.isoformat()}
        return StateChange(requirement=Requirement(by, period), event=EventName.ENROLLMENT_EXTENDED, details=details)

    def _moved(self, period: Period, now: datetime) -> Period:
        if self.days is not None:
            return extend_period(period, now=now, days=self.days)
        return move_end(period, until=self.until or now)


@dataclass(frozen=True, slots=True)
class Reset:
    """Void everything that proves. ``days``: the days in which a password is enough afterwards; None: see below."""

    days: int | None
    default_days: int
    right = Right.RESCUE
    must_tell = True

    def on(self, user: UserState, *, by: str) -> StateChange:
        """Without ``days`` nobody who held a key, or was forced, gets by with only a password."""
        requirement = None
        if user.enrollment.required:
            # SECURITY: a period may run beside a security key; losing the key must not buy days of password alone.
            forces = self.days is None and (user.enrollment.is_forced or bool(user.enrollment.factors))
            days = 0 if forces else self.default_days if self.days is None else self.days
            requirement = user.begin(user.enrollment.required_by or by, days)
        period, waiting = (requirement.period, requirement.waiting_days) if requirement else (None, None)
        grace = period.days_left(user.now) if period else waiting
        forced = requirement is not None and grace is None
        return StateChange(
            requirement=requirement, event=EventName.MFA_RESET, voids_proofs=True,
            details={"factors": sorted(user.enrollment.factors), "days": self.days},
            notice=Notice(MailKind.RESET, {"days": grace, "forced": forced}),
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Remove:
    """Take the requirement away. A confirmed key stays and is still asked for."""

    right = Right.RULE
    must_tell = False

    def on(self, user: UserState, *, by: str) -> StateChange:
        """Prompt and lock disappear."""
        if not user.enrollment.required:
            return _skip("not-required")
        return StateChange(
            requirement=Requirement(None),
            event=EventName.REQUIREMENT_REMOVED,
            notice=Notice(MailKind.REQUIREMENT_REMOVED),
        )


@dataclass(frozen=True, slots=True)
class Remind:
    """Mail to everyone who is still in a period."""

    right = Right.RESCUE
    must_tell = False

    def on(self, user: UserState, *, by: str) -> StateChange:
        """Marks of scheduled reminders stay as they are."""
        if user.status is not Status.IN_ENROLLMENT or user.enrollment.period is None:
            return _skip("lapsed" if user.status is Status.ENROLLMENT_EXPIRED else "no-period")
        return reminder(user.enrollment.period, now=user.now)


@dataclass(frozen=True, slots=True)
class Unlock:
    """Forget wrong codes, and nothing else."""

    right = Right.RESCUE
    must_tell = False

    def on(self, user: UserState, *, by: str) -> StateChange:
        """Says when that alone lets nobody in."""
        reason = "lapsed-too" if user.status is Status.ENROLLMENT_EXPIRED else ""
        return StateChange(reason=reason, event=EventName.ACCOUNT_UNLOCKED, clears_failures=True)


def activate(enrollment: EnrollmentState, *, now: datetime) -> StateChange:
    """The account is active and used: the period that waited for it begins."""
    period = start_period(now, days=enrollment.waiting_days or 0)
    return StateChange(
        requirement=Requirement(enrollment.required_by, period), event=EventName.ENROLLMENT_STARTED,
        details={"days": enrollment.waiting_days, "waiting": False}, notice=start_notice(period, now=now),
    )  # fmt: skip


def start_notice(period: Period | None, *, now: datetime) -> Notice:
    """MFA is now required; how many days are left, and the exact end."""
    if period is None:
        return Notice(MailKind.START, {"days": 0, "ends_at": None})
    return Notice(MailKind.START, {"days": period.days_left(now), "ends_at": period.ends_at})


def reminder(period: Period, *, now: datetime) -> StateChange:
    """The period runs out soon."""
    days_left = period.days_left(now)
    return StateChange(
        event=EventName.ENROLLMENT_REMINDED, details={"days_left": days_left},
        notice=Notice(MailKind.REMINDER, {"days_left": days_left, "ends_at": period.ends_at}),
    )  # fmt: skip


def lapse(period: Period) -> StateChange:
    """The period has ended without enrollment."""
    return StateChange(event=EventName.ENROLLMENT_LAPSED, notice=Notice(MailKind.LAPSED, {"ended_at": period.ends_at}))


def fail(reason: str) -> StateChange:
    """The action is not carried out on this user."""
    return StateChange(Outcome.FAILED, reason)


def without_notice(change: StateChange) -> StateChange:
    """The same, and nobody is told."""
    return replace(change, notice=None)


def _skip(reason: str) -> StateChange:
    return StateChange(Outcome.SKIPPED, reason)

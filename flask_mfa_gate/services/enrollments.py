"""Moves of the enrollment state, as an admin, the command line or the host makes them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from ..clock import Clock
from ..domain.enrollment import LONGEST_DAYS, Period, Standing, Status, extend_period, move_end, start_period, status_of
from ..domain.person import Person, actor_of
from ..domain.verdict import APP, Access, Rules, is_required
from ..errors import BadRequest, Conflict, UnknownUser
from ..mail.notices import START, start_notice
from ..store import Store
from .directory import Directory
from .results import ActionResult, Answer, MfaStatus, Outcome
from .work import Work, Worker

DONE = Answer(Outcome.DONE)
LONGEST_REASON = 10_000
_UNKEPT = re.compile(r"[\x00\ud800-\udfff]")
_LAPSED_SENTENCE = "The enrollment period of this user has ended. Extend it or reset the user instead."


@dataclass(frozen=True, slots=True)
class Order:
    """Who orders an action, and why."""

    actor: str
    reason: str | None
    notify: bool

    def __post_init__(self) -> None:
        """Take only what every database keeps: PostgreSQL has no NUL in text, and MariaDB's TEXT ends at 64 KiB."""
        if len(self.reason or "") > LONGEST_REASON:
            raise BadRequest(f"Give a reason of at most {LONGEST_REASON:,} characters.")
        if _UNKEPT.search(f"{self.actor} {self.reason}"):
            raise BadRequest("There is a NUL or half of a surrogate pair in the reason or the actor.")


class EnrollmentService:
    """Require, extend, reset, remove, unlock, status.

    Keys are one key or several. A single key given as text raises :class:`UnknownUser` when the directory does not know
    it; several keys never raise for one of them, their outcome is in the :class:`ActionResult`.
    """

    def __init__(
        self, store: Store, worker: Worker, directory: Directory, rules: Rules, *,
        clock: Clock, default_days: int, muted_mails: Iterable[str],
    ) -> None:  # fmt: skip
        self._store, self._worker, self._directory, self._rules = store, worker, directory, rules
        self._clock, self._default_days, self._muted = clock, default_days, frozenset(muted_mails)

    def require(
        self, keys: str | Iterable[str], *, days: int | None = None, actor: str = "host", reason: str | None = None,
        notify: bool = True, renew: bool = False,
    ) -> ActionResult:  # fmt: skip
        """Demand MFA of users.

        :param days: 1 to 365 days in which they may still defer; 0 forces now; None is the configured default.
        :param renew: begin a running period anew; a single key always does.
        :raises Conflict: ``lapsed``, for a single key whose period has ended.
        """
        length = _checked_days(self._default_days if days is None else days, least=0)
        order = Order(actor_of(actor), reason, notify)
        targets = _targets(keys)
        step = partial(self._require_one, days=length, order=order, renew=renew or len(targets) == 1)
        result = self._each(keys, targets, step)
        if isinstance(keys, str) and (keys, "lapsed") in result.skipped:
            raise Conflict("lapsed", _LAPSED_SENTENCE)
        return result

    def extend(
        self, keys: str | Iterable[str], *, days: int | None = None, until: datetime | None = None,
        actor: str = "host", reason: str | None = None,
    ) -> ActionResult:  # fmt: skip
        """Move the end of a period; a lapsed user is let back in. Users without a period are skipped (``no-period``).

        :param days: 1 to 365 more, counted from the end or from now, whichever is later.
        :param until: the new end itself, aware and in the future.
        """
        if (days is None) == (until is None):
            raise BadRequest("Give either days or until.")
        if until is not None and (until.tzinfo is None or until <= self._clock()):
            raise BadRequest("until has to be an aware datetime in the future.")
        length = None if days is None else _checked_days(days, least=1)
        step = partial(self._extend_one, days=length, until=until, order=Order(actor_of(actor), reason, True))
        return self._each(keys, _targets(keys), step)

    def reset(
        self, keys: str | Iterable[str], *, days: int | None = None, actor: str = "host", reason: str | None = None
    ) -> ActionResult:
        """Void every key, recovery code and session. A required user starts a new period; one who held a confirmed
        key has to enroll at the next sign-in unless ``days`` says for how long the password alone will do.
        """
        length = None if days is None else _checked_days(days, least=0)
        step = partial(self._reset_one, days=length, order=Order(actor_of(actor), reason, True))
        return self._each(keys, _targets(keys), step)

    def remove(self, keys: str | Iterable[str], *, actor: str = "host", reason: str | None = None) -> ActionResult:
        """Take the requirement away. A confirmed key stays and is still asked for."""
        step = partial(self._remove_one, order=Order(actor_of(actor), reason, True))
        return self._each(keys, _targets(keys), step)

    def unlock(self, keys: str | Iterable[str], *, actor: str = "host", reason: str | None = None) -> ActionResult:
        """Forget failed attempts, and nothing else; the reason ``lapsed-too`` says that this alone lets nobody in."""
        step = partial(self._unlock_one, order=Order(actor_of(actor), reason, True))
        return self._each(keys, _targets(keys), step)

    def status(self, key: str) -> MfaStatus:
        """One user's enrollment; for a key that nobody knows: not enrolled, not required."""
        now = self._clock()
        with self._store.database.read() as tx:
            standing = self._store.enrollments.standing(tx, key, now=now)
        return self.describe(standing, now=now)

    def describe(self, standing: Standing, *, now: datetime) -> MfaStatus:
        """The same for a standing at hand."""
        by_default = self._rules.default_access.get(APP) is Access.REQUIRE
        return MfaStatus(
            key=standing.user_key,
            status=self._status(standing, now),
            required=is_required(standing, self._rules),
            required_by=standing.required_by or ("default-access" if by_default else None),
            days_left=standing.period.days_left(now) if standing.period else None,
            ends_at=standing.period.ends_at if standing.period else None,
            enrolled_at=standing.enrolled_at,
            factors=tuple(sorted(kind.value for kind in standing.factors)),
        )

    def _each(
        self, keys: object, targets: list[str], step: Callable[[Work, Person, Standing, datetime], Answer]
    ) -> ActionResult:
        return ActionResult.of([(key, self._one(key, step, is_single=isinstance(keys, str))) for key in targets])

    def _one(self, key: str, step: Callable[[Work, Person, Standing, datetime], Answer], *, is_single: bool) -> Answer:
        person = self._directory.get(key)
        if person is None:
            if is_single:
                raise UnknownUser(f"No user with the key {key!r} is known.")
            return Answer(Outcome.FAILED, "unknown-user")
        return self._worker.run(partial(self._locked_step, person=person, step=step))

    def _locked_step(
        self, work: Work, *, person: Person, step: Callable[[Work, Person, Standing, datetime], Answer]
    ) -> Answer:
        now = self._clock()
        self._store.enrollments.lock(work.tx, person.key)
        return step(work, person, self._store.enrollments.standing(work.tx, person.key, now=now), now)

    def _require_one(
        self, work: Work, person: Person, standing: Standing, now: datetime, *, days: int, order: Order, renew: bool
    ) -> Answer:
        status = self._status(standing, now)
        if status is Status.ENROLLMENT_EXPIRED:
            return Answer(Outcome.SKIPPED, "lapsed")
        if status is Status.IN_ENROLLMENT and not renew:
            return Answer(Outcome.SKIPPED, "in-period")
        if standing.is_forced and not renew:
            return Answer(Outcome.SKIPPED, "already-required")
        period = start_period(now, days=days) if days and status is not Status.ENROLLED else None
        self._store.enrollments.set_requirement(work.tx, person.key, required_by=order.actor, period=period)
        _record(work, "enrollment_started", person.key, order, days=days if period else 0)
        if status is not Status.ENROLLED and order.notify and START not in self._muted:
            work.post(start_notice(person, period, now=now))
        return DONE

    def _extend_one(
        self, work: Work, person: Person, standing: Standing, now: datetime, *,
        days: int | None, until: datetime | None, order: Order,
    ) -> Answer:  # fmt: skip
        if standing.period is None:
            return Answer(Outcome.SKIPPED, "no-period")
        longer = (
            extend_period(standing.period, now=now, days=days)
            if days
            else move_end(standing.period, until=until or now)
        )
        by = standing.required_by or order.actor
        self._store.enrollments.set_requirement(work.tx, person.key, required_by=by, period=longer)
        _record(work, "enrollment_extended", person.key, order, ends_at=longer.ends_at.isoformat())
        return DONE

    def _reset_one(
        self, work: Work, person: Person, standing: Standing, now: datetime, *, days: int | None, order: Order
    ) -> Answer:
        self._store.factors.void(work.tx, person.key, now=now)
        self._store.recovery_codes.void(work.tx, person.key)
        # SECURITY: whoever stole a session or waits with a half-done sign-in loses it with the key.
        self._store.sessions.end_all(work.tx, person.key)
        if standing.required:
            period = self._period_after_reset(standing, now, days)
            self._store.enrollments.set_requirement(
                work.tx, person.key, required_by=standing.required_by, period=period
            )
        _record(work, "mfa_reset", person.key, order, factors=sorted(standing.factors), days=days)
        return DONE

    def _period_after_reset(self, standing: Standing, now: datetime, days: int | None) -> Period | None:
        """Without ``days`` nobody who held a key, or was forced, gets by on the password alone."""
        if days is None and standing.is_forced:
            return None
        length = self._default_days if days is None else days
        return start_period(now, days=length) if length else None

    def _remove_one(self, work: Work, person: Person, standing: Standing, now: datetime, *, order: Order) -> Answer:
        if not standing.required:
            return Answer(Outcome.SKIPPED, "not-required")
        self._store.enrollments.set_requirement(work.tx, person.key, required_by=None, period=None)
        _record(work, "requirement_removed", person.key, order)
        return DONE

    def _unlock_one(self, work: Work, person: Person, standing: Standing, now: datetime, *, order: Order) -> Answer:
        cleared = self._store.failures.clear(work.tx, person.key)
        _record(work, "account_unlocked", person.key, order, failures=cleared)
        lapsed = self._status(standing, now) is Status.ENROLLMENT_EXPIRED
        return Answer(Outcome.DONE, "lapsed-too") if lapsed else DONE

    def _status(self, standing: Standing, now: datetime) -> Status:
        return status_of(standing, now=now, enabled=self._rules.enabled)


def _record(work: Work, event: str, subject: str, order: Order, **details: Any) -> None:
    work.record(event, subject=subject, actor=order.actor, reason=order.reason, **details)


def _targets(keys: str | Iterable[str]) -> list[str]:
    """Each key once, in the order given."""
    return [keys] if isinstance(keys, str) else list(dict.fromkeys(keys))


def _checked_days(days: int, *, least: int) -> int:
    if isinstance(days, bool) or not isinstance(days, int) or not least <= days <= LONGEST_DAYS:
        raise BadRequest(f"days is a whole number from {max(least, 1)} to {LONGEST_DAYS}; to force MFA now, say now.")
    return days

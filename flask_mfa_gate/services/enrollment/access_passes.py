"""Access passes: given out, taken back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from ...clock import Clock
from ...domain.enrollment.revocations import RevokePass
from ...domain.factors.access_pass import DEFAULT, AccessPass, Scope, terms
from ...domain.people.person import Person
from ...domain.people.roles import Actor, ActorLike, Right
from ...domain.records.event_name import EventName
from ...domain.records.mail_kind import MailKind, Notice
from ...errors import BadRequest, NotAllowed
from ...factors.access_pass import AccessPasses
from ...store import Store
from ..actions.actions import LOUD, REFUSALS, ActionRunner, Order
from ..sign_in.endings import revoke_opened
from ..text_validation import check_words
from ..unit_of_work import TransactionRunner, UnitOfWork, write_person


class AccessPassService:
    """``gate.access_passes``: ways back in for users who lost their device. A user has at most one at a time."""

    def __init__(
        self, store: Store, worker: TransactionRunner, runner: ActionRunner, factor: AccessPasses, *, clock: Clock
    ) -> None:
        self._store, self._worker, self._runner = store, worker, runner
        self._factor, self._clock = factor, clock

    def issue(
        self, key: str, *, actor: ActorLike = Actor.HOST, lifetime: timedelta = DEFAULT, one_time: bool = True,
        scope: str = Scope.FULL, starts_at: datetime | None = None, reason: str | None = None, notify: bool = True,
    ) -> str:  # fmt: skip
        """A new pass in place of any other, to be shown this once.

        :param lifetime: 10 minutes to 30 days from the start; what the pass opens ends with it.
        :param one_time: whether the first use spends it.
        :param scope: ``full``, or ``enroll-only``, which opens nothing but the setup of a factor.
        :raises UnknownUser, NotAllowed, BadRequest: see there.
        """
        check_words(actor, reason)
        granted = self.plan(
            key, actor=actor, lifetime=lifetime, one_time=one_time, scope=scope, starts_at=starts_at, notify=notify
        )
        by, person = self._checked(key, actor)

        def act(work: UnitOfWork) -> str:
            write_person(work, person)
            self._revoke(work, key)
            code = self._factor.issue(work.tx, key, granted, issued_by=by.name, now=self._clock())
            work.record(
                EventName.ACCESS_PASS_ISSUED, subject=key, actor=by.name, reason=reason, scope=granted.scope.value,
                one_time=one_time, starts_at=granted.starts_at.isoformat(), ends_at=granted.ends_at.isoformat(),
            )  # fmt: skip
            if notify:
                work.tell(key, _notice(granted))
            return code

        return self._worker.run(act)

    def plan(
        self, key: str, *, actor: ActorLike = Actor.HOST, lifetime: timedelta = DEFAULT, one_time: bool = True,
        scope: str = Scope.FULL, starts_at: datetime | None = None, notify: bool = True,
    ) -> AccessPass:  # fmt: skip
        """The terms of the pass that :meth:`issue` would make. Nothing is made, and what it refuses is refused."""
        granted = self._terms(scope, one_time, lifetime, starts_at)
        by, _person = self._checked(key, actor)
        # SECURITY: a pass is a way into the account, so its owner hears of it unless the operator made it.
        if not notify and not by.may_be_silent:
            raise BadRequest(LOUD)
        return granted

    def revoke(self, key: str, *, actor: ActorLike = Actor.HOST, reason: str | None = None) -> bool:
        """Make a user's pass worthless and end what it opened; False when there was none.
        For several: :meth:`EnrollmentService.revoke_pass`.

        :raises UnknownUser, NotAllowed: see there.
        """
        return bool(self._runner.on_one(RevokePass(), key, Order(actor=actor, reason=reason)).done)

    def of(self, key: str) -> Sequence[AccessPass]:
        """The terms of the pass that a user has, now or later."""
        with self._store.database.read() as tx:
            return [one.terms for one in self._store.access_passes.waiting_or_live(tx, key, now=self._clock())]

    def _revoke(self, work: UnitOfWork, key: str) -> int:
        self._store.enrollments.lock(work.tx, key)
        ids = self._store.access_passes.void(work.tx, key, now=self._clock())
        # SECURITY: a session lives no longer than the pass that opened it.
        return revoke_opened(work, key, ids)

    def _terms(self, scope: str, one_time: bool, lifetime: timedelta, starts_at: datetime | None) -> AccessPass:
        if scope not in set(Scope):
            raise BadRequest(f"scope is one of {', '.join(Scope)}.")
        if starts_at is not None and starts_at.tzinfo is None:
            raise BadRequest("starts_at has to be an aware datetime.")
        granted = terms(
            scope=Scope(scope), one_time=one_time, lifetime=lifetime, starts_at=starts_at, now=self._clock()
        )
        if granted is None:
            raise BadRequest("A pass lives 10 minutes to 30 days, and starts now or within a year.")
        return granted

    def _checked(self, key: str, actor: ActorLike) -> tuple[Actor, Person]:
        by, person = self._runner.actor(actor), self._runner.person(key)
        if (why := self._runner.refusal(by, Right.RESCUE, person)) is not None:
            raise NotAllowed(why, REFUSALS[why])
        return by, person


def _notice(granted: AccessPass) -> Notice:
    return Notice(
        MailKind.ACCESS_PASS,
        {
            "starts_at": granted.starts_at,
            "expires_at": granted.ends_at,
            "scope": granted.scope.value,
            "one_time": granted.one_time,
        },
    )

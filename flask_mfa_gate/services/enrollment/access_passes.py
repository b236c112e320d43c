"""Access passes: given out, taken back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ...domain.enrollment.revocations import RevokePass
from ...domain.factors.access_pass import DEFAULT, AccessPass, Scope, terms
from ...domain.people.person import Person
from ...domain.people.roles import Actor, ActorLike, Right
from ...domain.records.event_name import EventName
from ...domain.records.mail_kind import MailKind, Notice
from ...errors import BadRequest
from ...factors.access_pass import AccessPasses
from ...sentences import Sentence
from ..actions.actions import LOUD, ActionRunner, Order
from ..sign_in.endings import revoke_opened
from ..text_validation import check_words
from ..unit_of_work import TransactionRunner, UnitOfWork, write_person


@dataclass(frozen=True, slots=True)
class PassTerms:
    """What is asked for of a pass, see :meth:`AccessPassService.issue`."""

    lifetime: timedelta = DEFAULT
    one_time: bool = True
    scope: str = Scope.FULL
    starts_at: datetime | None = None


class AccessPassService:
    """``gate.access_passes``: ways back in for users who lost their device. A user has at most one at a time."""

    def __init__(self, worker: TransactionRunner, runner: ActionRunner, factor: AccessPasses) -> None:
        self._store, self._worker, self._runner = worker.store, worker, runner
        self._factor, self._clock = factor, worker.clock

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
        granted = self.plan(key, PassTerms(lifetime, one_time, scope, starts_at), actor=actor, notify=notify)
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

    def plan(self, key: str, asked: PassTerms, *, actor: ActorLike = Actor.HOST, notify: bool = True) -> AccessPass:
        """The terms of the pass that :meth:`issue` would make. Nothing is made, and what it refuses is refused."""
        granted = self._granted(asked)
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

    def _granted(self, asked: PassTerms) -> AccessPass:
        if asked.scope not in set(Scope):
            raise BadRequest(Sentence("scope is one of %(known)s.", known=", ".join(Scope)))
        if asked.starts_at is not None and asked.starts_at.tzinfo is None:
            raise BadRequest("starts_at has to be an aware datetime.")
        granted = terms(
            scope=Scope(asked.scope), one_time=asked.one_time, lifetime=asked.lifetime, starts_at=asked.starts_at,
            now=self._clock(),
        )  # fmt: skip
        if granted is None:
            raise BadRequest("A pass lives 10 minutes to 30 days, and starts now or within a year.")
        return granted

    def _checked(self, key: str, actor: ActorLike) -> tuple[Actor, Person]:
        by = self._runner.actor(actor)
        return by, self._runner.checked(by, Right.RESCUE, key)


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

"""What users do with their own factors and sessions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...domain.authorization.rules import Rules, is_required
from ...domain.enrollment.enrollment import EnrollmentState
from ...domain.people.person import Origin
from ...domain.records.event_name import EventName
from ...domain.records.mail_kind import MailKind, Notice
from ...domain.sign_in.assurance import FactorKind
from ...domain.sign_in.session import GateSession
from ...errors import BadRequest, Conflict
from ...factors.base import Companion, Description
from ...sentences import Sentence
from ...signals import Event
from ...store.enrollment.factors import Factor
from ..unit_of_work import TransactionRunner, UnitOfWork
from .attempts import seen_from
from .endings import require_living, revoke_one, revoke_others

NAME_LENGTH = 64
RECENT_EVENTS = 50
_LAST_FACTOR = "MFA is required for your account, so you can't remove your last method. Set up another one first."


@dataclass(frozen=True, slots=True)
class Overview:
    """What the security page shows.

    :param companion: what is left of the way back in that came with the first factor.
    """

    factors: Sequence[Factor]
    companion: Description
    events: Sequence[Event]


class SelfService:
    """Each call is about the owner of the session it is given; ids of others are not found."""

    def __init__(self, worker: TransactionRunner, companion: Companion, rules: Rules) -> None:
        self._store, self._worker, self._companion = worker.store, worker, companion
        self._rules, self._clock = rules, worker.clock

    def overview(self, session: GateSession) -> Overview:
        """Factors, codes left, and what happened lately."""
        with self._store.database.read() as tx:
            held = self._store.holdings.read(tx, session.user_key, place="", now=self._clock())
            return Overview(
                factors=held.factors,
                companion=self._companion.describe(held),
                events=self._store.audit.recent(tx, session.user_key, limit=RECENT_EVENTS),
            )

    def factor(self, session: GateSession, factor_id: str) -> Factor | None:
        """One live factor of this user."""
        # SECURITY: looked up among the user's own, so that another user's id is simply not there.
        return next((factor for factor in self.overview(session).factors if factor.id == factor_id), None)

    def rename_factor(self, session: GateSession, factor_id: str, name: object) -> bool:
        """Give a factor another name of 1 to 64 printable characters; False when there is no such factor."""
        if not isinstance(name, str) or not 0 < len(name.strip()) <= NAME_LENGTH or not name.isprintable():
            raise BadRequest(
                Sentence("Enter a name of 1 to %(name_length)s printable characters.", name_length=NAME_LENGTH)
            )
        return self._worker.run(
            lambda work: self._store.factors.rename(work.tx, factor_id, user_key=session.user_key, name=name.strip())
        )

    def is_removable(self, enrollment: EnrollmentState, kind: FactorKind) -> bool:
        """Whether a factor may go without another in its place: not the last, nor the last that a period asks for."""
        if not is_required(enrollment, self._rules):
            return True
        left = (enrollment.factors - {kind}) & self._rules.enabled
        return bool(left) and (kind not in self._rules.satisfying or bool(left & self._rules.satisfying))

    def remove_factor(self, session: GateSession, factor_id: str, *, origin: Origin) -> bool:
        """Void a factor; with the last one the recovery codes go too. False when there is no such factor.

        :raises Conflict: ``last-factor``, while MFA is required.
        """

        def act(work: UnitOfWork) -> bool:
            key, now = session.user_key, self._clock()
            self._store.enrollments.lock(work.tx, key)
            require_living(work, session)
            enrollment = self._store.enrollments.state(work.tx, key, now=now)
            kinds = {factor.id: factor.kind for factor in self._store.factors.confirmed(work.tx, key)}
            if factor_id not in kinds:
                return False
            if not self.is_removable(enrollment, kinds[factor_id]):
                raise Conflict("last-factor", _LAST_FACTOR)
            self._store.factors.void(work.tx, key, now=now, only=factor_id)
            if len(enrollment.factors) == 1:
                self._companion.withdraw(work.tx, [key], now=now)
            revoke_others(work, session)
            work.record(EventName.FACTOR_REMOVED, subject=key, actor=f"user:{key}", origin=origin, factor=factor_id)
            facts = {"method": kinds[factor_id].value, "by_admin": False, **seen_from(origin)}
            work.tell(key, Notice(MailKind.FACTOR_REMOVED, facts))
            return True

        return self._worker.run(act)

    def end_session(self, session: GateSession, lineage: str) -> bool:
        """End another sign-in of this user; False when there is no such one."""

        def act(work: UnitOfWork) -> int:
            self._store.enrollments.lock(work.tx, session.user_key)
            require_living(work, session)
            return revoke_one(work, session.user_key, lineage)

        return self._worker.run(act) > 0

    def end_other_sessions(self, session: GateSession) -> int:
        """End every sign-in of this user but this one."""

        def act(work: UnitOfWork) -> int:
            self._store.enrollments.lock(work.tx, session.user_key)
            return revoke_others(work, session)

        return self._worker.run(act)

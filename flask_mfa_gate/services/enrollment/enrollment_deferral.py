"""The choice "Set up later"."""

from __future__ import annotations

from ...domain.authorization.decision import Ask
from ...domain.enrollment.enrollment import EnrollmentState
from ...domain.people.person import Origin
from ...domain.records.event_name import EventName
from ...domain.sign_in.session import GateSession
from ...errors import Conflict
from ..sign_in.authorizer import Authorizer
from ..sign_in.entries import Elevation, Entry
from ..sign_in.sessions import SessionService
from ..unit_of_work import TransactionRunner, UnitOfWork


class EnrollmentDeferral:
    """Lets a user in for this sign-in."""

    def __init__(self, worker: TransactionRunner, sessions: SessionService) -> None:
        self._store, self._worker, self._sessions, self._clock = worker.store, worker, sessions, worker.clock

    def defer(
        self, session: GateSession, enrollment: EnrollmentState, *, origin: Origin, authorizer: Authorizer
    ) -> Entry:
        """Note the choice, and go on.

        :raises Conflict: ``not-possible``, when the period is over or setup is forced.
        """
        at_resource = session.step_up is not None and session.step_up.is_deferrable(self._clock())
        was_deferred = session.deferred_at is not None
        if (
            not at_resource
            and authorizer.after(session.assurance, enrollment, deferred=was_deferred).ask is not Ask.PROMPT
        ):
            raise Conflict("not-possible", "You can't postpone setup any longer.")

        def act(work: UnitOfWork) -> Entry:
            self._store.enrollments.note_deferral(work.tx, session.user_key, now=self._clock())
            work.record(
                EventName.ENROLLMENT_PROMPT_DEFERRED,
                subject=session.user_key,
                actor=f"user:{session.user_key}",
                origin=origin,
            )
            how = Elevation(deferred=True)
            return self._sessions.elevate(work, session, session.assurance, authorizer=authorizer, how=how)

        return self._worker.run(act)

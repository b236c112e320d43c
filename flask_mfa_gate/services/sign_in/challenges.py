"""The challenge: proof of a factor, or of a way back in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from ...domain.address import counted_place
from ...domain.enrollment.enrollment import EnrollmentState
from ...domain.people.person import Origin
from ...domain.records.event_name import EventName
from ...domain.records.mail_kind import Notice
from ...domain.sign_in.assurance import Method
from ...domain.sign_in.session import GateSession
from ...factors.base import NOTHING, Accepted, Challenge, Description, Verifier
from ...store.sign_in.holdings import Held
from ..unit_of_work import TransactionRunner, UnitOfWork
from .attempts import AttemptService, seen_from
from .authorizer import Authorizer
from .entries import Elevation, Entry
from .sessions import SessionService, require_current


@dataclass(frozen=True, slots=True)
class Answer:
    """What somebody sends for a challenge, and from where.

    :param raw: as it came, of any type.
    """

    raw: object = field(repr=False)
    method: Method
    origin: Origin


class ChallengeService:
    """Takes a code and raises the session that it was typed in."""

    def __init__(
        self,
        worker: TransactionRunner,
        attempts: AttemptService,
        sessions: SessionService,
        *,
        verifiers: Mapping[Method, Verifier],
    ) -> None:
        self._store, self._worker, self._attempts, self._sessions = worker.store, worker, attempts, sessions
        self._verifiers, self._clock = verifiers, worker.clock

    def holdings(self, session: GateSession, origin: Origin) -> Held:
        """What the user can answer a challenge with, and how that has gone from here."""
        now, place = self._clock(), counted_place(origin.address)
        with self._store.database.read() as tx:
            return self._store.holdings.read(tx, session.user_key, place=place, now=now)

    def begin(self, session: GateSession, method: Method, held: Held) -> Challenge:
        """Ask for a proof by this method; what the answer needs is kept for this sign-in."""
        now, verifier = self._clock(), self._verifiers[method]
        asked = verifier.challenge(held, now=now)
        if verifier.has_state:
            self._worker.run(
                lambda work: self._store.challenge_states.put(work.tx, session.lineage, method, asked.state, now=now)
            )
        return asked

    def describe(self, held: Held, method: Method) -> Description:
        """What the user has of it."""
        return self._verifiers[method].describe(held)

    def verify(
        self, session: GateSession, answer: Answer, *, authorizer: Authorizer,
        act: str | None = None, enrollment: EnrollmentState | None = None,
    ) -> Entry:  # fmt: skip
        """Try a code; a right one rotates the session's id and adds the proof.

        :param act: what the proof leaves a grant for.
        :param enrollment: the user's, as the request read it together with the session.
        :raises BadRequest, Throttled, CodeInvalid: see :meth:`AttemptService.attempt`.
        :raises Conflict: when another request rose from this id; the code stays unused.
        """
        method, origin = answer.method, answer.origin
        verifier = self._verifiers[method]
        require_current(session)

        def accept(work: UnitOfWork, held: Held, code: str) -> Entry | None:
            now, states = self._clock(), self._store.challenge_states
            state = states.take(work.tx, session.lineage, method, now=now) if verifier.has_state else NOTHING
            if state is None:
                return None
            accepted = verifier.verify(work.tx, held, code, state=state, now=now)
            if accepted is None:
                return None
            proved = _with(session, accepted, now)
            how = Elevation(accepted.method, act, enrollment=enrollment)
            entry = self._sessions.elevate(work, proved, proved.assurance, authorizer=authorizer, how=how)
            self._note(work, session.user_key, accepted, origin)
            return entry

        return self._attempts.attempt(verifier, answer.raw, user_key=session.user_key, origin=origin, accept=accept)

    def _note(self, work: UnitOfWork, user_key: str, accepted: Accepted, origin: Origin) -> None:
        method, notice = accepted.method.value, accepted.notice
        work.record(
            EventName.CHALLENGE_PASSED, subject=user_key, actor=f"user:{user_key}", origin=origin, method=method
        )
        if notice is not None:
            work.tell(user_key, Notice(notice.kind, {**notice.facts, **seen_from(origin)}))


def _with(session: GateSession, accepted: Accepted, now: datetime) -> GateSession:
    """The session with this proof. What a pass opened ends with the pass, also when it was stronger before."""
    ends = [moment for moment in (session.ends_at, accepted.ends_at) if moment is not None]
    return replace(
        session, assurance=session.assurance.with_proof(accepted.method, at=now), ends_at=min(ends, default=None),
        pass_id=accepted.pass_id or session.pass_id,
    )  # fmt: skip

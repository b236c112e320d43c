"""The challenge: proof of a factor, or of a way back in."""

from __future__ import annotations

from collections.abc import Mapping

from ..clock import Clock
from ..domain.assurance import Method
from ..domain.person import Origin
from ..domain.session import GateSession, grant_for
from ..factors.protocol import Verifier
from .attempts import AttemptService
from .sessions import Entry, SessionService, require_current
from .work import Work


class ChallengeService:
    """Takes a code and raises the session that it was typed in."""

    def __init__(
        self, attempts: AttemptService, sessions: SessionService, verifiers: Mapping[Method, Verifier], *, clock: Clock
    ) -> None:
        self._attempts, self._sessions, self._verifiers, self._clock = attempts, sessions, verifiers, clock

    def verify(self, session: GateSession, raw: object, *, method: Method, origin: Origin) -> Entry:
        """Try a code; a right one rotates the session's id and adds the proof.

        :raises BadRequest, Throttled, CodeInvalid: see :meth:`AttemptService.attempt`.
        :raises Conflict: when another request rose from this id; the code stays unused.
        """
        verifier = self._verifiers[method]
        require_current(session)

        def accept(work: Work, code: str) -> Entry | None:
            now = self._clock()
            self._sessions.take_turn(work, session.user_key)
            if not verifier.try_accept(work.tx, session.user_key, code, now=now):
                return None
            assurance = session.assurance.with_proof(method, at=now)
            entry = self._sessions.rise(work, session, assurance, grant=grant_for(session.step_up, method, now=now))
            work.record(
                "challenge_passed",
                subject=session.user_key,
                actor=f"user:{session.user_key}",
                origin=origin,
                method=method.value,
            )
            return entry

        return self._attempts.attempt(verifier, raw, user_key=session.user_key, origin=origin, accept=accept)

"""What users do with their recovery codes."""

from __future__ import annotations

from ...domain.people.person import Origin
from ...domain.records.event_name import EventName
from ...domain.records.mail_kind import MailKind, Notice
from ...domain.sign_in.session import GateSession
from ...factors.base import Companion
from ..sign_in.attempts import seen_from
from ..sign_in.endings import require_living
from ..unit_of_work import TransactionRunner, UnitOfWork


class RecoveryCodeService:
    """Each call is about the owner of the session it is given."""

    def __init__(self, worker: TransactionRunner, codes: Companion) -> None:
        self._store, self._worker, self._codes, self._clock = worker.store, worker, codes, worker.clock

    def left(self, session: GateSession) -> int:
        """How many are unused."""
        with self._store.database.read() as tx:
            held = self._store.holdings.read(tx, session.user_key, place="", now=self._clock())
        return self._codes.describe(held).left or 0

    def make(self, session: GateSession, *, origin: Origin) -> list[str]:
        """A new set in place of the old one."""

        def act(work: UnitOfWork) -> list[str]:
            self._store.enrollments.lock(work.tx, session.user_key)
            require_living(work, session)
            codes = self._codes.issue(work.tx, session.user_key, now=self._clock())
            actor = f"user:{session.user_key}"
            work.record(EventName.RECOVERY_CODES_MADE, subject=session.user_key, actor=actor, origin=origin)
            work.tell(session.user_key, Notice(MailKind.RECOVERY_CODES_MADE, seen_from(origin)))
            return codes

        return self._worker.run(act)

"""What a request asks about the sessions of its user, and what it finds out about them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ...crypto import new_token, token_digest
from ...domain.enrollment.enrollment import EnrollmentState
from ...domain.people.person import Origin
from ...domain.records.event_name import EventName
from ...domain.sign_in.session import GateSession, Lifetimes
from ..unit_of_work import TransactionRunner, UnitOfWork
from .endings import notice_password, revoke_all, revoke_others
from .entries import Entry


@dataclass(frozen=True, slots=True)
class Kept:
    """Whether a session that changed its user's password stays, and its new id.

    :param entry: None also where another request of the same browser just went on from the id.
    """

    stays: bool
    entry: Entry | None = None


class RevocationService:
    """What a request asks about the sessions of its user, and what it finds out about them."""

    def __init__(self, worker: TransactionRunner, *, lifetimes: Lifetimes) -> None:
        self._store, self._worker = worker.store, worker
        self._clock, self._lifetimes = worker.clock, lifetimes

    def state(self, user_key: str) -> EnrollmentState:
        """The user's enrollment state, as it is now."""
        with self._store.database.read() as tx:
            return self._store.enrollments.state(tx, user_key, now=self._clock())

    def standing_beside(self, session: GateSession) -> EnrollmentState | None:
        """The user's enrollment state, read together with this session; None when that is over."""
        with self._store.database.read() as tx:
            found = self._store.sessions.load(tx, session.id_digest, now=self._clock())
        # SECURITY: what is remembered of a browser must not outlive a revocation of which it knows nothing yet.
        return None if found is None or found[0].ended_at is not None else found[1]

    def note_first_password(self, session: GateSession, stamps: Sequence[str]) -> GateSession | None:
        """A session that began without a password rests on the user's from now on; None when it is over.

        :param stamps: what stands for the password, of which there is one.
        """

        def act(work: UnitOfWork) -> GateSession | None:
            self._store.enrollments.lock(work.tx, session.user_key)
            known = self._store.revocations.stamp(work.tx, session.user_key)
            # SECURITY: of a session that nothing is known of, a change that is known of is one too many.
            if known is not None and known not in stamps:
                revoke_all(work, [session.user_key])
                return None
            self._store.revocations.note_stamp(work.tx, session.user_key, stamps[0])
            self._store.sessions.restamp(work.tx, session.lineage, stamps[0])
            # SECURITY: and what was registered without a password ends with the next change of this one.
            self._store.api_tokens.restamp(work.tx, session.user_key, stamps[0])
            return replace(session, stamp=stamps[0])

        return self._worker.run(act)

    def is_in(self, user_key: str) -> bool:
        """Whether some session of this user is in use."""
        return bool(self._in_use(user_key))

    def is_in_elsewhere(self, user_key: str) -> bool:
        """Whether some session is in use that this user has proved, or got a deferral for."""
        return any(one.assurance.proofs or one.deferred_at for one in self._in_use(user_key))

    def _in_use(self, user_key: str) -> Sequence[GateSession]:
        now = self._clock()
        with self._store.database.read() as tx:
            seen = self._store.sessions.seen_since(tx, user_key, now - self._lifetimes.idle)
        return [one for one in seen if one.is_alive(self._lifetimes, now=now)]

    def note_changed_password(self, user_key: str, stamps: Sequence[str], *, origin: Origin) -> None:
        """A request came upon a password that was changed: nothing that rests on the old one opens anything."""

        def act(work: UnitOfWork) -> None:
            work.lock_users(user_key)
            if notice_password(work, user_key, stamps):
                work.record(EventName.SIGNED_OUT, subject=user_key, actor=f"user:{user_key}", origin=origin)

        self._worker.run(act)

    def keep(self, session: GateSession, stamps: Sequence[str]) -> Kept:
        """The view of this session changed the user's password: it stays, and all others end."""

        def act(work: UnitOfWork) -> Kept:
            self._store.enrollments.lock(work.tx, session.user_key)
            found = self._store.sessions.load(work.tx, session.id_digest, now=self._clock())
            # SECURITY: a request held open while the owner changes the password says the same as the owner;
            # of two that do, neither stays.
            if found is None or found[0].ended_at is not None:
                revoke_all(work, [session.user_key])
                return Kept(stays=False)
            return self._go_on(work, found[0], stamps)

        return self._worker.run(act)

    def _go_on(self, work: UnitOfWork, session: GateSession, stamps: Sequence[str]) -> Kept:
        now, token, stamp = self._clock(), new_token(), next(iter(stamps), None)
        revoke_others(work, session)
        work.store.revocations.note_stamp(work.tx, session.user_key, stamp)
        work.store.sessions.restamp(work.tx, session.lineage, stamp)
        # SECURITY: a copy of this very session's cookie is left behind with the old password.
        successor = replace(session, id_digest=token_digest(token), seen_at=now, stamp=stamp)
        is_rotated = work.store.sessions.try_rotate(work.tx, session, successor, now=now)
        return Kept(stays=True, entry=Entry(token, successor) if is_rotated else None)

"""Sign-ins and what becomes of them: parked, risen, ended."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ...crypto import Keyring, Place, new_id, new_token, token_digest
from ...domain.authorization.decision import Ask
from ...domain.authorization.rules import Rules
from ...domain.enrollment.enrollment import EnrollmentState
from ...domain.people.person import Origin
from ...domain.sign_in.assurance import UPSTREAM, Assurance, Method, SignIn
from ...domain.sign_in.session import GRANT_LIFETIME, Ending, GateSession, Lifetimes, StepUp, leaves_grant
from ...domain.sign_in.session_bounds import may_have_surplus
from ...domain.sign_in.upstream import Upstream
from ...errors import Conflict, SecretMisplaced, SignInOver
from ...store.sign_in.noted import Arrival
from ..unit_of_work import TransactionRunner, UnitOfWork
from .arrival import Parking, Seen, SigningInUser, record_of
from .authorizer import Authorizer
from .endings import notice_password, require_unrevoked
from .entries import Elevation, Entry, Found
from .records import SignInNotes

DROPPED, LONGEST_DROPPED = "dropped-session-key:", 160
MOST_REPORTED = 10_000
log = logging.getLogger("flask_mfa_gate")
_ALREADY_DONE = "This step was already done, perhaps in another tab."


def require_current(session: GateSession) -> None:
    """A session whose place another id took can rise no more; nothing is tried or counted in it.

    :raises Conflict: ``already-done``.
    """
    if session.is_superseded:
        raise Conflict("already-done", _ALREADY_DONE)


class SessionService:
    """Begins, parks, raises and ends gate sessions."""

    def __init__(self, worker: TransactionRunner, keyring: Keyring, rules: Rules, *, lifetimes: Lifetimes) -> None:
        self._store, self._worker, self._keyring = worker.store, worker, keyring
        self._clock, self._lifetimes = worker.clock, lifetimes
        self._notes = SignInNotes(worker.store, rules, clock=worker.clock)
        self._reported: dict[tuple[Any, ...], None] = {}

    def look_up(self, token: str, *, place: str | None = None) -> Found:
        """What there is to a cookie, in one SELECT.

        :param place: where wrong codes are counted, to read with it what the user can answer a challenge with.
        """
        now, digest, held = self._clock(), token_digest(token), None
        with self._store.database.read() as tx:
            if place is None:
                found = self._store.sessions.load(tx, digest, now=now)
            else:
                found, held = self._store.holdings.load(tx, digest, place=place, now=now)
        if found is None:
            return Found()
        session, enrollment = found
        is_alive = session.is_alive(self._lifetimes, now=now)
        return Found(session, enrollment, None, held) if is_alive else Found(enrollment=enrollment, dead=session)

    def find(self, token: str) -> tuple[GateSession, EnrollmentState] | None:
        """The living session of a cookie, with its user's enrollment state."""
        found = self.look_up(token)
        return (found.session, found.enrollment) if found.session and found.enrollment else None

    def living(self, user_key: str) -> Sequence[GateSession]:
        """Every sign-in of this user that still counts for anything, newest first."""
        now = self._clock()
        with self._store.database.read() as tx:
            found = self._store.sessions.of_user(tx, user_key)
        return [session for session in found if session.is_alive(self._lifetimes, now=now)]

    def begin(
        self, who: SigningInUser, seen: Seen, *, sign_in: SignIn, origin: Origin, parking: Parking | None,
        replaces: GateSession | None, revocations: int | None = None,
    ) -> Entry:  # fmt: skip
        """Note a sign-in. With ``parking`` it is pending. A sign-in always begins a new row, without any proof.

        :param revocations: how often the user's sessions had been revoked when the host's session, whose sign-in nobody
            saw, was found good; None for a sign-in that is made now.
        :raises Conflict: ``signed-out``, when they were once more since.
        """
        now, user_key = self._clock(), who.person.key
        token = new_token()
        session = GateSession(
            id_digest=token_digest(token), lineage=new_id(), user_key=user_key,
            assurance=Assurance(sign_in, now, upstream=seen.upstream),
            began_at=now, seen_at=now, address=origin.address, user_agent=origin.user_agent,
            kept_host_user_id=who.host_user_id, stamp=who.stamp, risk=seen.risk, parked_endpoint=who.endpoint,
        )  # fmt: skip
        if parking is not None:
            session = replace(self._with_parking(session, parking), parked_at=now)

        def act(work: UnitOfWork) -> None:
            work.lock_users(user_key, *([replaces.user_key] if replaces else []))
            require_unrevoked(work, user_key, revocations)
            before = self._notes.before(work, session)
            if replaces is not None:
                self._sign_out(work, replaces)
            self._store.sessions.add(work.tx, session)
            self._after_arrival(work, who, session, before)
            self._note_dropped(work, parking)
            self._notes.arrived(work, who.person, session, before=before, record=record_of(session, seen))

        self._worker.run(act)
        return Entry(token, session)

    def _after_arrival(self, work: UnitOfWork, who: SigningInUser, session: GateSession, before: Arrival) -> None:
        """What becomes of the user's other sessions."""
        if may_have_surplus(current=before.current, pending=before.pending, former=before.former):
            self._store.sessions.trim(work.tx, session.user_key, keep=session.id_digest)
        notice_password(work, session.user_key, who.stamps, but=session.lineage, living=before.stamps)

    def renew(
        self, session: GateSession, who: SigningInUser, *, origin: Origin, upstream: Upstream | None = None,
        granted: str | None = None,
    ) -> Entry | None:  # fmt: skip
        """Note that the same user signed in once more in this browser: what was proved stands, the sign-in is fresh.

        :param granted: the act that the provider was asked to prove something for, see :func:`act_of`.

        None when the session was ended or gave way to another id meanwhile; then this is a sign-in like any other.
        """
        now, token = self._clock(), new_token()
        successor = replace(
            session, id_digest=token_digest(token), seen_at=now, kept_host_user_id=who.host_user_id, stamp=who.stamp,
            assurance=session.assurance.signed_in_again(at=now, upstream=upstream),
            address=origin.address, user_agent=origin.user_agent,
        )  # fmt: skip

        def act(work: UnitOfWork) -> bool:
            self.take_turn(work, session.user_key)
            is_renewed = self._store.sessions.try_rotate(work.tx, session, successor, now=now)
            if is_renewed:
                if granted is not None and leaves_grant(session, UPSTREAM):
                    self._store.grants.put(work.tx, session.lineage, granted, expires_at=now + GRANT_LIFETIME)
                before = self._notes.before(work, successor)
                self._after_arrival(work, who, successor, before)
                self._notes.arrived(work, who.person, successor, before=before)
            return is_renewed

        return Entry(token, successor) if self._worker.run(act) else None

    def gave_way(self, session: GateSession) -> bool:
        """Whether another request of the same browser went on from this id, so that it still counts for a moment."""
        with self._store.database.read() as tx:
            found = self._store.sessions.load(tx, session.id_digest, now=self._clock())
        return found is not None and found[0].is_superseded and found[0].ended_at is None

    def park(self, session: GateSession, parking: Parking) -> GateSession:
        """Turn a live session into one that nobody sees. It lives as long as before, and continues when it may."""
        parked = self._with_parking(session, parking)

        def act(work: UnitOfWork) -> None:
            self._store.sessions.park(work.tx, parked)
            self._store.grants.drop(work.tx, parked.lineage)
            self._note_dropped(work, parking)

        self._worker.run(act)
        return parked

    def _note_dropped(self, work: UnitOfWork, parking: Parking | None) -> None:
        """For the doctor, who tells the host's developer."""
        for name in parking.dropped if parking is not None else ():
            self._store.checkpoints.put(work.tx, f"{DROPPED}{name[:LONGEST_DROPPED]}", at=self._clock())

    def parked_payload(self, session: GateSession) -> bytes:
        """What was taken from the host's session.

        :raises SignInOver: for a row that is not as the gate wrote it.
        :raises SecretUnreadable: where one of ``MFA_GATE_KEYS`` is missing.
        """
        try:
            return self._keyring.open(session.parked or b"", _parked_place(session))
        except SecretMisplaced as error:
            log.error("what was parked of a sign-in of the user %r is refused: %s", session.user_key, error)
            raise SignInOver("This sign-in can't be completed. Sign in again.") from None

    def _with_parking(self, session: GateSession, parking: Parking) -> GateSession:
        sealed = self._keyring.seal(parking.payload, _parked_place(session))
        return replace(
            session, parked=sealed, parked_at=None, kept_target=parking.target,
            kept_host_user_id=parking.host_user_id, step_up=None,
        )  # fmt: skip

    def elevate(
        self, work: UnitOfWork, session: GateSession, assurance: Assurance, *, authorizer: Authorizer,
        how: Elevation = Elevation(),  # noqa: B008 - a frozen value
    ) -> Entry:  # fmt: skip
        """Go on under a new id with what was just proved; the identity is restored when the app is satisfied.

        :raises Conflict: ``already-done``, when another tab or request rose from the same id.
        """
        self.take_turn(work, session.user_key)
        now, token = self._clock(), new_token()
        enrollment = how.enrollment or self._store.enrollments.state(work.tx, session.user_key, now=now)
        was_deferred = how.deferred or session.deferred_at is not None
        is_in = authorizer.after(assurance, enrollment, deferred=was_deferred).ask is Ask.PASS
        successor = replace(
            session, id_digest=token_digest(token), assurance=assurance, seen_at=now,
            deferred_at=now if how.deferred else session.deferred_at,
            step_up=None, parked=None if is_in else session.parked,
        )  # fmt: skip
        require_current(session)
        if not self._store.sessions.try_rotate(work.tx, session, successor, now=now):
            raise Conflict("already-done", _ALREADY_DONE)
        if assurance.proved(Method.of_factors, now=now):
            self._notes.proved(work, session, is_in=is_in)
        if how.act is not None and how.proof is not None and leaves_grant(session, how.proof):
            self._store.grants.put(work.tx, session.lineage, how.act, expires_at=now + GRANT_LIFETIME)
        return Entry(token, successor)

    def take_turn(self, work: UnitOfWork, user_key: str) -> None:
        """What raises and what ends the sessions of one user come one after the other."""
        # SECURITY: on a server a new id could otherwise be written beside the sign-out or reset that ends all of them.
        work.lock_users(user_key)

    def end(self, session: GateSession, *, origin: Origin) -> None:
        """Sign-out: every id of this sign-in is dead at once."""

        def act(work: UnitOfWork) -> None:
            self.take_turn(work, session.user_key)
            if self._sign_out(work, session):
                self._notes.left(work, session, origin)

        self._worker.run(act)

    def _sign_out(self, work: UnitOfWork, session: GateSession) -> int:
        return self._store.sessions.end(
            work.tx, session.lineage, user_key=session.user_key, now=self._clock(), ending=Ending.SIGNED_OUT
        )  # fmt: skip

    def ask(self, session: GateSession, step_up: StepUp | None) -> None:
        """Remember what a live session has to prove, and the way back."""
        self._worker.run(lambda work: self._store.sessions.set_step_up(work.tx, session, step_up))

    def note_upstream(self, session: GateSession, upstream: Upstream) -> GateSession:
        """What is known of the provider that signed the user in."""
        told = replace(session, assurance=replace(session.assurance, upstream=upstream))
        self._worker.run(lambda work: self._store.sessions.set_upstream(work.tx, told))
        return told

    def lead_to(self, session: GateSession, target: str) -> None:
        """Let a sign-in that waits for its proof go on to another page."""
        self._worker.run(lambda work: self._store.sessions.set_target(work.tx, session, target))

    def note_risk(self, session: GateSession, risk: Mapping[str, Any]) -> None:
        """The risk signals from another address or with another client."""
        self._worker.run(lambda work: self._store.sessions.set_risk(work.tx, session.id_digest, risk))

    def note_report(self, session: GateSession, report: Mapping[str, str]) -> None:
        """What reported policies say, once for each sign-in and answer; a worker that forgot finds it in the record."""
        said = (session.lineage, *sorted(report.items()))
        if said not in self._reported:
            self._worker.run(lambda work: self._store.sign_ins.add_report(work.tx, session.lineage, report))
            self._reported[said] = None
            while len(self._reported) > MOST_REPORTED:
                self._reported.pop(next(iter(self._reported)), None)

    def touch(self, session: GateSession) -> None:
        """The idle mark."""
        self._worker.run(lambda work: self._store.sessions.touch(work.tx, session.id_digest, now=self._clock()))

    def has_grant(self, session: GateSession, act: str) -> bool:
        """Whether what is left of a proof lets this sign-in see the act."""
        # SECURITY: the id that another took the place of keeps its old assurance, and no more.
        if session.is_superseded:
            return False
        with self._store.database.read() as tx:
            return self._store.grants.is_there(tx, session.lineage, act, now=self._clock())

    def try_use_grant(self, session: GateSession, act: str) -> bool:
        """Use up the grant for this one act."""
        if session.is_superseded:
            return False
        return self._worker.run(
            lambda work: self._store.grants.try_use(work.tx, session.lineage, act, now=self._clock())
        )


def _parked_place(session: GateSession) -> Place:
    return Place("session", "parked", session.lineage, session.user_key)

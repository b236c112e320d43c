"""Enrollment of a factor of any kind: begin, confirm by the first answer, hand out recovery codes."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ...domain.authorization.decision import Ask
from ...domain.enrollment.enrollment import EnrollmentState
from ...domain.people.person import Origin
from ...domain.records.event_name import EventName
from ...domain.records.mail_kind import MailKind, Notice
from ...domain.sign_in.session import GateSession
from ...errors import Conflict
from ...factors.base import Begun, Companion, Enrollee, Factor
from ..sign_in.attempts import AttemptService, seen_from
from ..sign_in.authorizer import Authorizer
from ..sign_in.endings import revoke_others
from ..sign_in.entries import Elevation, Entry
from ..sign_in.sessions import SessionService, require_current
from ..unit_of_work import TransactionRunner, UnitOfWork
from .enrollment_eligibility import FRESH, EnrollmentEligibility


@dataclass(frozen=True, slots=True, repr=False)
class Enrolled:
    """A confirmed factor. ``codes`` are shown this once; empty when the user had a factor before."""

    entry: Entry
    codes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Setup:
    """Who sets which factor up, and from where.

    :param act: what the proof leaves a grant for.
    :param is_by_pass: whether a first factor takes an access pass of this user.
    """

    session: GateSession
    factor: Factor
    origin: Origin
    authorizer: Authorizer
    act: str | None = None
    is_by_pass: bool = False

    @property
    def who(self) -> Enrollee:
        """As the factor knows them."""
        return Enrollee(self.session.user_key, self.session.lineage)


class FactorEnrollment:
    """What a user does to get a factor."""

    def __init__(
        self,
        worker: TransactionRunner,
        *,
        attempts: AttemptService,
        sessions: SessionService,
        eligibility: EnrollmentEligibility,
        companion: Companion,
    ) -> None:
        self._store, self._worker, self._attempts, self._sessions = worker.store, worker, attempts, sessions
        self._eligibility, self._companion, self._clock = eligibility, companion, worker.clock

    def begin(self, session: GateSession, factor: Factor, *, account: str) -> Begun:
        """What this sign-in is shown: reloads, wrong codes and other tabs of the browser see the same.

        :param account: what the user is called at the app.
        """
        who = Enrollee(session.user_key, session.lineage, account)
        return self._worker.run(lambda work: factor.begin(work.tx, who, now=self._clock()))

    def confirm(self, setup: Setup, raw: object) -> Enrolled:
        """Try the first answer to what this session was shown.

        :raises Conflict: ``no-key``, when nothing waits: never shown, expired, or confirmed in another browser;
            ``set-up-already``, when this sign-in confirmed it a moment ago.
        """
        key = setup.session.user_key
        require_current(setup.session)
        self._require_waiting(setup.session, setup.factor)
        judged = replace(setup, is_by_pass=self._eligibility.is_by_pass(key))
        return self._attempts.attempt(
            setup.factor, raw, user_key=key, origin=setup.origin,
            accept=lambda work, _held, answer: self._accept(work, judged, answer),
        )  # fmt: skip

    def _require_waiting(self, session: GateSession, factor: Factor) -> None:
        key, now = session.user_key, self._clock()
        with self._store.database.read() as tx:
            if self._store.factors.pending(tx, key, factor.kind, lineage=session.lineage, now=now) is not None:
                return
            live = [row.confirmed_at for row in self._store.factors.confirmed(tx, key) if row.kind is factor.kind]
        # A confirmation ends all other sign-ins, so one that is younger than this sign-in was made here.
        since = max(session.assurance.signed_in_at, now - FRESH)
        if any(at is not None and at >= since for at in live):
            done = "Your authentication method is set up. If you didn't save your recovery codes, create new ones now."
            raise Conflict("set-up-already", done)
        raise Conflict("no-key", "This setup has expired. Open the setup page again.")

    def _accept(self, work: UnitOfWork, setup: Setup, answer: str) -> Enrolled | None:
        now, session, key = self._clock(), setup.session, setup.session.user_key
        before = self._store.enrollments.state(work.tx, key, now=now)
        # SECURITY: judged again under the lock, so that a factor confirmed meanwhile elsewhere has to be proved first.
        is_possible = self._eligibility.is_possible(session, before, is_by_pass=setup.is_by_pass)
        if not is_possible or _is_refused(setup, before):
            raise Conflict("not-possible", "Setup can't continue here. Sign in again.")
        factor_id = setup.factor.confirm(work.tx, setup.who, answer, now=now)
        if factor_id is None:
            return None
        ends_period = self._eligibility.ends_period(setup.factor.kind)
        self._store.enrollments.note_factor(work.tx, key, ends_period=ends_period)
        codes = () if before.factors else tuple(self._companion.issue(work.tx, key, now=now))
        method = setup.factor.method
        entry = self._sessions.elevate(
            work,
            session,
            session.assurance.with_proof(method, at=now),
            authorizer=setup.authorizer,
            how=Elevation(method, setup.act),
        )
        self._end_others(work, session, is_first=not before.factors)
        self._record(work, setup, factor_id, is_first=not before.factors)
        return Enrolled(entry, codes)

    def _end_others(self, work: UnitOfWork, session: GateSession, *, is_first: bool) -> None:
        """Sign-ins that wait elsewhere with only a password, or were proved by the key that this one replaces, end."""
        if not is_first:
            revoke_others(work, session)
            return
        # No thief is suspected: what the host remembers of other browsers stays, and is asked for a code from now on.
        self._store.sessions.revoke_others(work.tx, session.user_key, but=session.lineage, now=self._clock())

    def _record(self, work: UnitOfWork, setup: Setup, factor_id: str, *, is_first: bool) -> None:
        key, method = setup.session.user_key, setup.factor.method.value
        for event in (
            (EventName.FACTOR_ADDED, EventName.ENROLLMENT_COMPLETED) if is_first else (EventName.FACTOR_ADDED,)
        ):
            work.record(
                event, subject=key, actor=f"user:{key}", origin=setup.origin, method=method, factor=factor_id
            )  # fmt: skip
        facts = {"method": method, **seen_from(setup.origin)}
        work.tell(key, Notice(MailKind.ENROLLED if is_first else MailKind.FACTOR_ADDED, facts))


def _is_refused(setup: Setup, enrollment: EnrollmentState) -> bool:
    session, was_deferred = setup.session, setup.session.deferred_at is not None
    decision = setup.authorizer.after(session.assurance, enrollment, deferred=was_deferred, sets_up_factor=True)
    return decision.ask in {Ask.DENY, Ask.LOCKED}

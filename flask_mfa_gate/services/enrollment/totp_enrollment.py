"""Enrollment of an authenticator app: show a key, confirm it by its first code, hand out recovery codes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from ...clock import Clock
from ...domain.assurance import FACTOR_METHODS, PASS_METHODS, SETUP_METHODS, FactorKind, Method
from ...domain.enrollment import Standing
from ...domain.person import Origin
from ...domain.roles import Role
from ...domain.rules import Rules, is_locked_out
from ...domain.session import GateSession
from ...domain.state_changes import Notice
from ...domain.verdict import Word
from ...errors import Conflict
from ...factors.recovery_code import RecoveryCodeFactor
from ...factors.totp import PendingKey, TotpFactor
from ...store import Store
from ..sign_in.attempts import AttemptService, seen_from
from ..sign_in.endings import revoke_others
from ..sign_in.entries import Entry
from ..sign_in.sessions import Ruler, SessionService, require_current
from ..unit_of_work import TransactionRunner, UnitOfWork

FRESH = timedelta(minutes=15)
_DONE = "Your authenticator app is set up. If you didn't save your recovery codes, create new ones now."


@dataclass(frozen=True, slots=True, repr=False)
class Enrolled:
    """A confirmed key. ``recovery_codes`` are shown this once; empty when the user had a factor before."""

    entry: Entry
    recovery_codes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FirstEnrollment:
    """Who needs an access pass to set up a first factor.

    :param role_of: the console role that the host gives a user now.
    """

    everybody_by_pass: bool
    admins_by_pass: bool
    role_of: Callable[[str], Role | None]


class TotpEnrollmentService:
    """What a user does to get an authenticator app, or to put it off."""

    def __init__(
        self, store: Store, worker: TransactionRunner, attempts: AttemptService, sessions: SessionService,
        totp: TotpFactor, recovery_codes: RecoveryCodeFactor, rules: Rules, terms: FirstEnrollment, *, clock: Clock,
    ) -> None:  # fmt: skip
        self._store, self._worker, self._attempts, self._sessions = store, worker, attempts, sessions
        self._totp, self._recovery_codes = totp, recovery_codes
        self._rules, self._terms, self._clock = rules, terms, clock

    def needs_proof(self, session: GateSession, standing: Standing) -> bool:
        """Whether an existing factor has to be proved first: a password alone never replaces a key."""
        fresh = session.assurance.proved(SETUP_METHODS, now=self._clock(), max_age=FRESH)
        return bool(standing.factors) and not fresh

    def needs_sign_in(self, session: GateSession, standing: Standing) -> bool:
        """Whether the password has to be given again: a first factor wants a sign-in or a pass of the last minutes."""
        is_fresh = session.assurance.is_fresh_sign_in(now=self._clock(), within=FRESH)
        return not standing.factors and not is_fresh and not self._has_fresh_pass(session)

    def needs_pass(self, session: GateSession, standing: Standing) -> bool:
        """Whether a first factor takes an access pass: of everybody, or of those with a role in the console."""
        return self._lacks_pass(session, standing) and self._is_by_pass(session.user_key)

    def _lacks_pass(self, session: GateSession, standing: Standing) -> bool:
        return not (standing.factors or self._has_fresh_pass(session))

    def _is_by_pass(self, user_key: str) -> bool:
        """Asks the host's directory, or the gate's own, and so never within a transaction."""
        terms = self._terms
        return terms.everybody_by_pass or (terms.admins_by_pass and terms.role_of(user_key) is not None)

    def is_offered(self) -> bool:
        """Whether authenticator apps are switched on."""
        return FactorKind.TOTP in self._rules.enabled

    def _has_fresh_pass(self, session: GateSession) -> bool:
        return session.assurance.proved(PASS_METHODS, now=self._clock(), max_age=FRESH)

    def begin(self, session: GateSession) -> PendingKey:
        """The key of this sign-in: reloads, wrong codes and other tabs of the browser see the same."""
        return self._worker.run(
            lambda work: self._totp.begin(work.tx, session.user_key, lineage=session.lineage, now=self._clock())
        )

    def confirm(
        self, session: GateSession, raw: object, *, origin: Origin, ruler: Ruler, act: str | None = None
    ) -> Enrolled:  # fmt: skip
        """Try the first code of the key that this session was shown.

        :param act: what the proof leaves a grant for.
        :raises Conflict: ``no-key``, when no key waits: never shown, expired, or confirmed in another browser;
            ``set-up-already``, when this sign-in confirmed it a moment ago.
        """
        require_current(session)
        self._require_key(session)
        is_by_pass = self._is_by_pass(session.user_key)
        return self._attempts.attempt(
            self._totp, raw, user_key=session.user_key, origin=origin,
            accept=lambda work, code: self._accept(work, session, code, origin, ruler, act, is_by_pass=is_by_pass),
        )  # fmt: skip

    def _require_key(self, session: GateSession) -> None:
        key, now = session.user_key, self._clock()
        with self._store.database.read() as tx:
            if self._store.factors.pending(tx, key, lineage=session.lineage, now=now) is not None:
                return
            live = [factor.confirmed_at for factor in self._store.factors.confirmed(tx, key)]
        # A confirmation ends all other sign-ins, so one that is younger than this sign-in was made here.
        since = max(session.assurance.signed_in_at, now - FRESH)
        if any(at is not None and at >= since for at in live):
            raise Conflict("set-up-already", _DONE)
        raise Conflict("no-key", "This setup has expired. Open the setup page again.")

    def _accept(
        self, work: UnitOfWork, session: GateSession, code: str, origin: Origin, ruler: Ruler, act: str | None, *,
        is_by_pass: bool,
    ) -> Enrolled | None:  # fmt: skip
        now, key = self._clock(), session.user_key
        self._store.enrollments.lock(work.tx, key)
        before = self._store.enrollments.standing(work.tx, key, now=now)
        # SECURITY: judged again under the lock, so that a factor confirmed meanwhile elsewhere has to be proved first.
        if (
            self.needs_proof(session, before)
            or self.needs_sign_in(session, before)
            or (is_by_pass and self._lacks_pass(session, before))
            or self._is_refused(session, before, ruler)
        ):
            raise Conflict("not-possible", "Setup can't continue here. Sign in again.")
        factor_id = self._totp.try_confirm(work.tx, key, code, lineage=session.lineage, now=now)
        if factor_id is None:
            return None
        if FactorKind.TOTP in self._rules.satisfying:
            self._store.enrollments.end_period(work.tx, key)
        codes = () if before.factors else tuple(self._recovery_codes.make(work.tx, key, now=now))
        entry = self._sessions.rise(
            work, session, session.assurance.with_proof(Method.TOTP, at=now), ruler=ruler, proof=Method.TOTP, act=act
        )
        self._end_others(work, session, is_first=not before.factors)
        self._record(work, session, origin, factor_id, is_first=not before.factors)
        return Enrolled(entry, codes)

    def _end_others(self, work: UnitOfWork, session: GateSession, *, is_first: bool) -> None:
        """Whoever waits elsewhere with the password alone, or was proved by the key that this one replaces, is out."""
        if not is_first:
            revoke_others(work, session)
            return
        # No thief is suspected: what the host remembers of other browsers goes on, and is asked for a code from now on.
        self._store.sessions.revoke_others(work.tx, session.user_key, but=session.lineage, now=self._clock())

    def _is_refused(self, session: GateSession, standing: Standing, ruler: Ruler) -> bool:
        if is_locked_out(standing, self._rules, self._clock()):
            return True
        return self._sessions.verdict(session, standing, ruler).word in {Word.DENY, Word.LOCKED}

    def _record(
        self, work: UnitOfWork, session: GateSession, origin: Origin, factor_id: str, *, is_first: bool
    ) -> None:
        for event in ("factor_added", "enrollment_completed") if is_first else ("factor_added",):
            work.record(
                event, subject=session.user_key, actor=f"user:{session.user_key}", origin=origin,
                method=Method.TOTP.value, factor=factor_id,
            )  # fmt: skip
        facts = {"method": Method.TOTP.value, **seen_from(origin)}
        work.tell(session.user_key, Notice("enrolled" if is_first else "factor-added", facts))

    def defer(self, session: GateSession, standing: Standing, *, origin: Origin, ruler: Ruler) -> Entry:
        """ "Set up later": let the user in for this sign-in.

        :raises Conflict: ``not-possible``, when the period is over or setup is forced.
        """
        at_resource = session.step_up is not None and session.step_up.is_deferrable(self._clock())
        if not at_resource and self._sessions.verdict(session, standing, ruler).word is not Word.PROMPT:
            raise Conflict("not-possible", "You can't postpone setup any longer.")

        def act(work: UnitOfWork) -> Entry:
            self._store.enrollments.note_deferral(work.tx, session.user_key, now=self._clock())
            work.record(
                "enrollment_prompt_deferred", subject=session.user_key, actor=f"user:{session.user_key}", origin=origin
            )
            return self._sessions.rise(work, session, session.assurance, ruler=ruler, deferred=True)

        return self._worker.run(act)


def has_fresh_factor(session: GateSession, *, clock: Clock) -> bool:
    """Whether a factor itself was proved lately: what changing recovery codes and factors asks for."""
    return session.assurance.proved(FACTOR_METHODS, now=clock(), max_age=FRESH)

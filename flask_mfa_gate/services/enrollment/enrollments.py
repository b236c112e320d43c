"""Changes of the enrollment state, as an admin, the command line or the host makes them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Unpack

from ...domain.authorization.rules import Rules
from ...domain.enrollment.enrollment import LATEST_END, LONGEST_DAYS, EnrollmentState
from ...domain.enrollment.mfa_status import MfaStatus, describe
from ...domain.enrollment.revocations import RevokeFactor, RevokePass, RevokeSessions
from ...domain.enrollment.state_changes import Action, Extend, Remind, Remove, Require, Reset, Unlock, activate
from ...domain.people.person import Person
from ...domain.people.roles import Actor, ActorLike, Right
from ...domain.people.user_filter import UserFilter
from ...domain.people.user_list import UserRow
from ...domain.sign_in.assurance import FactorKind
from ...errors import BadRequest, Conflict, UnknownUser
from ...sentences import Sentence
from ..actions.action_result import ActionResult
from ..actions.actions import ActionRunner, Order, Terms, unknown
from ..actions.state_changes import ChangeWriter
from ..people.user_objects import is_key
from ..unit_of_work import TransactionRunner, UnitOfWork, write_person

Targets = str | Iterable[str] | UserFilter
_LAPSED_SENTENCE = "The enrollment period of this user has ended. Extend it or reset the user instead."


class EnrollmentService:
    """Require, extend, reset, remove, remind, unlock, revoke, status.

    ``keys`` is one key, several keys, or a :class:`UserFilter`. Only what becomes of one key given as text is raised:
    :class:`UnknownUser`, :class:`NotAllowed`, :class:`Conflict`. Of several, each outcome is in the
    :class:`ActionResult`. Every action takes the :class:`Terms` as well: ``actor``, ``reason``, ``notify``,
    ``dry_run``, ``progress``.
    """

    def __init__(
        self, worker: TransactionRunner, runner: ActionRunner, writer: ChangeWriter, rules: Rules, *, default_days: int
    ) -> None:
        self._store, self._worker, self._runner, self._writer = worker.store, worker, runner, writer
        self._rules, self._clock, self._default_days = rules, worker.clock, default_days

    def require(
        self, keys: Targets, *, days: int | None = None, renew: bool | None = None, **terms: Unpack[Terms]
    ) -> ActionResult:
        """Demand MFA of users.

        :param days: 1 to 365 days in which they may still defer; 0 forces now; None is the configured default.
        :param renew: restart a running period; None does so for a single key only.
        :raises Conflict: ``lapsed``, for a single key whose period has ended.
        """
        length = _checked_days(self._default_days if days is None else days, least=0)
        targets = keys if isinstance(keys, str | UserFilter) else list(dict.fromkeys(keys))
        is_single = isinstance(targets, str) or (isinstance(targets, list) and len(targets) == 1)
        result = self._run(Require(length, is_single if renew is None else renew), targets, Order(**terms))
        if isinstance(targets, str) and (targets, "lapsed") in result.skipped:
            raise Conflict("lapsed", _LAPSED_SENTENCE)
        return result

    def extend(
        self, keys: Targets, *, days: int | None = None, until: datetime | None = None, **terms: Unpack[Terms]
    ) -> ActionResult:
        """Move the end of a period; a lapsed user is let back in. Users without a period are skipped (``no-period``).

        :param days: 1 to 365 more, counted from the end or from now, whichever is later.
        :param until: the new end itself, aware and in the future.
        """
        if (days is None) == (until is None):
            raise BadRequest("Give either days or until.")
        if until is not None and not _is_instant(until, after=self._clock()):
            raise BadRequest("until has to be an aware datetime in the future.")
        action = Extend(None if days is None else _checked_days(days, least=1), until)
        return self._run(action, keys, Order(**terms))

    def reset(self, keys: Targets, *, days: int | None = None, **terms: Unpack[Terms]) -> ActionResult:
        """Void every key, recovery code, pass and session. A required user starts a new period; one who held a
        confirmed key has to enroll at the next sign-in unless ``days`` gives the days in which a password is enough.

        :raises BadRequest: for ``notify=False`` by a user: only command line and host may be silent about it.
        """
        action = Reset(None if days is None else _checked_days(days, least=0), self._default_days)
        return self._run(action, keys, Order(**terms))

    def remove(self, keys: Targets, **terms: Unpack[Terms]) -> ActionResult:
        """Take the requirement away. A confirmed key stays and is still asked for."""
        return self._run(Remove(), keys, Order(**terms))

    def remind(self, keys: Targets, **terms: Unpack[Terms]) -> ActionResult:
        """Mail everyone who is still in a period, now."""
        return self._run(Remind(), keys, Order(**terms))

    def unlock(self, keys: Targets, **terms: Unpack[Terms]) -> ActionResult:
        """Forget failed attempts, and nothing else; the reason ``lapsed-too`` says that this alone lets nobody in."""
        return self._run(Unlock(), keys, Order(**terms))

    def revoke_sessions(self, keys: Targets, **terms: Unpack[Terms]) -> ActionResult:
        """Sign users out everywhere, also where only the app remembers a browser. Factors stay."""
        return self._run(RevokeSessions(), keys, Order(**terms))

    def revoke_factor(
        self, keys: Targets, *, kind: str | None = None, factor_id: str | None = None, **terms: Unpack[Terms]
    ) -> ActionResult:
        """Void the factors of one kind, or a single factor, and end the sessions of its user. Who holds none of them
        is skipped (``no-factor``). Of whom MFA is required, and no accepted factor is left, a new one is demanded at
        the next sign-in.

        :param kind: ``totp`` or ``webauthn``.
        :raises BadRequest: unless it is one of both; for ``notify=False`` by a user.
        """
        if (kind is None) == (factor_id is None) or kind not in {None, *FactorKind}:
            raise BadRequest(Sentence("Give either kind (%(known)s) or factor_id.", known=", ".join(FactorKind)))
        action = RevokeFactor(None if kind is None else FactorKind(kind), factor_id)
        return self._run(action, keys, Order(**terms))

    def revoke_pass(self, keys: Targets, **terms: Unpack[Terms]) -> ActionResult:
        """Make access passes worthless and end what they opened. Users without one are skipped (``no-pass``)."""
        return self._run(RevokePass(), keys, Order(**terms))

    def begin_waiting(self, person: Person) -> bool:
        """Start the clock of a user whose account became active; False when it runs already."""

        def act(work: UnitOfWork) -> bool:
            now = self._clock()
            self._store.enrollments.lock(work.tx, person.key)
            enrollment = self._store.enrollments.state(work.tx, person.key, now=now)
            if enrollment.waiting_days is None:
                return False
            write_person(work, person)
            self._writer.write(work, [(person.key, activate(enrollment, now=now))], actor=Actor.SYSTEM.name)
            return True

        return self._worker.run(act)

    def status(self, key: str) -> MfaStatus:
        """One user's enrollment.

        :raises UnknownUser: for a key that neither the directory nor the gate knows. Where there is no directory,
            nobody can tell, and a key that was not seen yet is not enrolled and not required.
        """
        return self.look_up(key).mfa

    def look_up(self, key: str) -> UserRow:
        """One user, as the host knows them this moment, else as the gate does.

        :raises UnknownUser: see :meth:`status`.
        """
        person, now = self._runner.find(key), self._clock()
        if not is_key(key):
            raise UnknownUser(unknown(key))
        with self._store.database.read() as tx:
            met = self._store.people.known(tx, [key], now=now).get(key)
            enrollment = self._store.enrollments.state(tx, key, now=now)
            is_known = person is not None or self._store.keys.is_known(tx, key)
        if not is_known:
            raise UnknownUser(unknown(key))
        last_sign_in = met.last_sign_in_at if met else None
        is_seen = not self._runner.takes_any_key or last_sign_in is not None
        there = person or (met.person if met else Person(key))
        return UserRow(there, self.describe(enrollment, now=now), last_sign_in, is_seen)

    def refusal(self, person: Person, *, actor: ActorLike) -> str | None:
        """Why this actor may not rescue this person, in one word; None when they may."""
        return self._runner.refusal(self._runner.actor(actor), Right.RESCUE, person)

    def describe(self, enrollment: EnrollmentState, *, now: datetime) -> MfaStatus:
        """The same for a state already read."""
        return describe(enrollment, self._rules, now=now)

    def _run(self, action: Action, keys: Targets, order: Order) -> ActionResult:
        if isinstance(keys, UserFilter):
            return self._runner.on_filter(action, keys, order)
        if isinstance(keys, str):
            return self._runner.on_one(action, keys, order)
        return self._runner.on_keys(action, list(dict.fromkeys(keys)), order)


def _is_instant(moment: datetime, *, after: datetime) -> bool:
    """Whether it is a moment of some zone that UTC has too, where the calendar ends with the year 9999."""
    try:
        return moment.tzinfo is not None and after < moment.astimezone(UTC).replace(microsecond=0) <= LATEST_END
    except OverflowError:
        return False


def _checked_days(days: int, *, least: int) -> int:
    if isinstance(days, bool) or not isinstance(days, int) or not least <= days <= LONGEST_DAYS:
        raise BadRequest(
            Sentence(
                "days is a whole number from %(max)s to %(longest_days)s; to force MFA now, say now.",
                max=max(least, 1),
                longest_days=LONGEST_DAYS,
            )
        )
    return days

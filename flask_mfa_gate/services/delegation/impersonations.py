"""Impersonations: begun in a session that the actor has proved, and ended in the same one."""

from __future__ import annotations

from dataclasses import replace

from ...crypto import Keyring, Place, new_id, new_token, token_digest
from ...domain.authorization.rules import Rules
from ...domain.people.person import Origin, Person
from ...domain.people.roles import Actor, Role, impersonation_refusal
from ...domain.records.event_name import EventName
from ...domain.sign_in.impersonation import Impersonation, ImpersonationEnd
from ...domain.sign_in.session import GateSession
from ...errors import BadRequest, Conflict, NotAllowed
from ..actions.subjects import REFUSALS
from ..sign_in.endings import record_impersonation, require_living, try_end_impersonation
from ..sign_in.entries import Entry
from ..text_validation import check_words
from ..unit_of_work import TransactionRunner, UnitOfWork

_SAY_WHY = "Say why: an impersonation needs a reason, which is kept in the audit log."
_OVER = "This impersonation is over."


class ImpersonationService:
    """Who may act as whom, and when that begins and ends. The session rises to another id at both."""

    def __init__(self, worker: TransactionRunner, keyring: Keyring, rules: Rules) -> None:
        self._store, self._worker, self._keyring, self._rules = worker.store, worker, keyring, rules

    def require_allowed(self, actor: Person, subject: Person, reason: str) -> None:
        """The host says who may impersonate at all; the gate refuses what would raise the actor.

        :raises NotAllowed: for oneself, and for a user whose role is out of the actor's reach.
        :raises BadRequest: without a reason.
        """
        check_words(Actor.user(actor.key), reason)
        if not reason.strip():
            raise BadRequest(_SAY_WHY)
        # SECURITY: what an account for emergencies may do is lent to nobody but an admin.
        role = Role.ADMIN if subject.key in self._rules.break_glass else subject.role
        by = Actor(Actor.user(actor.key).name, actor.role if actor.is_active else None)
        if (why := impersonation_refusal(by, subject=subject.key, role=role)) is not None:
            raise NotAllowed(why, REFUSALS[why])

    def find(self, session: GateSession, lent_for: object) -> Impersonation | None:
        """The one that this session is in.

        :param lent_for: the id that the host's session says.
        """
        if session.is_pending:
            return None
        with self._store.database.read() as tx:
            found = self._store.impersonations.find(tx, session.lineage)
        # SECURITY: a copy of what the host's session was in an earlier one counts for nothing.
        return found if found is not None and found.id == lent_for else None

    def set_aside(self, begun: Impersonation) -> bytes:
        """What the actor's session of the host held, as it was given.

        :raises SecretUnreadable: see there.
        """
        return self._keyring.open(begun.sealed, _place(begun.lineage, begun.user_key))

    def begin(
        self, session: GateSession, subject_key: str, *, reason: str, revocations: int, stamp: str | None,
        payload: bytes, origin: Origin,
    ) -> tuple[Entry, Impersonation]:  # fmt: skip
        """Let the user of this session, which the caller has seen to act as nobody, act as another.

        :param payload: what the host's session held, in Flask's tagged JSON.
        :raises Conflict: ``signed-out``, or ``already-done``.
        """
        begun = Impersonation(
            id=new_id(), lineage=session.lineage, user_key=session.user_key, subject_key=subject_key, reason=reason,
            began_at=self._worker.clock(), revocations=revocations, stamp=stamp,
            sealed=self._keyring.seal(payload, _place(session.lineage, session.user_key)),
        )  # fmt: skip

        def act(work: UnitOfWork) -> Entry:
            entry = self._rotate(work, session)
            # A browser that lost the host's session can't leave any more, and acts as nobody.
            lost = self._store.impersonations.find(work.tx, session.lineage)
            if lost is not None:
                try_end_impersonation(work, lost, ImpersonationEnd.SIGNED_OUT, origin=origin)
            self._store.impersonations.add(work.tx, begun)
            record_impersonation(work, EventName.IMPERSONATION_STARTED, begun, origin)
            return entry

        return self._worker.run(act), begun

    def end(self, session: GateSession, begun: Impersonation, *, how: ImpersonationEnd, origin: Origin) -> Entry:
        """The actor is themself again, in the same session, with what it has proved.

        :raises Conflict: see :meth:`begin`; also ``over``, when it was ended before.
        """

        def act(work: UnitOfWork) -> Entry:
            entry = self._rotate(work, session)
            if not try_end_impersonation(work, begun, how, origin=origin):
                raise Conflict("over", _OVER)
            return entry

        return self._worker.run(act)

    def note_end(self, begun: Impersonation, *, how: ImpersonationEnd, origin: Origin) -> None:
        """It ended with its session."""
        self._worker.run(lambda work: try_end_impersonation(work, begun, how, origin=origin))

    def _rotate(self, work: UnitOfWork, session: GateSession) -> Entry:
        work.lock_users(session.user_key)
        require_living(work, session)
        now, token = work.clock(), new_token()
        # SECURITY: who acts as whom changes with the id, so that a copied cookie is of no use for either.
        successor = replace(session, id_digest=token_digest(token), seen_at=now, step_up=None)
        if not self._store.sessions.try_rotate(work.tx, session, successor, now=now):
            raise Conflict("already-done", "This step was already done, perhaps in another tab.")
        return Entry(token, successor)


def _place(lineage: str, user_key: str) -> Place:
    return Place("impersonation", "sealed", lineage, user_key)

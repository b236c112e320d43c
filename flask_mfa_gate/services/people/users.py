"""People: taken over from the host, renamed, and forgotten."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

from sqlalchemy import Connection

from ...crypto import new_id
from ...domain.people.person import LONGEST_KEY, Person
from ...domain.people.pseudonym import pseudonym_of
from ...domain.people.roles import Actor, ActorLike, Right, refusal
from ...domain.records.event_name import EventName
from ...domain.sign_in.session import GateSession
from ...errors import BadRequest, Conflict, NotAllowed, UnknownUser
from ...sentences import Sentence
from ..actions.subjects import REFUSALS
from ..audit.chain import AuditChain
from ..audit.key_rotation import KeyRotation
from ..policies.policies import PolicyService
from ..sign_in.endings import is_over, revoke_all, revoke_others
from ..unit_of_work import TransactionRunner, UnitOfWork
from .actors import acting_user, actor_of
from .directory import UserDirectory
from .directory_sync import DirectorySync, Synced
from .user_objects import is_key


class UserService:
    """``gate.users``: what the gate knows of the host's users, and what happens when one is gone."""

    def __init__(
        self,
        worker: TransactionRunner,
        directory: UserDirectory,
        directory_sync: DirectorySync,
        policies: PolicyService,
        audit: AuditChain,
        key_rotation: KeyRotation,
    ) -> None:
        self._store, self._worker, self._directory, self._sync = worker.store, worker, directory, directory_sync
        self._policies, self._audit, self._key_rotation, self._clock = policies, audit, key_rotation, worker.clock

    def sync(
        self, keys: Iterable[str] | None = None, *, actor: ActorLike = Actor.HOST, void_missing: bool = False,
        progress: Callable[[int], None] | None = None,
    ) -> Synced:  # fmt: skip
        """Take over what the host says of its users now: of these, or of everybody.

        A run over everybody that was cut short continues where it was. Who is no longer there, and was not in a run at
        least 24 hours ago either, loses every factor, code, pass and session, and is forced to enroll on return.

        :param void_missing: also when they are more than 5 % of all (or than 10) at once.
        :param progress: called after each page with the number of people so far.
        :raises DirectoryEmpty: when nobody is there at all: a wrong database must not void everybody.
        :raises NotAllowed: for a user who is neither admin nor help desk, or no admin with ``void_missing``.
        """
        by = self._require_right(actor, Right.RULE if void_missing else Right.RESCUE)
        synced = self._sync.run(keys, void_missing=void_missing, progress=progress)
        if by.user_key is not None or by == Actor.CLI:
            self._worker.run(lambda work: _record_sync(work, by, synced))
        return synced

    def _require_right(self, actor: ActorLike, right: Right) -> Actor:
        by = actor_of(actor, self._directory)
        if by.user_key is not None:
            by = acting_user(self._directory, by.user_key)
        # SECURITY: reading the directory voids users who are gone from it, so a bare account must not start it.
        if (why := refusal(by, right, subject="", role=None)) is not None:
            raise NotAllowed(why, REFUSALS[why])
        return by

    def would_sync(self, keys: Iterable[str] | None = None, *, void_missing: bool = False) -> Synced:
        """What a run would do, counted: nothing is synced, and nobody is voided."""
        return self._sync.preview(keys, void_missing=void_missing)

    def is_sync_due(self) -> bool:
        """Whether the last whole run is a day ago, or none was finished."""
        return self._sync.is_due()

    def synced_at(self) -> datetime | None:
        """When the last whole run was finished."""
        return self._sync.done_at()

    def note_role(self, person: Person) -> None:
        """Keep the role of somebody as the host shows them now, where it is another than is known."""
        known = self._directory.get(person.key)
        if known is None or known.role is not person.role:
            self._worker.run(lambda work: self._store.people.write(work.tx, [person], now=self._clock()))

    def rename(self, old: str, new: str, *, actor: ActorLike = Actor.HOST) -> None:
        """The host gave a user another key; everything stays theirs, and policies that name them follow.

        :raises UnknownUser: when the gate has nothing about the old key.
        :raises Conflict: ``key-taken``, when the gate knows somebody by the new key.
        :raises PolicyError: while the policies can't be read. Nothing is changed.
        """
        by = self._by(actor)

        def act(work: UnitOfWork) -> None:
            self._require_known(work.tx, old)
            self._store.enrollments.lock(work.tx, old)
            self._require_free(work.tx, new)
            # Before the rows move: what is sealed in them is sealed for the old key.
            self._key_rotation.rename(work, old, new)
            self._audit.rename(work, old, new)
            self._store.outgoing_events.rename(work.tx, old, new)
            self._store.keys.rename(work.tx, old, new)
            self._store.people.rewrite_words(work.tx, new)
            self._policies.rename_user(work, old, new, actor=by)
            work.record(EventName.USER_RENAMED, subject=new, actor=by, former=old)

        self._worker.run(act)

    def would_rename(self, old: str, new: str) -> None:
        """Nothing, unless :meth:`rename` would raise because of one of the keys."""
        with self._store.database.read() as tx:
            self._require_known(tx, old)
            self._require_free(tx, new)

    def forget(self, key: str, *, actor: ActorLike = Actor.HOST) -> None:
        """Delete everything about a user. Audit records stay, with nothing in them that leads to a person.

        :raises UnknownUser: when the gate has nothing about this key.
        """
        pseudonym, by = pseudonym_of(new_id()), self._by(actor)

        def act(work: UnitOfWork) -> None:
            self._require_known(work.tx, key)
            # SECURITY: a pass that is issued just now is waited for: it would be written after its table was cleared.
            self._store.enrollments.lock(work.tx, key)
            self._store.outbox.leave_out(work.tx, self._store.people.known(work.tx, [key], now=self._clock()))
            self._audit.forget(work, key, pseudonym=pseudonym)
            self._store.outgoing_events.forget(work.tx, key, pseudonym=pseudonym)
            self._store.oidc.logouts.keep_for_forgotten(work.tx, key, pseudonym=pseudonym, now=work.clock())
            self._store.keys.forget(work.tx, key, pseudonym=pseudonym)
            work.record(
                EventName.USER_FORGOTTEN, subject=pseudonym, actor=Actor.HOST.name if by == Actor.user(key).name else by
            )

        self._worker.run(act)

    def would_forget(self, key: str) -> None:
        """Nothing, unless :meth:`forget` would raise."""
        with self._store.database.read() as tx:
            self._require_known(tx, key)

    def password_changed(
        self, key: str, *, actor: ActorLike = Actor.HOST, by: GateSession | None = None
    ) -> None:  # fmt: skip
        """End every session of a user, except the one ``by`` which it was changed. Hosts with a ``session_stamp`` need
        not call it.

        :raises UnknownUser: for what can be nobody's key; a host that hands over none must not take it for done.
        """
        told_by = self._by(actor)
        if not is_key(key):
            raise UnknownUser(Sentence("Nobody can have the key %(key)r.", key=key))

        def act(work: UnitOfWork) -> None:
            self._store.enrollments.lock(work.tx, key)
            if by is not None and by.user_key == key and not is_over(work, by):
                revoke_others(work, by)
            else:
                revoke_all(work, [key])
            work.record(EventName.PASSWORD_CHANGED, subject=key, actor=told_by)

        self._worker.run(act)

    def _require_known(self, tx: Connection, key: str) -> None:
        if not is_key(key) or not self._store.keys.is_known(tx, key):
            raise UnknownUser(Sentence("The gate has nothing about the key %(key)r.", key=key))

    def _require_free(self, tx: Connection, key: str) -> None:
        if not is_key(key):
            raise BadRequest(
                Sentence(
                    "A key is a string of at most %(longest_key)s characters, and not empty.", longest_key=LONGEST_KEY
                )
            )
        if self._store.keys.is_known(tx, key):
            raise Conflict("key-taken", "Somebody else has this key already.")

    def _by(self, actor: ActorLike) -> str:
        return actor_of(actor, self._directory).name


def _record_sync(work: UnitOfWork, by: Actor, synced: Synced) -> None:
    """Who had the directory read: those who are gone from it may lose their factors by it."""
    work.record(
        EventName.DIRECTORY_SYNCED, subject=by.user_key or by.name, actor=by.name, people=synced.people,
        missing=synced.missing, deleted=synced.deleted,
    )  # fmt: skip

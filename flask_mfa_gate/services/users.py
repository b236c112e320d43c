"""People: taken over from the host, renamed, and forgotten."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from ..clock import Clock
from ..crypto import new_id
from ..domain.enrollment import Standing
from ..domain.moves import Requirement
from ..domain.person import LONGEST_KEY, Person
from ..domain.roles import actor_name
from ..errors import BadRequest, Conflict, DirectoryEmpty, UnknownUser
from ..store import Store
from ..store.audit import USER_DELETED
from ..store.marks import JobMark
from .audit_chain import AuditChain
from .directory import Directory, KnownPeople, pages_of
from .key_rotation import KeyRotation
from .moves import MoveWriter
from .policies import PolicyService
from .population import SYNC_DONE
from .words import check_words, is_key
from .work import Work, Worker

PAGE = 1000
SYNC = "sync"
SYNC_INTERVAL = timedelta(days=1)
_IS_EMPTY = (
    "The app's directory of users is empty, and the gate knows people in it. Nothing was changed. "
    "If they are really all gone, forget them one by one."
)


@dataclass(frozen=True, slots=True)
class Synced:
    """What a run took over, and how many users it found deleted."""

    people: int
    deleted: int


class UserService:
    """``gate.users``: what the gate knows of the host's users, and what happens when one is gone."""

    def __init__(
        self, store: Store, worker: Worker, directory: Directory, writer: MoveWriter, policies: PolicyService,
        audit: AuditChain, key_rotation: KeyRotation, *, clock: Clock,
    ) -> None:  # fmt: skip
        self._store, self._worker, self._directory, self._writer = store, worker, directory, writer
        self._policies, self._audit, self._key_rotation, self._clock = policies, audit, key_rotation, clock

    def sync(self, keys: Iterable[str] | None = None, *, progress: Callable[[int], None] | None = None) -> Synced:
        """Take over what the host says of its users now: of these, or of everybody.

        A run over everybody that was cut short goes on where it was. Who is no longer there loses every factor, code,
        pass, session and requirement.

        :param progress: called after each page with the number of people so far.
        :raises DirectoryEmpty: when nobody is there at all: a wrong database must not void everybody.
        """
        if isinstance(keys, str):
            keys = [keys]
        if keys is not None:
            return self._sync_some([key for key in dict.fromkeys(keys) if is_key(key)])
        if isinstance(self._directory, KnownPeople):
            return Synced(0, 0)
        began = self._resume()
        count = 0
        for after, people in pages_of(self._directory, began.value or None, PAGE):
            self._worker.run(lambda work, after=after, people=people: self._keep(work, people, began, after))  # type: ignore[misc]
            count += len(people)
            if progress is not None:
                progress(count)
        if not count:
            self._refuse_emptiness()
        return Synced(count, self._void_unseen(began))

    def would_sync(self, keys: Iterable[str] | None = None) -> Synced:
        """What a run would find, counted: nothing is taken over, and nobody is voided."""
        if keys is not None:
            there = [key for key in dict.fromkeys(keys) if is_key(key) and self._directory.get(key) is not None]
            return Synced(len(there), len({*keys}) - len(there))
        if isinstance(self._directory, KnownPeople):
            return Synced(0, 0)
        seen = {person.key for _mark, people in pages_of(self._directory, None, PAGE) for person in people}
        with self._store.database.read() as tx:
            known = self._store.people.unseen(tx, since=datetime.max.replace(tzinfo=UTC), after="", limit=None)
        return Synced(len(seen), sum(key not in seen and self._directory.get(key) is None for key in known))

    def is_sync_due(self) -> bool:
        """Whether the last whole run is a day ago, or none was finished."""
        done = self.synced_at()
        return done is None or self._clock() - done >= SYNC_INTERVAL

    def synced_at(self) -> datetime | None:
        """When the last whole run was finished."""
        with self._store.database.read() as tx:
            done = self._store.marks.get(tx, SYNC_DONE)
        return done.at if done else None

    def rename(self, old: str, new: str, *, actor: str = "host") -> None:
        """The host gave a user another key; everything stays his, and policies that name him follow.

        :raises UnknownUser: when the gate has nothing about the old key.
        :raises Conflict: ``key-taken``, when the gate knows somebody by the new key.
        :raises PolicyError: while the policies can't be read. Nothing is changed.
        """
        by = _actor(actor)
        if not is_key(new):
            raise BadRequest(f"A key is a text of at most {LONGEST_KEY} characters, and not empty.")

        def act(work: Work) -> None:
            self._require_known(work, old)
            self._store.enrollments.lock(work.tx, old)
            if self._store.keys.is_known(work.tx, new):
                raise Conflict("key-taken", "Somebody else has this key already.")
            # Before the rows move: what is sealed in them is sealed for the old key.
            self._key_rotation.rename(work, old, new)
            self._audit.rename(work, old, new)
            self._store.keys.rename(work.tx, old, new)
            self._policies.rename_user(work, old, new, actor=by)
            work.record("user_renamed", subject=new, actor=by, former=old)

        self._worker.run(act)

    def forget(self, key: str, *, actor: str = "host") -> None:
        """Delete everything about a user. Audit records stay, with nothing in them that leads to a person.

        :raises UnknownUser: when the gate has nothing about this key.
        """
        stranger, by = f"forgotten-{new_id()}", _actor(actor)

        def act(work: Work) -> None:
            self._require_known(work, key)
            # SECURITY: a session that rises just now is waited for, or it would be written after the rest was deleted.
            self._store.enrollments.lock(work.tx, key)
            self._store.outbox.leave_out(work.tx, self._store.people.known(work.tx, [key], now=self._clock()))
            self._audit.forget(work, key, stranger=stranger)
            self._store.keys.forget(work.tx, key, stranger=stranger)
            work.record("user_forgotten", subject=stranger, actor="host" if by == f"user:{key}" else by)

        self._worker.run(act)

    def password_changed(self, key: str, *, actor: str = "host") -> None:
        """End every session of a user. Hosts with a ``session_stamp`` need not call it.

        The rows stay until each browser comes back, so that the host's own session is ended with them there.

        :raises UnknownUser: for what can be nobody's key; a host that hands over none must not take it for done.
        """
        by = _actor(actor)
        if not is_key(key):
            raise UnknownUser(f"Nobody can have the key {key!r}.")

        def act(work: Work) -> None:
            self._store.enrollments.lock(work.tx, key)
            self._store.sessions.void_stamps(work.tx, key)
            work.record("password_changed", subject=key, actor=by)

        self._worker.run(act)

    def _sync_some(self, keys: Sequence[str]) -> Synced:
        people = [person for key in keys if (person := self._directory.get(key)) is not None]
        gone = sorted(set(keys) - {person.key for person in people})
        for start in range(0, len(people), PAGE):
            page = people[start : start + PAGE]
            self._worker.run(lambda work, page=page: self._store.people.write(work.tx, page, now=self._clock()))  # type: ignore[misc]
        deleted = sum(self._void(gone[start : start + PAGE]) for start in range(0, len(gone), PAGE))
        return Synced(len(people), deleted)

    def _require_known(self, work: Work, key: str) -> None:
        if not is_key(key) or not self._store.keys.is_known(work.tx, key):
            raise UnknownUser(f"The gate has nothing about the key {key!r}.")

    def _resume(self) -> JobMark:
        """Where the last run stopped, or the mark of a new one."""
        with self._store.database.read() as tx:
            stopped = self._store.marks.get(tx, SYNC)
        return stopped or JobMark(self._clock(), "")

    def _keep(self, work: Work, people: Sequence[Person], began: JobMark, after: str) -> None:
        self._store.people.write(work.tx, people, now=max(self._clock(), began.at))
        self._store.marks.put(work.tx, SYNC, at=began.at, value=after)

    def _void_unseen(self, began: JobMark) -> int:
        """Whom this run did not see, the host is asked about once more."""
        gone, after = 0, ""
        while True:
            with self._store.database.read() as tx:
                unseen = self._store.people.unseen(tx, since=began.at, after=after, limit=PAGE)
            if not unseen:
                break
            gone += self._void([key for key in unseen if self._directory.get(key) is None])
            after = unseen[-1]
        self._worker.run(lambda work: self._finish(work))
        return gone

    def _refuse_emptiness(self) -> None:
        """Nobody came: behind the mark of a run that was cut short that is no wonder, at the very beginning it is."""
        if next(iter(pages_of(self._directory, None, 1)), None) is not None:
            return
        with self._store.database.read() as tx:
            if self._store.people.knows_anybody(tx):
                raise DirectoryEmpty(_IS_EMPTY)

    def _finish(self, work: Work) -> None:
        self._store.marks.drop(work.tx, SYNC)
        self._store.marks.put(work.tx, SYNC_DONE, at=self._clock())

    def _void(self, keys: Sequence[str]) -> int:
        """Users who are no longer there: a key that comes back must not find what was somebody else's.

        :returns: how many of them the gate knew; another run at the same time may have been quicker.
        """

        def act(work: Work) -> int:
            self._store.enrollments.lock(work.tx, *keys)
            known = self._known(work, keys)
            # SECURITY: everything goes, whatever it is; a new user with an old key starts with nothing.
            self._writer.void(work, keys)
            self._store.enrollments.set_requirement(work.tx, keys, Requirement(None), due_at=None)
            self._store.enrollments.forget_graces(work.tx, keys)
            self._store.failures.clear_all(work.tx, keys)
            self._store.sign_ins.delete(work.tx, keys)
            self._store.people.delete(work.tx, keys)
            for key in known:
                work.record(USER_DELETED, subject=key, actor="system")
            return len(known)

        return self._worker.run(act, is_bulk=True) if keys else 0

    def _known(self, work: Work, keys: Sequence[str]) -> list[str]:
        now = self._clock()
        met = self._store.people.known(work.tx, keys, now=now)
        standings = self._store.enrollments.standings(work.tx, keys, now=now)
        return [key for key in keys if key in met or standings[key] != Standing(key)]


def _actor(text: str) -> str:
    check_words(text, None)
    return actor_name(text)

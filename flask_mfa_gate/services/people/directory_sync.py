"""Takes over whom the host's directory shows, and voids whom it has stopped showing."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache, partial

from ...domain.people.absence import is_gone, most_voided
from ...domain.people.departure import depart
from ...domain.people.person import Person
from ...errors import DirectoryEmpty
from ...store.records.checkpoints import JobMark
from ..actions.state_changes import ChangeWriter
from ..unit_of_work import T, TransactionRunner, UnitOfWork
from .directory import UserDirectory
from .population import SYNC_DONE
from .user_objects import is_key

PAGE = 1000
SYNC = "sync"
HELD_BACK = "sync-held-back"
SYNC_INTERVAL = timedelta(days=1)
_ANY_TIME = datetime.max.replace(tzinfo=UTC)
_IS_EMPTY = (
    "The app's directory of users is empty, and the gate knows people in it. Nothing was changed. "
    "If they are really all gone, forget them one by one."
)
log = logging.getLogger("flask_mfa_gate")


@dataclass(frozen=True, slots=True)
class Synced:
    """What a run took over.

    :param deleted: users who were voided, because a run a day ago missed them too.
    :param missing: users whom the directory does not show, and who have kept everything so far.
    :param held_back: those among them who would have been voided, were they not too many at once.
    """

    people: int
    deleted: int
    missing: int = 0
    held_back: int = 0


class DirectorySync:
    """One run at a time over everybody, or over a few."""

    def __init__(self, worker: TransactionRunner, directory: UserDirectory, writer: ChangeWriter) -> None:
        self._store, self._worker, self._directory, self._writer = worker.store, worker, directory, writer
        self._clock = worker.clock

    def run(self, keys: Iterable[str] | None, *, void_missing: bool, progress: Callable[[int], None] | None) -> Synced:
        """See :meth:`UserService.sync`."""
        if isinstance(keys, str):
            keys = [keys]
        if keys is not None:
            return self._run_over([key for key in dict.fromkeys(keys) if is_key(key)], void_missing=void_missing)
        if not self._directory.lists_users:
            return Synced(0, 0)
        return self._run_over_everybody(void_missing=void_missing, progress=progress)

    def preview(self, keys: Iterable[str] | None, *, void_missing: bool) -> Synced:
        """What a run would do, counted."""
        if not self._directory.lists_users:
            return Synced(0, 0)
        if isinstance(keys, str):
            keys = [keys]
        asked = None if keys is None else {key for key in keys if is_key(key)}
        seen = self._shown() if asked is None else {key for key in asked if self._directory.get(key) is not None}
        now = self._clock()
        with self._store.database.read() as tx:
            known = self._store.people.unseen(tx, since=_ANY_TIME, after="", limit=None) if asked is None else asked
            missing = [key for key in sorted({*known} - seen) if self._directory.get(key) is None]
            since = {key: at or now for key, at in self._store.people.missing_since(tx, missing).items()}
        return self._planned(len(seen), since, void_missing=void_missing)[0]

    def is_due(self) -> bool:
        """Whether the last whole run is a day ago, or none was finished."""
        done = self.done_at()
        return done is None or self._clock() - done >= SYNC_INTERVAL

    def done_at(self) -> datetime | None:
        """When the last whole run was finished."""
        with self._store.database.read() as tx:
            done = self._store.checkpoints.get(tx, SYNC_DONE)
        return done.at if done else None

    def _shown(self) -> set[str]:
        return {person.key for _mark, people in self._directory.pages(None, PAGE) for person in people}

    def _run_over_everybody(self, *, void_missing: bool, progress: Callable[[int], None] | None) -> Synced:
        began = self._resume()
        count = 0
        for after, people in self._directory.pages(began.value or None, PAGE):
            self._worker.run(lambda work, after=after, people=people: self._keep(work, people, began, after))  # type: ignore[misc]
            count += len(people)
            if progress is not None:
                progress(count)
        if not count:
            self._refuse_emptiness()
        synced = self._void_missing(count, self._unseen(began), void_missing=void_missing)
        self._worker.run(lambda work: self._finish(work, synced.held_back))
        return synced

    def _run_over(self, keys: Sequence[str], *, void_missing: bool) -> Synced:
        people = [person for key in keys if (person := self._directory.get(key)) is not None]
        for page in _pages(people):
            self._worker.run(lambda work, page=page: self._store.people.write(work.tx, page, now=self._clock()))  # type: ignore[misc]
        missing = sorted(set(keys) - {person.key for person in people})
        return self._void_missing(len(people), missing, void_missing=void_missing)

    def _resume(self) -> JobMark:
        """Where the last run stopped, or the mark of a new one."""
        with self._store.database.read() as tx:
            stopped = self._store.checkpoints.get(tx, SYNC)
        return stopped or JobMark(self._clock(), "")

    def _keep(self, work: UnitOfWork, people: Sequence[Person], began: JobMark, after: str) -> None:
        self._store.people.write(work.tx, people, now=max(self._clock(), began.at))
        self._store.checkpoints.put(work.tx, SYNC, at=began.at, value=after)

    def _unseen(self, began: JobMark) -> list[str]:
        """Whom this run did not see, after the host was asked about them once more."""
        found: list[str] = []
        after = ""
        while True:
            with self._store.database.read() as tx:
                unseen = self._store.people.unseen(tx, since=began.at, after=after, limit=PAGE)
            if not unseen:
                return found
            found += [key for key in unseen if self._directory.get(key) is None]
            after = unseen[-1]

    def _refuse_emptiness(self) -> None:
        """Nobody came: behind the mark of a run that was cut short that is no wonder, at the very beginning it is."""
        if next(self._directory.pages(None, 1), None) is not None:
            return
        with self._store.database.read() as tx:
            if self._store.people.knows_anybody(tx):
                raise DirectoryEmpty(_IS_EMPTY)

    def _finish(self, work: UnitOfWork, held_back: int) -> None:
        self._store.checkpoints.drop(work.tx, SYNC)
        self._store.checkpoints.put(work.tx, SYNC_DONE, at=self._clock())
        if held_back:
            self._store.checkpoints.put(work.tx, HELD_BACK, at=self._clock(), value=str(held_back))
        else:
            self._store.checkpoints.drop(work.tx, HELD_BACK)

    def _void_missing(self, count: int, keys: Sequence[str], *, void_missing: bool) -> Synced:
        """Note who is missing, and void those who were missing a day ago."""
        since: dict[str, datetime] = {}
        for page in _pages(keys):
            since |= self._worker.run(lambda work, page=page: self._note(work, page))  # type: ignore[misc]
        planned, gone = self._planned(count, since, void_missing=void_missing)
        if planned.held_back:
            log.warning("%s users are missing from the directory, too many at once to void them", planned.held_back)
        deleted = sum(self._void(page) for page in _pages(gone))
        return replace(planned, deleted=deleted)

    def _planned(
        self, count: int, since: Mapping[str, datetime], *, void_missing: bool
    ) -> tuple[Synced, Sequence[str]]:
        """What comes of this run, and whom it voids."""
        gone = _gone(since, self._clock())
        with self._store.database.read() as tx:
            most = most_voided(self._store.people.count(tx))
        # SECURITY: a directory that lost a part of its people must not take the factors of all of them.
        if len(gone) > most and not void_missing:
            return Synced(count, 0, missing=len(since), held_back=len(gone)), ()
        return Synced(count, len(gone), missing=len(since) - len(gone)), gone

    def _note(self, work: UnitOfWork, keys: Sequence[str]) -> Mapping[str, datetime]:
        return self._store.people.note_missing(work.tx, keys, now=self._clock())

    def _void(self, keys: Sequence[str]) -> int:
        """What proves them is void, and what is known of them forgotten; what is demanded of them stays.

        :returns: how many of them were still missing; another run, or a sign-in, may have been quicker.
        """

        def act(work: UnitOfWork) -> int:
            self._store.enrollments.lock(work.tx, *keys)
            now = self._clock()
            gone = _gone(self._note(work, keys), now)
            enrollments = self._store.enrollments.states(work.tx, gone, now=now)
            work.remember(gone)
            # One change for all in whom it is the same.
            change = cache(partial(depart, now=now))
            # SECURITY: everything that proves goes, whatever it is: a new user with an old key must not find it.
            self._writer.write(work, [(key, change(enrollments[key])) for key in gone], actor="system")
            self._store.sign_ins.delete(work.tx, gone)
            self._store.people.delete(work.tx, gone)
            return len(gone)

        return self._worker.run(act, is_bulk=True)


def _gone(missing_since: Mapping[str, datetime], now: datetime) -> list[str]:
    return sorted(key for key, since in missing_since.items() if is_gone(since, now=now))


def _pages(items: Sequence[T]) -> Iterable[Sequence[T]]:
    return (items[start : start + PAGE] for start in range(0, len(items), PAGE))

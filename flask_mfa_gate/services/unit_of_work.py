"""One transaction with its audit records, its mail and, after the commit, its signals."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from sqlalchemy import Connection

from ..clock import Clock
from ..domain.people.person import NOWHERE, Origin, Person
from ..domain.records.destination import Destination
from ..domain.records.event_name import EventName
from ..domain.records.mail_kind import MailKind, Notice
from ..mail.notices import is_silenceable, is_told_twice, notices
from ..signals import Event, is_heard
from ..store import Store
from ..store.enrollment.enrollments import LockedUser
from ..store.people.people import Addressee
from ..store.records.outbox import Message

T = TypeVar("T")
LARGE = 10
log = logging.getLogger("flask_mfa_gate")


@dataclass(frozen=True, slots=True)
class ActedBy:
    """Who does something, as records tell it: the actor's name, from where, and why."""

    actor: str
    origin: Origin = NOWHERE
    reason: str | None = None


@dataclass(slots=True)
class UnitOfWork:
    """What one transaction does. Made again when the transaction is tried again.

    :param unrecorded: events of which the log holds the like already.
    :param people: whom the act has just read, so that mail to them needs no second look.
    :param leaving: where to reach those whom the act deletes.
    :param locked: the users whose rows are held, with what the rows said when they were taken.
    """

    store: Store
    tx: Connection
    clock: Clock
    records: list[tuple[Event, Sequence[str]]] = field(default_factory=list)
    unrecorded: list[tuple[Event, Sequence[str]]] = field(default_factory=list)
    notices: list[tuple[Collection[str], Notice]] = field(default_factory=list)
    people: dict[str, Person] = field(default_factory=dict)
    leaving: dict[str, Addressee] = field(default_factory=dict)
    locked: dict[str, LockedUser] = field(default_factory=dict)

    @property
    def heard(self) -> Iterator[Event]:
        """What happened and somebody listens to, one for each subject."""
        return (
            of_subject(event, subject)
            for event, subjects in (*self.records, *self.unrecorded)
            if is_heard(event.name)
            for subject in subjects
        )

    def record(
        self,
        name: EventName,
        *,
        subject: str,
        actor: str,
        origin: Origin = NOWHERE,
        reason: str | None = None,
        kept: bool = True,
        **details: object,
    ) -> None:
        """Put an event on record; its signal is sent after the commit.

        :param kept: whether it goes into the log as well, where its like may be already.
        """
        event = Event(
            name=name, at=self.clock(), actor=actor, subject=subject, address=origin.address,
            user_agent=origin.user_agent, reason=reason, details=details,
        )  # fmt: skip
        (self.records if kept else self.unrecorded).append((event, [subject]))

    def record_all(
        self, name: EventName, subjects: Sequence[str], *, actor: str, reason: str | None, details: Mapping[str, object]
    ) -> None:
        """The same of several users."""
        event = Event(name=name, at=self.clock(), actor=actor, subject=subjects[0], reason=reason, details=details)
        self.records.append((event, subjects))

    def tell(self, user_key: str, what: Notice) -> None:
        """Put a mail to a user into the outbox."""
        self.tell_all([user_key], what)

    def tell_all(self, keys: Collection[str], what: Notice) -> None:
        """The same for several users."""
        self.notices.append((keys, what))

    def lock_users(self, *keys: str) -> None:
        """Take the users' rows, so that what is done to one user is done one after the other."""
        missing = set(keys) - self.locked.keys()
        if missing:
            self.locked |= self.store.enrollments.lock(self.tx, *missing)

    def remember(self, keys: Collection[str]) -> None:
        """Let mail still reach these people, whom the act is about to delete."""
        self.leaving |= self.store.people.addressees(self.tx, keys, now=self.clock())

    def finish(self, muted: Collection[MailKind]) -> list[str]:
        """Write records and mail, all at once; the ids of the mails."""
        if self.records:
            self._write_records()
        if not self.notices:
            return []
        told = [(keys, what) for keys, what in self.notices if what.kind not in muted or not is_silenceable(what.kind)]
        twice = {key for keys, what in told if is_told_twice(what.kind) for key in keys}
        unread = twice.union(*(keys for keys, _ in told)) - (self.people.keys() - twice)
        read = self.store.people.addressees(self.tx, unread, now=self.clock()) if unread else {}
        read = {**self.leaving, **read}
        return self.store.outbox.add(self.tx, (mail for keys, what in told for mail in self._mails(read, keys, what)))

    def _write_records(self) -> None:
        """Each large group by itself, the rest together."""
        large = [(event, subjects) for event, subjects in self.records if len(subjects) >= LARGE]
        for event, subjects in large:
            self.store.audit.write_for(self.tx, event, subjects)
        small = (record for record in self.records if len(record[1]) < LARGE)
        self.store.audit.write(self.tx, [of_subject(event, key) for event, subjects in small for key in subjects])

    def send_out(self, destinations: Sequence[Destination]) -> bool:
        """Put what is on record on its way to other servers, all at once; whether there is anything."""
        wanted = [
            (one.name, event, subjects)
            for event, subjects in self.records
            for one in destinations
            if one.wants(event.name, event.details)
        ]
        if not wanted:
            return False
        outgoing = self.store.outgoing_events
        for name, event, subjects in wanted:
            if len(subjects) >= LARGE:
                outgoing.add_for(self.tx, name, event, subjects)
        small = (one for one in wanted if len(one[2]) < LARGE)
        outgoing.add(self.tx, [(name, of_subject(event, key)) for name, event, keys in small for key in keys])
        return True

    def _mails(self, read: Mapping[str, Addressee], keys: Collection[str], what: Notice) -> Iterator[Message]:
        """Without an address there is nobody to tell."""
        addressed = self._twice(read, keys) if is_told_twice(what.kind) else self._once(read, keys)
        return notices(what.kind, addressed, now=self.clock(), **what.facts)

    def _twice(self, read: Mapping[str, Addressee], keys: Collection[str]) -> Iterator[tuple[Addressee, str]]:
        """The address before the last change is told too, which only the database knows."""
        return ((read[key], address) for key in keys if key in read for address in read[key].addresses)

    def _once(self, read: Mapping[str, Addressee], keys: Collection[str]) -> Iterator[tuple[Person | Addressee, str]]:
        for key in keys:
            one = self.people.get(key) or read.get(key)
            if one is not None and one.email:
                yield one, one.email


def of_subject(event: Event, subject: str) -> Event:
    """The same event of this user."""
    return Event(
        event.name, event.at, event.actor, subject, event.address, event.user_agent, event.reason, event.details
    )


@dataclass(frozen=True, slots=True)
class TransactionRunner:
    """Runs work.

    :param publish: tells the host's receivers of an event.
    :param dispatch: told which mails were put into the outbox.
    :param muted: kinds of mail that the app does not send.
    :param destinations: other servers that are told of events.
    :param dispatch_events: told that events for them were written.
    """

    store: Store
    clock: Clock
    publish: Callable[[Event], None]
    dispatch: Callable[[Collection[str]], None]
    muted: frozenset[MailKind] = frozenset()
    destinations: tuple[Destination, ...] = ()
    dispatch_events: Callable[[], None] = lambda: None

    def run(self, act: Callable[[UnitOfWork], T], *, is_bulk: bool = False) -> T:
        """Do ``act`` in one transaction; signals and mail follow its commit. An error undoes all of it.

        :param is_bulk: the mail waits for ``run-due``.
        """

        def attempt(tx: Connection) -> tuple[T, UnitOfWork, list[str], bool]:
            work = UnitOfWork(self.store, tx, self.clock)
            return act(work), work, work.finish(self.muted), work.send_out(self.destinations)

        result, work, message_ids, is_sent_out = self.store.database.transact(attempt)
        for event in work.heard:
            self._tell(event)
        if message_ids and not is_bulk:
            self.dispatch(message_ids)
        if is_sent_out and not is_bulk:
            self.dispatch_events()
        return result

    def _tell(self, event: Event) -> None:
        """A receiver that fails must not undo or hide what is already committed."""
        try:
            self.publish(event)
        except Exception:
            log.exception("a receiver of the signal %s failed", event.name)


def write_person(work: UnitOfWork, person: Person) -> None:
    """Keep what the host says of somebody now, so that lists and mail know it too."""
    work.store.people.write(work.tx, [person], now=work.clock())
